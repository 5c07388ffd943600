"""A member edited here and there: what the edits left alone stays the deflated bytes that it is.

Around the sections of it that differ, the old stream is inflated beside the new file. Where both
agree for long enough, whole blocks are kept, from one that refers to nothing that changed; the rest
is deflated anew.
"""

from __future__ import annotations

import mmap
from collections import deque
from collections.abc import Iterator

from wheelfix.archive.borders import WINDOW, Border, Mark, border_behind
from wheelfix.archive.joints import Coder, open_ended, phased, realigned
from wheelfix.archive.trail import Trail, differing
from wheelfix.archive.zipwriter import Part, Span
from wheelfix.value import Value

STEP = 1 << 14
"""Bytes of the old stream that are inflated, and compared, at once."""

TRIED = 40
"""Steps at either end of what can be kept in which a block's border is looked for."""

WORTHWHILE = 1 << 17
"""Bytes of the old stream from which on they are kept."""


class _Run(Value):
    """Steps of the old stream whose bytes are the new file's too."""

    first: tuple[Mark, ...]
    """At the beginnings of the first steps that are far enough behind whatever differs before."""
    last: tuple[Mark, ...]
    """At those of the last steps."""
    read: int
    """Where the run ends in the stream."""
    is_end: bool
    """True where stream and file end with it."""


class _Step(Value):
    """A stretch of the old stream."""

    mark: Mark
    """At its beginning."""
    read: int
    """Where it ends in the stream."""
    out: int
    """Where what it inflates to ends."""
    is_same: bool
    """True where the new file has the same bytes in its place."""


class _Kept(Value):
    """Blocks of the old stream."""

    begin: Border
    end: Border


def spliced(trail: Trail, new: mmap.mmap, coder: Coder) -> tuple[Part, ...] | None:
    """Give the parts of a stream that inflates to `new`, as much of the old one as can be kept.

    None where that is less than half of it.
    """
    old = trail.stream
    kept = [found for run in _runs(trail, new) if (found := _kept(old, run))]
    if sum(blocks.end.bit - blocks.begin.bit for blocks in kept) < old.size * 4:
        return None
    parts: list[Part] = []
    at = 0
    for blocks in kept:
        parts += open_ended(new[at : blocks.begin.out], coder)
        parts += _parts(old, blocks)
        at = blocks.end.out
    if kept[-1].end.bit < old.size * 8:
        parts.append(coder.deflated(new[at:]))
    return tuple(parts)


def _runs(trail: Trail, new: mmap.mmap) -> Iterator[_Run]:
    first: list[Mark] = []
    last: deque[Mark] = deque(maxlen=TRIED)
    begin = read = out = 0
    for step in _steps(trail, new):
        read, out = step.read, step.out
        if not step.is_same:
            yield _Run(first=tuple(first), last=tuple(last), read=step.mark.read, is_end=False)
            first, begin = [], out
            last.clear()
        elif step.mark.out >= begin + WINDOW:
            last.append(step.mark)
            if len(first) < TRIED:
                first.append(step.mark)
    is_end = out == len(new)
    yield _Run(first=tuple(first), last=tuple(last), read=read, is_end=is_end)


def _steps(trail: Trail, new: mmap.mmap) -> Iterator[_Step]:
    """Go along the old stream: in small steps where something differs near by, else in sections."""
    sections = trail.sections
    changed = {0, *differing(trail, new)}
    if sections[-1].end != len(new):
        changed.add(len(sections) - 1)
    near = {number + beside for number in changed for beside in (-1, 0, 1)}
    ends = [*(section.mark.read for section in sections[1:]), trail.stream.size]
    for number, (section, end) in enumerate(zip(sections, ends, strict=True)):
        if number in near:
            yield from _small_steps(trail.stream, section.mark, end, new)
        else:
            yield _Step(mark=section.mark, read=end, out=section.end, is_same=True)


def _small_steps(old: Span, mark: Mark, end: int, new: mmap.mmap) -> Iterator[_Step]:
    inflater, read, out = mark.inflater.copy(), mark.read, mark.out
    while read < end:
        at = Mark(inflater=inflater.copy(), read=read, out=out)
        data = old.handle.exactly(old.offset + read, min(STEP, end - read))
        piece = inflater.decompress(data)
        read, out = read + len(data), out + len(piece)
        yield _Step(mark=at, read=read, out=out, is_same=piece == new[at.out : out])


def _kept(old: Span, run: _Run) -> _Kept | None:
    begin = _border(old, run.first, run.read)
    if begin is None:
        return None
    end = Border(bit=old.size * 8, out=-1)
    if not run.is_end:
        found = _border(old, run.last[::-1], run.read)
        if found is None:
            return None
        end = found
    return _Kept(begin=begin, end=end) if end.bit - begin.bit >= WORTHWHILE * 8 else None


def _border(old: Span, marks: tuple[Mark, ...], limit: int) -> Border | None:
    """Find a border in one of the steps that begin at `marks`, in this order."""
    for mark in marks:
        end = min(mark.read + STEP, limit)
        size = min(end + 16, old.size) - mark.read
        found = border_behind(mark, old.handle.exactly(old.offset + mark.read, size), end)
        if found:
            return found
    return None


def _parts(old: Span, kept: _Kept) -> Iterator[Part]:
    """Give blocks that are kept, from the border of a byte to another; the stream's end may follow.

    Within their bytes they stand where they stood.
    """
    begin, phase = divmod(kept.begin.bit, 8)
    end, rest = divmod(kept.end.bit, 8)
    if phase:
        bits, count = phased(phase)
        first = old.handle.exactly(old.offset + begin, 1)[0] >> phase
        yield (bits | first << count).to_bytes(count // 8 + 1, "little")
        begin += 1
    yield Span(handle=old.handle, offset=old.offset + begin, size=end - begin)
    if end < old.size:
        yield realigned(old.handle.exactly(old.offset + end, 1)[0], rest)
