"""The dynamic string table: where new names go.

A name that stands there already, be it as the end of a longer one, is pointed to. Bytes that
nobody refers to any more are overwritten when everything fits there. Otherwise the table grows.
"""

from __future__ import annotations

from bisect import bisect_left

from wheelfix.errors import BadBinary
from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf import symbols, versions
from wheelfix.formats.elf.job import Job
from wheelfix.formats.elf.raw import Raw
from wheelfix.formats.elf.wish import Wish
from wheelfix.value import Value

_KNOWN_USERS = frozenset({c.SHT_DYNSYM, c.SHT_DYNAMIC, c.SHT_GNU_VERNEED, c.SHT_GNU_VERDEF})


class Placed(Value):
    """Where every new name is, and what must be written for that."""

    offsets: dict[bytes, int]
    """From the start of the table; names that stay where they are used are not here."""
    overwrites: tuple[tuple[int, bytes], ...] = ()
    """Offset in the table, and bytes."""
    kept: bytes = b""
    tail: bytes = b""
    """The grown table is `kept` and `tail`; without a tail it does not grow."""


def holds(table: bytes, offset: int, text: bytes) -> bool:
    """Tell whether exactly `text` stands at `offset`."""
    return table.startswith(text + b"\0", offset)


def load(raw: Raw) -> bytes:
    """Read the whole table. Raises `errors.BadBinary`."""
    address, size = raw.tag(c.DT_STRTAB), raw.tag(c.DT_STRSZ)
    if address is None or not size:
        raise BadBinary(problem="it has no dynamic string table", offset=raw.dynamic_offset)
    start, end = raw.extent(address, "dynamic string table")
    if start + size > end:
        raise BadBinary(problem="its dynamic string table is not loaded", offset=start)
    return raw.window.read(start, size, "dynamic string table")


def place(job: Job, wish: Wish) -> Placed:
    """Find a place for every name of `wish`.

    In a file that an earlier edit made, a growing table first loses what nobody refers to at its
    end: what that edit put there.
    """
    table = job.strings
    new = {text for offset, text in wish.names if not holds(table, offset, text)}
    offsets = {text: at for text in new if (at := table.find(text + b"\0")) >= 0}
    missing = sorted(new - offsets.keys(), key=lambda text: (-len(text), text))
    if not missing:
        return Placed(offsets=offsets)
    rooms = _rooms(job.raw, table, wish)
    trim = job.own is not None
    # Who refers to what takes long to tell, and a digest makes most new names longer than any old.
    may_fit = any(room >= len(missing[0]) for room, _ in rooms)
    used = _used(job, wish) if trim or may_fit else None
    if used is not None:
        used |= set(offsets.values())
        fitted = _fit(missing, _free(rooms, sorted(used)))
        if fitted is not None:
            offsets |= {text: at for at, text, _ in fitted}
            writes = tuple((at, text.ljust(room, b"\0")) for at, text, room in fitted)
            return Placed(offsets=offsets, overwrites=writes)
    kept = table[: _end(table, max(used))] if trim and used else table
    return _grown(kept if kept.endswith(b"\0") else kept + b"\0", missing, offsets)


def _grown(kept: bytes, missing: list[bytes], offsets: dict[bytes, int]) -> Placed:
    tail = b""
    for text in missing:  # longest first, so that a short one may be the end of a long one
        ended = text + b"\0"
        at = tail.find(ended)
        if at < 0:
            at = len(tail)
            tail += ended
        offsets[text] = len(kept) + at
    return Placed(offsets=offsets, kept=kept, tail=tail)


def _used(job: Job, wish: Wish) -> set[int] | None:
    """Give the offsets of all names that stay, whoever refers to them; None when unknown."""
    raw = job.raw
    if raw.tags(c.DT_GNU_LIBLIST) or any(s.type not in _KNOWN_USERS for s in job.users):
        return None
    used = {value for tag, value, text in wish.dynamic if tag in c.STRING_TAGS and text is None}
    used.update(offset for offset, text in wish.names if holds(job.strings, offset, text))
    used.update(symbols.column(raw, symbols.table(raw), "name"))
    used.update(aux.name for wanted in wish.needs for aux in wanted.need.aux)
    used.update(versions.definitions(raw)[0])
    return used


def _rooms(raw: Raw, table: bytes, wish: Wish) -> set[tuple[int, int]]:
    """Give room (NUL not counted) and offset of each string that a name stands in so far."""
    named = [value for tag in c.STRING_TAGS for value in raw.tags(tag)]
    named += [wanted.need.record.file for wanted in wish.needs]
    named += [need.record.file for need in wish.dropped]
    starts = {table.rfind(b"\0", 0, offset) + 1 for offset in named}
    return {(_end(table, start) - 1 - start, start) for start in starts if start}


def _free(rooms: set[tuple[int, int]], used: list[int]) -> list[tuple[int, int]]:
    """Give those of `rooms` that nobody refers to any more, the smallest first."""
    free = []
    for room, start in rooms:
        at = bisect_left(used, start)
        if at == len(used) or used[at] > start + room:
            free.append((room, start))
    return sorted(free)


def _fit(missing: list[bytes], free: list[tuple[int, int]]) -> list[tuple[int, bytes, int]] | None:
    """Give each name the smallest room that is enough; None unless all of them get one."""
    fitted = []
    for text in missing:
        rooms = [slot for slot in free if slot[0] >= len(text)]
        if not rooms:
            return None
        free.remove(rooms[0])
        fitted.append((rooms[0][1], text, rooms[0][0]))
    return fitted


def _end(table: bytes, offset: int) -> int:
    """Offset behind the NUL of the string at `offset`."""
    found = table.find(b"\0", offset)
    return len(table) if found < 0 else found + 1
