"""New content made into payloads: deflated where that makes it smaller."""

from __future__ import annotations

import mmap
from functools import partial
from pathlib import Path

from wheelfix.archive.coder import Coder, Data
from wheelfix.archive.sums import crc32
from wheelfix.archive.zipformat import DEFLATED, STORED
from wheelfix.archive.zipwriter import Part, Span
from wheelfix.typed import TYPE_CHECKING
from wheelfix.value import Value
from wheelfix.workers import Workers

if TYPE_CHECKING:
    from wheelfix.archive.trail import Trail

MAPPED = 1 << 20
"""Files from this size on are mapped instead of read, and summed while they are deflated."""

CHUNK = 8 << 20
"""Most bytes that one thread deflates, of contents that have at least twice as many."""


class Packed(Value):
    """Content as it goes into the archive."""

    payload: Part | tuple[Part, ...] | Path
    """A path when a file is stored as it is."""
    method: int
    crc: int
    size: int
    compressed_size: int
    sha256: bytes


def pack(content: bytes | bytearray | Path, coder: Coder, *, old: Trail | None = None) -> Packed:
    """Deflate, hash and measure `content`; raises OSError when its file cannot be read.

    `old` tells the deflated form of what a large file was before it was edited.
    """
    if not isinstance(content, Path):
        return _packed(content, content, coder)
    if content.stat().st_size < MAPPED:
        data = content.read_bytes()
        return _packed(data, data, coder)
    with content.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return _packed(view, content, coder, old)


def _packed(
    data: Data, content: bytes | bytearray | Path, coder: Coder, old: Trail | None = None
) -> Packed:
    size = len(data)
    with Workers(1) as beside:
        sums = beside.begin(partial(_sums, data)) if size >= MAPPED else None
        parts = _parts(data, coder, old)
        crc, sha256 = sums.result() if sums else _sums(data)
    compressed = sum(part.size if isinstance(part, Span) else len(part) for part in parts)
    smaller = 0 < compressed < size
    return Packed(
        payload=parts if smaller else content,
        method=DEFLATED if smaller else STORED,
        crc=crc,
        size=size,
        compressed_size=compressed if smaller else size,
        sha256=sha256,
    )


def _sums(data: Data) -> tuple[int, bytes]:
    from hashlib import sha256

    return crc32(data), sha256(data).digest()


def _parts(data: Data, coder: Coder, old: Trail | None) -> tuple[Part, ...]:
    if not data:
        return ()
    if old is not None and isinstance(data, mmap.mmap):
        from wheelfix.archive.splice import spliced

        parts = spliced(old, data, coder)
        if parts is not None:
            return parts
    if len(data) < 2 * CHUNK:
        return (coder.deflated(data),)
    return _chunks(data, coder)


def _chunks(data: Data, coder: Coder) -> tuple[Part, ...]:
    """Deflate chunks whose borders follow from the size alone, several at a time."""
    from wheelfix.archive.joints import open_ended

    size = len(data)
    count = -(-size // CHUNK)
    step = -(-size // count)

    def opened(begin: int) -> tuple[Part, ...]:
        with view[begin : begin + step] as chunk:
            last = begin + step >= size
            parts = (coder.deflated(chunk),) if last else tuple(open_ended(chunk, coder))
            if coder.tell:
                coder.tell(len(chunk))
            return parts

    with memoryview(data) as view:
        chunks = coder.together([partial(opened, begin) for begin in range(0, size, step)])
    return tuple(part for parts in chunks for part in parts)
