"""Medians of what the contestants took, and the tables that the manual shows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from measure import Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One tool on one wheel: medians over the rounds."""

    tool: str
    wall: float
    cpu: float
    resident: float
    anonymous: float | None
    size: int
    """Bytes of the repaired wheel."""


def median_row(tool: str, costs: list[Cost], size: int) -> Row:
    """Sum up the rounds of one tool."""
    anonymous = [c.anonymous for c in costs if c.anonymous is not None]
    return Row(
        tool=tool,
        wall=statistics.median(c.wall for c in costs),
        cpu=statistics.median(c.cpu for c in costs),
        resident=statistics.median(c.resident for c in costs),
        anonymous=statistics.median(anonymous) if anonymous else None,
        size=size,
    )


def sections(lines: list[str]) -> dict[str, str]:
    """Give the text under each heading, itself included, and by "" what stands before all."""
    found: dict[str, list[str]] = {"": []}
    heading = ""
    for line in lines:
        heading = line if line.startswith("### ") else heading
        found.setdefault(heading, []).append(line)
    return {heading: "\n".join(text).strip() for heading, text in found.items()}


def table(name: str, rows: tuple[Row, ...]) -> Iterator[str]:
    """Give one wheel's table; ratios are to wheelfix, which is 1."""
    ours, *others = rows
    fastest = min(row.wall for row in others) / ours.wall
    smallest = ours.size / min(row.size for row in others)
    yield f"### {name}"
    yield ""
    yield f"{fastest:.1f} times as fast as the fastest peer; {smallest:.3f} of the smallest output."
    yield ""
    yield "| | time | ratio | processor | ratio | largest process | anonymous memory | output |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for row in rows:
        anonymous = "" if row.anonymous is None else f"{row.anonymous / 1e6:.0f} MB"
        yield (
            f"| {row.tool} | {row.wall:.2f} s | {row.wall / ours.wall:.1f} "
            f"| {row.cpu:.2f} s | {row.cpu / ours.cpu:.1f} | {row.resident / 1e6:.0f} MB "
            f"| {anonymous} | {row.size / 1e6:.2f} MB |"
        )
    yield ""
