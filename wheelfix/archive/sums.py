"""Checksums: of what is long by libdeflate where it is at hand, in a third of zlib's time."""

from __future__ import annotations

import sys
import zlib

from wheelfix.typed import Any

LONG = 1 << 16
"""Bytes from which on libdeflate is the faster one, if something else has loaded it."""


def crc32(data: Any, before: int = 0) -> int:
    """Give the CRC-32 of `data`, going on from that of what stands before it."""
    found: int = _for(data).crc32(data, before)
    return found


def adler32(data: Any, before: int = 1) -> int:
    """Give the Adler-32 of `data`, going on from that of what stands before it."""
    found: int = _for(data).adler32(data, before)
    return found


def _for(data: Any) -> Any:
    if len(data) < LONG or "deflate" not in sys.modules:
        return zlib
    try:
        import deflate  # another thread may be at it: this waits for it
    except ImportError:
        return zlib
    return deflate
