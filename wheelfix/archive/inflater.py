"""What inflates deflate streams in steps: zlib, for large ones zlib-ng where it is installed."""

from __future__ import annotations

import sys
import zlib
from contextlib import suppress
from importlib import import_module

from wheelfix.typed import Any

LARGE = 2 << 20
"""Bytes from which on zlib-ng, which takes three fifths of zlib's time, makes up for loading it."""

_FAST = "zlib_ng.zlib_ng"


def inflater(size: int, window: bytes = b"") -> Any:
    """Give zlib's object for a raw stream that inflates to `size` bytes, or zlib-ng's equal.

    `window` is what the stream may refer to before its first byte.
    """
    fast = sys.modules.get(_FAST)
    if fast is None and size >= LARGE:
        with suppress(ImportError):
            fast = import_module(_FAST)
    return (fast or zlib).decompressobj(-zlib.MAX_WBITS, window)


def stream_errors() -> tuple[type[Exception], ...]:
    """Give what the objects raise for damage; they say it in the same words."""
    fast = sys.modules.get(_FAST)
    return (zlib.error, fast.error) if fast else (zlib.error,)
