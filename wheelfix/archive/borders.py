"""Where blocks of a deflate stream begin (RFC 1951), and what makes streams fit to each other.

A stream tells nowhere at which bit its blocks begin. But what a block of dynamic codes begins with
is rare among other bits, and zlib tells whether a place is one: a last block that is put there in
place of the rest is inflated to what it says.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

from wheelfix.value import value

WINDOW = 1 << 15
"""2: as many bytes back a stream may refer to."""

Deflate: TypeAlias = Callable[[bytes], bytes | bytearray]
"""Makes a whole stream, whose last block is marked as the last."""


@value
class Mark:
    """A place in a stream, between two bytes of it."""

    inflater: zlib._Decompress
    """As it was there; only copies of it go on."""
    read: int
    """Bytes of the stream so far."""
    out: int
    """Bytes that they were inflated to."""


@value
class Border:
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
    for bit in _like_dynamic(data, end - mark.read):
        whole, rest = divmod(bit, 8)
        out += len(inflater.decompress(data[at:whole]))
        at = whole
        said = _said_behind(inflater, data[whole] & (1 << rest) - 1, rest)
        if said is not None:
            return Border(bit=(mark.read + whole) * 8 + rest, out=out + said)
    return None


def _said_behind(inflater: zlib._Decompress, bits: int, count: int) -> int | None:
    """Give how many bytes `bits` inflate to if a block may begin behind them; None if none may."""
    probe, width = _PROBE_BITS
    last = (bits | probe << count).to_bytes((count + width + 7) // 8, "little")
    ahead = inflater.copy()
    try:
        found = ahead.decompress(last)
    except zlib.error:
        return None
    return len(found) - len(_PROBE) if ahead.eof and found.endswith(_PROBE) else None


def _last_block(text: bytes) -> tuple[int, int]:
    """Say ASCII in a last block of fixed codes (3.2.6): bits, count."""
    bits, count = 0b011, 3
    for byte in text:
        code = f"{0b00110000 + byte:08b}"  # codes stand most significant bit first
        bits, count = bits | int(code[::-1], 2) << count, count + 8
    return bits, count + 7


_PROBE = b"a block's border"
"""What the block says that is put in place of the rest; nothing but its own bits says so."""

_PROBE_BITS = _last_block(_PROBE)

_STEP = 1 << 12
"""Bytes that are looked through at once."""

# 3.2.3, 3.2.7: not the last, of dynamic codes, at most 286 literal and length codes; then at most
# 30 distance codes; then at least 12 lengths of length codes, as all compressors have them.
_HEADER = re.compile(
    b"(?=[%b][%b][%b])"
    % (
        re.escape(bytes(byte for byte in range(256) if byte & 7 == 0b100 and byte >> 3 < 30)),
        re.escape(bytes(byte for byte in range(256) if byte & 31 < 30)),
        re.escape(bytes(byte for byte in range(256) if byte & 1)),
    ),
    re.DOTALL,
)

_TWO = tuple(sum(1 << 7 >> length for length in (two & 7, two >> 3) if length) for two in range(64))
_FOUR = tuple(upper + lower for upper in _TWO for lower in _TWO)
"""What four lengths of codes take of all codes there can be, which is 128."""


def _like_dynamic(data: bytes, end: int) -> Iterator[int]:
    """Give the bits below byte `end`, in order, where a block of dynamic codes may begin.

    There, a complete code for the lengths of the other codes is told (3.2.7).
    """
    for begin in range(0, end, _STEP):
        step = min(_STEP, end - begin)
        for bit in sorted(_heads(data[begin : begin + step + 16], step)):
            yield begin * 8 + bit


def _heads(chunk: bytes, step: int) -> Iterator[int]:
    number = int.from_bytes(chunk, "little")
    for phase in range(8):
        shifted = (number >> phase).to_bytes(len(chunk), "little")
        for match in _HEADER.finditer(shifted, 0, step + 2):
            at = match.start()
            if _is_complete(int.from_bytes(shifted[at : at + 10], "little")):
                yield at * 8 + phase


def _is_complete(header: int) -> bool:
    """Tell whether the code for lengths is complete: up to 19 lengths of 3 bits behind 17 bits."""
    lengths = header >> 17 & (1 << 3 * ((header >> 13 & 15) + 4)) - 1
    shares = _FOUR[lengths & 4095] + _FOUR[lengths >> 12 & 4095] + _FOUR[lengths >> 24 & 4095]
    return shares + _FOUR[lengths >> 36 & 4095] + _FOUR[lengths >> 48] == 1 << 7


_SYNC = b"\x00\x00\xff\xff"
"""3.2.4: the lengths of an empty stored block, behind the border of a byte."""


def realigned(bits: int, count: int) -> bytes:
    """Give `count` bits, at most 7, and an empty stored block, which ends with a byte."""
    return (bits & (1 << count) - 1).to_bytes((count + 10) // 8, "little") + _SYNC


def phased(phase: int) -> tuple[int, int]:
    """Give empty blocks that begin with a byte and end `phase` bits behind another: bits, count."""
    bits, count = _ODD if phase % 2 else (0, 0)
    while count % 8 != phase:
        bits, count = bits | 0b010 << count, count + 10  # 3.2.6: fixed codes, and no more
    return bits, count


def _empty_of_odd_length() -> tuple[int, int]:
    """Make an empty block of dynamic codes, all of them complete (3.2.7): bits, count."""
    literals_and_lengths = [(0, 5), (1, 5), (14, 4)]
    lengths_of_length_codes = [({18: 1, 1: 2, 2: 2}.get(length, 0), 3) for length in _LENGTH_CODES]
    one, two, zeros = (0b01, 2), (0b11, 2), (0b0, 1)  # codes stand most significant bit first
    lengths = [one, two, zeros, (138 - 11, 7), zeros, (254 - 138 - 11, 7), two, one, one]
    end_of_block = (0b11, 2)
    bits = count = 0
    header = [(0b100, 3), *literals_and_lengths, *lengths_of_length_codes]
    for number, width in (*header, *lengths, end_of_block):
        bits, count = bits | number << count, count + width
    return bits, count


_LENGTH_CODES = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1)
"""3.2.7: the order in which their lengths stand, as far as needed here."""

_ODD = _empty_of_odd_length()


def open_ended(content: bytes, deflate: Deflate) -> Iterator[bytes]:
    """Deflate `content` into blocks of which none is the last; they begin and end with a byte."""
    for begin in range(0, len(content), _STEP << 3):
        yield from _opened(content[begin : begin + (_STEP << 3)], deflate)


def _opened(piece: bytes, deflate: Deflate) -> Iterator[bytes]:
    """Take the mark of the last block away, which is the first bit where there is one block."""
    stream = bytearray(deflate(piece))
    if not stream[0] & 1:
        half = len(piece) // 2
        yield from _opened(piece[:half], deflate)
        yield from _opened(piece[half:], deflate)
        return
    stream[0] &= ~1
    for behind in (_SYNC, b"\0" + _SYNC):  # where its last byte has room for the next block's head
        if _inflates_to(piece, stream + behind):
            yield bytes(stream + behind)
            return
    raise AssertionError("one block ends in its last byte")


def _inflates_to(piece: bytes, stream: bytearray) -> bool:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = inflater.decompress(stream + b"\x03\0")
    except zlib.error:
        return False
    return inflater.eof and found == piece
