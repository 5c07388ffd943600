"""Checksums: by libdeflate where it is installed, which takes a third of zlib's time."""

from __future__ import annotations

try:
    from deflate import adler32, crc32
except ImportError:
    from zlib import adler32, crc32  # type: ignore[assignment]

__all__ = ["adler32", "crc32"]
