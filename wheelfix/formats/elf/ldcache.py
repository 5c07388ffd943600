"""/etc/ld.so.cache, format `glibc-ld.so.cache1.1` (glibc, sysdeps/generic/dl-cache.h)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

MAGIC = b"glibc-ld.so.cache1.1"
OLD_MAGIC = b"ld.so-1.7.0"
HEADER_SIZE = 48
"""Magic, entry count, string size, flags, extension offset, three spare words."""
ENTRY_SIZE = 24
"""int32 flags, uint32 key, uint32 value, uint32 osversion, uint64 hwcap."""


def parse_cache(content: bytes) -> Mapping[str, tuple[Path, ...]]:
    """Give the files by library name, in the cache's order; empty for a cache of another kind.

    Entries for one CPU's capabilities (hwcap other than 0: glibc-hwcaps folders) are left out:
    a library made for the build machine's CPU must not end up in a wheel.
    """
    start = _start(content)
    if start is None or len(content) < start + HEADER_SIZE:
        return {}
    found: dict[str, list[Path]] = {}
    for order in "<", ">":
        (count,) = struct.unpack_from(f"{order}I", content, start + len(MAGIC))
        end = start + HEADER_SIZE + count * ENTRY_SIZE
        if end <= len(content):
            break
    else:
        return {}
    entries = content[start + HEADER_SIZE : end]
    for _flags, key, value, _osversion, hwcap in struct.iter_unpack(f"{order}iIIIQ", entries):
        if hwcap == 0:
            name, file = _string(content, start + key), _string(content, start + value)
            found.setdefault(name, []).append(Path(file))
    return {name: tuple(dict.fromkeys(files)) for name, files in found.items()}


def _start(content: bytes) -> int | None:
    """Find the new format, which old glibcs put behind a cache in the old one."""
    if content.startswith(MAGIC):
        return 0
    if content.startswith(OLD_MAGIC):
        at = content.find(MAGIC)
        return None if at < 0 else at
    return None


def _string(content: bytes, offset: int) -> str:
    end = content.find(b"\0", offset)
    return content[offset : None if end < 0 else end].decode("utf-8", "surrogateescape")
