"""What extracting a large member leaves behind, so that its stream need not be inflated again.

A state of the decoder every so often, and sums of what lies between: where an edited file has the
same sums, the old stream says the same.
"""

from __future__ import annotations

import mmap

from wheelfix.archive.borders import Mark
from wheelfix.archive.inflate import Inflating
from wheelfix.archive.sums import adler32, crc32
from wheelfix.archive.zipwriter import Span
from wheelfix.value import Value

SPACING = 1 << 20
"""Least bytes of a section."""

SECTIONS = 64
"""Most sections of a member; each keeps a decoder of some 40 KiB."""


class Section(Value):
    """A stretch of a member's bytes, from one mark to the next."""

    mark: Mark
    end: int
    """Bytes of the member in front of its end."""
    sums: tuple[int, int]


class Trail(Value):
    """A whole deflate stream without flaws, and its sections from beginning to end."""

    stream: Span
    sections: tuple[Section, ...]


class Tracker(Inflating):
    """Inflates a stream once, and gives its trail in the end; one thread's."""

    def __init__(self, size: int) -> None:
        """Begin with a stream that inflates to `size` bytes."""
        super().__init__(size)
        self._spacing = max(SPACING, size // SECTIONS)
        self._read = self._out = 0
        self._mark = Mark(inflater=self._inflater.copy(), read=0, out=0)
        self._sums = _EMPTY
        self._sections: list[Section] = []

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take `data`; give at most `max_length` bytes."""
        if self.needs_input and self._out - self._mark.out >= self._spacing:
            self._close_section()
            self._mark = Mark(inflater=self._inflater.copy(), read=self._read, out=self._out)
        self._read += len(data)
        piece = super().decompress(data, max_length)
        self._out += len(piece)
        self._sums = sums_of(piece, self._sums)
        return piece

    def trail(self, stream: Span) -> Trail:
        """Give the trail of the whole of `stream`, which has been inflated."""
        self._close_section()
        return Trail(stream=stream, sections=tuple(self._sections))

    def _close_section(self) -> None:
        section = Section(mark=self._mark, end=self._out, sums=self._sums)
        self._sections.append(section)
        self._sums = _EMPTY


_EMPTY = (0, 1)


def sums_of(data: bytes | memoryview, before: tuple[int, int] = _EMPTY) -> tuple[int, int]:
    """Give two sums of `data`, going on from those of what stands before it."""
    return crc32(data, before[0]), adler32(data, before[1])


def differing(trail: Trail, new: mmap.mmap) -> frozenset[int]:
    """Give the numbers of the sections in place of which `new` has other bytes."""
    with memoryview(new) as view:
        return frozenset(
            number
            for number, section in enumerate(trail.sections)
            if section.end > len(view)
            or sums_of(view[section.mark.out : section.end]) != section.sums
        )
