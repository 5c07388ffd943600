"""Longer headers: every pointer into the file behind them moves along."""

from __future__ import annotations

from collections.abc import Iterator

from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.layout import DEBUG
from wheelfix.formats.pe.place import first_bytes
from wheelfix.formats.pe.raw import Raw

_COFF_SYMBOLS = 12
"""Offset of PointerToSymbolTable behind `PE\\0\\0`."""
_SECTION_POINTERS = (20, 24, 28)
"""Offsets of raw data, relocations and line numbers in a section header."""
_DEBUG_POINTER = 24
_MOST_DEBUG = 1024
"""Debug entries; there are about five."""


def pointers(raw: Raw, grow: int) -> Iterator[tuple[int, bytes]]:
    """Give what to write where, in places as they were, when all sections move by `grow` bytes."""
    border = first_bytes(raw)
    for at in _places(raw):
        old = int.from_bytes(raw.window.read(at, 4, "headers"), "little")
        if border <= old <= raw.window.size:
            yield at, (old + grow).to_bytes(4, "little")


def _places(raw: Raw) -> Iterator[int]:
    yield raw.start + _COFF_SYMBOLS
    for section in raw.sections:
        for field in _SECTION_POINTERS:
            yield section.at + field
    debug = raw.directory(c.DIRECTORY_DEBUG)
    if debug is None:
        return
    for number in range(min(debug.size // DEBUG.size, _MOST_DEBUG)):
        at = raw.offset(debug.rva + number * DEBUG.size, DEBUG.size, "debug directory")
        yield at + _DEBUG_POINTER
