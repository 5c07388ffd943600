"""All plain members of a directory at once, field by field instead of member by member.

Nothing here is an error: what is not taken is read one by one, and there it is known what to say.
"""

from __future__ import annotations

import struct
from itertools import accumulate, chain, compress, repeat
from operator import add

from wheelfix.archive.handle import Handle, spans
from wheelfix.archive.listing import Columns, joined
from wheelfix.archive.names import all_plain, is_plain
from wheelfix.archive.plain import DEFLATE_RATIO, LEAST
from wheelfix.archive.zipformat import (
    CENTRAL,
    CENTRAL_SIGNATURE,
    DEFLATED,
    LOCAL,
    LOCAL_SIGNATURE,
    STORED,
    WIDE,
)
from wheelfix.model import WheelPath
from wheelfix.typed import cast
from wheelfix.value import fields_of

FIXED = CENTRAL.size - len(CENTRAL_SIGNATURE)
"""Bytes of a record between its signature and its name."""

_FLAGS, _CRC, _PACKED, _SIZE = (4, "H"), (12, "L"), (16, "L"), (20, "L")
_NAME, _EXTRA, _COMMENT = (24, "H"), (26, "H"), (28, "H")
_MODE, _BEGIN = (36, "H"), (38, "L")
"""4.3.12: fields of a record, counted from behind its signature, and how they are unpacked."""

_BLOCK = 1 << 16
"""Bytes of records that are read at once, and one record more: what that takes stays in the
processor's caches, and the next block has the memory again."""

_NEEDED, _ALIKE = 2, LOCAL.size - len(LOCAL_SIGNATURE)
"""4.3.7 and 4.3.12: from the version needed to the extra field's length both headers are alike."""

_ORDINARY = (
    (4, bytes((0, 2, 4, 6))),  # 4.4.4: two bits tell how hard it was deflated
    (5, bytes((0, 8))),  # 4.4.4: the name is in UTF-8
    (6, bytes((STORED, DEFLATED))),
    *((at, b"\0") for at in (7, *range(26, 32))),  # no extra field, no comment, no other disk
    (37, bytes((*range(0x10), *range(0x80, 0x90)))),  # no type of file, or a regular one's
)
"""Bytes of a record, and what they are where nothing is out of the ordinary."""


def read_plain(handle: Handle, data: bytes) -> tuple[Columns, list[int]] | None:
    """Read the plain members of a directory, and give the places in it of all others too.

    None where the directory does not fall into records.
    """
    blocks: list[Columns] = []
    odd: list[int] = []
    begin = 0
    while begin < len(data):
        found = data.find(CENTRAL_SIGNATURE, begin + _BLOCK)
        end = len(data) if found < 0 else found
        before, *records = data[begin:end].split(CENTRAL_SIGNATURE)
        lengths = [len(CENTRAL_SIGNATURE) + len(record) for record in records]
        places = list(accumulate(lengths, initial=begin))[:-1]
        columns = None if before else _read_block(handle, records, places)
        if columns is None:
            return None
        blocks.append(columns)
        if len(columns.places) < len(places):
            odd += sorted(set(places).difference(columns.places))
        begin = end
    return joined(blocks), odd


def _read_block(handle: Handle, records: list[bytes], places: list[int]) -> Columns | None:
    heads = b"".join([record[:FIXED] for record in records])
    if len(heads) != FIXED * len(records) or list(map(len, records)) != _lengths(heads):
        return None
    names = [record[FIXED:] for record in records]
    columns = _columns(heads, names, places)
    plain = _usual(heads, names, columns)
    if not all(plain):
        names = list(compress(names, plain))
        heads = b"".join([record[:FIXED] for record in compress(records, plain)])
        columns = _kept(columns, plain)
    return _kept(columns, _agreeing(handle, heads, names, columns))


def _lengths(heads: bytes) -> list[int]:
    """Give how long the records say that they are."""
    behind = map(add, _column(heads, _EXTRA), _column(heads, _COMMENT))
    return list(map(add, map(add, _column(heads, _NAME), behind), repeat(FIXED)))


def _column(heads: bytes, field: tuple[int, str]) -> tuple[int, ...]:
    at, letter = field
    count, width = len(heads) // FIXED, struct.calcsize(f"<{letter}")
    together = bytearray(count * width)
    for byte in range(width):
        together[byte::width] = heads[at + byte :: FIXED]
    return struct.unpack(f"<{count}{letter}", together)


def _columns(heads: bytes, names: list[bytes], places: list[int]) -> Columns:
    begins, packed = _column(heads, _BEGIN), _column(heads, _PACKED)
    data = list(map(add, begins, map(add, map(len, names), repeat(LOCAL.size))))
    text = b"\n".join(names).decode("latin-1")  # plain names are ASCII, others are not kept
    paths = text.split("\n")
    if len(paths) != len(names):
        paths = [name.decode("latin-1") for name in names]
    return Columns(
        begins=begins,
        paths=cast("list[WheelPath]", paths),
        systems=heads[1::FIXED],
        flags=_column(heads, _FLAGS),
        methods=heads[6::FIXED],
        crcs=_column(heads, _CRC),
        packed=packed,
        sizes=_column(heads, _SIZE),
        modes=_column(heads, _MODE),
        data=data,
        ends=list(map(add, data, packed)),
        places=places,
    )


def _usual(heads: bytes, names: list[bytes], columns: Columns) -> list[bool]:
    """Tell of each record whether it says nothing out of the ordinary."""
    usual = [
        packed >= LEAST and size <= packed * DEFLATE_RATIO if method else size == packed
        for method, size, packed in zip(columns.methods, columns.sizes, columns.packed, strict=True)
    ]
    for numbers in (columns.sizes, columns.packed, columns.begins):
        if WIDE in numbers:
            usual = [it and number != WIDE for it, number in zip(usual, numbers, strict=True)]
    if not all_plain(names):
        texts = (name.decode("latin-1") for name in names)  # the pattern takes ASCII alone
        usual = [it and is_plain(text) for it, text in zip(usual, texts, strict=True)]
    for at, ordinary in _ORDINARY:
        column = heads[at::FIXED]
        if column.translate(None, ordinary):
            usual = [it and byte in ordinary for it, byte in zip(usual, column, strict=True)]
    return usual


def _agreeing(handle: Handle, heads: bytes, names: list[bytes], columns: Columns) -> list[bool]:
    """Tell of each record whether the local header says the same."""
    found = spans(handle, columns.begins, columns.data)
    wanted = _locals(heads)
    if b"".join(found) == b"".join(chain.from_iterable(zip(wanted, names, strict=True))):
        return [True] * len(names)
    return [local == head + name for local, head, name in zip(found, wanted, names, strict=True)]


def _locals(heads: bytes) -> tuple[bytes, ...]:
    """Give the local headers that go with records, up to their names."""
    count = len(heads) // FIXED
    made = bytearray(LOCAL_SIGNATURE + bytes(_ALIKE)) * count
    for at in range(_ALIKE):
        made[len(LOCAL_SIGNATURE) + at :: LOCAL.size] = heads[_NEEDED + at :: FIXED]
    return struct.unpack(f"{LOCAL.size}s" * count, made)


def _kept(columns: Columns, wanted: list[bool]) -> Columns:
    if all(wanted):
        return columns
    names = fields_of(columns)
    return Columns(**{name: list(compress(getattr(columns, name), wanted)) for name in names})
