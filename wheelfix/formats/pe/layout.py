"""The structures of a PE file, all little-endian (Microsoft's "PE Format", <winnt.h>)."""

from __future__ import annotations

from struct import Struct

from wheelfix.value import Value

FILE_HEADER = Struct("<4sHHIIIHH")
OPTIONAL_32 = Struct("<HBB 4x4x4x4x4x4x I II HHHHHH I II I HH 4x4x4x4x 4x I")
OPTIONAL_64 = Struct("<HBB 4x4x4x4x4x Q II HHHHHH I II I HH 8x8x8x8x 4x I")
DIRECTORY = Struct("<II")
SECTION = Struct("<8sIIIIIIHHI")
IMPORT = Struct("<IIIII")
DELAY = Struct("<IIIIIIII")
EXPORT = Struct("<IIHHIIIIIII")
DEBUG = Struct("<IIHHIIII")

CHECKSUM = 64
SIZE_OF_INITIALIZED_DATA = 8
SIZE_OF_IMAGE = 56
SIZE_OF_HEADERS = 60
"""Offsets of single fields in the optional header, the same in both widths."""


class Optional(Value):
    """What we use of the optional header; sizes in bytes."""

    magic: int
    linker: tuple[int, int]
    image_base: int
    section_alignment: int
    file_alignment: int
    subsystem_version: tuple[int, int]
    size_of_image: int
    size_of_headers: int
    checksum: int
    subsystem: int
    dll_characteristics: int
    directories: int
    """How many data directories it says to have."""


class Directory(Value):
    """A data directory: where a table begins, and how long it is."""

    rva: int
    """Counted from the image base; in the file for certificates."""
    size: int

    @property
    def end(self) -> int:
        """Where the table ends."""
        return self.rva + self.size


class Section(Value):
    """A section header."""

    at: int
    """Where the header lies in the file."""
    name: bytes
    """Without the NULs that fill it up to 8 bytes."""
    virtual_size: int
    address: int
    """Its RVA."""
    raw_size: int
    raw: int
    """Where its bytes lie in the file."""
    characteristics: int

    @property
    def has_bytes(self) -> bool:
        """Tell whether it takes room in the file."""
        return bool(self.raw and self.raw_size)

    @property
    def raw_end(self) -> int:
        """Where its bytes end in the file; 0 when it has none."""
        return self.raw + self.raw_size if self.has_bytes else 0

    @property
    def extent(self) -> int:
        """Bytes that it takes in memory, not rounded to pages."""
        return self.virtual_size or self.raw_size


def optional(data: bytes) -> Optional:
    """Read an optional header; `data` must be long enough for its magic."""
    form = OPTIONAL_64 if data[:2] == b"\x0b\x02" else OPTIONAL_32
    (magic, major, minor, base, alignment, file_alignment, *rest) = form.unpack_from(data)
    (_, _, _, _, system, system_minor, _, image, headers, checksum, subsystem, flags, count) = rest
    return Optional(
        magic=magic,
        linker=(major, minor),
        image_base=base,
        section_alignment=alignment,
        file_alignment=file_alignment,
        subsystem_version=(system, system_minor),
        size_of_image=image,
        size_of_headers=headers,
        checksum=checksum,
        subsystem=subsystem,
        dll_characteristics=flags,
        directories=count,
    )


def section(data: bytes, offset: int, at: int) -> Section:
    """Read the section header at `offset` of `data`, which lies `at` in the file."""
    name, size, address, raw_size, raw, _, _, _, _, flags = SECTION.unpack_from(data, offset)
    return Section(
        at=at,
        name=name.rstrip(b"\0"),
        virtual_size=size,
        address=address,
        raw_size=raw_size,
        raw=raw,
        characteristics=flags,
    )


def aligned(number: int, alignment: int) -> int:
    """Round up."""
    return -(-number // alignment) * alignment
