"""Numbers of the PE format: Microsoft's "PE Format" page, <winnt.h> and <delayimp.h>."""

from __future__ import annotations

DOS_MAGIC = b"MZ"
PE_MAGIC = b"PE\0\0"
E_LFARLC = 0x18
E_LFANEW = 0x3C
DOS_HEADER = 64
WINE_MARKS = (b"Wine builtin DLL", b"Wine placeholder DLL")
"""What stands behind the DOS header of a DLL that belongs to Wine (winebuild, `-b`)."""

MACHINE_I386 = 0x14C
MACHINE_ARMNT = 0x1C4
MACHINE_AMD64 = 0x8664
MACHINE_ARM64 = 0xAA64

FILE_EXECUTABLE_IMAGE = 0x2
FILE_DLL = 0x2000

OPTIONAL_32 = 0x10B
OPTIONAL_64 = 0x20B

SUBSYSTEM_EFI = frozenset({10, 11, 12, 13, 16})
"""Programs that firmware starts, and Windows' own boot loader: no process ever loads them."""

DLL_FORCE_INTEGRITY = 0x80

DIRECTORY_EXPORT = 0
DIRECTORY_IMPORT = 1
DIRECTORY_RESOURCE = 2
DIRECTORY_SECURITY = 4
DIRECTORY_BASERELOC = 5
DIRECTORY_DEBUG = 6
DIRECTORY_LOAD_CONFIG = 10
DIRECTORY_BOUND_IMPORT = 11
DIRECTORY_IAT = 12
DIRECTORY_DELAY_IMPORT = 13

SECTION_HEADER = 40
MOST_SECTIONS = 96
SECTION_INITIALIZED_DATA = 0x40
SECTION_READ = 0x40000000
SECTION_WRITE = 0x80000000

PAGE = 0x1000
MOST_FILE_ALIGNMENT = 0x10000
SECTOR = 0x200
"""Windows rounds raw pointers down to it."""

DELAY_RVA_BASED = 0x1
"""In a delay descriptor's attributes: its fields are RVAs, not addresses (Visual C++ 6)."""

SEARCH_DLL_LOAD_DIR = 0x100
SEARCH_USER_DIRS = 0x400
SEARCH_DEFAULT_DIRS = 0x1000
SEARCH_ANY = 0x1F00
REQUIRE_SIGNED_TARGET = 0x80

OWN_SECTION = b"wheelfix"
"""Name of the section that our edits add."""
SYMBOL = 18
"""Bytes of a COFF symbol."""
