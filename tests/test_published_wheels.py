"""Wheels that people use, unrepaired: wheelfix brings in what auditwheel does, and they work.

A difference from auditwheel would stand here by name, and in docs/decisions with a loader's proof
that ours is right. There is none.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import peers
import published
import pytest
from published import Pin
from support.compared import auditwheel_claim, our_claim
from support.environments import environment, no_network
from support.uses import USES, Use
from unrepair import Unrepaired

from wheelfix import Options, Outcome, repair

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, whose wheels these are"),
]


OTHER_MACHINES = (
    Pin(
        project="psycopg2-binary",
        version="2.9.13",
        platforms=("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64"),
    ),
    Pin(project="psycopg2-binary", version="2.9.13", platforms=("manylinux2014_ppc64le",)),
    Pin(project="psycopg2-binary", version="2.9.13", platforms=("musllinux_1_2_x86_64",)),
    Pin(project="shapely", version="2.2.0", platforms=("musllinux_1_2_aarch64",)),
)


@pytest.fixture(scope="module")
def tools() -> peers.Peers:
    try:
        return peers.peers()
    except subprocess.CalledProcessError as error:
        no_network(error)
        raise


def unrepaired(pin: Pin, tools: peers.Peers) -> Unrepaired:
    try:
        return published.unrepaired(pin, patchelf=tools.patchelf)
    except subprocess.CalledProcessError as error:
        if "pip" in map(str, error.cmd):
            no_network(error)
        raise


@pytest.fixture(scope="module")
def numpy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numpy")
    try:
        peers.pip("install", "--target", str(folder), "numpy")
    except subprocess.CalledProcessError as error:
        no_network(error)
    return folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    use: Use
    before: Unrepaired
    outcome: Outcome


@pytest.fixture(scope="module", params=published.pins(), ids=lambda pin: pin.project)
def case(
    request: pytest.FixtureRequest, tools: peers.Peers, tmp_path_factory: pytest.TempPathFactory
) -> Case:
    pin: Pin = request.param
    before = unrepaired(pin, tools)
    folder = tmp_path_factory.mktemp(pin.project)
    outcome = repair(before.wheel, folder, Options(lib_paths=(before.libraries,)))
    return Case(use=USES[pin.project], before=before, outcome=outcome)


def test_libraries_and_tag_are_those_of_auditwheel(
    case: Case, tools: peers.Peers, tmp_path: Path
) -> None:
    wheel, libraries = case.before.wheel, case.before.libraries
    ours = our_claim(wheel, libraries)
    assert ours == auditwheel_claim(wheel, libraries, tmp_path, tools)
    assert set(ours.libraries) == {library.name for library in libraries.iterdir()}
    assert case.outcome.output.name == case.outcome.plan.output


def test_before_the_repair_it_does_not_load(case: Case, numpy: Path, tmp_path: Path) -> None:
    place = environment(tmp_path / "venv", *[numpy] * case.use.needs_numpy)
    place.install(case.before.wheel)
    done = place.run(case.use.code)
    assert done.returncode == 1
    assert "cannot open shared object file" in done.stderr


def test_after_the_repair_it_works_with_its_own_libraries(
    case: Case, numpy: Path, tmp_path: Path
) -> None:
    place = environment(tmp_path / "venv", *[numpy] * case.use.needs_numpy)
    place.install(case.outcome.output)
    grafts = {place.site_packages / graft.path for graft in case.outcome.plan.grafts}
    mapped = place.mapped(case.use.code)
    assert grafts <= mapped
    assert not {graft.source for graft in case.outcome.plan.grafts} & mapped


@pytest.mark.parametrize("pin", OTHER_MACHINES, ids=lambda pin: pin.folder)
def test_other_machines_get_what_auditwheel_gives_them(
    pin: Pin, tools: peers.Peers, tmp_path: Path
) -> None:
    before = unrepaired(pin, tools)
    theirs = auditwheel_claim(before.wheel, before.libraries, tmp_path / "peer", tools)
    assert our_claim(before.wheel, before.libraries) == theirs
    repair(before.wheel, tmp_path, Options(lib_paths=(before.libraries,)))
