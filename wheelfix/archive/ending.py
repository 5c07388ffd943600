"""The end of a zip: where the central directory is."""

from __future__ import annotations

from wheelfix.archive.handle import Handle
from wheelfix.archive.oddities import Oddities, Oddity
from wheelfix.archive.zipformat import (
    AGAIN,
    END,
    END64,
    END64_SIGNATURE,
    END_SIGNATURE,
    LOCAL_SIGNATURE,
    LOCATOR,
    LOCATOR_SIGNATURE,
    WIDE,
    WIDE_COUNT,
)
from wheelfix.errors import BadWheel
from wheelfix.value import Value


class Ending(Value):
    """Where the central directory lies, and where the records behind it begin."""

    count: int
    size: int
    offset: int
    begin: int


def find_ending(handle: Handle, oddities: Oddities) -> Ending:
    """Read the end record and its zip64 kin (4.3.14 to 4.3.16); raises `BadWheel`."""
    at = _find_end(handle)
    _, disk, start_disk, here, count, size, offset, comment = END.unpack(
        handle.exactly(at, END.size)
    )
    _check_tail(handle, at + END.size, comment, oddities)
    wide = _read_end64(handle, at, oddities)
    if wide is None:
        _check_disks(disk, start_disk, here, count)
        return Ending(count=count, size=size, offset=offset, begin=at)
    narrow = (count, WIDE_COUNT, wide.count), (size, WIDE, wide.size), (offset, WIDE, wide.offset)
    if any(value not in (mark, true) for value, mark, true in narrow):
        raise BadWheel(problem="its two end records disagree", hint=AGAIN)
    return wide


def _find_end(handle: Handle) -> int:
    if handle.size == 0:
        raise BadWheel(problem="is empty", hint=AGAIN)
    reach = min(handle.size, END.size + 0xFFFF)
    found = handle.exactly(handle.size - reach, reach).rfind(END_SIGNATURE)
    at = handle.size - reach + found
    if found >= 0 and at + END.size <= handle.size:
        return at
    if handle.read(0, 4) == LOCAL_SIGNATURE:
        raise BadWheel(
            problem="is truncated",
            details=("it begins like a zip archive, but the directory at its end is missing",),
            hint=AGAIN,
        )
    raise BadWheel(problem="is not a zip archive", hint=AGAIN)


def _check_tail(handle: Handle, end: int, comment: int, oddities: Oddities) -> None:
    if end + comment > handle.size:
        raise BadWheel(problem="is truncated", details=("its comment is cut off",), hint=AGAIN)
    if comment:
        oddities.add(Oddity.ARCHIVE_COMMENT)
    if end + comment < handle.size:
        oddities.add(Oddity.TRAILING)


def _check_disks(disk: int, start_disk: int, here: int, count: int) -> None:
    if (disk, start_disk) != (0, 0) or here != count:
        raise BadWheel(problem="is one part of an archive on several disks", hint=AGAIN)


def _read_end64(handle: Handle, end: int, oddities: Oddities) -> Ending | None:
    if end < LOCATOR.size:
        return None
    locator = handle.exactly(end - LOCATOR.size, LOCATOR.size)
    signature, disk, begin, disks = LOCATOR.unpack(locator)
    if signature != LOCATOR_SIGNATURE:
        return None
    record = handle.read(begin, END64.size)
    if len(record) != END64.size or not record.startswith(END64_SIGNATURE):
        raise BadWheel(problem="its zip64 end record is not where it should be", hint=AGAIN)
    _, rest, _, _, here_disk, start_disk, here, count, size, offset = END64.unpack(record)
    _check_disks(disk + here_disk, start_disk, here, count)
    if disks > 1:
        raise BadWheel(problem="is one part of an archive on several disks", hint=AGAIN)
    gap = end - LOCATOR.size - (begin + 12 + rest)
    if rest < END64.size - 12 or gap < 0:
        raise BadWheel(problem="its zip64 end record has an impossible size", hint=AGAIN)
    if gap or rest > END64.size - 12:
        oddities.add(Oddity.GAP)
    return Ending(count=count, size=size, offset=offset, begin=begin)
