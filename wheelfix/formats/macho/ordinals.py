"""Which library a symbol comes from: its number, counted over the dylib commands from 1.

Where a command is dropped, the numbers behind it count one less, and what came from the dropped
library is looked for in every loaded image instead, as `-undefined dynamic_lookup` would have it.
All this is done in place: no table changes its size (<mach-o/loader.h>, <mach-o/nlist.h>,
<mach-o/fixup-chains.h>).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wheelfix.errors import CannotEdit
from wheelfix.formats.files import Put
from wheelfix.formats.macho import binding, dylibs, headroom
from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.leb import padded, uleb
from wheelfix.formats.macho.raw import Command, Raw
from wheelfix.model import NeededKind

_DYNAMIC_LOOKUP = 0xFE
"""A symbol's library when any image will do (DYNAMIC_LOOKUP_ORDINAL)."""
_STAB, _TYPE = 0xE0, 0x0E
_UNDEFINED = frozenset({0x0, 0xC})
"""Types of symbols that other images have: N_UNDF, and N_PBUD of prebound images."""
_IMPORTS: Mapping[int, tuple[int, int]] = {1: (4, 1), 2: (8, 1), 3: (16, 2)}
"""Chained imports by format: bytes of an entry, and of the ordinal it begins with."""
_LARGEST: Mapping[int, int] = {1: 0xF0, 2: 0xFFF0}
"""The largest ordinal that is a library's, by its bytes; above are special ones, negative."""
_REEXPORT = 0x08
"""EXPORT_SYMBOL_FLAGS_REEXPORT."""


def puts(before: Raw, wanted: Raw) -> tuple[Put, ...]:
    """Tell what to write where, that symbols find their libraries when commands were dropped.

    Raises `errors.CannotEdit` where that cannot be told, and `errors.BadBinary`.
    """
    kept = {command.offset for command in wanted.of(*dylibs.NEEDING)}
    numbered = list(enumerate(before.of(*dylibs.NEEDING), 1))
    gone = [(number, command) for number, command in numbered if command.offset not in kept]
    if not gone or not before.header.flags & c.MH_TWOLEVEL:
        return ()
    if any(dylibs.kind(before, command) is NeededKind.REEXPORT for _, command in gone):
        raise CannotEdit(problem="a library that is exported anew cannot be dropped")
    renumbered = binding.Renumbering(dropped=frozenset(number for number, _ in gone))
    found = tuple(_puts(before, renumbered))
    if any(at < headroom.limit(before) for at, _ in found):
        raise CannotEdit(problem="its tables of symbols lie among its load commands")
    return found


def _puts(raw: Raw, renumbered: binding.Renumbering) -> Iterator[Put]:
    for command in raw.of(c.LC_SYMTAB):
        yield from _symbols(raw, command, renumbered)
    for command in raw.of(c.LC_DYLD_INFO, c.LC_DYLD_INFO_ONLY):
        _, _, bind, bind_size, _, _, lazy, lazy_size, export, export_size = raw.words(command, 10)
        for start, size in ((bind, bind_size), (lazy, lazy_size)):
            data = raw.window.read(start, size, "bindings")
            yield from ((start + at, new) for at, new in binding.renumber(data, renumbered))
        yield from _exports(raw, export, export_size, renumbered)
    for command in raw.of(c.LC_DYLD_CHAINED_FIXUPS):
        yield from _imports(raw, command, renumbered)
    for command in raw.of(c.LC_DYLD_EXPORTS_TRIE):
        start, size = raw.words(command, 2)
        yield from _exports(raw, start, size, renumbered)


def _symbols(raw: Raw, command: Command, renumbered: binding.Renumbering) -> Iterator[Put]:
    """Change the high byte of n_desc, which names an undefined symbol's library."""
    start, count = raw.words(command, 2)
    step = 16 if raw.codec.bits == 64 else 12
    data = raw.window.read(start, count * step, "symbol table")
    high = 7 if raw.codec.order == "<" else 6
    for at in range(0, len(data), step):
        kind, ordinal = data[at + 4], data[at + high]
        if kind & _STAB or kind & _TYPE not in _UNDEFINED or not 0 < ordinal < _DYNAMIC_LOOKUP:
            continue
        new = renumbered(ordinal)
        if new != ordinal:
            yield start + at + high, bytes([_DYNAMIC_LOOKUP if new is None else new])


def _imports(raw: Raw, command: Command, renumbered: binding.Renumbering) -> Iterator[Put]:
    start, size = raw.words(command, 2)
    data = raw.window.read(start, size, "chained fixups")
    if raw.codec.order != "<" or size < 28:
        raise CannotEdit(problem="its chained fixups are of no kind that is known")
    _, _, first, _, count, form, _ = raw.codec.words(data, 0, 7)
    step, width = _IMPORTS.get(form, (0, 0))
    if not step or first + count * step > size:
        raise CannotEdit(problem="its chained imports are of no kind that is known")
    for at in range(first, first + count * step, step):
        ordinal = int.from_bytes(data[at : at + width], "little")
        if 0 < ordinal <= _LARGEST[width]:
            new = renumbered(ordinal)
            value = binding.FLAT if new is None else new
            if value != ordinal:
                yield start + at, value.to_bytes(width, "little", signed=value < 0)


def _exports(raw: Raw, start: int, size: int, renumbered: binding.Renumbering) -> Iterator[Put]:
    """Change the numbers by which exported symbols of other libraries name those."""
    data = raw.window.read(start, size, "exports")
    pending, seen = [0] if data else [], set[int]()
    while pending:
        at = pending.pop()
        if at in seen:
            continue
        seen.add(at)
        length, payload = uleb(data, at)
        if length:
            yield from ((start + o, new) for o, new in _export(data, payload, renumbered))
        pending += _children(data, payload + length)


def _export(data: bytes, payload: int, renumbered: binding.Renumbering) -> Iterator[Put]:
    flags, at = uleb(data, payload)
    if not flags & _REEXPORT:
        return
    ordinal, end = uleb(data, at)
    new = renumbered(ordinal)
    if new is None:
        raise CannotEdit(problem="it exports symbols of a library that shall be dropped")
    if new != ordinal:
        yield at, padded(new, end - at)


def _children(data: bytes, at: int) -> list[int]:
    if at >= len(data):
        raise CannotEdit(problem="its exports are damaged")
    count, at = data[at], at + 1
    found = []
    for _ in range(count):
        at = data.find(b"\0", at) + 1
        if not at:
            raise CannotEdit(problem="its exports are damaged")
        child, at = uleb(data, at)
        found.append(child)
    return found
