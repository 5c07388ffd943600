"""Symbols that an image takes from others (nlist and LC_DYSYMTAB of <mach-o/loader.h>)."""

from __future__ import annotations

from collections.abc import Iterator

from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.raw import Raw


def undefined(raw: Raw, watched: frozenset[str]) -> tuple[str, ...]:
    """Give those of `watched`, as C spells them, that the image leaves undefined, sorted.

    Reads both tables whole. Raises `errors.BadBinary`.
    """
    spelled = {f"_{name}".encode(): name for name in watched}
    return tuple(sorted({spelled[name] for name in _undefined(raw) if name in spelled}))


def _undefined(raw: Raw) -> Iterator[bytes]:
    for table in raw.of(c.LC_SYMTAB):
        start, count, strings_at, strings_size = raw.words(table, 4)
        strings = raw.window.read(strings_at, strings_size, "names of symbols")
        step = 16 if raw.codec.bits == 64 else 12
        for command in raw.of(c.LC_DYSYMTAB):
            *_, first, number = raw.words(command, 6)
            if first + number > count:
                raise raw.window.bad("undefined symbols lie outside of their table", command.offset)
            data = raw.window.read(start + first * step, number * step, "symbol table")
            for at in range(0, len(data), step):
                (name,) = raw.codec.words(data, at, 1)
                yield strings[name : strings.find(b"\0", name)]
