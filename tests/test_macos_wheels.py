"""macOS wheels that people use, unrepaired: wheelfix brings in what repairwheel does.

repairwheel stands in for delocate, whose vendored code it runs without macOS. Nothing here can load
the result, so LLVM's otool, a second verifier of signatures and paths followed by hand judge it. A
difference from repairwheel would stand here by name, and in docs/decisions. There is none.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import peers
import published
import pytest
from published import Pin
from support import independent_verifier, macho_seen
from support.compared import our_claim, repairwheel_claim
from support.environments import no_network
from support.repairs import unpack
from unrepair import Unrepaired
from unrepair_mac import BUILD

from wheelfix import Options, Outcome, repair
from wheelfix.formats import macho
from wheelfix.hostfile import HostFile
from wheelfix.model import Verify

pytestmark = [pytest.mark.network, pytest.mark.slow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A wheel as its build made it, and what became of it."""

    before: Unrepaired
    outcome: Outcome
    tree: Path
    """The repaired wheel, unpacked."""

    @property
    def options(self) -> Options:
        return Options(lib_paths=(self.before.libraries,))


def name(pin: Pin) -> str:
    return f"{pin.project}-{pin.platforms[0]}"


@pytest.fixture(scope="module", params=published.mac_pins(), ids=name)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    pin: Pin = request.param
    llvm = macho_seen.llvm()
    try:
        before = published.unrepaired_mac(pin, llvm=llvm)
    except subprocess.CalledProcessError as error:
        if "pip" in map(str, error.cmd):
            no_network(error)
        raise
    folder = tmp_path_factory.mktemp(name(pin))
    options = Options(lib_paths=(before.libraries,), verify=Verify.FULL)
    outcome = repair(before.wheel, folder / "out", options)
    tree = unpack(outcome.output, folder / "tree")
    return Case(before=before, outcome=outcome, tree=tree)


@pytest.fixture(scope="module")
def tools() -> peers.Peers:
    try:
        return peers.peers()
    except subprocess.CalledProcessError as error:
        no_network(error)
        raise


def test_libraries_and_tag_are_those_of_repairwheel(
    case: Case, tools: peers.Peers, tmp_path: Path
) -> None:
    wheel, libraries = case.before.wheel, case.before.libraries
    ours = our_claim(wheel, libraries)
    assert ours == repairwheel_claim(wheel, libraries, tmp_path, tools)
    assert len(ours.libraries) == len(list(libraries.iterdir()))
    assert case.outcome.output.name == wheel.name


def test_before_the_repair_nothing_is_found(case: Case, tmp_path: Path) -> None:
    faults = macho_seen.faults(unpack(case.before.wheel, tmp_path))
    assert any("needs @rpath/" in fault for fault in faults)
    assert any(f"rpath {BUILD}" in fault for fault in faults)


def test_after_the_repair_every_reference_stays_in_the_wheel_or_is_the_systems(case: Case) -> None:
    assert macho_seen.faults(case.tree) == []


def test_ids_of_grafts_are_the_wheels_own(case: Case) -> None:
    binaries = macho_seen.binaries(case.tree)
    for graft in case.outcome.plan.grafts:
        assert {part.own_name for part in macho_seen.seen(binaries[graft.path])} == {
            f"/DLC/{graft.path}"
        }


def test_every_signature_holds_for_both_verifiers(case: Case) -> None:
    for path, file in macho_seen.binaries(case.tree).items():
        with HostFile(file) as source:
            assert macho.flaws(source) == (), path
            arm = any(image.arch.startswith("arm64") for image in macho.read(source, watch={}))
        for part in independent_verifier.examine(file.read_bytes()):
            assert part.problems == [], path
            assert part.signed or not arm, path


def test_repairing_it_again_changes_nothing(case: Case, tmp_path: Path) -> None:
    again = repair(case.outcome.output, tmp_path, case.options)
    assert again.plan.nothing_to_do
    assert again.output.read_bytes() == case.outcome.output.read_bytes()


def test_another_run_with_other_threads_gives_the_same_bytes(case: Case, tmp_path: Path) -> None:
    options = Options(lib_paths=(case.before.libraries,), jobs=1)
    again = repair(case.before.wheel, tmp_path, options)
    assert again.output.read_bytes() == case.outcome.output.read_bytes()
