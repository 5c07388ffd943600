"""Build, repair, build again: nothing is built because of us, and the result is the same."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from support import extension, repairs

import wheelfix

pytestmark = repairs.loads_here

FLAGS = "-shared -fPIC -nostdlib -fno-stack-protector"

MAKE = f"""
all: _ext.so
libseven.so.1: seven.c
\tgcc {FLAGS} -Wl,-soname,libseven.so.1 -o $@ $<
_ext.so: ext.c libseven.so.1
\tgcc {FLAGS} -o $@ ext.c libseven.so.1
"""

NINJA = f"""
rule library
  command = gcc {FLAGS} -Wl,-soname,$out -o $out $in
build libseven.so.1: library seven.c
build _ext.so: library ext.c libseven.so.1
default _ext.so
"""


def _make(folder: Path) -> str:
    env = {"PATH": os.environ["PATH"]}
    (folder / "Makefile").exists() or (folder / "Makefile").write_text(MAKE)
    return repairs.run(repairs.tool("make", "make"), "-C", folder, env=env)


def _ninja(folder: Path) -> str:
    env = {"PATH": os.environ["PATH"]}
    (folder / "build.ninja").exists() or (folder / "build.ninja").write_text(NINJA)
    return repairs.run(repairs.tool("ninja", "ninja-build"), "-v", "-C", folder, env=env)


def _repaired(folder: Path) -> dict[str, bytes]:
    outputs = {wheelfix.WheelPath("pkg/_ext.so"): folder / "_ext.so"}
    wheel = "pkg-1.0-cp311-abi3-linux_x86_64.whl"
    options = wheelfix.Options(scratch=folder.parent)
    with wheelfix.repair_artifacts(
        outputs, wheel=wheel, options=options, link_paths=(folder,)
    ) as repaired:
        assert repaired.plan.touched
        return {path: file.read_bytes() for path, file in repaired.files.items()}


@pytest.mark.parametrize("build", [_make, _ninja], ids=["make", "ninja"])
def test_a_second_build_finds_nothing_to_do(build: Callable[[Path], str], tmp_path: Path) -> None:
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "ext.c").write_text(extension.MODULE)
    (folder / "seven.c").write_text(extension.SEVEN)
    assert build(folder).count("gcc") == 2
    before = repairs.state(folder)
    first = _repaired(folder)
    assert repairs.state(folder) == before
    assert "gcc" not in build(folder)
    assert _repaired(folder) == first


@pytest.mark.parametrize("build", [_make, _ninja], ids=["make", "ninja"])
def test_the_next_link_finds_the_library_under_its_own_name(
    build: Callable[[Path], str], tmp_path: Path
) -> None:
    """An output patched in place made it ask for a graft's name, which no build has (cargo's)."""
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "ext.c").write_text(extension.MODULE)
    (folder / "seven.c").write_text(extension.SEVEN)
    build(folder)
    first = _repaired(folder)
    (folder / "ext.c").write_text(extension.MODULE + "\n/* changed */\n")
    os.utime(folder / "ext.c", (2e9, 2e9))
    assert build(folder).count("gcc") == 1
    assert _repaired(folder).keys() == first.keys()
