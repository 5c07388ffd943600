"""Numbers of seven bits a byte, the lowest first (unsigned LEB128)."""

from __future__ import annotations

from wheelfix.errors import CannotEdit

_MOST = 10
"""Bytes of the longest number of 64 bits."""


def uleb(data: bytes, at: int) -> tuple[int, int]:
    """Read the number at `at`; give it and where it ends. Raises `errors.CannotEdit`."""
    value = 0
    for place, byte in enumerate(data[at : at + _MOST]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise CannotEdit(problem="a number in its tables has no end")


def padded(value: int, size: int) -> bytes:
    """Write a number that fits in exactly `size` bytes."""
    places = [value >> 7 * place & 0x7F for place in range(size)]
    return bytes(byte | 0x80 for byte in places[:-1]) + bytes(places[-1:])
