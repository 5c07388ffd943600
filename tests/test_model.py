"""`after()`, the prediction of every edit, and what a plan tells of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.facts import image

from wheelfix.model import (
    DropNeeded,
    Edit,
    Finding,
    Fingerprint,
    Graft,
    Image,
    Launcher,
    Needed,
    Patch,
    Plan,
    ReplaceNeeded,
    SearchKind,
    SearchPath,
    SetMinimumSystem,
    SetOwnName,
    SetSearchPath,
    Severity,
    VersionNeed,
    WheelPath,
    after,
)
from wheelfix.value import replace

BEFORE = image("a", "b", "a", versions={"a": ("A_1",), "b": ("B_1",)}, runpath=("x",))


def needing(*names: str, versions: tuple[tuple[str, str], ...]) -> Image:
    """Make what `BEFORE` is once its needs are these."""
    return replace(
        BEFORE,
        needed=tuple(Needed(name=name) for name in names),
        version_needs=tuple(VersionNeed(library=lib, versions=(v,)) for lib, v in versions),
    )


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ((), BEFORE),
        (
            (ReplaceNeeded(old="a", new="z"),),
            needing("z", "b", "z", versions=(("z", "A_1"), ("b", "B_1"))),
        ),
        (
            (ReplaceNeeded(old="a", new="b"),),
            needing("b", "b", "b", versions=(("b", "A_1"), ("b", "B_1"))),
        ),
        (
            (ReplaceNeeded(old="a", new="b"), ReplaceNeeded(old="b", new="c")),
            needing("c", "c", "c", versions=(("c", "A_1"), ("c", "B_1"))),
        ),
        (
            (
                ReplaceNeeded(old="a", new="z"),
                ReplaceNeeded(old="b", new="a"),
                ReplaceNeeded(old="z", new="b"),
            ),
            needing("b", "a", "b", versions=(("b", "A_1"), ("a", "B_1"))),
        ),
        (
            (ReplaceNeeded(old="a", new="z"), ReplaceNeeded(old="a", new="y")),
            needing("z", "b", "z", versions=(("z", "A_1"), ("b", "B_1"))),
        ),
        (
            (
                ReplaceNeeded(old="a", new="z"),
                DropNeeded(name="b"),
                ReplaceNeeded(old="z", new="b"),
            ),
            needing("b", "b", versions=(("b", "A_1"),)),
        ),
        ((ReplaceNeeded(old="gone", new="z"),), BEFORE),
        ((DropNeeded(name="a"),), needing("b", versions=(("b", "B_1"),))),
        (
            (DropNeeded(name="a"), ReplaceNeeded(old="a", new="z")),
            needing("b", versions=(("b", "B_1"),)),
        ),
        ((SetOwnName(name="n"), SetOwnName(name="m")), replace(BEFORE, own_name="m")),
        (
            (SetSearchPath(entries=("y",)),),
            replace(BEFORE, search=SearchPath(kind=SearchKind.RPATH, entries=("y",))),
        ),
        (
            (SetSearchPath(entries=("y",), kind=SearchKind.RUNPATH),),
            replace(BEFORE, search=SearchPath(kind=SearchKind.RUNPATH, entries=("y",))),
        ),
        (
            (SetSearchPath(entries=(), kind=SearchKind.RUNPATH),),
            replace(BEFORE, search=SearchPath()),
        ),
        ((SetMinimumSystem(version="11.0"),), replace(BEFORE, minimum_system="11.0")),
        ((SetOwnName(name="n", arch="arm64"),), BEFORE),
        ((SetOwnName(name="n", arch="x86_64"),), replace(BEFORE, own_name="n")),
    ],
)
def test_edits_are_predicted_in_their_order(edits: tuple[Edit, ...], expected: Image) -> None:
    assert after(BEFORE, edits) == expected


def test_an_entry_that_was_shadowed_goes_with_the_rest() -> None:
    search = SearchPath(kind=SearchKind.RUNPATH, entries=("x",), shadowed=("y",))
    found = after(replace(BEFORE, search=search), (SetSearchPath(entries=("x",)),))
    assert found.search.shadowed == ()


PATCH = Patch(path=WheelPath("b"), format="elf", edits=(SetOwnName(name="n"),))
GRAFT = Graft(
    source=Path("/l/c"),
    sha256="0",
    fingerprint=Fingerprint(size=1, mtime_ns=1, inode=1),
    format="elf",
    path=WheelPath("a"),
    aliases=(),
    size=1,
    edits=PATCH.edits,
)
MOVE = Launcher(script=WheelPath("s"), program=WheelPath("p"), text="")
BLOCK = Finding(code="WF101", severity=Severity.ERROR, message="", blocks=True)
WARNING = Finding(code="WF302", severity=Severity.WARNING, message="")


@pytest.mark.parametrize(
    ("fields", "touched", "nothing"),
    [
        ({}, (), True),
        ({"patches": (PATCH,)}, ("b",), False),
        ({"patches": (PATCH,), "grafts": (GRAFT,)}, ("a", "b"), False),
        ({"grafts": (replace(GRAFT, edits=()),)}, (), False),
        ({"launchers": (MOVE,)}, (), False),
        ({"rewrite_archive": True}, (), False),
        ({"findings": (BLOCK, WARNING)}, (), True),
    ],
)
def test_what_a_plan_touches(
    fields: dict[str, Any], touched: tuple[str, ...], *, nothing: bool
) -> None:
    plan = Plan(wheel="w", output="w", tags=(), platforms=(), **fields)
    assert plan.touched == touched
    assert plan.nothing_to_do is nothing
    assert plan.obstacles == ((BLOCK,) if fields.get("findings") else ())
