"""Records of the zip format, by the sections of PKWARE's APPNOTE 6.3.10. No I/O."""

from __future__ import annotations

import struct

from wheelfix.errors import BadWheel
from wheelfix.model import Member
from wheelfix.value import Value

LOCAL = struct.Struct("<4s5H3L2H")
"""4.3.7: signature, version, flags, method, time, date, crc, compressed, size, name, extra."""

CENTRAL = struct.Struct("<4s6H3L5H2L")
"""4.3.12: as LOCAL after "made by"; then comment, disk, internal, external, local's offset."""

END = struct.Struct("<4s4H2LH")
"""4.3.16: signature, disk, directory's disk, members here, members, size, offset, comment."""

END64 = struct.Struct("<4sQ2H2L4Q")
"""4.3.14: signature, rest's size, made by, version, two disks, two counts, size, offset."""

LOCATOR = struct.Struct("<4sLQL")
"""4.3.15: signature, disk of END64, its offset, number of disks."""

EXTRA = struct.Struct("<2H")
"""4.5.1: id and length of one extra field."""

LOCAL_SIGNATURE = b"PK\x03\x04"
CENTRAL_SIGNATURE = b"PK\x01\x02"
END_SIGNATURE = b"PK\x05\x06"
END64_SIGNATURE = b"PK\x06\x06"
LOCATOR_SIGNATURE = b"PK\x06\x07"
DESCRIPTOR_SIGNATURE = b"PK\x07\x08"

STORED, DEFLATED, BZIP2, LZMA, ZSTD = 0, 8, 12, 14, 93

FLAG_ENCRYPTED, FLAG_LZMA_END, FLAG_DESCRIPTOR, FLAG_PATCH = 0x1, 0x2, 0x8, 0x20
FLAG_STRONG, FLAG_UTF8, FLAG_MASKED = 0x40, 0x800, 0x2000

ZIP64_EXTRA, UNICODE_PATH_EXTRA = 0x0001, 0x7075

WIDE = 0xFFFFFFFF
"""In a 32-bit field: the value stands in the zip64 extra field."""

WIDE_COUNT = 0xFFFF
"""The same in a 16-bit field, whose value then stands in END64."""

AGAIN = "fetch or build the wheel again"
"""The hint for what no user can mend."""

UNIX = 3
"""4.4.2: made on Unix, so that the high half of the external attributes is a st_mode."""


class Entry(Value):
    """A member and what else its headers say that the model does not carry."""

    member: Member
    system: int
    """4.4.2: where the archive was made."""
    flags: int
    begin: int
    """Where its local header begins."""
    end: int
    """Behind its data and data descriptor."""


def blamed(error: BadWheel, *outer: str) -> BadWheel:
    """Say where `error` was met, innermost first; one without a hint gets `AGAIN`."""
    error.hint = error.hint or AGAIN
    for name in outer:
        error.within(name)
    return error


def extra_fields(data: bytes) -> tuple[list[tuple[int, bytes]], bool]:
    """Split extra fields into ids and bytes; False beside them when they are malformed.

    What stands before the first malformed one is given.
    """
    fields: list[tuple[int, bytes]] = []
    at = 0
    while at + EXTRA.size <= len(data):
        key, length = EXTRA.unpack_from(data, at)
        at += EXTRA.size
        if at + length > len(data):
            return fields, False
        fields.append((key, data[at : at + length]))
        at += length
    return fields, at == len(data)


def widened(narrow: tuple[int, ...], fields: list[tuple[int, bytes]]) -> tuple[int, ...]:
    """Replace each `WIDE` in `narrow` by the next number of the zip64 field (4.5.3)."""
    wide = {data for key, data in fields if key == ZIP64_EXTRA}
    if len(wide) > 1:
        raise BadWheel(problem="it has several zip64 fields, which disagree")
    if WIDE not in narrow:
        return narrow
    numbers = iter(_numbers(wide.pop() if wide else b""))
    try:
        return tuple(next(numbers) if value == WIDE else value for value in narrow)
    except (StopIteration, RuntimeError):
        raise BadWheel(problem="its zip64 field is missing or too short") from None


def _numbers(data: bytes) -> tuple[int, ...]:
    count = min(len(data) // 8, 3)
    return struct.unpack_from(f"<{count}Q", data)
