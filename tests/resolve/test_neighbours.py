"""Debug symbols and import libraries that come along with grafted DLLs."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import repairs, spies
from support.index_rules import breaches
from support.said import Say
from support.windows_samples import asking, chain, data, grafted, package, repaired, wheel_of

from wheelfix import Options, check, codec
from wheelfix.errors import SourceChanged, WheelfixError
from wheelfix.model import Outcome

SYMBOLS: dict[str, Any] = {"include_symbols": True}
IMPORTS: dict[str, Any] = {"include_imports": True}


@pytest.fixture
def libs(tmp_path: Path) -> Path:
    """Give `bin` with two DLLs and what is about them, and `lib` beside it."""
    folder = chain(tmp_path / "root" / "bin")
    (folder / "inner.pdb").write_bytes(b"symbols of inner")
    (folder / "OUTER.PDB").write_bytes(b"symbols of outer")
    (folder / "other.pdb").write_bytes(b"nobody's")
    (folder / "outer.lib").write_bytes(b"!<arch>\nof outer")
    (tmp_path / "root" / "lib").mkdir()
    (tmp_path / "root" / "lib" / "inner.lib").write_bytes(b"!<arch>\nof inner")
    (tmp_path / "root" / "lib" / "outer.lib").write_bytes(b"!<arch>\nfarther")
    return folder


def made(tmp_path: Path, **more: bytes) -> Path:
    members = {path.replace("__", "/"): content for path, content in more.items()}
    late = {"pkg/b.pyd": data("delay")}
    return wheel_of(tmp_path / "in", package(a=_user(tmp_path)) | late | members)


def _user(folder: Path) -> bytes:
    return asking(data("outer"), ("inner.dll", "outer.dll"), folder=folder)


def brought(outcome: Outcome) -> dict[str, bytes]:
    found = repairs.contents(outcome.output)
    return {each.path: found[each.path] for each in outcome.plan.companions}


def test_nothing_comes_along_unless_it_is_asked_for(tmp_path: Path, libs: Path) -> None:
    outcome = repaired(made(tmp_path), libs)
    assert len(outcome.plan.grafts) == 2
    assert brought(outcome) == {}


def test_symbols_lie_beside_the_grafts_under_their_own_names(tmp_path: Path, libs: Path) -> None:
    outcome = repaired(made(tmp_path), libs, **SYMBOLS)
    assert brought(outcome) == {
        "pkg.libs/OUTER.PDB": b"symbols of outer",
        "pkg.libs/inner.pdb": b"symbols of inner",
    }
    assert all("-" in path for path in grafted(outcome).values())
    assert breaches(outcome.output) == []
    staged, verified = {path for path, _ in outcome.staged}, set(outcome.verified)
    assert staged - verified == set(brought(outcome))


def test_delvewheel_66_an_import_library_may_lie_in_lib(tmp_path: Path, libs: Path) -> None:
    """The one beside the DLL comes first."""
    outcome = repaired(made(tmp_path), libs, **IMPORTS)
    assert brought(outcome) == {
        "pkg.libs/inner.lib": b"!<arch>\nof inner",
        "pkg.libs/outer.lib": b"!<arch>\nof outer",
    }


def test_a_companion_replaces_no_member_and_that_is_said(tmp_path: Path, libs: Path) -> None:
    wheel = wheel_of(
        tmp_path / "in", package(a=data("outer")) | {"pkg/Inner.pdb": b"the wheel's own"}
    )
    outcome = repaired(wheel, libs, **SYMBOLS, **IMPORTS)
    assert list(brought(outcome)) == ["pkg/inner.lib"]
    assert repairs.contents(outcome.output)["pkg/Inner.pdb"] == b"the wheel's own"
    (skip,) = outcome.plan.skips
    assert skip.path == "pkg/inner.pdb"
    assert "has the name of another" in skip.reason


def test_no_host_libs_keeps_to_the_folders_that_were_given(tmp_path: Path, libs: Path) -> None:
    outcome = repaired(made(tmp_path), libs, host_libs=False, **IMPORTS)
    assert list(brought(outcome)) == ["pkg.libs/outer.lib"]


def test_a_repaired_wheel_stays_as_it_is(tmp_path: Path, libs: Path) -> None:
    first = repaired(made(tmp_path), libs, **SYMBOLS, **IMPORTS).output
    decided = check(first, Options(lib_paths=(libs,), include_symbols=True)).plan
    assert decided.nothing_to_do


def test_the_sources_stay_and_are_no_links_to_the_output(tmp_path: Path, libs: Path) -> None:
    for file in libs.iterdir():
        file.chmod(0o444)
    before = repairs.state(libs.parent)
    output = repaired(made(tmp_path), libs, **SYMBOLS).output
    assert repairs.state(libs.parent) == before
    assert repairs.modes(output)["pkg.libs/inner.pdb"] == 0o644


def _longer(file: Path) -> None:
    file.write_bytes(b"longer than it was before")


@pytest.mark.parametrize("change", [_longer, Path.unlink], ids=["longer", "gone"])
def test_inv14_a_companion_that_changes_is_an_error(
    tmp_path: Path, libs: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    spies.before_stage(monkeypatch, "stage", lambda: change(libs / "inner.pdb"))
    with pytest.raises(SourceChanged, match=r"inner\.pdb"):
        repaired(made(tmp_path), libs, **SYMBOLS)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="needs a user who is not root, who may read everything",
)
def test_a_companion_that_cannot_be_read_is_an_error(tmp_path: Path, libs: Path) -> None:
    (libs / "inner.pdb").chmod(0)
    with pytest.raises(WheelfixError, match=r"inner\.pdb"):
        repaired(made(tmp_path), libs, **SYMBOLS)


def test_the_command_line_shows_them(tmp_path: Path, libs: Path, say: Say) -> None:
    wheel = made(tmp_path)
    words = ("repair", "-l", libs, "--include-symbols", "--include-imports", "-w", tmp_path / "o")
    planned = say(*words, "--dry-run", wheel)
    assert "bring pkg.libs/inner.pdb  (16 B)" in planned.out
    assert f"from {libs / 'inner.pdb'}" in planned.out
    done = say(*words, wheel)
    assert (done.code, done.out) == (0, "")
    assert "4 files along with them" in done.err
    options = Options(lib_paths=(libs,), include_symbols=True, include_imports=True)
    decided = check(wheel, options).plan
    assert codec.plan_from_data(codec.to_data(decided)) == decided
    assert len(decided.companions) == 4


def test_other_formats_have_no_such_files(tmp_path: Path) -> None:
    job = repairs.job(tmp_path)
    for library in list(job.libs.iterdir()):
        library.with_suffix(".pdb").write_bytes(b"x")
    options = Options(lib_paths=(job.libs,), include_symbols=True)
    assert check(job.wheel, options).plan.companions == ()
