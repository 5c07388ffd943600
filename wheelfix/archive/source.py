"""Random access to members, inflating no more than up to the last byte that is asked for."""

from __future__ import annotations

import zlib
from _thread import allocate_lock
from collections import OrderedDict
from collections.abc import Iterator

from wheelfix.archive.handle import Handle
from wheelfix.archive.inflate import inflated
from wheelfix.archive.inflater import inflater, stream_errors
from wheelfix.archive.zipformat import DEFLATED, STORED, Entry, blamed
from wheelfix.errors import BadWheel
from wheelfix.model import ByteSource
from wheelfix.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wheelfix.archive.leap import Tail

BLOCK = 1 << 16
"""Bytes that are decoded and kept together."""

BLOCKS = 32
"""Blocks kept: 2 MiB."""

CHECKPOINTS = 64
"""Decoder states kept, of at most 80 KiB each (window, tables, input not yet used): 5 MiB."""

SPACING = 1 << 20
"""Least distance of checkpoints; greater in members of more than 64 MiB."""

HEAD_FEED = 1 << 9
"""Compressed bytes read at once for a first look: most code tables fit, with some text behind."""

FEED = 1 << 15
"""Compressed bytes read at once; each checkpoint may hold on to as many."""


WHOLE = 8 << 20
"""Members of at most so many bytes are decoded whole where more than their beginning is wanted:
libdeflate, which knows no other way, takes a third of zlib's time."""

END = 12 << 20
"""Bytes before a member's end that are read without those before them."""

LEAPS = 3
"""How often: what is asked for later may stand further in front."""

FAR = 4 << 20
"""Bytes to be left out from which on that is worth its own work."""

BEGINNING = BLOCK
"""Bytes for which a member is not decoded whole."""


def open_source(handle: Handle, entry: Entry, wheel: str) -> ByteSource:
    """Give random access to a member; each source may be used by several threads."""
    if entry.member.method == STORED:
        return StoredSource(handle, entry)
    if entry.member.method == DEFLATED:
        return _deflated(handle, entry, wheel)
    return BlockSource(entry, wheel, ForwardStream(handle, entry))


def _deflated(handle: Handle, entry: Entry, wheel: str) -> ByteSource:
    if entry.member.size > WHOLE:
        return LeapingSource(handle, entry, wheel, DeflatedStream(handle, entry))
    small = entry.member.size <= BEGINNING
    stream = DeflatedStream if small else EagerStream
    return BlockSource(entry, wheel, stream(handle, entry))


def read_head(handle: Handle, entry: Entry, wheel: str, size: int) -> bytes:
    """Give the first `size` bytes of a member, fewer only when it is shorter; raises `BadWheel`.

    For a look at every member: a source would decode a whole block of each.
    """
    if entry.member.method != DEFLATED:
        return open_source(handle, entry, wheel).read(0, size)
    if entry.member.compressed_size > HEAD_FEED:
        return _read_head(handle, entry, wheel, size)
    packed = handle.exactly(entry.member.data_offset, entry.member.compressed_size)
    try:
        return zlib.decompress(packed, -zlib.MAX_WBITS, entry.member.size)[:size]
    except zlib.error:  # it may begin well
        return _read_head(handle, entry, wheel, size)


def _read_head(handle: Handle, entry: Entry, wheel: str, size: int) -> bytes:
    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    begin, end = entry.member.data_offset, entry.member.data_offset + entry.member.compressed_size
    head = b""
    try:
        while len(head) < size and begin < end and not decoder.eof:
            piece = handle.exactly(begin, min(HEAD_FEED, end - begin))
            head += decoder.decompress(piece, size - len(head))
            begin += len(piece)
    except zlib.error as error:
        raise blamed(_damaged(error), entry.member.path, wheel) from error
    return head


def _damaged(error: Exception) -> BadWheel:
    return BadWheel(problem="its compressed data is damaged", details=(str(error),))


class StoredSource:
    """A stored member, read straight from the archive."""

    def __init__(self, handle: Handle, entry: Entry) -> None:
        self._handle = handle
        self._begin = entry.member.data_offset
        self.size = entry.member.size

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`, fewer only at the end."""
        offset, size = _clipped(offset, size, self.size)
        return self._handle.exactly(self._begin + offset, size) if size else b""


class BlockSource:
    """A compressed member, decoded in blocks of which the last used are kept.

    It keeps at most 7 MiB with a `DeflatedStream`, whatever the member's size, and 10 MiB with an
    `EagerStream`.
    """

    def __init__(
        self, entry: Entry, wheel: str, stream: DeflatedStream | EagerStream | ForwardStream
    ) -> None:
        self._name = entry.member.path
        self._wheel = wheel
        self._stream = stream
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = allocate_lock()
        self.size = entry.member.size

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`, fewer only at the end; raises `BadWheel`."""
        offset, size = _clipped(offset, size, self.size)
        if not size:
            return b""
        first, last = offset // BLOCK, (offset + size - 1) // BLOCK
        try:
            with self._lock:
                data = b"".join(self._block(number) for number in range(first, last + 1))
        except BadWheel as error:
            raise blamed(error, self._name, self._wheel) from None
        begin = offset - first * BLOCK
        return data[begin : begin + size]

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        begin = number * BLOCK
        block = self._stream.read(begin, min(BLOCK, self.size - begin))
        self._blocks[number] = block
        if len(self._blocks) > BLOCKS:
            self._blocks.popitem(last=False)
        return block


class _State:
    """A decoder and how far it is: compressed bytes `consumed`, bytes `produced`."""

    __slots__ = ("consumed", "decoder", "produced")

    def __init__(self, decoder: Any, consumed: int = 0, produced: int = 0) -> None:
        self.decoder = decoder  # zlib's type has no public name
        self.consumed = consumed
        self.produced = produced

    def copy(self) -> _State:
        return _State(self.decoder.copy(), self.consumed, self.produced)


class DeflatedStream:
    """A deflate stream that can go back: to the nearest of its checkpoints, and on from there.

    Most often no more than the first `most` bytes will be asked for; None for all.
    """

    def __init__(self, handle: Handle, entry: Entry, most: int | None = None) -> None:
        self._handle = handle
        self._begin = entry.member.data_offset
        self._packed = entry.member.compressed_size
        spacing = max(SPACING, -(-entry.member.size // CHECKPOINTS))
        self._spacing = -(-spacing // BLOCK) * BLOCK
        self._now = _State(inflater(most or entry.member.size))
        self._checkpoints = [self._now.copy()]

    @property
    def produced(self) -> int:
        """How far it was inflated, in bytes of the member."""
        return self._now.produced

    def read(self, offset: int, size: int) -> bytes:
        """Give exactly `size` bytes from `offset`; raises `BadWheel` where the data ends before."""
        nearest = self._checkpoints[min(offset // self._spacing, len(self._checkpoints) - 1)]
        if not nearest.produced <= self._now.produced <= offset:
            self._now = nearest.copy()
        while self._now.produced < offset:
            self._step(min(self._until_checkpoint(), offset - self._now.produced))
        pieces = []
        while size:
            pieces.append(self._step(min(self._until_checkpoint(), size)))
            size -= len(pieces[-1])
        return b"".join(pieces)

    def _until_checkpoint(self) -> int:
        return min(self._spacing - self._now.produced % self._spacing, 4 * BLOCK)

    def _step(self, most: int) -> bytes:
        """Decode between one and `most` bytes."""
        now = self._now
        piece = b""
        while not piece:
            data = self._handle.exactly(
                self._begin + now.consumed, min(FEED, self._packed - now.consumed)
            )
            try:
                piece = now.decoder.decompress(data, most)
            except stream_errors() as error:
                raise _damaged(error) from error
            unused = len(now.decoder.unconsumed_tail) + len(now.decoder.unused_data)
            now.consumed += len(data) - unused
            if not piece and (not data or now.decoder.eof):
                raise BadWheel(problem="its compressed data ends too early")
        now.produced += len(piece)
        if now.produced == len(self._checkpoints) * self._spacing:
            self._checkpoints.append(now.copy())
        return piece


class EagerStream:
    """A deflate stream that is decoded whole when something behind its beginning is asked for."""

    def __init__(self, handle: Handle, entry: Entry) -> None:
        self._handle = handle
        self._entry = entry
        self._careful = DeflatedStream(handle, entry, most=BEGINNING)
        self._tried = False
        self._all: bytearray | None = None

    def read(self, offset: int, size: int) -> bytes:
        """Give exactly `size` bytes from `offset`; raises `BadWheel` where the data ends before."""
        if not self._tried and offset + size > BEGINNING:
            self._tried, self._all = True, self._decoded()
            if self._all is None:
                self._careful = DeflatedStream(self._handle, self._entry)
        if self._all is None:
            return self._careful.read(offset, size)
        return bytes(memoryview(self._all)[offset : offset + size])

    def _decoded(self) -> bytearray | None:
        """Give all bytes; None without libdeflate, and of damaged data, which may begin well."""
        try:
            from deflate import DeflateError, deflate_decompress
        except ImportError:
            return None
        member = self._entry.member
        packed = self._handle.exactly(member.data_offset, member.compressed_size)
        try:
            found: bytearray = deflate_decompress(packed, member.size)
        except DeflateError:
            return None
        return found if len(found) == member.size else None


class LeapingSource:
    """A large deflated member, of which what lies before its end need not be inflated.

    Headers lie at both ends of a binary.
    """

    def __init__(self, handle: Handle, entry: Entry, wheel: str, stream: DeflatedStream) -> None:
        self._handle = handle
        self._entry = entry
        self._stream = stream
        self._blocks = BlockSource(entry, wheel, stream)
        self._lock = allocate_lock()
        self._leaps = 0
        self._tail: Tail | None = None
        self.size = entry.member.size

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`, fewer only at the end; raises `BadWheel`."""
        offset, size = _clipped(offset, size, self.size)
        known = None
        if self.size - offset <= END:
            with self._lock:
                known = self._known(offset, size)
        return self._blocks.read(offset, size) if known is None else known

    def _known(self, offset: int, size: int) -> bytes | None:
        known = None if self._tail is None else self._tail.read(offset, size)
        left_out = offset - self._stream.produced
        if known is not None or self._leaps == LEAPS or left_out < max(FAR, self.size - offset):
            return known
        from wheelfix.archive.leap import tail_from

        self._leaps += 1
        later = self._tail
        self._tail = tail_from(self._handle, self._entry, offset, size, later=later) or later
        return None if self._tail is None else self._tail.read(offset, size)


class ForwardStream:
    """A stream of a method that cannot go back, except to its beginning."""

    def __init__(self, handle: Handle, entry: Entry) -> None:
        self._handle = handle
        self._entry = entry
        self._pieces: Iterator[bytes] = iter(())
        self._rest = b""
        self._at = entry.member.size + 1

    def read(self, offset: int, size: int) -> bytes:
        """Give exactly `size` bytes from `offset`."""
        if offset < self._at:
            self._pieces = inflated(self._handle, self._entry)
            self._rest, self._at = b"", 0
        while self._at < offset:
            self._take(min(offset - self._at, BLOCK))
        return self._take(size)

    def _take(self, size: int) -> bytes:
        while len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:  # it failed before
                raise BadWheel(problem="its compressed data is damaged")
            self._rest += piece
        taken, self._rest = self._rest[:size], self._rest[size:]
        self._at += size
        return taken


def _clipped(offset: int, size: int, end: int) -> tuple[int, int]:
    if offset < 0 or size < 0 or offset >= end:
        return 0, 0
    return offset, min(size, end - offset)
