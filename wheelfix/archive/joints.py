"""What makes deflate streams (RFC 1951) fit to each other: open ends, and blocks of nothing."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from wheelfix.archive.borders import ANY_LAST, USUAL_LAST, WINDOW, heads
from wheelfix.archive.coder import Data
from wheelfix.typed import Protocol

FAR = 5 << 16
"""Bytes before a stream's end in which its last block is looked for: libdeflate makes blocks of at
most 300,000 bytes (SOFT_MAX_BLOCK_LENGTH in its deflate_compress.c)."""

_STEP = 1 << 14
_NEAR = 1 << 10
"""Bytes at the end that are gone through for all kinds of blocks: short ones are not as others."""
_SYNC = b"\x00\x00\xff\xff"
"""3.2.4: the lengths of an empty stored block, behind the border of a byte."""
_SURE = 256
"""Bytes of a stream that no other place in it says by chance, when it says the content's end."""
_LONGEST = 0xFFFF
"""3.2.4: most bytes of a stored block."""
_EMPTY_LAST = b"\x03\x00"
"""3.2.6: fixed codes, and no more."""


class Coder(Protocol):
    """Makes whole streams, whose last block is marked as the last."""

    def deflated(self, content: Data) -> bytes | bytearray:
        """Give the stream of `content`."""
        ...

    def inflates_to(self, content: Data, stream: bytearray) -> bool:
        """Tell whether a stream is that of `content`; False too where it is none."""
        ...


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


def open_ended(content: Data, coder: Coder) -> Iterator[bytearray]:
    """Deflate `content` into blocks of which none is the last; they begin and end with a byte."""
    if not len(content):
        return
    stream = coder.deflated(content)
    stream = stream if isinstance(stream, bytearray) else bytearray(stream)
    for bit in _last_heads(stream):
        if _opened(stream, bit, content, coder):
            yield stream
            return
    half = len(content) // 2
    yield from open_ended(content[:half], coder)
    yield from open_ended(content[half:], coder)


def _last_heads(stream: bytearray) -> Iterator[int]:
    """Give the bits where the last block may begin, the likeliest first."""
    if stream[0] & 1:
        yield 0
        return
    end = len(stream)
    yield from _stored_last(stream)
    yield from reversed(heads(stream, max(end - _NEAR, 0), end, ANY_LAST))
    for header in (USUAL_LAST, ANY_LAST):
        for behind in range(0, min(FAR, end), _STEP):
            begin = max(end - behind - _STEP, 0)
            yield from reversed(heads(stream, begin, end - behind, header))


def _stored_last(stream: bytearray) -> Iterator[int]:
    """Give the bit where a stored block begins that ends with the stream (3.2.4).

    What cannot be compressed consists of such blocks: behind the head stand the length of their
    bytes and its complement.
    """
    tail = stream[-_LONGEST - 6 :]
    number = int.from_bytes(tail, "little")
    complements = (number ^ number >> 16).to_bytes(len(tail), "little")
    at = complements.find(b"\xff\xff")
    while at >= 0:
        told = int.from_bytes(tail[at : at + 2], "little")
        mark = int.from_bytes(tail[max(at - 2, 0) : at], "little").bit_length() - 1
        if at >= 2 and at + 4 + told == len(tail) and 6 <= mark < 14:  # fewer than 8 bits follow
            yield (len(stream) - len(tail) + at - 2) * 8 + mark
        at = complements.find(b"\xff\xff", at + 1)


def _opened(stream: bytearray, bit: int, content: Data, coder: Coder) -> bool:
    """Take the mark of the last block away and let the stream end with a byte.

    False, and nothing done, if it begins elsewhere.
    """
    whole, rest = divmod(bit, 8)
    tail = stream[whole:]
    tail[0] &= ~(1 << rest)
    for behind in (_SYNC, b"\0" + _SYNC):  # where its last byte has room for the next block's head
        ended = tail + behind + _EMPTY_LAST
        said = _end_said(content, ended, rest)
        sure = said is not None and min(said, len(tail)) >= _SURE
        if sure or (said is not None and coder.inflates_to(content, stream[:whole] + ended)):
            stream[whole:] = tail + behind
            return True
    return False


def _end_said(content: Data, tail: bytearray, phase: int) -> int | None:
    """Give how many bytes a stream's tail says, from bit `phase` of its first byte on.

    None unless it is blocks to its end, and says the content's end.
    """
    said = _said(tail, phase, b"")
    if said is None or len(said) > len(content):
        return None
    begin = len(content) - len(said)
    before = content[max(begin - WINDOW, 0) : begin]
    return len(said) if _said(tail, phase, before) == content[begin:] else None


def _said(tail: bytearray, phase: int, before: Data) -> bytes | None:
    """Inflate such a tail behind what is `before` it: zeros for what is not given of that.

    None unless it is blocks to its end.
    """
    bits, count = phased(phase)
    bits |= int.from_bytes(tail, "little") >> phase << count
    window = bytes(before).rjust(WINDOW, b"\0")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS, zdict=window)
    try:
        said = inflater.decompress(bits.to_bytes(count // 8 + len(tail), "little"))
    except zlib.error:
        return None
    return said if inflater.eof and not inflater.unused_data else None
