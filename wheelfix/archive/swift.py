"""Large deflated members, inflated by ISA-L where `isal` is installed: half of zlib's time.

It keeps no states to go back to, so that whoever goes back far has to go on with zlib.
"""

from __future__ import annotations

import zlib
from collections import deque

from wheelfix.archive.handle import Handle
from wheelfix.archive.zipformat import Entry
from wheelfix.typed import Any

FEED = 1 << 16
"""Compressed bytes read at once."""

PIECE = 1 << 18
"""Most bytes inflated at once."""

KEPT = 7 << 20
"""Bytes behind the place reached that can still be had: headers tell of what lies a bit before."""


def swift_inflater() -> Any:
    """Give an object like zlib's for a raw stream; zlib's own where nothing faster is installed."""
    try:
        from isal.isal_zlib import decompressobj
    except ImportError:
        return zlib.decompressobj(-zlib.MAX_WBITS)
    return decompressobj(-zlib.MAX_WBITS)


class SwiftStream:
    """A deflate stream that is read straight on; one thread's."""

    def __init__(self, handle: Handle, entry: Entry) -> None:
        self._handle = handle
        self._at = entry.member.data_offset
        self._rest = entry.member.compressed_size
        self._inflater = swift_inflater()
        self._pieces: deque[bytes] = deque()
        self._begin = self._end = 0

    def read(self, offset: int, size: int) -> bytes | None:
        """Give exactly `size` bytes from `offset`, at most `KEPT`.

        None for what was not kept, and for whatever is wrong with the stream.
        """
        if offset < self._begin:
            return None
        while self._end < offset + size:
            piece = self._inflated()
            if not piece:
                return None
            self._keep(piece)
        found, at = [], self._begin
        for piece in self._pieces:
            found.append(piece[max(offset - at, 0) : max(offset + size - at, 0)])
            at += len(piece)
        return b"".join(found)

    def _keep(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._end += len(piece)
        while self._end - self._begin > KEPT + PIECE:
            self._begin += len(self._pieces.popleft())

    def _inflated(self) -> bytes:
        """Give some bytes more; none at the end, and at damage."""
        inflater = self._inflater
        while not inflater.eof:
            data = inflater.unconsumed_tail or self._fed()
            try:
                piece: bytes = inflater.decompress(data, PIECE)
            except Exception:  # noqa: BLE001 - ISA-L's has no base; zlib will say it again
                return b""
            if piece or not data:
                return piece
        return b""

    def _fed(self) -> bytes:
        size = min(FEED, self._rest)
        data = self._handle.read(self._at, size) if size else b""
        self._at, self._rest = self._at + len(data), self._rest - len(data)
        return data
