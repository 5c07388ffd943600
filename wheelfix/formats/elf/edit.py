"""Edits → changed bytes of an ELF file, in place; cost grows with the headers, not with the file.

First what fits is overwritten. What does not fit goes into one segment appended to the file
(`grow`), which a later edit finds and writes anew.
"""

from __future__ import annotations

from itertools import starmap

from wheelfix.errors import CannotEdit
from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf import needs, strings
from wheelfix.formats.elf.blocks import Block, blocks
from wheelfix.formats.elf.draft import Draft
from wheelfix.formats.elf.follow import order, put_sections, put_symbols, written
from wheelfix.formats.elf.grow import grow, taken_along
from wheelfix.formats.elf.job import Job
from wheelfix.formats.elf.layout import Dyn, Section
from wheelfix.formats.elf.locks import locked
from wheelfix.formats.elf.machine import arch, page
from wheelfix.formats.elf.raw import Raw, parse, sections
from wheelfix.formats.elf.read import is_bionic, own_name
from wheelfix.formats.elf.wish import Wish, current, wished
from wheelfix.formats.files import Opened, OpenFile, editing, put
from wheelfix.formats.window import Window
from wheelfix.model import Edit, Private
from wheelfix.value import Value

_DISPENSABLE = (c.DT_DEBUG, c.DT_RELACOUNT, c.DT_RELCOUNT)
"""Entries given up, in this order, before the dynamic array moves: a debugger's slot, two hints."""

_SPARE = 4
"""Free entries left in a dynamic array that had to move, so that it need not move again."""


def apply(file: Private, edits: tuple[Edit, ...]) -> None:
    """Edit `file`, our private copy, in place; nothing is written when nothing changes.

    Raises `errors.CannotEdit`, `errors.BadBinary`, or `errors.CannotWrite` when the disk refuses.
    """
    with editing(file) as handle:
        _write(handle, changes(Window(Opened(handle)), edits))


class Changes(Value):
    """What to write, in order, and where the file ends then."""

    puts: tuple[tuple[int, bytes], ...] = ()
    end: int | None = None
    """None: where it ended before."""


def _write(handle: OpenFile, changes: Changes) -> None:
    for offset, data in changes.puts:
        put(handle, offset, data)
    if changes.end is not None:
        handle.truncate(changes.end)


def changes(window: Window, edits: tuple[Edit, ...]) -> Changes:
    """Tell what `edits` change. Raises `errors.CannotEdit` and `errors.BadBinary`."""
    raw = parse(window)
    machine = arch(raw.codec, raw.header, raw.osabi)
    mine = [edit for edit in edits if edit.arch in {None, machine}]
    before = current(raw)
    wish = wished(before, mine)
    if wish == before:
        return Changes()
    reason = locked(raw, own_name(raw))
    if reason is not None:
        raise CannotEdit(problem=f"it must not be edited: {reason}")
    table = sections(window, raw.codec, raw.header)
    job = Job(
        raw=raw,
        page=page(raw.header.machine, bionic=is_bionic(raw, before.needed)),
        sections=table,
        blocks=blocks(raw, table),
        strings=strings.load(raw),
        draft=Draft(window),
    )
    return _changes(job, wish)


def _changes(job: Job, wish: Wish) -> Changes:
    placed = strings.place(job, wish)
    start, _ = job.raw.extent(job.raw.tag(c.DT_STRTAB) or 0, "dynamic string table")
    for offset, text in placed.overwrites:
        job.draft.put(start + offset, text)
    needs.put(job, wish, placed.offsets)
    entries = [
        (tag, value if text is None else _offset(job, value, text, placed.offsets))
        for tag, value, text in needs.entries(wish)
    ]
    slots = _slots(job.raw)
    _shorten(job.raw, entries, slots)
    told = needs.sections(job, wish)
    if not placed.tail and len(entries) < slots:
        job.draft.put(job.raw.dynamic_offset, _packed(job.raw, entries, slots))
        put_sections(job, told, tuple(range(len(told))))
        return Changes(puts=job.draft.puts)
    return _appended(job, entries, slots, told, placed)


def _offset(job: Job, before: int, text: bytes, offsets: dict[bytes, int]) -> int:
    return before if strings.holds(job.strings, before, text) else offsets[text]


def _slots(raw: Raw) -> int:
    """Count the entries that the dynamic array has room for, with the DT_NULL at its end."""
    step = raw.codec.dyn.size
    used = len(raw.dynamic or ())
    end = raw.of_type(c.PT_DYNAMIC)[-1].filesz // step
    start = raw.dynamic_offset + used * step
    room = raw.window.read(start, max(0, end - used) * step, "dynamic array")
    taken = room.lstrip(b"\0")
    return used + (len(room) - len(taken)) // step if taken else end


def _shorten(raw: Raw, entries: list[Dyn], slots: int) -> None:
    """Give up what nobody needs, as far as room is short; DT_DEBUG in libraries alone."""
    for tag in _DISPENSABLE:
        if len(entries) < slots:
            return
        if tag != c.DT_DEBUG or not raw.of_type(c.PT_INTERP):
            entries[:] = [entry for entry in entries if entry[0] != tag]


def _packed(raw: Raw, entries: list[Dyn], slots: int) -> bytes:
    form = raw.codec.dyn
    return b"".join(starmap(form.pack, entries)).ljust(slots * form.size, b"\0")


def _appended(
    job: Job, entries: list[Dyn], slots: int, told: tuple[Section, ...], placed: strings.Placed
) -> Changes:
    raw = job.raw
    table, _ = raw.extent(raw.tag(c.DT_STRTAB) or 0, "dynamic string table")
    old = job.draft.read(table, len(job.strings))
    grown = placed.kept + placed.tail if placed.tail else old
    new = {_block(job, table): grown}
    entries = [(tag, len(grown) if tag == c.DT_STRSZ else value) for tag, value in entries]
    if len(entries) >= slots:
        slots = len(entries) + 1 + _SPARE
        new[_block(job, raw.dynamic_offset)] = b"\0" * (slots * raw.codec.dyn.size)
    growth = grow(job, {block: len(data) for block, data in new.items()})
    dynamic = _packed(raw, [growth.dyn(entry) for entry in entries], slots)
    moved = next((b for b in new if b.offset == raw.dynamic_offset), None)
    if moved is None:
        job.draft.put(raw.dynamic_offset, dynamic)
    else:
        new[moved] = dynamic
    moves = growth.moves_of(job.sections)
    told = tuple(map(taken_along, told, moves))
    places = order(job, told)
    put_sections(job, told, places)
    put_symbols(job, moves, places)
    return Changes(puts=(*written(job, growth, new),), end=growth.end)


def _block(job: Job, offset: int) -> Block:
    """Give the block that is to move, which must be one that may."""
    for block in job.blocks:
        if block.offset == offset and block.movable:
            return block
    raise CannotEdit(problem=f"the table at byte 0x{offset:x} must grow, but cannot move")
