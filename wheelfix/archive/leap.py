"""The end of a large deflated member, read without inflating what stands before it.

Who begins in the middle of a stream must know three things (RFC 1951): where a block begins, how
many bytes come before it, and the last 32 KiB of these, to which blocks refer.

* What begins like a block of dynamic codes is one if the rest of the stream follows from it, to the
  very end. Bits that only look like a head would have to be followed by another by chance, and even
  then no more would be wrong than what stands before that: so the first `SURE` bytes, which are
  several blocks, are not used. Nor is what could be another stream's end in a stored block.
* The bytes before it are those that the directory tells, less those that come out.
* The rest is inflated behind two windows that differ in every byte. What comes out of both alike
  does not depend on what stood there; what does not is not used either. Both follow the same bits
  by the same codes: as soon as a window's length comes out alike, so does all that is behind it.

Where one of these is not to be had, nothing is said, and the member is inflated from its beginning.
"""

from __future__ import annotations

from collections.abc import Iterator

from wheelfix.archive.borders import PROBE, USUAL, WINDOW, ended, heads
from wheelfix.archive.handle import Handle
from wheelfix.archive.inflater import inflater, stream_errors
from wheelfix.archive.joints import phased
from wheelfix.archive.zipformat import Entry
from wheelfix.value import Value

SURE = 1 << 19
"""Bytes from the block on that one begins with, which are not used."""

GRAIN = 1 << 12
"""Bytes of which all are known, or none."""

LEADS = (2 << 20, 6 << 20, 12 << 20)
"""How many bytes before those that are asked for one begins: the first that makes them known."""

SEARCHED = 1 << 18
"""Compressed bytes in which the head of a block is looked for; hardly a block has more."""

MISJUDGED = 1 << 23
"""Bytes that may come out beyond what was hoped for: not all of a member is packed as tightly."""

_STORED = 1 << 16
"""3.2.4: more bytes than any stored block has."""

_STEP = 1 << 14
_FEED = 1 << 16
_PIECE = 1 << 16
"""Bytes inflated at once: so few that each piece takes the last one's place in memory."""


class Tail(Value):
    """A member's last bytes."""

    bit: int
    """Of the stream: where the block begins from which on they were read."""
    begin: int
    """Where they begin in it."""
    data: bytearray
    doubtful: frozenset[int]
    """Numbers of their grains, of `GRAIN` bytes each, that depend on what stands before them."""
    later: Tail | None
    """What stands behind `data`; None where that goes to the end."""

    def read(self, offset: int, size: int) -> bytes | None:
        """Give bytes of the member; None where they are not all known."""
        at = offset - self.begin
        if self.later is not None and at + size > len(self.data):
            return self.later.read(offset, size)
        if at < 0 or not self.doubtful.isdisjoint(range(at // GRAIN, -(-(at + size) // GRAIN))):
            return None
        return bytes(memoryview(self.data)[at : at + size])


def tail_from(
    handle: Handle, entry: Entry, offset: int, size: int, *, later: Tail | None = None
) -> Tail | None:
    """Give a member's end with the `size` bytes at `offset` in it; None where it cannot be had.

    What is known of it already is `later`; what of that is not known is read again. Takes time and
    memory as what stands between `offset` and that does, or some MiB more. Raises `BadWheel` where
    the archive cannot be read.
    """
    if later is not None and later.begin <= offset:
        later = None
    for lead in LEADS:
        if lead > offset // 3:
            return None
        tail = _tail(handle, entry, offset - lead, later)
        if tail is not None and tail.read(offset, size) is not None:
            return tail
    return None


def _tail(handle: Handle, entry: Entry, hoped: int, later: Tail | None) -> Tail | None:
    """Give the end of a member that begins near its byte `hoped`."""
    member = entry.member
    end = member.size if later is None else later.begin
    at = member.compressed_size * hoped // member.size
    data = _stream(handle, entry, at, later)
    found = _first_block(data, end - hoped + MISJUDGED)
    if found is None:
        return None
    bit, said = found
    doubtful = _doubtful(data, bit, said)
    if later is not None:
        if not said.endswith(PROBE):
            return None
        del said[-len(PROBE) :]
    return Tail(bit=at * 8 + bit, begin=end - len(said), data=said, doubtful=doubtful, later=later)


def _stream(handle: Handle, entry: Entry, at: int, later: Tail | None) -> bytes:
    """Read a stream from its byte `at` on; to where `later` begins, with an end put there."""
    begin = entry.member.data_offset
    if later is None:
        return handle.exactly(begin + at, entry.member.compressed_size - at)
    whole, rest = divmod(later.bit, 8)
    if at >= whole:
        return b""
    data = handle.exactly(begin + at, whole + 1 - at)
    return data[:-1] + ended(data[-1] & (1 << rest) - 1, rest)


def _first_block(data: bytes, most: int) -> tuple[int, bytearray] | None:
    """Give the first bit from which on the rest of the stream follows, and what that says.

    Not if that is more than `most` bytes.
    """
    for begin in range(0, min(SEARCHED, len(data) - _STORED), _STEP):
        for bit in heads(data, begin, min(begin + _STEP, len(data)), USUAL):
            said = _said(data, bit, most)
            if said is not None:
                return bit, said
    return None


def _said(data: bytes, bit: int, most: int) -> bytearray | None:
    said, piece = bytearray(), b"?"
    try:
        for piece in _inflated(data, bit, b"\0"):
            said += piece
            if len(said) > most:
                return None
    except stream_errors():
        return None
    return None if piece else said


def _doubtful(data: bytes, bit: int, said: bytearray) -> frozenset[int]:
    """Give the numbers of the grains in which another window says something else, and the first."""
    found = set(range(SURE // GRAIN))
    at = alike = 0
    for piece in _inflated(data, bit, b"\xff"):
        alike += len(piece)
        if piece != said[at : at + len(piece)]:  # no memoryview: those are compared one by one
            found.update(_differing(piece, said, at))
            alike = 0
        at += len(piece)
        if alike >= WINDOW:
            break
    return frozenset(found)


def _differing(piece: bytes, said: bytearray, at: int) -> Iterator[int]:
    """Give the numbers of the grains that a piece, which stands at `at`, says otherwise."""
    for number in range(at // GRAIN, -(-(at + len(piece)) // GRAIN)):
        begin, end = max(number * GRAIN, at), min((number + 1) * GRAIN, at + len(piece))
        if piece[begin - at : end - at] != said[begin:end]:
            yield number


def _inflated(data: bytes, bit: int, filling: bytes) -> Iterator[bytes]:
    """Inflate from `bit` on behind a window full of one byte; the last piece is empty.

    Raises one of `stream_errors`; where the stream does not end with `data` no piece is empty.
    """
    whole, rest = divmod(bit, 8)
    bits, count = phased(rest)
    packed = (bits | data[whole] >> rest << count).to_bytes(count // 8 + 1, "little")
    decoder = inflater(len(data), filling * WINDOW)
    at = whole + 1
    while not decoder.eof:
        piece = decoder.decompress(packed, _PIECE)
        if piece:
            yield piece
        elif at >= len(data) and not packed:
            return
        packed = decoder.unconsumed_tail
        if not packed:
            packed, at = data[at : at + _FEED], at + _FEED
    if at >= len(data) and not packed and not decoder.unused_data:
        yield b""
