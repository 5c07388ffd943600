"""What must never be edited, and why."""

from __future__ import annotations

from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.raw import Raw

_SLACK = 65536
"""Bytes at the end that may be padding, not a payload: more than the largest page."""


def locked(raw: Raw) -> str | None:
    """Say why the slice must not be edited, as the end of a sentence; None when it may be.

    Raises `errors.BadBinary`.
    """
    if raw.header.flags & c.MH_DYLIB_IN_CACHE:
        return "it was taken out of the system's shared cache"
    for command in raw.of(c.LC_ENCRYPTION_INFO, c.LC_ENCRYPTION_INFO_64):
        if raw.words(command, 3)[2]:
            return "it is encrypted"
    end = max(segment.fileoff + segment.filesize for segment in raw.segments)
    rest = raw.window.size - end
    if rest <= 0 or (rest < _SLACK and not any(raw.window.read(end, rest, "padding"))):
        return None
    return f"{rest} bytes follow behind what its load commands describe (an archive or installer?)"
