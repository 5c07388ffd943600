"""Those who must be told when blocks move: section headers, symbols, program headers."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf import symbols
from wheelfix.formats.elf.blocks import Block
from wheelfix.formats.elf.grow import Growth, Move
from wheelfix.formats.elf.job import Job
from wheelfix.formats.elf.layout import Section, Segment, struct_of
from wheelfix.formats.elf.raw import IDENT

_TABLES = frozenset(
    {
        c.SHT_STRTAB,
        c.SHT_RELA,
        c.SHT_HASH,
        c.SHT_NOTE,
        c.SHT_REL,
        c.SHT_DYNSYM,
        c.SHT_RELR,
        c.SHT_GNU_HASH,
        c.SHT_GNU_VERDEF,
        c.SHT_GNU_VERNEED,
        c.SHT_GNU_VERSYM,
    }
)
"""What stands in front of the code, and what no symbol is defined in but a section's own."""


def order(job: Job, told: tuple[Section, ...]) -> tuple[int, ...]:
    """Give the sections' numbers in the order in which their headers shall stand.

    Among the tables in front, those that moved go last. patchelf takes the first sections, up to
    one that lies elsewhere, for all that its longer program headers could overwrite.
    """
    if any(section.type == c.SHT_SYMTAB_SHNDX for section in told):
        return tuple(range(len(told)))
    interpreters = {segment.offset for segment in job.raw.of_type(c.PT_INTERP)}
    front = 1
    for section in job.sections[1:]:
        table = section.type in _TABLES or section.offset in interpreters
        if not (table and section.flags & c.SHF_ALLOC):
            break
        front += 1
    run = sorted(range(1, front), key=lambda number: told[number].offset)
    return (*range(min(1, len(told))), *run, *range(front, len(told)))


def put_sections(job: Job, told: tuple[Section, ...], places: tuple[int, ...]) -> None:
    """Draft the section headers that changed, in the order of `places`, numbers in `told`."""
    now = {old: new for new, old in enumerate(places) if new != old}
    table = tuple([_renumbered(told[old], now) for old in places])
    if table != job.sections:
        job.draft.put(job.raw.header.shoff, job.raw.codec.pack_all(Section, table))


def _renumbered(section: Section, now: dict[int, int]) -> Section:
    if section.link not in now and section.info not in now:
        return section
    name, kind, flags, addr, offset, size, link, info, *rest = section
    if flags & c.SHF_INFO_LINK or kind in {c.SHT_REL, c.SHT_RELA}:
        info = now.get(info, info)
    link = now.get(link, link)
    return Section((name, kind, flags, addr, offset, size, link, info, *rest))


def put_symbols(job: Job, moves: tuple[Move | None, ...], places: tuple[int, ...]) -> None:
    """Draft the values and section numbers of symbols that stand for, or in, what moved.

    `moves` are those of the sections, by number.
    """
    moved = {number: move for number, move in enumerate(moves) if move is not None}
    renumbered = {old: new for new, old in enumerate(places) if new != old}
    for table in job.sections:
        if table.type in {c.SHT_DYNSYM, c.SHT_SYMTAB}:
            _put_table(job, table, moved, renumbered)


def _put_table(
    job: Job, table: Section, moved: dict[int, Move], renumbered: dict[int, int]
) -> None:
    step = job.raw.codec.symbol.size
    size = table.size - table.size % step
    data = job.raw.window.read(table.offset, size, "symbols")
    indices = symbols.column(job.raw, data, "shndx")
    wide = job.raw.codec.bits == 64
    form = struct_of(job.raw.codec.order + ("Q" if wide else "I"))
    skip = 8 if wide else 4
    for index, move in moved.items():
        for place in _places(indices, index):
            at = place * step + skip
            (value,) = form.unpack_from(data, at)
            if move.block.vaddr <= value <= move.block.vaddr + move.block.size:
                new = value - move.block.vaddr + move.vaddr
                job.draft.put(table.offset + at, form.pack(new))
    number, skip = struct_of(job.raw.codec.order + "H"), 6 if wide else 14
    for old, new in renumbered.items():
        for place in _places(indices, old):
            job.draft.put(table.offset + place * step + skip, number.pack(new))


def _places(values: array[int], wanted: int) -> Iterator[int]:
    place = -1
    for _ in range(values.count(wanted)):
        place = values.index(wanted, place + 1)
        yield place


def written(job: Job, growth: Growth, new: dict[Block, bytes]) -> Iterator[tuple[int, bytes]]:
    """Give all that must be written: small changes, the segment, program headers.

    Blocks in `new` get those bytes, the others the ones they have in the draft.
    """
    raw = job.raw
    header = raw.header.but(phoff=growth.phoff, phnum=len(growth.segments))
    job.draft.put(IDENT, raw.codec.pack(header))
    moved = [(move.block.offset, move.block.end) for move in growth.moves]
    for offset, data in job.draft.puts:
        if not any(start <= offset < end for start, end in moved):
            yield offset, data
    table = raw.codec.pack_all(Segment, growth.segments)
    strings, _ = raw.extent(raw.tag(c.DT_STRTAB) or 0, "dynamic string table")
    place = growth.start
    for move in growth.moves:
        block = move.block
        yield place, b"\0" * (move.offset - place)
        yield move.offset, new.get(block) or job.draft.read(block.offset, block.size)
        place = move.offset + move.size
        if block.offset == strings and strings < growth.start:
            yield strings, b"\0" * block.size  # dead, and zeros take no room in a wheel
    yield growth.phoff, table
