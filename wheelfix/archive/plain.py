"""Members whose two headers agree to the letter and say nothing out of the ordinary.

Nearly all are such, and there may be thousands: whether one is takes two comparisons. What is not
told here to be plain is no error: `directory` reads it step by step, and knows what to say.
"""

from __future__ import annotations

from wheelfix.archive.handle import Handle
from wheelfix.archive.names import is_plain
from wheelfix.archive.zipformat import (
    CENTRAL,
    CENTRAL_SIGNATURE,
    DEFLATED,
    FLAG_UTF8,
    LOCAL_SIGNATURE,
    STORED,
    WIDE,
    Entry,
)
from wheelfix.model import Member, WheelPath

DEFLATE_RATIO = 1032
"""Deflate's best: 258 bytes for two bits."""

LEAST = 2
"""Bytes of a deflate stream of nothing."""

_ORDINARY = 0x6 | FLAG_UTF8
"""4.4.4: two bits tell how hard it was deflated."""

_FILES = (0o00, 0o10)
"""The type bits of a st_mode: none, and those of a regular file."""


def can_be(size: int, compressed: int) -> bool:
    """Tell whether so many bytes of a deflate stream may inflate to `size`."""
    return compressed >= LEAST and size <= compressed * DEFLATE_RATIO


def plain_entry(handle: Handle, data: bytes, at: int) -> tuple[Entry | None, int]:
    """Read the file whose central header is at `at` of `data`, and tell where the next one is.

    None for what is not plain, and for folders: all is to be checked.
    """
    if len(data) - at < CENTRAL.size:
        return None, at
    numbers = CENTRAL.unpack_from(data, at)
    signature, made_by, _, flags, method, _, _, crc, packed, size, name_size = numbers[:11]
    extra_size, comment_size, disk, _, attributes, begin = numbers[11:]
    name_at = at + CENTRAL.size
    end = name_at + name_size
    name = data[name_at:end].decode("latin-1")  # the pattern takes ASCII alone
    if (
        signature != CENTRAL_SIGNATURE
        or extra_size
        or comment_size
        or disk
        or flags & ~_ORDINARY
        or WIDE in (size, packed, begin)
        or attributes >> 28 not in _FILES
        or method not in (STORED, DEFLATED)
        or (method == STORED and size != packed)
        or (method == DEFLATED and not can_be(size, packed))
        or end > len(data)
        or not is_plain(name)
    ):
        return None, at
    # 4.3.7 and 4.3.12: from the version needed to the length of the extra field they are alike
    local = LOCAL_SIGNATURE + data[at + 6 : at + 32] + data[name_at:end]
    if handle.read(begin, len(local)) != local:
        return None, at
    data_offset = begin + len(local)
    member = Member(
        path=WheelPath(name),
        size=size,
        mode=attributes >> 16 or None,
        method=method,
        compressed_size=packed,
        data_offset=data_offset,
        crc=crc,
    )
    entry = Entry(
        member=member, system=made_by >> 8, flags=flags, begin=begin, end=data_offset + packed
    )
    return entry, end
