"""The room for load commands: from the header to the first bytes that something else owns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from wheelfix.errors import CannotEdit
from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.machine import arch
from wheelfix.formats.macho.raw import Raw, has_bytes
from wheelfix.formats.macho.spare import lighter

FLAG = "-Wl,-headerpad_max_install_names"

_SIGNATURE = 16
"""Bytes of LC_CODE_SIGNATURE."""


def limit(raw: Raw) -> int:
    """Give the offset in the slice that load commands must not pass. Raises `errors.BadBinary`."""
    bounds = [at for at in _owned(raw) if at > 0]
    return min([raw.window.size, *bounds])


def _owned(raw: Raw) -> Iterator[int]:
    for section in raw.sections:
        if has_bytes(section):
            yield section.offset
    for segment in raw.segments:
        if segment.filesize:
            # The header's own segment must map all of the commands.
            yield segment.fileoff or segment.filesize
    for command in raw.of(c.LC_ENCRYPTION_INFO, c.LC_ENCRYPTION_INFO_64):
        yield raw.words(command, 1)[0]
    for command in raw.of(c.LC_NOTE):
        yield int.from_bytes(command.data[24:32], "little" if raw.codec.order == "<" else "big")


def head(before: Raw, wanted: Raw, *, signed: bool) -> bytes:
    """Give the bytes from the slice's first to where commands end now or ended before.

    With `signed`, a signature's load command must fit behind them. Raises `errors.CannotEdit`
    when they do not fit.
    """
    end = limit(before)
    if before.end > end:
        problem = "its load commands reach into what follows them"
        raise CannotEdit(problem=problem)
    spare = _SIGNATURE if signed and not any(before.of(c.LC_CODE_SIGNATURE)) else 0
    wanted = _fitted(before, wanted, end - spare)
    grown = max(0, wanted.end - before.end)
    if any(before.window.read(before.end, grown, "header room")):
        raise CannotEdit(problem="something unknown lies behind its load commands")
    magic = before.window.read(0, before.start, "header")
    reserved = magic[28:]  # the last word of mach_header_64, which nobody uses, is kept
    data = wanted.codec.pack(wanted.header)[:28] + reserved
    data += b"".join(command.data for command in wanted.commands)
    return data.ljust(before.end, b"\0")


def _fitted(before: Raw, wanted: Raw, end: int) -> Raw:
    """Give up what no loader reads, as far as needed for commands to end at `end`."""
    found = wanted
    for found in chain([wanted], lighter(wanted)):
        if found.end <= end:
            return found
    raise no_room(before, found.end - end)


def no_room(raw: Raw, short: int) -> CannotEdit:
    """Make the error for a slice that is `short` bytes too small."""
    return CannotEdit(
        problem=f"no room for longer load commands: {short} bytes short",
        details=(f"slice {arch(raw.header)}: its first section begins at 0x{limit(raw):x}",),
        hint=f"link it again with `{FLAG}`",
    )
