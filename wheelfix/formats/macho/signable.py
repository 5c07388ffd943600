"""What signing has to know about one thin image: its end, its header room and where things lie.

All offsets are those of the image, 0 being its first byte, as in its own load commands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho import system
from wheelfix.formats.macho.layout import Segment
from wheelfix.formats.macho.machine import arch
from wheelfix.formats.macho.raw import Command, Raw, parse, slices
from wheelfix.formats.macho.window import Window
from wheelfix.model import ByteSource
from wheelfix.value import Value

_MACH_HEADER = 28
"""Bytes that Apple's codesign hashes of a header, of a 64-bit one too."""


class Extent(Value):
    """A run of bytes."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.size


class Signable(Value):
    """A thin image that can be signed."""

    raw: Raw
    segments: tuple[tuple[int, Segment], ...]
    """All segments in file order, and where their load commands stand."""
    signature_command: int | None
    """Where LC_CODE_SIGNATURE stands; None when there is none."""
    signature: Extent | None
    """The bytes that it points at, which may lie anywhere."""

    @property
    def size(self) -> int:
        """Bytes of the image."""
        return self.raw.window.size

    def segment(self, name: bytes) -> tuple[int, Segment] | None:
        """Give the segment of that name, and where its load command stands."""
        found = (pair for pair in self.segments if pair[1].segname.rstrip(b"\0") == name)
        return next(found, None)

    def unique(self) -> bytes:
        """Give what tells it from other images: `UUID` and its LC_UUID, else its header's SHA-1."""
        for command in self.raw.of(c.LC_UUID):
            return b"UUID" + command.data[8:24]
        commands = b"".join(command.data for command in self.raw.commands)
        header = self.raw.window.read(0, _MACH_HEADER, "header")
        return hashlib.sha1(header + commands, usedforsecurity=False).digest()

    def minimum(self) -> system.System | None:
        """Give the oldest system that it runs on; None when it does not tell."""
        chosen = system.chosen(self.raw)
        return None if chosen is None else chosen[1]

    def info_plist(self) -> bytes:
        """Give the property list in __TEXT,__info_plist; empty when there is none."""
        for section in self.raw.sections:
            name = (section.segname.rstrip(b"\0"), section.sectname.rstrip(b"\0"))
            if name == (b"__TEXT", b"__info_plist"):
                return self.raw.window.read(section.offset, section.size, "property list")
        return b""


def signable(source: ByteSource, start: int = 0, size: int | None = None) -> Signable:
    """Read the image of `size` bytes (None: all to the end) at `start`; raises `BadBinary`."""
    window = Window(source, start, size)
    raw = parse(window)
    if raw is None:
        raise window.bad("it is no program or library, which are signed")
    return _signable(raw)


def _signable(raw: Raw) -> Signable:
    places = (command.offset for command in raw.segment_commands())
    command = next(raw.of(c.LC_CODE_SIGNATURE), None)
    return Signable(
        raw=raw,
        segments=tuple(zip(places, raw.segments, strict=True)),
        signature_command=None if command is None else command.offset,
        signature=None if command is None else _extent(raw, command),
    )


def each_slice(source: ByteSource, tell: Callable[[Signable], tuple[str, ...]]) -> tuple[str, ...]:
    """Gather what `tell` says of every image of a file; in a universal one it names the slice.

    Raises `errors.BadBinary`.
    """
    said: list[str] = []
    for entry, raw in slices(Window(source)):
        prefix = "" if entry is None else f"slice {arch(raw.header)}: "
        said += (prefix + line for line in tell(_signable(raw)))
    return tuple(said)


def _extent(raw: Raw, command: Command) -> Extent:
    offset, size = raw.words(command, 2)
    return Extent(offset=offset, size=size)
