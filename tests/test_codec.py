"""A plan that was printed can be read again and is the same plan."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.facts import library, link, member, report

from wheelfix.codec import plan_from_data, to_data
from wheelfix.errors import UsageError
from wheelfix.model import (
    DropNeeded,
    Edit,
    Finding,
    Fingerprint,
    Graft,
    Launcher,
    Options,
    Patch,
    Plan,
    ReplaceNeeded,
    SearchKind,
    SetMinimumSystem,
    SetOwnName,
    SetSearchPath,
    Severity,
    Skip,
)
from wheelfix.plan import plan

NAMES = st.text(min_size=1, max_size=8) | st.just("lib\udcff.so")
TUPLES = st.lists(NAMES, max_size=3).map(tuple)
ARCHS = st.none() | NAMES
EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(SetOwnName, name=NAMES, arch=ARCHS),
    st.builds(ReplaceNeeded, old=NAMES, new=NAMES, arch=ARCHS),
    st.builds(DropNeeded, name=NAMES, arch=ARCHS),
    st.builds(SetSearchPath, entries=TUPLES, kind=st.sampled_from(SearchKind), arch=ARCHS),
    st.builds(SetMinimumSystem, version=NAMES, arch=ARCHS),
)
EDITED = st.lists(EDITS, max_size=3).map(tuple)
NUMBERS = st.integers(min_value=0, max_value=2**63)
SOURCES = st.lists(st.from_regex(r"[a-z.]{1,4}", fullmatch=True), min_size=1).map(
    lambda parts: Path("/", *parts)
)


def several(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=2).map(tuple)


GRAFTS = st.builds(
    Graft,
    source=SOURCES,
    sha256=NAMES,
    fingerprint=st.builds(Fingerprint, size=NUMBERS, mtime_ns=NUMBERS, inode=NUMBERS),
    format=NAMES,
    path=NAMES,
    aliases=TUPLES,
    size=NUMBERS,
    edits=EDITED,
)
PLANS = st.builds(
    Plan,
    wheel=NAMES,
    output=NAMES,
    tags=TUPLES,
    platforms=TUPLES,
    root_is_purelib=st.booleans(),
    grafts=several(GRAFTS),
    patches=several(st.builds(Patch, path=NAMES, format=NAMES, edits=EDITED)),
    launchers=several(st.builds(Launcher, script=NAMES, program=NAMES, text=NAMES)),
    skips=several(st.builds(Skip, path=NAMES, reason=NAMES)),
    findings=several(
        st.builds(
            Finding,
            code=NAMES,
            severity=st.sampled_from(Severity),
            message=NAMES,
            path=NAMES,
            details=TUPLES,
            hint=NAMES,
            blocks=st.booleans(),
        )
    ),
    rewrite_archive=st.booleans(),
)


@given(PLANS)
def test_a_plan_survives_json(made: Plan) -> None:
    assert plan_from_data(json.loads(json.dumps(to_data(made)))) == made


def real() -> Plan:
    return plan(
        report(
            (member("pkg/a.so", "libx.so", rpath=("/build",)), library("/l/libx.so")),
            (link("pkg/a.so", "libx.so", "/l/libx.so"),),
        ),
        Options(),
    )


def test_the_shape_of_a_plan_in_json() -> None:
    data = to_data(real())
    (graft,) = data["grafts"]
    assert PurePosixPath(graft["source"]) == PurePosixPath("/l/libx.so")
    assert [edit["edit"] for edit in data["patches"][0]["edits"]] == [
        "ReplaceNeeded",
        "SetSearchPath",
    ]
    assert data["findings"][0]["severity"] == "error"


def test_providers_say_who_they_are() -> None:
    facts = report(links=(link("a", "x"), link("a", "y", "/l/y"), link("a", "z", "z")))
    assert [each["provider"]["by"] for each in to_data(facts)["links"]] == [
        "Missing",
        "OnHost",
        "InWheel",
    ]


def changed(**fields: Any) -> dict[str, Any]:
    return {**to_data(real()), **fields}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "plan",
        {},
        changed(wheel=5),
        changed(tags="cp311"),
        changed(tags=[1]),
        changed(grafts={}),
        changed(grafts=[{}]),
        changed(patches=[{"path": "a", "format": "elf", "edits": [{"edit": "Plan"}]}]),
        changed(patches=[{"path": "a", "format": "elf", "edits": [{"edit": "SetOwnName"}]}]),
        changed(patches=[{"path": "a", "format": "elf", "edits": ["SetOwnName"]}]),
        changed(patches=[{"path": "a", "format": "elf", "edits": [None]}]),
        changed(rewrite_archive="no"),
        changed(findings=[{**to_data(real())["findings"][0], "severity": "odd"}]),
    ],
)
def test_what_is_no_plan_is_refused(data: Any) -> None:
    with pytest.raises(UsageError, match="not a plan"):
        plan_from_data(data)
