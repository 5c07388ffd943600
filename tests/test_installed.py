"""Repaired wheels where they end up: installed by pip, in an environment or a plain folder."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from support import repairs
from support.samples import sample as binary

from wheelfix import Options, repair

pytestmark = [
    repairs.loads_here,
    pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="needs pip beside pytest"),
]
ENV = {"PATH": os.environ["PATH"], "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
PIP = (sys.executable, "-m", "pip")
INSTALL = ("install", "--no-index", "--no-deps", "-q")


def _into_environment(wheel: Path, folder: Path) -> Path:
    """Make an environment, install into it, and give its folder of programs."""
    venv.create(folder, with_pip=False, symlinks=True)
    repairs.run(*PIP, "--python", folder / "bin" / "python", *INSTALL, wheel, env=ENV)
    return folder / "bin"


def _into_folder(wheel: Path, folder: Path) -> Path:
    repairs.run(*PIP, *INSTALL, "--target", folder, wheel, env=ENV)
    return folder / "bin"


PLACES = pytest.mark.parametrize(
    "install", [_into_environment, _into_folder], ids=lambda f: f.__name__[1:]
)
"""Into a folder is where the script that auditwheel puts in a program's place finds nothing."""


def _repaired(folder: Path) -> Path:
    """Repair the chain; what it was repaired with is gone afterwards."""
    chain = repairs.chain_job(folder)
    output = chain.repair().output
    shutil.rmtree(chain.libs)
    return output


@PLACES
def test_auditwheel_340_a_program_of_the_scripts_folder_works(
    tmp_path: Path, install: Callable[[Path, Path], Path]
) -> None:
    """auditwheel's script in its place asks the interpreter where the package is: not there."""
    programs = install(_repaired(tmp_path / "job"), tmp_path / "place")
    assert repairs.run(programs / "hello").strip() == repairs.SCRIPT_LINE


@PLACES
def test_a_program_of_the_scripts_folder_works_through_a_link(
    tmp_path: Path, install: Callable[[Path, Path], Path]
) -> None:
    """As the program itself did: for `$ORIGIN` the kernel follows links."""
    programs = install(_repaired(tmp_path / "job"), tmp_path / "place")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "other-name").symlink_to(programs / "hello")
    assert repairs.run(tmp_path / "links" / "other-name").strip() == repairs.SCRIPT_LINE


def test_a_program_installed_twice_starts_the_one_beside_it(tmp_path: Path) -> None:
    """A folder without the program says so, though the environment has one."""
    wheel = _repaired(tmp_path / "job")
    programs = _into_environment(wheel, tmp_path / "environment")
    shutil.rmtree(next((tmp_path / "environment").rglob("chain.scripts")))
    done = subprocess.run([programs / "hello"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "chain.scripts/hello in any of" in done.stderr
    assert "Traceback" not in done.stderr
    other = _into_folder(wheel, tmp_path / "folder")
    assert repairs.run(other / "hello").strip() == repairs.SCRIPT_LINE


@PLACES
def test_a_program_in_a_package_works(
    tmp_path: Path, install: Callable[[Path, Path], Path]
) -> None:
    install(_repaired(tmp_path / "job"), tmp_path / "place")
    (package,) = (tmp_path / "place").rglob("chain/__init__.py")
    for name in ("hello", "hello-nopie"):
        assert repairs.run(package.parent / name).strip() == repairs.CHAIN_LINE


def test_a_program_that_needs_nothing_stays_where_it_is(tmp_path: Path) -> None:
    program = binary("gcc-x86_64-none-static-alone").read_bytes()
    wheel = repairs.make_wheel(tmp_path / "in", {"pkg-1.0.data/scripts/alone": program})
    outcome = repair(wheel, tmp_path / "out")
    assert (outcome.plan.launchers, outcome.plan.touched) == ((), ())
    assert repairs.contents(outcome.output)["pkg-1.0.data/scripts/alone"] == program


@PLACES
@pytest.mark.parametrize("scheme", ["platlib", "purelib"])
def test_auditwheel_257_a_module_below_data_finds_its_libraries(
    tmp_path: Path, install: Callable[[Path, Path], Path], scheme: str
) -> None:
    """auditwheel counts the folders up to the archive's root; pip takes two of them off."""
    members = {
        path.replace("sample/", f"sample-1.0.data/{scheme}/sample/"): data
        for path, data in repairs.contents(repairs.SAMPLE).items()
        if path.startswith("sample/")
    }
    wheel = repairs.make_wheel(tmp_path / "in", members, "sample-1.0-cp311-abi3-linux_x86_64")
    options = Options(lib_paths=(repairs.SAMPLE_LIBS,))
    install(repair(wheel, tmp_path / "out", options).output, tmp_path / "place")
    (package,) = (tmp_path / "place").rglob("sample/__init__.py")
    assert repairs.greeting(package.parents[1]) == repairs.GREETING


def test_uninstalling_leaves_nothing(tmp_path: Path) -> None:
    """RECORD lists the libraries and the launcher too."""
    place = tmp_path / "place"
    venv.create(place, with_pip=False, symlinks=True)
    before = {file for file in place.rglob("*") if file.is_file()}
    python = ("--python", place / "bin" / "python")
    repairs.run(*PIP, *python, *INSTALL, _repaired(tmp_path / "job"), env=ENV)
    assert {file for file in place.rglob("*") if file.is_file()} != before
    repairs.run(*PIP, *python, "uninstall", "-q", "-y", "chain", env=ENV)
    assert {file for file in place.rglob("*") if file.is_file()} == before
    assert not list(place.rglob("chain*"))
