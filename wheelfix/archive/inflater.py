"""What inflates deflate streams in steps: zlib, for large ones zlib-ng where it is installed."""

from __future__ import annotations

import sys
import zlib

from wheelfix.typed import Any

LARGE = 1 << 20
"""Bytes from which on zlib-ng, which takes three fifths of zlib's time, makes up for loading it."""


def inflater(size: int) -> Any:
    """Give zlib's object for a raw stream that inflates to `size` bytes, or zlib-ng's equal."""
    if size >= LARGE:
        try:
            from zlib_ng.zlib_ng import decompressobj
        except ImportError:
            return zlib.decompressobj(-zlib.MAX_WBITS)
        return decompressobj(-zlib.MAX_WBITS)
    return zlib.decompressobj(-zlib.MAX_WBITS)


def stream_errors() -> tuple[type[Exception], ...]:
    """Give what the objects raise for damage; they say it in the same words."""
    fast = sys.modules.get("zlib_ng.zlib_ng")
    return (zlib.error, fast.error) if fast else (zlib.error,)
