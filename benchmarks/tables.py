"""The tables of the manual, from what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from contest import FLOOR, Row

HEAD = (
    "| wheel | | wall | CPU | largest process | anonymous | output | to fastest peer | to floor |",
    "|---|---|--:|--:|--:|--:|--:|--:|--:|",
)


def table(rows_by_wheel: Mapping[str, tuple[Row, ...]]) -> Iterator[str]:
    """Give one table for several wheels."""
    yield from HEAD
    for name, rows in rows_by_wheel.items():
        yield from _lines(name, rows)
    yield ""


def _lines(name: str, rows: tuple[Row, ...]) -> Iterator[str]:
    peer, floor = fastest_peer(rows), floor_row(rows)
    for row in rows:
        label = name if row is rows[0] else ""
        if row.failure:
            yield f"| {label} | {row.tool} | cannot: {_told(row.failure)} |"
            continue
        anonymous = "" if row.anonymous is None else megabytes(row.anonymous)
        size = megabytes(row.size) if row.size else ""
        cells = (
            *(label, row.tool, f"{row.wall:.2f} s", f"{row.cpu:.2f} s"),
            *(megabytes(row.resident), anonymous, size),
            f"{row.wall / peer.wall:.3f}" if peer else "",
            f"{row.wall / floor.wall:.2f}" if floor else "",
        )
        yield f"| {' | '.join(cells)} |"


def megabytes(size: float) -> str:
    """Give bytes as people read them, to three digits."""
    return f"{size / 1e6:.3g} MB" if size < 1e9 else f"{size / 1e6:.0f} MB"


def peers_of(rows: tuple[Row, ...]) -> list[Row]:
    """Give the other tools that could do it."""
    return [row for row in rows[1:] if row.tool != FLOOR and not row.failure]


def fastest_peer(rows: tuple[Row, ...]) -> Row | None:
    """Give the fastest of the other tools, None when no other can do it."""
    return min(peers_of(rows), key=lambda row: row.wall, default=None)


def floor_row(rows: tuple[Row, ...]) -> Row | None:
    """Give what cannot be left out, None where that was not measured."""
    return next((row for row in rows if row.tool == FLOOR and not row.failure), None)


def _told(failure: str) -> str:
    """Give what a tool said as a table can hold it, files without the folders of this machine."""
    return re.sub(r"(?:/[\w.+-]+)+/", "", failure.replace("|", " "))
