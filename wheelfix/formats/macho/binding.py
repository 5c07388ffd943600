"""The program that tells dyld what to bind: opcodes of LC_DYLD_INFO (<mach-o/loader.h>)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wheelfix.errors import CannotEdit
from wheelfix.formats.macho.leb import padded, uleb
from wheelfix.value import Value

FLAT = -2
"""BIND_SPECIAL_DYLIB_FLAT_LOOKUP: any image will do."""

_ORDINAL_IMM, _ORDINAL_ULEB, _SPECIAL, _SYMBOL, _THREADED = 0x10, 0x20, 0x30, 0x40, 0xD0
_NUMBERS: Mapping[int, int] = {
    0x00: 0,  # done
    _ORDINAL_IMM: 0,
    _ORDINAL_ULEB: 1,
    _SPECIAL: 0,
    0x50: 0,  # type
    0x60: 1,  # addend
    0x70: 1,  # segment and offset
    0x80: 1,  # add to the address
    0x90: 0,  # bind
    0xA0: 1,  # bind, add
    0xB0: 0,  # bind, add scaled
    0xC0: 2,  # bind many times, skipping
}
"""How many numbers follow an opcode."""


class Renumbering(Value):
    """What becomes of the number of each library."""

    dropped: frozenset[int]

    def __call__(self, ordinal: int) -> int | None:
        """Give the new number; None for a dropped library."""
        if ordinal in self.dropped:
            return None
        return ordinal - sum(gone < ordinal for gone in self.dropped)


def renumber(data: bytes, renumbered: Renumbering) -> Iterator[tuple[int, bytes]]:
    """Tell what to write where in a program so that it names libraries by new numbers.

    Opcodes keep their lengths, as lazy stubs know where theirs begin. Raises `errors.CannotEdit`.
    """
    at = 0
    while at < len(data):
        opcode, low = data[at] & 0xF0, data[at] & 0x0F
        end = _end(data, at, opcode, low)
        if opcode in (_ORDINAL_IMM, _ORDINAL_ULEB):
            ordinal = low if opcode == _ORDINAL_IMM else uleb(data, at + 1)[0]
            new = renumbered(ordinal)
            if new != ordinal:
                yield at, _opcode(opcode, new, end - at)
        at = end


def _opcode(opcode: int, new: int | None, size: int) -> bytes:
    if new is None:
        return bytes([_SPECIAL | FLAT & 0x0F]) * size  # said twice it means the same
    if opcode == _ORDINAL_IMM:
        return bytes([opcode | new])
    return bytes([opcode]) + padded(new, size - 1)


def _end(data: bytes, at: int, opcode: int, low: int) -> int:
    """Give where the opcode at `at` ends, its operands included."""
    if opcode == _SYMBOL:
        end = data.find(b"\0", at) + 1
        if end:
            return end
    count = int(low == 0) if opcode == _THREADED else _NUMBERS.get(opcode)
    if count is None:
        raise CannotEdit(problem=f"its bindings use an unknown opcode: 0x{opcode | low:x}")
    end = at + 1
    for _ in range(count):
        _, end = uleb(data, end)
    return end
