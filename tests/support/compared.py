"""One wheel, repaired by wheelfix and by a peer: what each brought in and claims."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import peers

from wheelfix import Options, check

HASHES = re.compile(r"(-[0-9a-f]{8,64})+(?=\.)")
"""Whoever repaired a library before, and however often."""

GRAFT = re.compile(r"\.(dy)?libs/[^/]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a repair comes to."""

    libraries: tuple[str, ...]
    """Names without hashes, sorted; a name twice where two libraries have it."""
    platforms: frozenset[str]


def auditwheel_claim(
    wheel: Path, libraries: Path | None, folder: Path, tools: peers.Peers
) -> Claim:
    """Repair with auditwheel into `folder`."""
    return _their_claim(tools.auditwheel(wheel, libraries, folder), folder)


def repairwheel_claim(wheel: Path, libraries: Path, folder: Path, tools: peers.Peers) -> Claim:
    """Repair with repairwheel into `folder`."""
    return _their_claim(tools.repairwheel(wheel, libraries, folder), folder)


def delvewheel_claim(wheel: Path, libraries: Path, folder: Path, tools: peers.Peers) -> Claim:
    """Repair with delvewheel into `folder`."""
    return _their_claim(tools.delvewheel(wheel, libraries, folder), folder)


def _their_claim(call: peers.Call, folder: Path) -> Claim:
    done = peers.run(call)
    assert done.returncode == 0, done.stderr
    (output,) = folder.glob("*.whl")
    with zipfile.ZipFile(output) as archive:
        inside = [name for name in archive.namelist() if GRAFT.search(name)]
    return _claim(output.name, inside)


def our_claim(wheel: Path, libraries: Path | None) -> Claim:
    """Plan with wheelfix."""
    found = () if libraries is None else (libraries,)
    decided = check(wheel, Options(lib_paths=found)).plan
    assert decided.obstacles == ()
    return _claim(decided.output, [graft.path for graft in decided.grafts])


def _claim(wheel_name: str, inside: list[str]) -> Claim:
    libraries = tuple(sorted(HASHES.sub("", name.rpartition("/")[2]) for name in inside))
    platforms = wheel_name.removesuffix(".whl").rpartition("-")[2]
    return Claim(libraries=libraries, platforms=frozenset(platforms.split(".")))
