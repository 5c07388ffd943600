"""What inflates deflate streams in steps: zlib, for large ones zlib-ng where it is installed."""

from __future__ import annotations

import sys
import zlib
from contextlib import suppress

from wheelfix.typed import Any

LARGE = 2 << 20
"""Bytes from which on zlib-ng, which takes three fifths of zlib's time, makes up for loading it."""


def inflater(size: int, window: bytes = b"") -> Any:
    """Give zlib's object for a raw stream that inflates to `size` bytes, or zlib-ng's equal.

    `window` is what the stream may refer to before its first byte.
    """
    return (_fast(load=size >= LARGE) or zlib).decompressobj(-zlib.MAX_WBITS, window)


def stream_errors() -> tuple[type[Exception], ...]:
    """Give what the objects raise for damage; they say it in the same words."""
    fast = _fast(load=False)
    return (zlib.error, fast.error) if fast else (zlib.error,)


def _fast(*, load: bool) -> Any:
    """Give zlib-ng where it is loaded or shall be, and is there; else None."""
    if load or "zlib_ng.zlib_ng" in sys.modules:
        with suppress(ImportError):
            from zlib_ng import zlib_ng  # another thread may be at it: this waits for it

            return zlib_ng
    return None
