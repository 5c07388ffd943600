"""The dylib commands: which library an image asks for, and how."""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.raw import Command, Raw
from wheelfix.model import NeededKind

_KINDS: Mapping[int, NeededKind] = {
    c.LC_LOAD_DYLIB: NeededKind.NORMAL,
    c.LC_LOAD_WEAK_DYLIB: NeededKind.WEAK,
    c.LC_REEXPORT_DYLIB: NeededKind.REEXPORT,
    c.LC_LAZY_LOAD_DYLIB: NeededKind.LAZY,
    c.LC_LOAD_UPWARD_DYLIB: NeededKind.UPWARD,
}
NEEDING = frozenset(_KINDS)

_DYLIB_SIZE = 24
"""Bytes of a dylib_command; the name stands behind them, or behind four more of flags."""
_USES = (
    (c.DYLIB_USE_REEXPORT, NeededKind.REEXPORT),
    (c.DYLIB_USE_WEAK_LINK, NeededKind.WEAK),
    (c.DYLIB_USE_UPWARD, NeededKind.UPWARD),
)


def kind(raw: Raw, command: Command) -> NeededKind:
    """Tell how the command asks for its library. Raises `errors.BadBinary`."""
    offset, marker, _, _ = raw.words(command, 4)
    if marker == c.DYLIB_USE_MARKER and offset == _DYLIB_SIZE + 4:
        flags = raw.words(command, 5)[4]
        for flag, meaning in _USES:
            if flags & flag:
                return meaning
    return _KINDS[command.cmd]
