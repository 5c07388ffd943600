"""Raw deflate streams as other compressors make them."""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Callable

from deflate import deflate_compress

Compress = Callable[[bytes | mmap.mmap], bytes]


def by_zlib(level: int, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> Compress:
    def compress(data: bytes | mmap.mmap) -> bytes:
        stream = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
        return stream.compress(data) + stream.flush()

    return compress


def by_libdeflate(level: int) -> Compress:
    return lambda data: bytes(deflate_compress(data, level))
