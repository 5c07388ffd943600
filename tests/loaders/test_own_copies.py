"""A wheel may bring its own copy of what every system has, and the loader takes that."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support import repairs

import wheelfix
from wheelfix.errors import CannotRepair

ZLIB = "int deflate(void) { return 26; }"
NEWER = "ZLIB_99 { global: deflate; };"
USER = "int deflate(void); int seven(void); int both(void) { return deflate() + seven(); }"
LOAD = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).both())"


def built(folder: Path, search: str) -> tuple[Path, Path]:
    """Give a wheel with zlib newer than any system's inside, and the library that it lacks."""
    seven = repairs.build_library(folder / "libs" / "libseven.so", "int seven(void) { return 7; }")
    script = folder / "zlib.map"
    script.write_text(NEWER)
    versions = (f"-Wl,--version-script={script}",)
    zlib = repairs.build_library(folder / "build" / "libz.so.1", ZLIB, flags=versions)
    flags = (f"-Wl,-rpath,{search}",)
    user = repairs.build_library(folder / "build" / "user.so", USER, zlib, seven, flags=flags)
    members = {"pkg/user.so": user.read_bytes(), "pkg/own/libz.so.1": zlib.read_bytes()}
    return repairs.make_wheel(folder / "dist", members), seven


@repairs.loads_here
def test_auditwheel_616_a_wheels_own_zlib_may_be_newer_than_any_system(tmp_path: Path) -> None:
    wheel, seven = built(tmp_path, "$ORIGIN/own")
    outcome = wheelfix.repair(wheel, tmp_path / "out", wheelfix.Options(lib_paths=(seven.parent,)))
    assert "manylinux" in outcome.output.name
    site = repairs.unpack(outcome.output, tmp_path / "site")
    seven.unlink()
    assert repairs.run(sys.executable, "-c", LOAD, site / "pkg" / "user.so").strip() == "33"


@repairs.loads_here
def test_so_may_that_of_an_installed_distribution(tmp_path: Path) -> None:
    wheel, seven = built(tmp_path, "$ORIGIN/own")
    outcome = wheelfix.repair(wheel, tmp_path / "out", wheelfix.Options(lib_paths=(seven.parent,)))
    site = repairs.unpack(outcome.output, tmp_path / "site")
    (info,) = site.glob("*.dist-info")
    found = wheelfix.check(info).plan.findings
    assert not {"WF103", "WF104"} & {each.code for each in found}


@repairs.loads_here
def test_a_copy_that_no_search_path_leads_to_is_of_no_use(tmp_path: Path) -> None:
    wheel, seven = built(tmp_path, "$ORIGIN/elsewhere")
    options = wheelfix.Options(lib_paths=(seven.parent,), plat="manylinux_2_28_x86_64")
    with pytest.raises(CannotRepair, match=r"ZLIB_99"):
        wheelfix.repair(wheel, tmp_path / "out", options)
