"""Edits → changed bytes of an ELF file, in place; cost grows with the headers, not with the file.

First what fits is overwritten. What does not fit goes into one segment appended to the file
(`grow`), which a later edit finds and writes anew.
"""

from __future__ import annotations

from functools import reduce

from wheelfix.errors import CannotEdit
from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf import needs, strings
from wheelfix.formats.elf.blocks import Block, blocks
from wheelfix.formats.elf.draft import Draft
from wheelfix.formats.elf.follow import order, put_sections, put_symbols, written
from wheelfix.formats.elf.grow import grow, taken_along
from wheelfix.formats.elf.job import Job
from wheelfix.formats.elf.layout import Dyn, Section
from wheelfix.formats.elf.machine import page
from wheelfix.formats.elf.raw import Raw, parse, sections
from wheelfix.formats.elf.read import image_of
from wheelfix.formats.elf.wish import Entry, Wish, current, wished
from wheelfix.formats.files import Opened, OpenFile, editing, put
from wheelfix.formats.window import Window
from wheelfix.model import Edit, Private
from wheelfix.value import value

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


@value
class Changes:
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
    image = image_of(raw, {})
    mine = [edit for edit in edits if edit.arch in {None, image.arch}]
    before = current(raw)
    wish = reduce(wished, mine, before)
    if wish == before:
        return Changes()
    if image.locked is not None:
        raise CannotEdit(problem=f"it must not be edited: {image.locked}")
    table = sections(window, raw.codec, raw.header)
    job = Job(
        raw=raw,
        page=page(raw.header.machine, image.libc),
        sections=table,
        blocks=blocks(raw, table),
        strings=strings.load(raw),
        draft=Draft(window),
    )
    return _changes(job, wish)


def _changes(job: Job, wish: Wish) -> Changes:
    placed = strings.place(job.raw, job.strings, wish, job.users, trim=job.own is not None)
    start, _ = job.raw.extent(job.raw.tag(c.DT_STRTAB) or 0, "dynamic string table")
    for offset, text in placed.overwrites:
        job.draft.put(start + offset, text)
    needs.put(job, wish, placed.offsets)
    entries = [_dyn(job, entry, placed.offsets) for entry in needs.entries(wish)]
    slots = _slots(job.raw)
    _shorten(job.raw, entries, slots)
    told = tuple(needs.section(job, wish, section) for section in job.sections)
    if not placed.tail and len(entries) < slots:
        job.draft.put(job.raw.dynamic_offset, _packed(job.raw, entries, slots))
        put_sections(job, told, tuple(range(len(told))))
        return Changes(puts=job.draft.puts)
    return _appended(job, entries, told, placed)


def _dyn(job: Job, entry: Entry, offsets: dict[bytes, int]) -> Dyn:
    text = entry.text
    if text is None or strings.holds(job.strings, entry.value, text):
        return entry.tag, entry.value
    return entry.tag, offsets[text]


def _slots(raw: Raw) -> int:
    """Count the entries that the dynamic array has room for, with the DT_NULL at its end."""
    step = raw.codec.dyn.size
    used = len(raw.dynamic or ())
    end = raw.of_type(c.PT_DYNAMIC)[-1].filesz // step
    for slot in range(used, end):
        if any(raw.window.read(raw.dynamic_offset + slot * step, step, "dynamic array")):
            return slot
    return end


def _shorten(raw: Raw, entries: list[Dyn], slots: int) -> None:
    """Give up what nobody needs, as far as room is short; DT_DEBUG in libraries alone."""
    for tag in _DISPENSABLE:
        if len(entries) < slots:
            return
        if tag != c.DT_DEBUG or not raw.of_type(c.PT_INTERP):
            entries[:] = [entry for entry in entries if entry[0] != tag]


def _packed(raw: Raw, entries: list[Dyn], slots: int) -> bytes:
    form = raw.codec.dyn
    return b"".join(form.pack(*entry) for entry in entries).ljust(slots * form.size, b"\0")


def _appended(
    job: Job, entries: list[Dyn], told: tuple[Section, ...], placed: strings.Placed
) -> Changes:
    raw, slots = job.raw, _slots(job.raw)
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
    moves = tuple(growth.move_of(section) for section in job.sections)
    told = tuple(taken_along(*each) for each in zip(told, moves, strict=True))
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
