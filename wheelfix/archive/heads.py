"""Which members may begin with certain bytes: of most that is told without inflating them.

Wheels of thousands of members have short texts. Those are deflated in a block of the fixed code
(RFC 1951, 3.2.6), in which an ASCII character has 8 bits, the first of them first. Three bits lead
the block, so that the first four of a character are bits 3 to 6 of a byte, and in no other code.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import chain, compress, repeat
from operator import add, gt, lt, ne

from wheelfix.archive.handle import Handle, spans
from wheelfix.archive.listing import Columns
from wheelfix.archive.source import HEAD_FEED
from wheelfix.archive.zipformat import DEFLATED, STORED

_TEXT = frozenset(int(f"{first:04b}"[::-1], 2) for first in range(0x3, 0xC))
"""Bits 3 to 6 of a byte, the lowest first, where a character of 8 bits begins: 0 to 143."""

_SMALL = 1 << 16
"""Bytes up to which members are looked at in the order in which they lie, many at once."""


def suspects(
    handle: Handle, columns: Columns, magics: tuple[bytes, ...], size: int
) -> Iterator[tuple[int, bytes | None]]:
    """Give the rows of members that begin with one of `magics`, the large ones first.

    Beside them stand their first `size` bytes; None where they could not be had, which is to be
    looked at more closely: all members that are not given are sound so far.
    """
    sizes = columns.sizes
    large = list(compress(range(len(sizes)), map(gt, sizes, repeat(_SMALL))))
    large.sort(key=sizes.__getitem__, reverse=True)
    # Who asks is at work on the first of them while the thousands of others are gone through.
    for row in chain(large, _doubtful(handle, columns, magics, size)):
        head = _head(handle, columns, row, size)
        if head is None or head.startswith(magics):
            yield row, head


def _doubtful(
    handle: Handle, columns: Columns, magics: tuple[bytes, ...], size: int
) -> Iterator[int]:
    """Give the rows of small members that may begin so, in the order in which they lie."""
    count = size + 1  # zlib looks at one character behind those that it gives
    firsts = spans(handle, columns.data, list(map(add, columns.data, repeat(count))))
    marks = _marked(firsts, {magic[0] for magic in magics}, count)
    every = range(len(firsts))
    others = compress(every, map(ne, columns.methods, repeat(DEFLATED)))
    short = compress(every, map(lt, columns.packed, repeat(count)))
    for row in sorted({*compress(every, marks), *short, *others}):
        harmless = columns.methods[row] == STORED and not firsts[row].startswith(magics)
        if not harmless and columns.sizes[row] <= _SMALL:
            yield row


def _head(handle: Handle, columns: Columns, row: int, size: int) -> bytes | None:
    """Give a member's first bytes; None where they are not to be had so."""
    if columns.methods[row] == DEFLATED:
        return _inflated(handle, columns, row, size)
    if columns.methods[row] != STORED:
        return None
    wanted = min(size, columns.packed[row])
    found = handle.read(columns.data[row], wanted)
    return found if len(found) == wanted else None


def _marked(firsts: list[bytes], leads: set[int], count: int) -> bytes:
    """Mark the rows that do not begin with `count` characters of the fixed code, or with a lead."""
    every = b"".join(firsts).ljust(len(firsts) * count, b"\0")
    marks = bytearray(every.translate(bytes(byte >> 3 & 15 not in _TEXT for byte in range(256))))
    marks[::count] = every[::count].translate(_no_first(leads))
    rows = bytearray(len(firsts))
    at = marks.find(1)
    while at >= 0:
        row = at // count
        rows[row] = 1
        at = marks.find(1, (row + 1) * count)
    return bytes(rows)


def _no_first(leads: set[int]) -> bytes:
    """Mark what a text's first byte is not: its high bits are five of the first character's."""
    suspect = {int(f"{0x30 + lead:08b}"[4::-1], 2) for lead in leads if lead < 144}
    return bytes(
        byte >> 1 & 3 != 1 or byte >> 3 & 15 not in _TEXT or byte >> 3 in suspect
        for byte in range(256)
    )


def _inflated(handle: Handle, columns: Columns, row: int, size: int) -> bytes | None:
    packed = handle.read(columns.data[row], min(columns.packed[row], HEAD_FEED))
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        head = decoder.decompress(packed, size)
    except zlib.error:
        return None
    return head if len(head) == size or decoder.eof else None
