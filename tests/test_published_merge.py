"""Published pairs of thin macOS wheels become one wheel that other people's tools read as we do."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import published
import pytest
from published import Pin
from support.environments import no_network
from support.independent_verifier import examine
from support.macho_checks import printed, run_lipo
from support.macho_files import Bytes
from support.repairs import contents, payloads

from wheelfix import Severity, check, merge
from wheelfix.formats import macho
from wheelfix.formats.macho import join

pytestmark = [pytest.mark.network, pytest.mark.slow]

PROJECTS = ("psycopg2-binary", "shapely")
PLATFORMS = ("macosx_10_9_x86_64", "macosx_11_0_arm64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Two published wheels, and what became of them."""

    thin: tuple[Path, Path]
    output: Path

    @property
    def binaries(self) -> Mapping[str, bytes]:
        """Give the universal files by path."""
        found = contents(self.output)
        return {path: data for path, data in found.items() if macho.matches(data[:16])}


@pytest.fixture(scope="module", params=PROJECTS)
def merged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Merged:
    version = published.WHEELS[request.param]
    pins = [
        Pin(project=request.param, version=version, platforms=(platform,)) for platform in PLATFORMS
    ]
    try:
        intel, arm = (published.download(pin) for pin in pins)
    except subprocess.CalledProcessError as error:
        no_network(error)
        raise
    outcome = merge(intel, arm, tmp_path_factory.mktemp("merged"))
    assert outcome.notes == ()
    return Merged(thin=(intel, arm), output=outcome.output)


def test_every_binary_has_both_slices_as_they_were(merged: Merged) -> None:
    before = [contents(wheel) for wheel in merged.thin]
    assert len(merged.binaries) > 4
    for path, data in merged.binaries.items():
        parts = join.parts(Bytes(data))
        assert [part.arch for part in parts] == ["x86_64", "arm64"], path
        assert [b"".join(part.pieces()) for part in parts] == [old[path] for old in before], path


def test_every_signature_holds_for_both_verifiers(merged: Merged) -> None:
    for path, data in merged.binaries.items():
        assert macho.flaws(Bytes(data)) == (), path
        assert [problem for seen in examine(data) for problem in seen.problems] == [], path


def test_lipo_makes_the_same_bytes_and_objdump_reads_both(merged: Merged, tmp_path: Path) -> None:
    thin = [contents(wheel) for wheel in merged.thin]
    for path, data in merged.binaries.items():
        files = [tmp_path / name for name in ("intel", "arm", "lipo", "ours")]
        for file, content in zip(files, (thin[0][path], thin[1][path], b"", data), strict=True):
            file.write_bytes(content)
        assert "are: x86_64 arm64" in run_lipo("-info", files[3])
        run_lipo("-create", *files[:2], "-output", files[2])
        assert files[2].read_bytes() == data, path
        assert printed(files[3], "--private-headers").count("LC_UUID") == 2


def test_the_rest_is_carried_and_the_order_does_not_matter(merged: Merged, tmp_path: Path) -> None:
    again = merge(merged.thin[1], merged.thin[0], tmp_path).output
    assert again.name == merged.output.name
    assert again.read_bytes() == merged.output.read_bytes()
    old, new = payloads(merged.thin[0]), payloads(merged.output)
    same = [path for path in new if path.endswith((".py", ".pyi", "METADATA"))]
    assert [path for path in same if old[path] != new[path]] == []


def test_check_finds_no_more_than_in_the_thin_wheels(merged: Merged) -> None:
    before = {
        (found.code, found.path) for wheel in merged.thin for found in check(wheel).plan.findings
    }
    after = check(merged.output).plan.findings
    assert {(f.code, f.path) for f in after if f.severity is not Severity.INFO} <= before
