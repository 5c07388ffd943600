"""The appended segment: what moves into it, and who must be told.

Main way: the program headers stay where they are, and the blocks right behind them make room for
one more. Where they cannot, the program headers themselves move to the segment's start.
"""

from __future__ import annotations

from itertools import pairwise

from wheelfix.errors import CannotEdit
from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf import symbols
from wheelfix.formats.elf.blocks import MOVABLE_SEGMENTS, Block, all_movable
from wheelfix.formats.elf.job import Job
from wheelfix.formats.elf.layout import Dyn, Section, Segment
from wheelfix.formats.elf.raw import Raw
from wheelfix.value import Value

_START = 16
"""Alignment of the segment in the file: enough for whatever moves, usually."""
_MOST_PADDING = 1 << 20
_ADDRESSES = frozenset(c.MOVABLE_TAGS.values())
_MOST_DISTANCE = 1 << 24
"""Bytes of address space, not of memory or file."""


class Move(Value):
    """A block, where it goes, and how long it is there."""

    block: Block
    offset: int
    vaddr: int
    size: int

    def holds(self, vaddr: int) -> bool:
        """Tell whether an address lay in the block."""
        return self.block.vaddr <= vaddr < self.block.vaddr + self.block.size

    def holds_bytes(self, offset: int) -> bool:
        """Tell whether a file offset lay in the block."""
        return self.block.offset <= offset < self.block.end


class Growth(Value):
    """The new layout; nothing is written yet."""

    moves: tuple[Move, ...]
    segments: tuple[Segment, ...]
    phoff: int
    start: int
    """Where the appended segment begins in the file."""
    end: int
    """Where the file ends."""

    def dyn(self, entry: Dyn) -> Dyn:
        """Give a dynamic entry with the address that its table has now."""
        tag, value = entry
        if tag not in _ADDRESSES:
            return entry
        for move in self.moves:
            if move.holds(value):
                return tag, value - move.block.vaddr + move.vaddr
        return entry

    def moves_of(self, sections: tuple[Section, ...]) -> tuple[Move | None, ...]:
        """Give the move that takes each section along."""
        start = min(move.block.offset for move in self.moves)
        end = max(move.block.end for move in self.moves)
        return tuple([self._move_of(s) if start <= s.offset < end else None for s in sections])

    def _move_of(self, section: Section) -> Move | None:
        if section.type == c.SHT_NOBITS or not section.size or not section.flags & c.SHF_ALLOC:
            return None
        for move in self.moves:
            block = move.block
            if block.offset <= section.offset < block.offset + block.size:
                return move
        return None


def taken_along(section: Section, move: Move | None) -> Section:
    """Give a section header with the place that its bytes have after the move that takes it."""
    if move is None:
        return section
    whole = section.offset == move.block.offset and section.size == move.block.size
    return section.but(
        addr=section.addr - move.block.vaddr + move.vaddr,
        offset=section.offset - move.block.offset + move.offset,
        size=move.size if whole else section.size,
    )


class _Base(Value):
    """Where the segment begins, and its p_align."""

    offset: int
    vaddr: int
    align: int


def grow(job: Job, sizes: dict[Block, int]) -> Growth:
    """Lay out the segment for the blocks in `sizes`, with their new sizes in bytes.

    The first of them stands first: it must be the string table, at which no other segment begins,
    for else llvm-strip takes that segment for what holds ours. Raises `errors.CannotEdit`.
    """
    raw, own = job.raw, job.own
    _check_loads(raw)
    room = _room(raw, job.blocks) if own is None else _inside(job.blocks, own)
    headers_move = room is None if own is None else own.offset <= raw.header.phoff < own.end
    spare = _spare(raw) if own is None and not headers_move else None
    rest = tuple(s for s in raw.segments if s is not own and s is not spare)
    blocks = sizes | {b: b.size for b in room or () if b not in sizes}
    align = max(job.page, *(load.align for load in raw.loads)) if own is None else own.align
    if own is not None and own.end == raw.window.size:
        base = _Base(offset=own.offset, vaddr=own.vaddr, align=own.align)
    elif headers_move:
        base = _base_of_headers(raw, rest, align)
    else:
        base = _base(raw, rest, align)
    # Of all places in the segment its start is the only one that GNU strip keeps whole.
    phoff = base.offset if headers_move else raw.header.phoff
    ahead = _headers_size(raw, rest) if headers_move else 0
    moves, end = _lay(base, base.offset + ahead, blocks)
    load = _load(base, end, moves, raw)
    return Growth(
        moves=moves,
        segments=_told(raw, rest, moves, load, phoff if headers_move else None),
        phoff=phoff,
        start=base.offset,
        end=end,
    )


def _check_loads(raw: Raw) -> None:
    for load in raw.loads:
        if load.align & (load.align - 1) or (
            load.align and (load.vaddr - load.offset) % load.align
        ):
            raise CannotEdit(problem=f"its segment at 0x{load.vaddr:x} is not aligned")
    for one, other in pairwise(raw.loads):
        if one.vaddr + one.memsz > other.vaddr:
            raise CannotEdit(problem=f"its segment at 0x{other.vaddr:x} is out of order")


def _spare(raw: Raw) -> Segment | None:
    return next((s for s in raw.segments if s.type == c.PT_NULL), None)


def _inside(table: tuple[Block, ...], own: Segment) -> tuple[Block, ...]:
    return tuple(b for b in table if own.offset <= b.offset < own.end)


def _room(raw: Raw, table: tuple[Block, ...]) -> tuple[Block, ...] | None:
    """Give the blocks that stand where one more program header would; None if one must stay."""
    if _spare(raw) is not None:
        return ()
    start, end = raw.table_end, raw.table_end + raw.header.phentsize
    loaded = any(s.offset <= raw.header.phoff and end <= s.end for s in raw.loads)
    if not loaded or not all_movable(raw, table, start, end):
        return None
    return tuple(b for b in table if b.offset < end and b.end > start)


def _headers_size(raw: Raw, rest: tuple[Segment, ...]) -> int:
    added = 1 if any(s.type == c.PT_PHDR for s in rest) else 2
    return (len(rest) + added) * raw.header.phentsize


def _behind(rest: tuple[Segment, ...], align: int, distance: int = 0) -> int:
    """Give an address that shares no page with any other segment."""
    end = max(s.vaddr + s.memsz for s in rest if s.type == c.PT_LOAD)
    return _up(end + distance, align)


def _distance(raw: Raw) -> int:
    """Give how far from the others the segment must be to please elfutils' elflint.

    It takes a relocated place to be as long as the symbol referred to, and calls it a text
    relocation where that reaches into a segment like ours.
    """
    sizes = symbols.column(raw, symbols.table(raw), "size")
    return min(max(sizes, default=0), _MOST_DISTANCE)


def _base(raw: Raw, rest: tuple[Segment, ...], align: int) -> _Base:
    offset = _up(raw.window.size, _START)
    return _Base(
        offset=offset, vaddr=_behind(rest, align, _distance(raw)) + offset % align, align=align
    )


def _base_of_headers(raw: Raw, rest: tuple[Segment, ...], align: int) -> _Base:
    """Place the program headers themselves.

    Kernels before Linux 5.18 (and qemu) tell a program where its program headers are by taking
    e_phoff from the first PT_LOAD's address, so there the distance must be the same.
    """
    behind, offset = _behind(rest, align), _up(raw.window.size, _START)
    if not raw.of_type(c.PT_INTERP):
        return _Base(offset=offset, vaddr=behind + offset % align, align=align)
    first = raw.loads[0]
    bias = first.vaddr - first.offset
    start = max(offset, behind - bias)
    if bias % align or start - offset > _MOST_PADDING:
        raise CannotEdit(
            problem="there is no room for one more program header",
            details=("what stands behind the program headers cannot move",),
            hint="link it with `-Wl,--build-id` (a note behind the headers makes room)",
        )
    return _Base(offset=start, vaddr=start + bias, align=align)


def _lay(base: _Base, place: int, blocks: dict[Block, int]) -> tuple[tuple[Move, ...], int]:
    """Give the moves, and the file offset behind them."""
    moves = []
    for block, size in blocks.items():
        place = _congruent(place, block)
        vaddr = place - base.offset + base.vaddr
        moves.append(Move(block=block, offset=place, vaddr=vaddr, size=size))
        place += size
    return tuple(moves), place


def _congruent(place: int, block: Block) -> int:
    """Give the next offset that is aligned as the block is now."""
    return place + (block.offset - place) % block.align


def _up(value: int, align: int) -> int:
    return -(-value // align) * align


def _load(base: _Base, end: int, moves: tuple[Move, ...], raw: Raw) -> Segment:
    dynamic = any(m.holds_bytes(raw.dynamic_offset) for m in moves)
    size = end - base.offset
    if max(base.vaddr + size, end) >> raw.codec.bits:
        raise CannotEdit(problem="no address behind its segments is left")
    flags = c.PF_R | c.PF_W if dynamic else c.PF_R  # loaders write into .dynamic
    address = base.vaddr
    return Segment((c.PT_LOAD, flags, base.offset, address, address, size, size, base.align))


def _told(
    raw: Raw,
    rest: tuple[Segment, ...],
    moves: tuple[Move, ...],
    load: Segment,
    phoff: int | None,
) -> tuple[Segment, ...]:
    """Give the new program headers, PT_LOADs ascending; a `phoff` is where in `load` they stand."""
    told = [_moved(segment, moves) for segment in rest]
    last = max(place for place, s in enumerate(told) if s.type == c.PT_LOAD)
    told.insert(last + 1, load)
    if phoff is not None:
        told = [s for s in told if s.type != c.PT_PHDR]
        vaddr = phoff - load.offset + load.vaddr
        place = {"offset": phoff, "vaddr": vaddr, "paddr": vaddr}
        told.insert(0, load.but(type=c.PT_PHDR, flags=c.PF_R, align=8, **place))
    size = len(told) * raw.header.phentsize
    return tuple(s.but(filesz=size, memsz=size) if s.type == c.PT_PHDR else s for s in told)


def _moved(segment: Segment, moves: tuple[Move, ...]) -> Segment:
    if segment.type not in MOVABLE_SEGMENTS or not segment.filesz:
        return segment
    for move in moves:
        if move.holds_bytes(segment.offset):
            shift = move.vaddr - move.block.vaddr
            whole = segment.type == c.PT_DYNAMIC
            return segment.but(
                offset=segment.offset - move.block.offset + move.offset,
                vaddr=segment.vaddr + shift,
                paddr=move.vaddr + segment.vaddr - move.block.vaddr,
                flags=c.PF_R | c.PF_W if whole else segment.flags,
                filesz=move.size if whole else segment.filesz,
                memsz=move.size if whole else segment.memsz,
            )
    return segment
