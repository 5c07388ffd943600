"""Programs of `.data/scripts`: they move beside their libraries, and a launcher starts them."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from support.facts import library, link, member, report

from wheelfix.model import ImageKind, Options, Plan, SetSearchPath, WheelPath
from wheelfix.plan import plan
from wheelfix.plan.layout import launcher

SCRIPT = "pkg-1.0.data/scripts/tool"
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs scripts that the kernel can start")


def planned(path: str = SCRIPT, **fields: Any) -> Plan:
    given = {"kind": ImageKind.PROGRAM, **fields}
    return plan(
        report(
            (member(path, "libx.so", **given), library("/l/libx.so")),
            (link(path, "libx.so", "/l/libx.so"),),
        ),
        Options(),
    )


@pytest.mark.parametrize(
    "folder", ["pkg-1.0.data", "Pkg-1.0.data", "pkg-1.data"], ids=["same", "case", "version"]
)
def test_a_program_that_needs_grafts_moves_whatever_its_folder_is_called(folder: str) -> None:
    made = planned(f"{folder}/scripts/tool", rpath=("$ORIGIN/../lib", "/build"))
    (moved,) = made.launchers
    assert (moved.script, moved.program) == (f"{folder}/scripts/tool", "pkg.scripts/tool")
    assert SetSearchPath(entries=("$ORIGIN/../pkg.libs",)) in made.patches[0].edits
    assert not made.obstacles


def test_a_program_that_needs_nothing_stays_though_its_search_path_is_cleaned() -> None:
    program = member(SCRIPT, kind=ImageKind.PROGRAM, rpath=("/build", "$ORIGIN/../lib"))
    made = plan(report((program,)), Options())
    assert made.launchers == ()
    assert made.patches[0].edits == (SetSearchPath(entries=("$ORIGIN/../lib",)),)


def test_a_library_among_the_scripts_has_no_home() -> None:
    assert [f.code for f in planned(kind=ImageKind.LIBRARY).obstacles] == ["WF203"]


@pytest.mark.parametrize("scheme", ["data", "headers"])
def test_what_pip_puts_elsewhere_has_no_home(scheme: str) -> None:
    assert [f.code for f in planned(f"pkg-1.0.data/{scheme}/x").obstacles] == ["WF203"]


def install(prefix: Path, site: Path, name: str = "tool") -> Path:
    """Lay a launcher and its program out as pip does; the program echoes what it is given."""
    made = launcher(WheelPath(f"x.data/scripts/{name}"), WheelPath(f"pkg.scripts/{name}"))
    script = prefix / "bin" / name
    script.parent.mkdir(parents=True)
    script.write_text(made.text.replace("#!python", f"#!{sys.executable}", 1))
    script.chmod(0o755)
    program = site / "pkg.scripts" / name
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$0" "$@"\nexit 7\n')
    program.chmod(0o755)
    return script


def platlib(prefix: Path) -> Path:
    bases = dict.fromkeys(("base", "platbase", "installed_base", "installed_platbase"), str(prefix))
    return Path(sysconfig.get_path("platlib", vars=bases))


@POSIX
@pytest.mark.parametrize("target", [False, True], ids=["prefix", "pip install --target"])
@pytest.mark.parametrize("name", ["tool", 'it\'s a "tool" {x}'])
def test_the_launcher_starts_the_program_beside_it(
    tmp_path: Path, name: str, *, target: bool
) -> None:
    site = tmp_path if target else platlib(tmp_path)
    script = install(tmp_path, site, name)
    done = subprocess.run([script, "a b", "--c"], capture_output=True, text=True, check=False)
    assert done.stdout == f"{site}/pkg.scripts/{name} a b --c\n", done.stderr
    assert done.returncode == 7


@POSIX
def test_the_launcher_finds_the_program_through_the_interpreter_too(tmp_path: Path) -> None:
    script = install(tmp_path / "home", tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run([script], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == f"{tmp_path}/site/pkg.scripts/tool\n"


@POSIX
def test_the_launcher_says_where_it_looked(tmp_path: Path) -> None:
    script = install(tmp_path, tmp_path / "nowhere")
    done = subprocess.run([script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("no pkg.scripts/tool in any of: ")
