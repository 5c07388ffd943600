"""What stands where in a file, and what of it may move.

A block is a stretch of file bytes that must stay together. It may move when only the loader looks
for it, and finds it through a tag or program header that we can rewrite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import itemgetter

from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf import symbols, versions
from wheelfix.formats.elf.layout import Row, Section, Segment
from wheelfix.formats.elf.raw import Raw, locate

_MOST_GAP = 65536
"""Bytes of padding between blocks: up to the largest page."""

_WITHOUT_BYTES = frozenset({c.SHT_NOBITS, 0})

MOVABLE_SEGMENTS = frozenset({c.PT_NOTE, c.PT_INTERP, c.PT_GNU_PROPERTY, c.PT_DYNAMIC})


class Block(Row):
    """One stretch of file bytes."""

    __slots__ = ()
    offset: int
    size: int
    vaddr: int
    align: int
    movable: bool

    @property
    def end(self) -> int:
        """File offset behind the last byte."""
        return self.offset + self.size


def blocks(raw: Raw, sections: tuple[Section, ...]) -> tuple[Block, ...]:
    """Give all blocks by ascending offset; what overlaps (a note and its segment) is one."""
    pieces = [*_of_segments(raw), _of_section_table(raw)]
    pieces += _of_sections(raw, sections) if sections else _of_tags(raw)
    pieces.sort(key=itemgetter(1), reverse=True)
    pieces.sort(key=itemgetter(0))  # the larger of two that begin together stays the first
    merged: list[Block] = []
    end = 0
    for piece in pieces:
        offset, size, _, _, _ = piece
        if size and offset < end:
            merged[-1] = _union(merged[-1], piece)
            end = merged[-1].end
        elif size:
            merged.append(piece)
            end = offset + size
    return tuple([b if _is_sound(b.align) else b.but(movable=False) for b in merged])


def _is_sound(align: int) -> bool:
    return align <= _MOST_GAP and align & (align - 1) == 0


def _union(one: Block, other: Block) -> Block:
    together = other.vaddr - one.vaddr == other.offset - one.offset
    return one.but(
        size=max(one.end, other.end) - one.offset,
        align=max(one.align, other.align),
        movable=one.movable and other.movable and together,
    )


def _of_segments(raw: Raw) -> Iterator[Block]:
    for segment in raw.segments:
        if segment.type in MOVABLE_SEGMENTS:
            yield Block((segment.offset, segment.filesz, segment.vaddr, segment.align or 1, True))


def _of_section_table(raw: Raw) -> Block:
    header = raw.header
    size = header.shnum * header.shentsize if header.shoff else 0
    return Block((header.shoff, size, 0, 1, False))


def _of_sections(raw: Raw, sections: tuple[Section, ...]) -> Iterator[Block]:
    for section in sections:
        _, kind, flags, addr, offset, size, _, _, align, _ = section
        if kind not in _WITHOUT_BYTES:
            may = flags == c.SHF_ALLOC or kind == c.SHT_DYNAMIC
            yield Block((offset, size, addr, align or 1, may and _movable(raw, section)))


def _movable(raw: Raw, section: Section) -> bool:
    """Tell whether a section that is only loaded, or the dynamic one, may move."""
    if section.type == c.SHT_DYNAMIC:
        return any(s.vaddr == section.addr for s in raw.of_type(c.PT_DYNAMIC))
    tag = c.MOVABLE_TAGS.get(section.type)
    if tag is not None:
        return raw.tag(tag) == section.addr
    return section.type == c.SHT_NOTE or any(
        (s.offset, s.filesz) == (section.offset, section.size) for s in raw.of_type(c.PT_INTERP)
    )


def _of_tags(raw: Raw) -> Iterator[Block]:
    """Stand in for section headers that were stripped."""
    for tag in c.MOVABLE_TAGS.values():
        address = raw.tag(tag)
        found = None if address is None else locate(raw.loads, address)
        if address is not None and found is not None:
            yield Block((found[0], _size(raw, tag, address), address, raw.codec.word, True))


def _size(raw: Raw, tag: int, address: int) -> int:
    """Give the bytes behind a tag."""
    sizes: dict[int, Callable[[], int]] = {
        c.DT_STRTAB: lambda: raw.tag(c.DT_STRSZ) or 0,
        c.DT_SYMTAB: lambda: symbols.count(raw) * raw.codec.symbol.size,
        c.DT_VERSYM: lambda: symbols.count(raw) * 2,
        c.DT_HASH: lambda: symbols.hash_words(raw, address)[0],
        c.DT_GNU_HASH: lambda: symbols.gnu_hash_end(raw, address)[0],
        c.DT_VERNEED: lambda: versions.extent(versions.needs(raw))[1],
        c.DT_VERDEF: lambda: versions.definitions(raw)[1],
    }
    return sizes[tag]()


def all_movable(raw: Raw, table: tuple[Block, ...], start: int, end: int) -> bool:
    """Tell whether [start, end) holds nothing but movable blocks, whole at its start, and zeros."""
    inside = [block for block in table if block.offset < end and block.end > start]
    if not all(block.movable and block.offset >= start for block in inside):
        return False
    place = start
    for block in inside:
        if not _is_padding(raw, place, block.offset):
            return False
        place = block.end
    return _is_padding(raw, place, end)


def _is_padding(raw: Raw, start: int, end: int) -> bool:
    if end <= start:
        return True
    return end - start <= _MOST_GAP and not any(raw.window.read(start, end - start, "padding"))


def own_segment(raw: Raw, table: tuple[Block, ...], page: int) -> Segment | None:
    """Give the last PT_LOAD if nothing but movable blocks, the string table among them, is in it.

    Such a one was appended by an earlier edit, and may be written anew. It is told by its build
    alone, for no mark in it would survive all of the tools that rewrite files. One of another
    tool that is not aligned to `page`, the machine's largest in bytes, is left as it is.
    """
    last = raw.loads[-1]
    strings = raw.tag(c.DT_STRTAB) or 0
    if last.flags & c.PF_X or last.filesz != last.memsz or not last.offset:
        return None
    if last.align < page or not last.vaddr <= strings < last.vaddr + last.filesz:
        return None
    if not last.offset <= raw.header.phoff < last.end:
        return last if all_movable(raw, table, last.offset, last.end) else None
    parts = ((last.offset, raw.header.phoff), (raw.table_end, last.end))
    return last if all(all_movable(raw, table, *part) for part in parts) else None
