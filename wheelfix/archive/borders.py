"""Where blocks of a deflate stream begin (RFC 1951).

A stream tells nowhere at which bit its blocks begin. But what a block of dynamic codes begins with
is rare among other bits, and zlib tells whether a place is one: a last block that is put there in
place of the rest is inflated to what it says.
"""

from __future__ import annotations

import re

from wheelfix.archive.inflater import stream_errors
from wheelfix.typed import Any
from wheelfix.value import Value

WINDOW = 1 << 15
"""2: as many bytes back a stream may refer to."""


class Mark(Value):
    """A place in a stream, between two bytes of it."""

    inflater: Any
    """As it was there; only copies of it go on."""
    read: int
    """Bytes of the stream so far."""
    out: int
    """Bytes that they were inflated to."""


class Border(Value):
    """Where a block begins."""

    bit: int
    """Of the stream: bytes times 8, from the least significant bit of each."""
    out: int
    """Bytes that the blocks before are inflated to."""


def border_behind(mark: Mark, data: bytes, end: int) -> Border | None:
    """Find the first block that begins behind `mark` and in front of byte `end` of the stream.

    `data` is the stream from the mark on, and goes some bytes beyond `end` where there are more.
    None where there is none: blocks of fixed codes and stored ones are not looked for.
    """
    inflater, at, out = mark.inflater.copy(), 0, mark.out
    for bit in heads(data, 0, end - mark.read, USUAL):
        whole, rest = divmod(bit, 8)
        out += len(inflater.decompress(data[at:whole]))
        at = whole
        said = _said_behind(inflater, data[whole] & (1 << rest) - 1, rest)
        if said is not None:
            return Border(bit=(mark.read + whole) * 8 + rest, out=out + said)
    return None


def _said_behind(inflater: Any, bits: int, count: int) -> int | None:
    """Give how many bytes `bits` inflate to if a block may begin behind them; None if none may."""
    ahead = inflater.copy()
    try:
        found = ahead.decompress(ended(bits, count))
    except stream_errors():
        return None
    return len(found) - len(PROBE) if ahead.eof and found.endswith(PROBE) else None


def ended(bits: int, count: int) -> bytes:
    """Put a last block behind `count` bits, which says `PROBE` if a block may begin there."""
    probe, width = _PROBE_BITS
    return (bits | probe << count).to_bytes((count + width + 7) // 8, "little")


def _last_block(text: bytes) -> tuple[int, int]:
    """Say ASCII in a last block of fixed codes (3.2.6): bits, count."""
    bits, count = 0b011, 3
    for byte in text:
        code = f"{0b00110000 + byte:08b}"  # codes stand most significant bit first
        bits, count = bits | int(code[::-1], 2) << count, count + 8
    return bits, count + 7


PROBE = b"a block's border"
"""What the block says that is put in place of the rest; nothing but its own bits says so."""

_PROBE_BITS = _last_block(PROBE)


def _header(kind: int, lengths: int, distances: int) -> re.Pattern[bytes]:
    """Make what finds heads of blocks of dynamic codes (3.2.3, 3.2.7).

    `kind` is their first three bits, `lengths` the fewest codes for lengths, `distances` the
    fewest for distances but one; at least 12 lengths of length codes, as all compressors have them.
    """
    allowed = (
        {kind | more << 3 for more in range(lengths, 30)},
        {more | rest << 5 for more in range(distances, 30) for rest in range(8)},
        {1 | rest << 1 for rest in range(128)},
    )
    first, *rest = (re.escape(bytes(each)) for each in allowed)
    # Outside of the look ahead, for `re` then skips quickly to what may begin one.
    return re.compile(b"[%b](?=[%b][%b])" % (first, *rest), re.DOTALL)


_ANOTHER, _LAST = 0b100, 0b101
USUAL, USUAL_LAST = _header(_ANOTHER, 0, 27), _header(_LAST, 18, 27)
"""Blocks of some size have use for nearly all distances, and libdeflate's for most lengths: what
lets little else through."""
ANY_LAST = _header(_LAST, 0, 0)

_TWO = tuple(sum(1 << 7 >> length for length in (two & 7, two >> 3) if length) for two in range(64))
_FOUR = tuple(upper + lower for upper in _TWO for lower in _TWO)
"""What four lengths of codes take of all codes there can be, which is 128."""


def heads(data: bytes | bytearray, begin: int, end: int, header: re.Pattern[bytes]) -> list[int]:
    """Give the bits from byte `begin` to `end`, in order, where such a block may begin.

    There, a complete code for the lengths of the other codes is told (3.2.7).
    """
    chunk = data[begin : end + 16]
    number = int.from_bytes(chunk, "little")
    found = []
    for phase in range(8):
        shifted = (number >> phase).to_bytes(len(chunk), "little")
        for match in header.finditer(shifted, 0, end - begin + 2):
            at = match.start()
            if _is_complete(int.from_bytes(shifted[at : at + 10], "little")):
                found.append((begin + at) * 8 + phase)
    return sorted(found)


def _is_complete(header: int) -> bool:
    """Tell whether the code for lengths is complete: up to 19 lengths of 3 bits behind 17 bits."""
    lengths = header >> 17 & (1 << 3 * ((header >> 13 & 15) + 4)) - 1
    shares = _FOUR[lengths & 4095] + _FOUR[lengths >> 12 & 4095] + _FOUR[lengths >> 24 & 4095]
    return shares + _FOUR[lengths >> 36 & 4095] + _FOUR[lengths >> 48] == 1 << 7
