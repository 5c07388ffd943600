"""What was promised of the speed, what was measured, and whether it is met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contest import Row
from subjects import CONTESTANTS, Subject
from tables import fastest_peer, floor_row, peers_of

OVER = 1.0
"""Seconds from which on a single wheel is held against the floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One subject and what it cost whom, wheelfix first."""

    subject: Subject
    rows: tuple[Row, ...]

    @property
    def ours(self) -> Row:
        """Give what it cost wheelfix."""
        return self.rows[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One promise."""

    name: str
    least: float | None = None
    most: float | None = None
    """One of both is the bound."""
    measured: float
    where: str = ""
    """The wheel that it was measured on, where the worst of several counts."""

    def as_data(self) -> dict[str, Any]:
        """Give it as it is put into the page."""
        over = self.least is None or self.measured >= self.least
        under = self.most is None or self.measured <= self.most
        bound = {"at least": self.least} if self.least is not None else {"at most": self.most}
        return {
            "line": self.name,
            **bound,
            "measured": round(self.measured, 3),
            **({"on": self.where} if self.where else {}),
            "met": over and under,
        }


def verdict(measured: tuple[Measured, ...], check: tuple[Row, ...] | None) -> Iterator[Line]:
    """Give every promise that the measured wheels can prove or refute."""
    published = [item for item in measured if item.subject.group == "published"]
    for system in CONTESTANTS:
        yield from _system(system, [i for i in published if i.subject.system == system])
    yield from _slow([i for i in measured if i.subject.group != "nothing"])
    for item in (i for i in measured if i.subject.group == "nothing"):
        yield from _nothing(item)
    for item in (i for i in measured if i.subject.group == "made"):
        yield from _big(item) if item.subject.name == "big" else _times(item, least=10)
    if check:
        yield Line(
            name="check scipy: times faster than auditwheel show",
            least=10,
            measured=check[1].wall / check[0].wall,
        )


def _system(system: str, items: list[Measured]) -> Iterator[Line]:
    if not items:
        return
    total = sum(item.ours.wall for item in items)
    if times := _times_faster(items):
        tool = min(times, key=lambda name: times[name])
        yield Line(
            name=f"{system}: times faster than {tool}, in total over what it can do",
            least=10,
            measured=times[tool],
        )
    floors = [floor.wall for item in items if (floor := floor_row(item.rows))]
    yield Line(name=f"{system}: to the floor, in total", most=1.5, measured=total / sum(floors))
    ratios = {i.subject.name: p.wall / i.ours.wall for i in items if (p := fastest_peer(i.rows))}
    worst = min(ratios, key=lambda name: ratios[name])
    yield Line(
        name=f"{system}: times faster than the fastest peer, on every wheel",
        least=3,
        measured=ratios[worst],
        where=worst,
    )
    sizes = {
        i.subject.name: i.ours.counted / min(p.counted for p in peers_of(i.rows))
        for i in items
        if peers_of(i.rows)
    }
    largest = max(sizes, key=lambda name: sizes[name])
    yield Line(
        name=f"{system}: output to the smallest peer's, carried members counted alike",
        most=1.01,
        measured=sizes[largest],
        where=largest,
    )


def _times_faster(items: list[Measured]) -> Mapping[str, float]:
    """Give for every peer its seconds over ours, on the wheels that it did."""
    tools = {row.tool for item in items for row in peers_of(item.rows)}
    times = {}
    for tool in tools:
        both = [(i.ours, r) for i in items for r in peers_of(i.rows) if r.tool == tool]
        times[tool] = sum(row.wall for _, row in both) / sum(ours.wall for ours, _ in both)
    return times


def _slow(every: list[Measured]) -> Iterator[Line]:
    slow = {
        i.subject.name: i.ours.wall / f.wall
        for i in every
        if (f := floor_row(i.rows)) and i.ours.wall > OVER
    }
    if slow:
        worst = max(slow, key=lambda name: slow[name])
        yield Line(
            name=f"to the floor, every wheel over {OVER:.0f} s",
            most=2,
            measured=slow[worst],
            where=worst,
        )


def _nothing(item: Measured) -> Iterator[Line]:
    floor = floor_row(item.rows)
    name = item.subject.name
    if floor and name.startswith("pure"):
        yield Line(
            name=f"{name}: milliseconds over cp and the interpreter's start",
            most=60,
            measured=(item.ours.wall - floor.wall) * 1e3,
        )
    elif floor:
        yield Line(name=f"{name}: to the floor", most=1.3, measured=item.ours.wall / floor.wall)


def _times(item: Measured, *, least: float) -> Iterator[Line]:
    peer = fastest_peer(item.rows)
    if peer:
        yield Line(
            name=f"{item.subject.name}: times faster than {peer.tool}",
            least=least,
            measured=peer.wall / item.ours.wall,
        )


def _big(item: Measured) -> Iterator[Line]:
    yield from _times(item, least=5)
    peers = [row.anonymous for row in peers_of(item.rows) if row.anonymous is not None]
    if peers and item.ours.anonymous is not None:
        yield Line(
            name=f"{item.subject.name}: anonymous memory to the lowest peer's",
            most=0.5,
            measured=item.ours.anonymous / min(peers),
        )
