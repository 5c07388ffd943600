"""Other people's tools, over binaries that were edited, and what tells that these survived.

An ELF file is judged by its loader, in the tests; here are the judges where no loader is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from support import independent_verifier, llvm, macho_checks, needs, pe_checks, repairs
from support.elf_checks import OpenFile
from wheelfix.formats import macho, pe
from wheelfix.model import Image, ReplaceNeeded, SetMinimumSystem, SetSearchPath, after

ENV = {"PATH": os.environ["PATH"]}
Tools = Mapping[str, tuple[str, tuple[str, ...], str]]
"""By a name for the test: the program, its options, and the package of Debian's that brings it."""

ELF_TOOLS: Tools = {
    "strip": ("strip", (), "binutils"),
    "strip-g": ("strip", ("-g",), "binutils"),
    "strip-unneeded": ("strip", ("--strip-unneeded",), "binutils"),
    "objcopy": ("objcopy", (), "binutils"),
    "eu-strip": ("eu-strip", (), "elfutils"),
    "llvm-strip": ("llvm-strip", (), "llvm"),
    "llvm-objcopy": ("llvm-objcopy", (), "llvm"),
}

SYSTEM = "/usr/lib/libSystem.B.dylib"
RENAMED = ("-change", SYSTEM, SYSTEM.replace(".B", ""))
MACHO_TOOLS: Tools = {
    "strip": ("llvm-strip", ("-x",), llvm.PACKAGE),
    "strip-debug": ("llvm-strip", ("-S",), llvm.PACKAGE),
    "objcopy": ("llvm-objcopy", (), llvm.PACKAGE),
    "install-name-tool": ("llvm-install-name-tool", RENAMED, llvm.PACKAGE),
}
LOADED = ("--exports-trie", "--bind", "--lazy-bind", "--weak-bind", "--rebase", "--chained-fixups")
"""The tables that the loader reads; those of symbols are others' to strip."""

MINGW = "binutils-mingw-w64-x86-64"
PE_TOOLS: Tools = {
    "strip": ("x86_64-w64-mingw32-strip", (), MINGW),
    "strip-g": ("x86_64-w64-mingw32-strip", ("-g",), MINGW),
    "objcopy": ("x86_64-w64-mingw32-objcopy", (), MINGW),
    "llvm-strip": ("llvm-strip", (), "llvm"),
    "llvm-objcopy": ("llvm-objcopy", (), "llvm"),
}


def elf_tool(name: str, *binaries: Path) -> None:
    """Send ELF files through a tool, twice."""
    program, options, package = ELF_TOOLS[name]
    found = needs.tool(program, package)
    for binary in binaries:
        for _ in range(2):
            repairs.run(found, *options, binary, env=ENV)


def macho_survives(binary: Path, name: str) -> None:
    """Send a Mach-O file through a tool: it is sound then, but for signatures that it did not make.

    And so is our next edit. No loader is here to judge it: LIEF's check of layouts is, LLVM's
    tables, and both verifiers.
    """
    program, options, _ = MACHO_TOOLS[name]
    (before,) = _macho(binary)
    tables = macho_checks.printed(binary, *LOADED)
    repairs.run(llvm.tool(program), *options, binary, env=ENV)
    (between,) = _macho(binary)
    assert between.own_name == before.own_name
    assert len(between.needed) == len(before.needed)
    edits = (SetSearchPath(entries=()), SetMinimumSystem(version="macos 12.0"))
    macho.apply(binary, edits)
    assert _macho(binary) == (after(between, edits),)
    assert macho_checks.printed(binary, *LOADED) == tables
    assert macho_checks.layout_faults(binary) == ""
    assert [part.problems for part in independent_verifier.examine(binary.read_bytes())] == [[]]
    assert macho.flaws(OpenFile(binary)) == ()


def _macho(binary: Path) -> tuple[Image, ...]:
    return macho.read(OpenFile(binary), watch={})


def pe_survives(binary: Path, name: str) -> None:
    """Send a PE file through a tool: it is sound, says the same, and takes our next edit."""
    program, options, package = PE_TOOLS[name]
    before = pe_checks.image(binary)
    repairs.run(needs.tool(program, package), *options, binary, env=ENV)
    between = pe_checks.image(binary)
    assert between.needed == before.needed
    edits = (ReplaceNeeded(old=between.needed[0].name, new=f"{'n' * 60}.dll"),)
    pe.apply(binary, edits)
    assert pe_checks.image(binary) == after(between, edits)
    assert pe_checks.faults(binary) == []
