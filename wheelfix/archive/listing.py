"""The members of an archive in columns: thousands cost little until one of them is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, Sequence
from functools import cached_property
from itertools import chain
from operator import itemgetter

from wheelfix.archive.zipformat import Entry
from wheelfix.model import Member, WheelPath
from wheelfix.typed import Any
from wheelfix.value import Value, fields_of


class Columns(Value):
    """What the headers say, one sequence for each field; all are equally long."""

    begins: Sequence[int]
    """Where the local headers begin."""
    paths: Sequence[WheelPath]
    systems: Sequence[int]
    flags: Sequence[int]
    methods: Sequence[int]
    crcs: Sequence[int]
    packed: Sequence[int]
    """Compressed sizes."""
    sizes: Sequence[int]
    modes: Sequence[int]
    """0 where nobody tells."""
    data: Sequence[int]
    """Where the data begins."""
    ends: Sequence[int]
    """Behind data and data descriptor."""
    places: Sequence[int]
    """Where in the directory the members stand."""


NONE = Columns(**dict.fromkeys(fields_of(Columns), ()))


def joined(blocks: Sequence[Columns]) -> Columns:
    """Put columns below each other."""
    names = fields_of(Columns)
    each = {name: [getattr(block, name) for block in blocks] for name in names}
    return Columns(**{name: list(chain.from_iterable(each[name])) for name in names})


def in_directory(columns: Columns) -> list[WheelPath]:
    """Give the paths in the order of the directory."""
    places = list(columns.places)
    if places == sorted(places):
        return list(columns.paths)
    return [path for _, path in sorted(zip(places, columns.paths, strict=True))]


def by_begin(columns: Columns, others: Sequence[tuple[int, Entry]]) -> Columns:
    """Add `others`, with their places in the directory, and sort all as their data lies."""
    names = fields_of(columns)
    begins = list(columns.begins)
    if not others and begins == sorted(begins):
        return columns
    each: list[Sequence[Any]] = [getattr(columns, name) for name in names]
    rows = [*zip(*each, strict=True), *(_row(entry, place) for place, entry in others)]
    rows.sort(key=itemgetter(0))
    return Columns(**dict(zip(names, zip(*rows, strict=True), strict=True))) if rows else columns


def _row(entry: Entry, place: int) -> tuple[Any, ...]:
    member = entry.member
    return (
        *(entry.begin, member.path, entry.system, entry.flags, member.method, member.crc),
        *(member.compressed_size, member.size, member.mode or 0, member.data_offset, entry.end),
        place,
    )


class Listing(Mapping[WheelPath, Entry]):
    """Entries by path, in the order in which their data lies; one is made when it is asked for."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns
        self.rows = dict(zip(columns.paths, range(len(columns.paths)), strict=True))
        """Where in the columns a path stands."""

    def __getitem__(self, path: WheelPath) -> Entry:
        row, columns = self.rows[path], self.columns
        return Entry(
            member=self.member_in(row),
            system=columns.systems[row],
            flags=columns.flags[row],
            begin=columns.begins[row],
            end=columns.ends[row],
        )

    def __contains__(self, path: object) -> bool:
        return path in self.rows

    def __iter__(self) -> Iterator[WheelPath]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def keys(self) -> KeysView[WheelPath]:
        """Give the paths."""
        return self.rows.keys()

    def sizes(self) -> dict[WheelPath, int]:
        """Give the sizes by path."""
        return dict(zip(self.columns.paths, self.columns.sizes, strict=True))

    def member(self, path: WheelPath) -> Member:
        """Give one member without what else its headers say."""
        return self.member_in(self.rows[path])

    def member_in(self, row: int) -> Member:
        """Give the member in a row of the columns."""
        columns = self.columns
        return Member(
            path=columns.paths[row],
            size=columns.sizes[row],
            mode=columns.modes[row] or None,
            method=columns.methods[row],
            compressed_size=columns.packed[row],
            data_offset=columns.data[row],
            crc=columns.crcs[row],
        )


class Members(Sequence[Member]):
    """The members in an order of their own, which is made when one of them is asked for."""

    def __init__(
        self, listing: Listing, order: Callable[[Iterable[WheelPath]], list[WheelPath]]
    ) -> None:
        self._listing = listing
        self._order = order

    @cached_property
    def paths(self) -> list[WheelPath]:
        """Where they are in the wheel."""
        return self._order(self._listing)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return list(map(self._listing.member, self.paths[index]))
        return self._listing.member(self.paths[index])

    def __iter__(self) -> Iterator[Member]:
        return map(self._listing.member, self.paths)

    def __len__(self) -> int:
        return len(self._listing)
