"""The checksum in the optional header, as CheckSumMappedFile of imagehlp counts it."""

from __future__ import annotations

from wheelfix.formats.files import OpenFile

_CHUNK = 1 << 20


def checksum(file: OpenFile, field: int) -> int:
    """Add up a file, its 4 bytes at `field` taken for zero.

    The sum of 16-bit words with the carries put back in is the remainder by 0xFFFF of the whole
    file as one number, but for 0, which only zeros give; so that no loop over words is needed.
    """
    total = size = 0
    file.seek(0)
    while chunk := _chunk(file):
        total += int.from_bytes(chunk, "little") % 0xFFFF
        size += len(chunk)
    file.seek(field)
    own = file.read(4) if field % 2 == 0 else b"\0" + file.read(4) + b"\0"
    total = (total - int.from_bytes(own, "little")) % 0xFFFF
    return (total or 0xFFFF) + size


def _chunk(file: OpenFile) -> bytes:
    """Read up to a whole chunk: an even number of bytes but at the end."""
    parts = []
    missing = _CHUNK
    while missing and (part := file.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
