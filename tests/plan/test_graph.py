"""What must come along, and in which order it is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.facts import library, link, member, report

from wheelfix.model import Excluded, Link
from wheelfix.plan.graph import closure, graph_of, in_order

A, B, C, D = (Path(f"/{name}") for name in "abcd")


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({}, ()),
        ({A: ()}, ((A,),)),
        ({A: (B,), B: (C,), C: ()}, ((C,), (B,), (A,))),
        ({A: (A,)}, ((A,),)),
        ({A: (B,), B: (A,)}, ((A, B),)),
        ({A: (B,), B: (A, C), C: (), D: (A,)}, ((C,), (A, B), (D,))),
        ({A: (C,), B: (C,), C: (D,), D: (C,)}, ((C, D), (A,), (B,))),
    ],
)
def test_every_group_comes_after_what_it_needs(
    needs: dict[Path, tuple[Path, ...]], expected: tuple[tuple[Path, ...], ...]
) -> None:
    assert in_order(needs, needs.__getitem__) == expected
    assert in_order(reversed(needs), needs.__getitem__) == expected


ARTIFACTS = (
    member("pkg/a.so", "libx.so", "libgone.so"),
    library("/l/libx.so", "liby.so"),
    library("/l/liby.so", "libother.so"),
)
TO_X = link("pkg/a.so", "libx.so", "/l/libx.so")
TO_Y = link("/l/libx.so", "liby.so", "/l/liby.so")
GONE, OTHER = link("pkg/a.so", "libgone.so"), link("/l/liby.so", "libother.so")


@pytest.mark.parametrize(
    ("links", "provided", "libraries", "missing"),
    [
        ((TO_X, TO_Y, GONE, OTHER), set(), ["/l/libx.so", "/l/liby.so"], [GONE, OTHER]),
        ((TO_X, TO_Y, GONE, OTHER), {"libx.so"}, [], [GONE]),
        ((TO_X, TO_Y, GONE, OTHER), {"liby.so", "libgone.so"}, ["/l/libx.so"], []),
        ((link("pkg/a.so", "libx.so", Excluded(pattern="*")), TO_Y), set(), [], []),
        ((TO_Y,), set(), [], []),
    ],
)
def test_the_closure_ends_where_the_system_or_the_user_begins(
    links: tuple[Link, ...], provided: set[str], libraries: list[str], missing: list[Link]
) -> None:
    found = closure(graph_of(report(ARTIFACTS, links)), frozenset(provided))
    assert [str(path) for path in found.libraries] == libraries
    assert list(found.missing) == missing
