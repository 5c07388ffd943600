"""Those who must be told when blocks move: section headers, symbols, program headers."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import replace
from struct import Struct

from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf import symbols
from wheelfix.formats.elf.blocks import Block
from wheelfix.formats.elf.grow import Growth, Move
from wheelfix.formats.elf.job import Job
from wheelfix.formats.elf.layout import Section
from wheelfix.formats.elf.raw import IDENT


def put_sections(job: Job, told: tuple[Section, ...]) -> None:
    """Draft the section headers that changed."""
    header = job.raw.header
    for number, section in enumerate(told):
        if section != job.sections[number]:
            job.draft.put(header.shoff + number * header.shentsize, job.raw.codec.pack(section))


def put_symbols(job: Job, growth: Growth) -> None:
    """Draft the values of symbols that stand for a moved section or something in it."""
    moved = {
        number: move
        for number, section in enumerate(job.sections)
        if (move := growth.move_of(section)) is not None
    }
    for table in job.sections:
        if table.type in {c.SHT_DYNSYM, c.SHT_SYMTAB}:
            _put_table(job, table, moved)


def _put_table(job: Job, table: Section, moved: dict[int, Move]) -> None:
    step = job.raw.codec.symbol.size
    size = table.size - table.size % step
    data = job.raw.window.read(table.offset, size, "symbols")
    indices = symbols.column(job.raw, data, "shndx")
    wide = job.raw.codec.bits == 64
    form = Struct(job.raw.codec.order + ("Q" if wide else "I"))
    skip = 8 if wide else 4
    for index, move in moved.items():
        for place in _places(indices, index):
            at = place * step + skip
            (value,) = form.unpack_from(data, at)
            if move.block.vaddr <= value <= move.block.vaddr + move.block.size:
                new = value - move.block.vaddr + move.vaddr
                job.draft.put(table.offset + at, form.pack(new))


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
    header = replace(raw.header, phoff=growth.phoff, phnum=len(growth.segments))
    job.draft.put(IDENT, raw.codec.pack(header))
    for offset, data in job.draft.puts:
        if not any(move.holds_bytes(offset) for move in growth.moves):
            yield offset, data
    table = b"".join(raw.codec.pack(segment) for segment in growth.segments)
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
