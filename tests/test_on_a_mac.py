"""On a real Mac: Apple's codesign, dyld and delocate judge repaired wheels. Skipped elsewhere."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import peers
import published
import pytest
from published import Pin
from support import macho_seen
from support.environments import environment, no_network
from support.repairs import unpack
from support.uses import USES, Use

from wheelfix import Options, Outcome, repair

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "darwin", reason="needs macOS: its codesign and dyld judge here"
    ),
]
PINS = [pin for pin in published.mac_pins() if pin.platforms[0].endswith(platform.machine())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A repaired wheel, what it is good for, and its files."""

    use: Use
    unrepaired: Path
    outcome: Outcome
    tree: Path


@pytest.fixture(scope="module", params=PINS, ids=lambda pin: pin.project)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    pin: Pin = request.param
    llvm = macho_seen.llvm()
    try:
        before = published.unrepaired_mac(pin, llvm=llvm)
    except subprocess.CalledProcessError as error:
        no_network(error)
        raise
    folder = tmp_path_factory.mktemp(pin.project)
    outcome = repair(before.wheel, folder / "out", Options(lib_paths=(before.libraries,)))
    tree = unpack(outcome.output, folder / "tree")
    return Case(use=USES[pin.project], unrepaired=before.wheel, outcome=outcome, tree=tree)


@pytest.fixture(scope="module")
def numpy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numpy")
    try:
        peers.pip("install", "--target", str(folder), "numpy")
    except subprocess.CalledProcessError as error:
        no_network(error)
    return folder


def test_codesign_accepts_every_binary(case: Case) -> None:
    """What came without a signature stays so: Intel Macs load it."""
    touched = case.outcome.plan.touched
    assert touched
    for path in touched:
        command = ["codesign", "--verify", "--strict", "--verbose=4", str(case.tree / path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        unsigned = "code object is not signed at all" in done.stderr
        assert done.returncode == 0 or (unsigned and platform.machine() == "x86_64"), done.stderr


def test_before_the_repair_it_does_not_load(case: Case, numpy: Path, tmp_path: Path) -> None:
    place = environment(tmp_path / "venv", *[numpy] * case.use.needs_numpy)
    place.install(case.unrepaired)
    done = place.run(case.use.code)
    assert done.returncode == 1
    assert "Library not loaded" in done.stderr


def test_after_the_repair_it_works(case: Case, numpy: Path, tmp_path: Path) -> None:
    place = environment(tmp_path / "venv", *[numpy] * case.use.needs_numpy)
    place.install(case.outcome.output)
    done = place.run(case.use.code)
    assert done.returncode == 0, done.stderr


def test_delocate_finds_nothing_outside_the_wheel(case: Case) -> None:
    program = shutil.which("delocate-listdeps")
    if program is None:
        pytest.skip("needs `delocate-listdeps`: `python -m pip install delocate`")
    command = [program, str(case.outcome.output)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    listed = {line.strip() for line in done.stdout.splitlines() if line.strip()}
    assert not [line for line in listed if line.startswith("/")]
    assert {graft.path for graft in case.outcome.plan.grafts} <= listed
