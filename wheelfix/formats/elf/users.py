"""The symbols behind a needed version: slow, because it walks the symbol table; for messages."""

from __future__ import annotations

from array import array

from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf import symbols, versions
from wheelfix.formats.elf.raw import Raw, parse
from wheelfix.formats.window import Window
from wheelfix.model import ByteSource, VersionUse


def version_users(source: ByteSource, wanted: frozenset[tuple[str, str]]) -> tuple[VersionUse, ...]:
    """Name the symbols bound to each wanted (library, version), in file order.

    Raises `errors.BadBinary`.
    """
    raw = parse(Window(source))
    by_index = _wanted_indices(raw, wanted)
    bound: dict[int, set[str]] = {index: set() for index in by_index}
    names = symbols.column(raw, symbols.table(raw), "name")
    for number, index in enumerate(_version_indices(raw, len(names))):
        if index & ~c.VERSYM_HIDDEN in bound:
            name = raw.string(names[number]).decode("utf-8", "surrogateescape")
            bound[index & ~c.VERSYM_HIDDEN].add(name)
    return tuple(
        VersionUse(library=library, version=version, symbols=tuple(sorted(bound[index])))
        for index, (library, version) in by_index.items()
    )


def _wanted_indices(raw: Raw, wanted: frozenset[tuple[str, str]]) -> dict[int, tuple[str, str]]:
    found: dict[int, tuple[str, str]] = {}
    for need in versions.needs(raw):
        library = raw.string(need.record.file).decode("utf-8", "surrogateescape")
        for aux in need.aux:
            pair = (library, raw.string(aux.name).decode("utf-8", "surrogateescape"))
            if pair in wanted:
                found[aux.other & ~c.VERSYM_HIDDEN] = pair
    return found


def _version_indices(raw: Raw, count: int) -> array[int]:
    address = raw.tag(c.DT_VERSYM)
    if address is None:
        return array("H")
    start, _ = raw.extent(address, "table of symbol versions")
    data = raw.window.read(start, 2 * count, "table of symbol versions")
    values = array("H", data)
    if raw.codec.foreign:
        values.byteswap()
    return values
