"""Which members may begin with certain bytes: of most that is told without inflating them.

Wheels of thousands of members have short texts. Those are deflated in a block of the fixed code
(RFC 1951, 3.2.6), in which an ASCII character has 8 bits, the first of them first. Three bits lead
the block, so that the first four of a character are bits 3 to 6 of a byte, and in no other code.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import repeat
from operator import add

from wheelfix.archive.handle import Handle, spans
from wheelfix.archive.listing import Columns
from wheelfix.archive.source import HEAD_FEED
from wheelfix.archive.zipformat import DEFLATED, STORED

_TEXT = frozenset(int(f"{first:04b}"[::-1], 2) for first in range(0x3, 0xC))
"""Bits 3 to 6 of a byte, the lowest first, where a character of 8 bits begins: 0 to 143."""


def suspects(handle: Handle, columns: Columns, magics: tuple[bytes, ...], size: int) -> list[int]:
    """Give the rows of members that may begin with one of `magics`.

    And of those whose first `size` bytes cannot be had: all others are sound so far.
    """
    most = map(
        min, map(add, columns.data, repeat(HEAD_FEED)), map(add, columns.data, columns.packed)
    )
    packed = spans(handle, columns.data, list(most))
    doubtful = _doubtful(packed, {magic[0] for magic in magics}, size + 1)
    others = [row for row, method in enumerate(columns.methods) if method != DEFLATED]
    return [
        *(r for r in others if columns.methods[r] != STORED or packed[r].startswith(magics)),
        *(
            row
            for row in doubtful
            if columns.methods[row] == DEFLATED and _may_begin(packed[row], magics, size)
        ),
    ]


def _doubtful(packed: Sequence[bytes], leads: set[int], count: int) -> list[int]:
    """Give the rows that do not begin with `count` characters of the fixed code, or with a lead.

    zlib looks at one character behind the last that it gives, and may find fault with it.
    """
    every = b"".join([data[:count].ljust(count, b"\0") for data in packed])
    doubts = bytearray(every.translate(bytes(byte >> 3 & 15 not in _TEXT for byte in range(256))))
    doubts[::count] = every[::count].translate(_no_first(leads))
    rows: list[int] = []
    at = doubts.find(1)
    while at >= 0:
        rows.append(at // count)
        at = doubts.find(1, (rows[-1] + 1) * count)
    return rows


def _no_first(leads: set[int]) -> bytes:
    """Mark what a text's first byte is not: its high bits are five of the first character's."""
    suspect = {int(f"{0x30 + lead:08b}"[4::-1], 2) for lead in leads if lead < 144}
    return bytes(
        byte >> 1 & 3 != 1 or byte >> 3 & 15 not in _TEXT or byte >> 3 in suspect
        for byte in range(256)
    )


def _may_begin(packed: bytes, magics: tuple[bytes, ...], size: int) -> bool:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        head = decoder.decompress(packed, size)
    except zlib.error:
        return True
    return head.startswith(magics) or (len(head) < size and not decoder.eof)
