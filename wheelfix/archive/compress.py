"""New content made into payloads: deflated where that makes it smaller."""

from __future__ import annotations

import mmap
import zlib
from functools import partial
from pathlib import Path

from wheelfix.archive.zipformat import DEFLATED, STORED
from wheelfix.value import value
from wheelfix.workers import Workers

MAPPED = 1 << 20
"""Files from this size on are mapped instead of read, and summed while they are deflated."""

HIGHEST_ZLIB = 9

NOT_REPRODUCIBLE = (
    "compressed by zlib, since the `deflate` package is not installed here:"
    " other machines may make other bytes of the same input"
)


@value
class Packed:
    """Content as it goes into the archive."""

    payload: bytes | bytearray | Path
    """A path when a file is stored as it is."""
    method: int
    crc: int
    size: int
    compressed_size: int
    sha256: bytes


def pack(content: bytes | Path, level: int) -> Packed:
    """Deflate, hash and measure `content`; raises OSError when its file cannot be read."""
    if isinstance(content, bytes):
        return _packed(content, content, level)
    if content.stat().st_size < MAPPED:
        data = content.read_bytes()
        return _packed(data, data, level)
    with content.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        return _packed(view, content, level)


def _packed(data: bytes | mmap.mmap, content: bytes | Path, level: int) -> Packed:
    size = len(data)
    with Workers(1) as beside:
        sums = beside.begin(partial(_sums, data)) if size >= MAPPED else None
        deflated = _deflated(data, level) if size else b""
        crc, sha256 = sums.result() if sums else _sums(data)
    smaller = 0 < len(deflated) < size
    return Packed(
        payload=deflated if smaller else content,
        method=DEFLATED if smaller else STORED,
        crc=crc,
        size=size,
        compressed_size=len(deflated) if smaller else size,
        sha256=sha256,
    )


def _sums(data: bytes | mmap.mmap) -> tuple[int, bytes]:
    from hashlib import sha256

    return zlib.crc32(data), sha256(data).digest()


def reproducible() -> bool:
    """Tell whether the compressor is here whose output is the same on all machines."""
    try:
        import deflate  # noqa: F401
    except ImportError:
        return False
    return True


def _deflated(data: bytes | mmap.mmap, level: int) -> bytes | bytearray:
    try:
        from deflate import deflate_compress
    except ImportError:
        return _by_zlib(data, level)
    deflated: bytes | bytearray = deflate_compress(data, level)
    return deflated


def _by_zlib(data: bytes | mmap.mmap, level: int) -> bytes:
    stream = zlib.compressobj(min(level, HIGHEST_ZLIB), zlib.DEFLATED, -zlib.MAX_WBITS)
    pieces = [stream.compress(data[at : at + MAPPED]) for at in range(0, len(data), MAPPED)]
    return b"".join([*pieces, stream.flush()])
