"""From compressed bytes in the archive to a member's own bytes, in bounded memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from wheelfix.archive.handle import Handle
from wheelfix.archive.inflater import inflater
from wheelfix.archive.zipformat import (
    BZIP2,
    DEFLATED,
    FLAG_LZMA_END,
    LZMA,
    STORED,
    ZSTD,
    Entry,
)
from wheelfix.errors import BadWheel
from wheelfix.typed import Any, Protocol

PIECE = 1 << 20
"""Most bytes that are inflated at once."""

FEED = 1 << 18
"""Compressed bytes read at once."""

LZMA_MEMORY = 256 << 20
"""What a member may make the LZMA decoder allocate; its header could ask for 4 GiB."""

_GZIP = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
"""The head of a gzip file with nothing in it that does not have to be."""

_MODULES: Mapping[int, str] = {BZIP2: "bz2", LZMA: "lzma", ZSTD: "compression.zstd"}


class Decoder(Protocol):
    """What the standard library's decompressors share."""

    @property
    def eof(self) -> bool:
        """Whether the stream's own end was met."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether `decompress` gives more only when it is fed."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the stream's end."""
        ...

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take `data`; give at most `max_length` bytes."""
        ...


class Inflating:
    """zlib or zlib-ng with the manners of the other decompressors."""

    def __init__(self, size: int) -> None:
        """Begin with a stream that inflates to `size` bytes."""
        self._inflater = inflater(size)

    @property
    def eof(self) -> bool:
        """Whether the stream's own end was met."""
        return bool(self._inflater.eof)

    @property
    def needs_input(self) -> bool:
        """Whether `decompress` gives more only when it is fed."""
        return not self._inflater.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What was fed behind the stream's end."""
        return bytes(self._inflater.unused_data)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Take `data`; give at most `max_length` bytes."""
        return bytes(self._inflater.decompress(self._inflater.unconsumed_tail + data, max_length))


class _Lzma:
    """APPNOTE 5.8.8: a short header, then raw LZMA; given the header of a `.lzma` file instead."""

    def __init__(self, size: int, *, has_end: bool) -> None:
        lzma: Any = _module(LZMA)
        self._decoder: Decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=LZMA_MEMORY)
        self._size = 0xFFFFFFFFFFFFFFFF if has_end else size
        self._head: bytes | None = b""

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return self._decoder.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        if self._head is None:
            return self._decoder.decompress(data, max_length)
        self._head += data
        if len(self._head) < 9:
            return b""
        if self._head[2:4] != b"\x05\x00":
            raise ValueError("LZMA properties are not five bytes")
        alone = self._head[4:9] + struct.pack("<Q", self._size) + self._head[9:]
        self._head = None
        return self._decoder.decompress(alone, max_length)


def can_inflate(method: int) -> bool:
    """Tell whether this Python has what it takes to read `method`."""
    if method in (STORED, DEFLATED):
        return True
    try:
        _module(method)
    except (ImportError, KeyError):
        return False
    return True


def _module(method: int) -> Any:
    from importlib import import_module

    return import_module(_MODULES[method])


def _decoder(entry: Entry) -> Decoder:
    if entry.member.method == DEFLATED:
        return Inflating(entry.member.size)
    if entry.member.method == LZMA:
        return _Lzma(entry.member.size, has_end=bool(entry.flags & FLAG_LZMA_END))
    module = _module(entry.member.method)
    name = "ZstdDecompressor" if entry.member.method == ZSTD else "BZ2Decompressor"
    decoder: Decoder = getattr(module, name)()
    return decoder


def inflated(handle: Handle, entry: Entry, decoder: Decoder | None = None) -> Iterator[bytes]:
    """Give the member's bytes in pieces of at most `PIECE`, decoded by `decoder` where it is given.

    Raises `BadWheel`, without a subject, for damaged data and where the true size is not the
    one that the headers say, at the latest with the last piece. The CRC is the caller's to check.
    """
    if entry.member.method == STORED:
        return _compressed(handle, entry, PIECE)
    return _decoded(_compressed(handle, entry, FEED), decoder or _decoder(entry), entry.member.size)


def whole(handle: Handle, entry: Entry) -> bytearray | None:
    """Inflate a deflated member at one go, in a third of the time; its CRC and size are right then.

    None for what is no such member, and without libdeflate: `inflated` tells what is wrong.
    """
    member = entry.member
    if member.method != DEFLATED or not member.size:
        return None
    try:
        from deflate import DeflateError, gzip_decompress
    except ImportError:
        return None
    # RFC 1952: so the CRC is proved in the same call, and that nothing hides behind the stream.
    tail = struct.pack("<II", member.crc, member.size & 0xFFFFFFFF)
    packed = handle.exactly(member.data_offset, member.compressed_size)
    try:
        content: bytearray = gzip_decompress(b"".join((_GZIP, packed, tail)))
    except DeflateError:
        return None
    return content if len(content) == member.size else None


def _compressed(handle: Handle, entry: Entry, step: int) -> Iterator[bytes]:
    at = entry.member.data_offset
    end = at + entry.member.compressed_size
    while at < end:
        yield handle.exactly(at, min(step, end - at))
        at += step


def _decoded(feed: Iterator[bytes], decoder: Decoder, size: int) -> Iterator[bytes]:
    total = 0
    while not decoder.eof:
        data = next(feed, b"") if decoder.needs_input else b""
        starving = decoder.needs_input and not data
        piece = decompressed(decoder, data)
        total += len(piece)
        if total > size:
            raise BadWheel(problem=f"it inflates to more than the {size} bytes it claims")
        if piece:
            yield piece
        elif starving and not decoder.eof:
            raise BadWheel(problem="its compressed data ends too early")
    if total != size:
        raise BadWheel(problem=f"it inflates to {total} bytes and claims {size}")
    if decoder.unused_data or next(feed, b""):
        raise BadWheel(problem="it has bytes behind its compressed data")


def decompressed(decoder: Decoder, data: bytes) -> bytes:
    """Run `decoder`, turning its exceptions, which differ, into `BadWheel`."""
    try:
        return decoder.decompress(data, PIECE)
    except (BadWheel, MemoryError):
        raise
    except Exception as error:  # each codec has its own exception type, zstd's without a base
        raise BadWheel(problem="its compressed data is damaged", details=(str(error),)) from error
