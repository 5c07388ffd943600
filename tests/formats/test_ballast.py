"""What a format counts as of no use to a loader is about what `strip` takes off."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import needs, repairs
from support.samples import TESTDATA

from wheelfix.formats import named
from wheelfix.hostfile import HostFile

SMALL = 512
"""Bytes of headers and padding that go or come with what is stripped."""


def ballast(file: Path, kind: str) -> int:
    with HostFile(file) as source:
        return named(kind).ballast(source)


@repairs.loads_here
@pytest.mark.parametrize("linker", ["-Wl,-z,separate-code", "-Wl,-z,noseparate-code"])
def test_elf_files_have_what_strip_takes_off(tmp_path: Path, linker: str) -> None:
    functions = "".join(f"int some_function_{n}(int x) {{ return x + {n}; }}\n" for n in range(50))
    whole = repairs.build_library(tmp_path / "lib.so", functions, flags=("-g", linker))
    stripped = Path(shutil.copy(whole, tmp_path / "stripped.so"))
    repairs.run(needs.tool("strip", "binutils"), stripped)
    gone = whole.stat().st_size - stripped.stat().st_size
    assert gone > 10 * SMALL
    assert abs(ballast(whole, "elf") - gone) < SMALL
    assert ballast(stripped, "elf") < SMALL


def test_an_edit_is_no_ballast(tmp_path: Path) -> None:
    """Nor does it hide what was there: the new segment stands behind it."""
    libs = repairs.SAMPLE_LIBS
    (output,) = (repairs.job(tmp_path).repair().output,)
    before = {f.name.partition(".")[0]: ballast(f, "elf") for f in libs.iterdir()}
    for path, data in repairs.contents(output).items():
        if ".libs/" in path:
            file = tmp_path / Path(path).name
            file.write_bytes(data)
            was = before[file.name.partition("-")[0]]
            assert abs(ballast(file, "elf") - was) < SMALL, path


@pytest.mark.parametrize("arch", ["amd64", "x86"])
def test_pe_files_have_their_coff_symbols(arch: str) -> None:
    whole, stripped = (TESTDATA / f"pe/mingw-{arch}-lib-{w}.dll" for w in ("symbols", "stripped"))
    gone = whole.stat().st_size - stripped.stat().st_size
    assert ballast(whole, "pe") == gone
    assert ballast(stripped, "pe") == 0


def test_macho_files_have_their_local_symbols(tmp_path: Path) -> None:
    whole = TESTDATA / "macho" / "lld-x86_64-macos-lib-classic.dylib"
    stripped = Path(shutil.copy(whole, tmp_path / "stripped.dylib"))
    repairs.run(needs.tool("llvm-strip", "llvm"), "-x", stripped)
    gone = whole.stat().st_size - stripped.stat().st_size
    assert gone > 0
    assert abs(ballast(whole, "macho") - gone) <= 64
    assert ballast(stripped, "macho") == 0
