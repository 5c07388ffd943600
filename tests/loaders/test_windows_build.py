"""The DLLs that tests build are what they claim to be, as LLVM reads them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.needs import tool
from support.repairs import run
from support.windows_build import MACHINES, Import, dll, extension

MACHINE = {"amd64": "IMAGE_FILE_MACHINE_AMD64", "arm64": "IMAGE_FILE_MACHINE_ARM64"}
LATE = Import(dll="late.dll", functions=("late",), delay=True)
SOON = Import(dll="soon.dll", functions=("soon",))


@pytest.mark.parametrize("arch", MACHINES)
def test_imports_delay_imports_and_forwards_are_real(arch: str, tmp_path: Path) -> None:
    readobj = tool("llvm-readobj", "llvm")
    options = ("--file-headers", "--coff-imports", "--coff-exports")
    made = extension(tmp_path / "ext.pyd", {"ask": "late() + soon()"}, LATE, SOON, arch=arch)
    said = run(readobj, *options, made, env={"PATH": os.environ["PATH"]}).split()
    assert MACHINE[arch] in said
    assert {"python3.dll", "soon.dll", "kernel32.dll"} < set(said[: said.index("DelayImport")])
    assert "late.dll" in said[said.index("DelayImport") :]
    assert "PyInit_ext" in said
    forward = dll(tmp_path / "fw.dll", {"own": "1"}, forwards={"other": "soon.soon"}, arch=arch)
    said = run(
        tool("llvm-objdump", "llvm"), "-p", forward, env={"PATH": os.environ["PATH"]}
    ).split()
    assert "soon.soon)" in said


def test_a_second_build_gives_the_same_bytes(tmp_path: Path) -> None:
    made = [dll(tmp_path / name / "a.dll", {"a": "1"}).read_bytes() for name in ("one", "two")]
    assert made[0] == made[1]
