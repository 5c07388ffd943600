"""A PE file as it stands: its headers, and where in the file an RVA lies. No meaning yet."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

from wheelfix.errors import BadBinary
from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.layout import (
    DIRECTORY,
    FILE_HEADER,
    OPTIONAL_32,
    OPTIONAL_64,
    Directory,
    Optional,
    Section,
    aligned,
    optional,
    section,
)
from wheelfix.formats.window import Window
from wheelfix.typed import TypeAlias
from wheelfix.value import Value, replace

_FIRST = 1 << 11
"""Bytes in which nearly all files have their headers."""

Mapped: TypeAlias = tuple[int, int, int, int]
"""From which RVA to which, and where that begins in the file and its bytes end there."""


class Raw(Value):
    """The parsed headers, and the window for whatever else is needed."""

    window: Window
    start: int
    """Where the magic of PE lies in the file."""
    machine: int
    characteristics: int
    symbols: int
    """Where the COFF symbol table lies in the file; 0 without one."""
    symbol_count: int
    optional: Optional
    directories: tuple[Directory, ...]
    """At most 16, in the order of <winnt.h>."""
    table: int
    """Where the section headers begin in the file."""
    sections: tuple[Section, ...]
    """In file order."""
    mapped: tuple[Mapped, ...]
    """All sections by what they take in memory, then by that rounded up to pages."""

    @property
    def bits(self) -> int:
        """32 or 64."""
        return 64 if self.optional.magic == c.OPTIONAL_64 else 32

    @property
    def optional_at(self) -> int:
        """Where the optional header lies in the file."""
        return self.start + FILE_HEADER.size

    @property
    def directories_at(self) -> int:
        """Where the data directories lie in the file."""
        return self.optional_at + _form(self.optional.magic).size

    @property
    def table_end(self) -> int:
        """Where the section headers end."""
        return self.table + c.SECTION_HEADER * len(self.sections)

    def directory(self, number: int) -> Directory | None:
        """Give a data directory; None when the file has none of that number."""
        if number >= len(self.directories) or not self.directories[number].rva:
            return None
        return self.directories[number]

    def place(self, rva: int) -> tuple[int, int] | None:
        """Give where `rva` lies in the file, and up to where its section goes on there.

        None for what lies outside of the image, or in memory only. What lies between the headers
        and the first section is no part of the image either.
        """
        for first, last, start, end in self.mapped:
            if first <= rva < last:
                offset = start + rva - first
                return (offset, end) if offset < end else None
        end = min(self.optional.size_of_headers, self.window.size)
        return (rva, end) if 0 <= rva < end else None

    def is_blank(self, rva: int) -> bool:
        """Tell whether `rva` lies in a section's memory, behind its bytes in the file."""
        mapped = any(first <= rva < last for first, last, _, _ in self.mapped)
        return mapped and self.place(rva) is None

    def bad(self, problem: str, offset: int) -> BadBinary:
        """Make an error that tells where in the file the fault is."""
        return BadBinary(problem=problem, offset=offset)

    def offset(self, rva: int, size: int, what: str) -> int:
        """Give where `size` bytes from `rva` on lie in the file. Raises `errors.BadBinary`."""
        found = self.place(rva)
        if found is None or found[0] + size > found[1]:
            problem = f"its {what} (RVA 0x{rva:x}) does not lie inside a section of the file"
            raise BadBinary(problem=problem, offset=0 if found is None else found[0])
        return found[0]

    def bytes_at(self, rva: int, size: int, what: str) -> bytes:
        """Read `size` bytes from `rva` on. Raises `errors.BadBinary`."""
        return self.window.read(self.offset(rva, size, what), size, what)

    def string(self, rva: int, what: str) -> bytes:
        """Read up to the next NUL, or to the memory behind a section's bytes, which is all NUL.

        Raises `errors.BadBinary`.
        """
        found = self.place(rva)
        start, end = found or (self.offset(rva, 1, what), 0)
        try:
            return self.window.string(start, end, what)
        except BadBinary:
            if end - start > c.PAGE or not self.is_blank(rva + end - start):
                raise
            return self.window.read(start, end - start, what)


def parse(window: Window) -> Raw | None:
    """Read the headers; None for what Windows' loader takes for no program of its own.

    Raises `errors.BadBinary`.
    """
    first = window.read(0, min(_FIRST, window.size), "headers")
    try:
        found = _told(first, window.size)
    except BadBinary:  # there is more of them, or it will be said what is wrong
        return _parsed(window)
    return None if found is None else replace(found, window=window)


class _Beginning(Value):
    """The first bytes of a source of `size`: there is nothing behind them."""

    data: bytes
    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`, fewer where there are no more."""
        return self.data[offset : offset + size]


@lru_cache(maxsize=512)
def _told(first: bytes, size: int) -> Raw | None:
    """Give what the first bytes of a file of `size` say.

    Every step asks for it again, the first for all files before the next begins. Raises
    `errors.BadBinary` where they are not all that there is of the headers.
    """
    return _parsed(Window(_Beginning(data=first, size=size)))


def _parsed(window: Window) -> Raw | None:
    start = _start(window)
    if start is None:
        return None
    header = FILE_HEADER.unpack(window.read(start, FILE_HEADER.size, "file header"))
    _, machine, count, _, symbols, symbol_count, optional_size, characteristics = header
    at = start + FILE_HEADER.size
    found = _optional(window, at, optional_size)
    if found is None or not characteristics & c.FILE_EXECUTABLE_IMAGE:
        return None
    table = at + optional_size
    if count > c.MOST_SECTIONS:
        problem = f"{count} sections, where Windows loads {c.MOST_SECTIONS} at most"
        raise BadBinary(problem=problem, offset=start + 6)
    data = window.read(table, count * c.SECTION_HEADER, "section headers")
    places = range(0, len(data), c.SECTION_HEADER)
    sections = tuple(section(data, place, table + place) for place in places)
    raw = Raw(
        window=window,
        start=start,
        machine=machine,
        characteristics=characteristics,
        symbols=symbols,
        symbol_count=symbol_count,
        optional=found,
        directories=_directories(window, at, optional_size, found),
        table=table,
        sections=sections,
        mapped=_mapped(sections, found.section_alignment),
    )
    _check(raw)
    return raw


def _mapped(sections: tuple[Section, ...], alignment: int) -> tuple[Mapped, ...]:
    exact, whole = [], []
    for each in sections:
        first, span = each.address, aligned(each.extent, alignment) if alignment else 0
        start = each.raw - each.raw % c.SECTOR if alignment >= c.PAGE else each.raw
        end = start + min(each.raw_size, span) if each.has_bytes else start
        exact.append((first, first + each.extent, start, end))
        whole.append((first, first + span, start, end))  # the last page is mapped to its end
    return (*exact, *whole)


def _start(window: Window) -> int | None:
    """Find the magic of PE; None in programs for DOS and 16-bit Windows."""
    head = window.read(0, c.DOS_HEADER, "DOS header")
    if head[:2] != c.DOS_MAGIC:
        raise BadBinary(problem="it does not begin with `MZ`", offset=0)
    start = int.from_bytes(head[c.E_LFANEW : c.E_LFANEW + 4], "little")
    if start + 4 <= window.size:
        return start if window.read(start, 4, "PE magic") == c.PE_MAGIC else None
    if int.from_bytes(head[c.E_LFARLC : c.E_LFARLC + 2], "little") < c.DOS_HEADER:
        return None  # a program for DOS: what would be e_lfanew is its own
    raise BadBinary(problem="the file ends before its PE header", offset=window.size)


def _form(magic: int) -> Struct:
    return OPTIONAL_64 if magic == c.OPTIONAL_64 else OPTIONAL_32


def _optional(window: Window, at: int, size: int) -> Optional | None:
    if size < 2:
        return None
    magic = int.from_bytes(window.read(at, 2, "optional header"), "little")
    if magic not in {c.OPTIONAL_32, c.OPTIONAL_64}:
        return None
    if size < _form(magic).size:
        raise BadBinary(problem=f"an optional header of {size} bytes", offset=at)
    return optional(window.read(at, _form(magic).size, "optional header"))


def _directories(window: Window, at: int, size: int, found: Optional) -> tuple[Directory, ...]:
    start = _form(found.magic).size
    count = min(found.directories, 16)
    if start + count * DIRECTORY.size > size:
        raise BadBinary(problem="more data directories than there is room for", offset=at)
    data = window.read(at + start, count * DIRECTORY.size, "data directories")
    return tuple(Directory(rva=rva, size=length) for rva, length in DIRECTORY.iter_unpack(data))


def _check(raw: Raw) -> None:
    for name, number in (
        ("section", raw.optional.section_alignment),
        ("file", raw.optional.file_alignment),
    ):
        if number.bit_count() != 1:
            problem = f"a {name} alignment of {number}"
            raise BadBinary(problem=problem, offset=raw.optional_at + 32)
    for each in raw.sections:
        if each.raw_end > raw.window.size:
            shown = each.name.decode("ascii", "backslashreplace")
            problem = f"the file ends before its section `{shown}` does"
            raise BadBinary(problem=problem, offset=each.at)
