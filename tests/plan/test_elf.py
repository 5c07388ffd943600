"""What is edited in the wheel's own binaries: needed names and search paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from support.facts import library, link, member, report

from wheelfix.model import (
    DropNeeded,
    Edit,
    FromPython,
    ImageKind,
    Link,
    Options,
    Patch,
    Plan,
    ReplaceNeeded,
    SearchKind,
    SearchPath,
    SetSearchPath,
)
from wheelfix.plan import plan

RPATH, RUNPATH = SearchKind.RPATH, SearchKind.RUNPATH
GRAFT = "/l/libx.so"


def edits_of(made: Plan, path: str) -> tuple[Edit, ...]:
    return next((patch.edits for patch in made.patches if patch.path == path), ())


def alone(path: str, **fields: Any) -> Plan:
    """Plan for a wheel with one binary that needs nothing."""
    return plan(report((member(path, **fields),)), Options())


def grafting(path: str, *more: Link, **fields: Any) -> Plan:
    """Plan for a wheel with one binary that needs a library of the host."""
    artifacts = (member(path, "libx.so", **fields), library(GRAFT))
    return plan(report(artifacts, (link(path, "libx.so", GRAFT), *more)), Options())


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """A search path before and after: None for left alone."""

    path: str = "pkg/a.so"
    before: tuple[str, ...]
    after: tuple[str, ...] | None


@pytest.mark.parametrize(
    "case",
    [
        Entries(before=(), after=None),
        Entries(before=("$ORIGIN",), after=None),
        Entries(before=("$ORIGIN/../x", "${ORIGIN}/lib"), after=None),
        Entries(before=("$ORIGIN/..",), after=None),
        Entries(before=("$ORIGIN/../..",), after=()),
        Entries(before=("$ORIGIN/../../nvidia/lib",), after=()),
        Entries(path="pkg/sub/a.so", before=("$ORIGIN/../../nvidia/lib",), after=None),
        Entries(path="top.so", before=("$ORIGIN/pkg",), after=None),
        Entries(path="top.so", before=("$ORIGIN/..",), after=()),
        Entries(before=("/build/lib", "$ORIGIN/x", "lib", "", "$ORIGIN/x"), after=("$ORIGIN/x",)),
        Entries(before=("$ORIGIN/a/../../../b",), after=()),
        Entries(path="pkg-1.0.data/platlib/pkg/a.so", before=("$ORIGIN/../..",), after=()),
        Entries(path="pkg-1.0.data/platlib/pkg/a.so", before=("$ORIGIN/..",), after=None),
        Entries(path="pkg-1.0.data/data/a.so", before=("/b", "$ORIGIN/.."), after=("$ORIGIN/..",)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [RPATH, RUNPATH])
def test_entries_that_stay_in_site_packages_are_kept_and_all_others_go(
    case: Entries, kind: SearchKind
) -> None:
    search = SearchPath(kind=kind if case.before else RPATH, entries=case.before)
    made = alone(case.path, search=search)
    left = kind if case.after else RPATH
    expected = () if case.after is None else (SetSearchPath(entries=case.after, kind=left),)
    assert edits_of(made, case.path) == expected
    assert not made.obstacles


def test_shadowed_entries_go_though_the_loader_ignores_them() -> None:
    search = SearchPath(kind=RUNPATH, entries=("$ORIGIN",), shadowed=("/build",))
    made = alone("pkg/a.so", search=search)
    assert edits_of(made, "pkg/a.so") == (SetSearchPath(entries=("$ORIGIN",), kind=RUNPATH),)


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        ("top.so", "$ORIGIN/pkg.libs"),
        ("pkg/a.so", "$ORIGIN/../pkg.libs"),
        ("pkg/sub/deep/a.so", "$ORIGIN/../../../pkg.libs"),
        ("pkg.libs/a.so", "$ORIGIN"),
        ("pkg-1.0.data/platlib/pkg/a.so", "$ORIGIN/../pkg.libs"),
        ("pkg-1.0.data/purelib/a.so", "$ORIGIN/pkg.libs"),
    ],
)
def test_auditwheel_257_paths_lead_from_where_pip_puts_a_binary(path: str, entry: str) -> None:
    made = grafting(path)
    assert SetSearchPath(entries=(entry,)) in edits_of(made, path)
    assert not made.obstacles


def test_what_is_added_comes_behind_what_is_kept_and_makes_it_an_rpath() -> None:
    made = grafting("pkg/a.so", runpath=("$ORIGIN/x", "/build"))
    expected = SetSearchPath(entries=("$ORIGIN/x", "$ORIGIN/../pkg.libs"), kind=RPATH)
    assert edits_of(made, "pkg/a.so")[-1] == expected


@pytest.mark.parametrize("entry", ["$ORIGIN/../pkg.libs", "${ORIGIN}/../pkg.libs/"])
def test_an_entry_that_leads_there_already_is_not_added_again(entry: str) -> None:
    made = grafting("pkg/a.so", rpath=(entry,))
    assert [type(edit) for edit in edits_of(made, "pkg/a.so")] == [ReplaceNeeded]


def test_bionic_gets_a_runpath() -> None:
    facts = report(
        (member("pkg/a.so", "libx.so", libc="bionic"), library(GRAFT, "libc.so", libc="bionic")),
        (link("pkg/a.so", "libx.so", GRAFT),),
        filename="pkg-1.0-cp313-cp313-android_24_x86_64.whl",
    )
    made = plan(facts, Options())
    assert edits_of(made, "pkg/a.so")[-1] == SetSearchPath(
        entries=("$ORIGIN/../pkg.libs",), kind=RUNPATH
    )
    assert made.output == "pkg-1.0-cp313-cp313-android_24_x86_64.whl"


def test_bionic_does_not_read_an_rpath_so_it_becomes_a_runpath() -> None:
    made = alone("pkg/a.so", libc="bionic", rpath=("$ORIGIN",))
    assert edits_of(made, "pkg/a.so") == (SetSearchPath(entries=("$ORIGIN",), kind=RUNPATH),)


PYTHON = link("pkg/a.so", "libpython3.11.so.1.0", FromPython())


@pytest.mark.parametrize(
    ("fields", "dropped"),
    [
        ({}, True),
        ({"libc": "musl"}, True),
        ({"kind": ImageKind.PROGRAM}, False),  # auditwheel 604
        ({"libc": "bionic"}, False),  # PEP 738: extensions link it there
    ],
)
def test_libpython_goes_from_extensions_alone(fields: dict[str, Any], dropped: bool) -> None:  # noqa: FBT001
    facts = report((member("pkg/a.so", PYTHON.needed, **fields),), (PYTHON,))
    made = plan(facts, Options())
    expected = (DropNeeded(name=PYTHON.needed),) if dropped else ()
    assert edits_of(made, "pkg/a.so") == expected
    told = [f.code for f in made.findings if f.code == "WF108"]
    assert told == ([] if fields.get("libc") == "bionic" else ["WF108"])


def test_auditwheel_fixup_elf_trees_a_library_elsewhere_in_the_wheel_gets_a_search_path() -> None:
    facts = report(
        (member("pkg/sub/a.so", "libmine.so.1"), member("pkg/lib/libmine.so", own_name="x")),
        (link("pkg/sub/a.so", "libmine.so.1", "pkg/lib/libmine.so", beyond_search=True),),
    )
    made = plan(facts, Options())
    assert edits_of(made, "pkg/sub/a.so") == (
        ReplaceNeeded(old="libmine.so.1", new="libmine.so"),
        SetSearchPath(entries=("$ORIGIN/../lib",)),
    )


def test_a_library_of_the_wheel_that_is_found_is_left_alone() -> None:
    facts = report(
        (member("pkg/a.so", "libmine.so", runpath=("$ORIGIN",)), member("pkg/libmine.so")),
        (link("pkg/a.so", "libmine.so", "pkg/libmine.so"),),
    )
    made = plan(facts, Options())
    assert made.patches == ()


def test_decisions_are_per_artifact() -> None:
    facts = report(
        (member("pkg/a.so", "libx.so"), member("pkg/b.so"), library(GRAFT)),
        (link("pkg/a.so", "libx.so", GRAFT),),
    )
    patches: tuple[Patch, ...] = plan(facts, Options()).patches
    assert [patch.path for patch in patches] == ["pkg/a.so"]
