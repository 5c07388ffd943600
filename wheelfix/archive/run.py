"""Members that are carried one behind the other, and written at once."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable, Iterator
from operator import add, itemgetter

from wheelfix.archive.handle import spans
from wheelfix.archive.wheel import OpenWheel
from wheelfix.archive.zipformat import DEFLATED, STORED, UNIX
from wheelfix.archive.zipwriter import NewMembers
from wheelfix.errors import BadWheel
from wheelfix.model import WheelPath
from wheelfix.typed import Any
from wheelfix.value import Value

SMALL = 1 << 13
"""Compressed bytes up to which a member is carried with its neighbours."""

MOST = 1 << 10
"""Members of a run: it holds at most 8 MiB."""


PLAIN, EXECUTABLE = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755


def kept_mode(system: int, mode: int) -> int:
    """Keep permissions made on Unix; else tell only whether it is executable."""
    sane = system == UNIX and mode & 0o400 and not mode & 0o7000
    if sane:
        return stat.S_IFREG | mode & 0o777
    return EXECUTABLE if mode & 0o111 else PLAIN


class Run(Value):
    """At least two small members that are carried, in the order in which they are to stand."""

    wheel: OpenWheel
    rows: tuple[int, ...]
    """Where they stand in the listing's columns."""

    @property
    def paths(self) -> tuple[WheelPath, ...]:
        """Give their paths."""
        return self._of("paths")

    def lines(self) -> list[str]:
        """Give their lines of RECORD."""
        return self.wheel.rows.lines(self.paths)

    def members(self) -> NewMembers:
        """Read them; raises `BadWheel` where the file is shorter than it was."""
        begins, packed = self._of("data"), self._of("packed")
        payloads = spans(self.wheel.handle, begins, list(map(add, begins, packed)))
        if list(map(len, payloads)) != list(packed):
            raise BadWheel(problem="is truncated", hint="fetch or build the wheel again")
        return NewMembers(
            paths=self.paths,
            modes=self._modes(),
            methods=self._of("methods"),
            crcs=self._of("crcs"),
            sizes=self._of("sizes"),
            packed=packed,
            payloads=payloads,
        )

    def _modes(self) -> list[int]:
        told = list(zip(self._of("systems"), self._of("modes"), strict=True))
        kept = {each: kept_mode(*each) for each in set(told)}
        return list(map(kept.__getitem__, told))

    def _of(self, column: str) -> tuple[Any, ...]:
        values: tuple[Any, ...] = itemgetter(*self.rows)(
            getattr(self.wheel.entries.columns, column)
        )
        return values


def in_runs(
    wheel: OpenWheel, order: Iterable[WheelPath], made: Collection[WheelPath]
) -> Iterator[Run | WheelPath]:
    """Put small members of which RECORD says all into runs, but for those that are `made` anew."""
    small = _small(wheel)
    for path in made:
        small.pop(path, None)
    rows: list[int] = []
    for path in order:
        row = small.get(path)
        if row is not None:
            rows.append(row)
        if len(rows) == MOST or row is None:
            yield from _run(wheel, rows)
            rows = []
        if row is None:
            yield path
    yield from _run(wheel, rows)


def _run(wheel: OpenWheel, rows: list[int]) -> Iterator[Run | WheelPath]:
    if len(rows) > 1:
        yield Run(wheel=wheel, rows=tuple(rows))
    else:
        yield from (wheel.entries.columns.paths[row] for row in rows)


def _small(wheel: OpenWheel) -> dict[WheelPath, int]:
    """Give the rows of those that can stand in a run."""
    columns = wheel.entries.columns
    told = wheel.rows.complete(wheel.entries.sizes())
    members = zip(columns.paths, columns.packed, columns.methods, strict=True)
    return {
        path: row
        for row, (path, packed, method) in enumerate(members)
        if packed <= SMALL and method in (STORED, DEFLATED) and path in told
    }
