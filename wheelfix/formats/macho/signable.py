"""What signing has to know about one thin image: its end, its header room and where things lie.

All offsets are those of the image, 0 being its first byte, as in its own load commands.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

from wheelfix.errors import BadBinary
from wheelfix.formats.macho import codesign as cs
from wheelfix.model import ByteSource

MH_EXECUTE = 2
CPU_TYPE_ARM64 = 0x0100000C

LC_SEGMENT = 0x1
LC_SEGMENT_64 = 0x19
LC_UUID = 0x1B
LC_CODE_SIGNATURE = 0x1D
LC_BUILD_VERSION = 0x32

_MAGICS = {
    b"\xce\xfa\xed\xfe": ("<", 28),
    b"\xcf\xfa\xed\xfe": ("<", 32),
    b"\xfe\xed\xfa\xce": (">", 28),
    b"\xfe\xed\xfa\xcf": (">", 32),
}
"""Magic → byte order and size of the header."""

_VERSION_MIN = {
    0x24: cs.PLATFORM_MACOS,
    0x25: cs.PLATFORM_IOS,
    0x2F: cs.PLATFORM_TVOS,
    0x30: cs.PLATFORM_WATCHOS,
}
"""LC_VERSION_MIN_* → platform."""

_SEGMENT = {LC_SEGMENT: ("8x16s4I8xI4x", 56), LC_SEGMENT_64: ("8x16s4Q8xI4x", 72)}
_SECTION = {LC_SEGMENT: ("16s16s4x3I8xI8x", 68), LC_SEGMENT_64: ("16s16s8xQ2I8xI12x", 80)}
_MACH_HEADER = 28
"""Bytes that Apple's codesign hashes of a header, of a 64-bit one too."""
_ZEROFILL = frozenset({1, 12, 18})
"""Types of sections that take no bytes of the file: plain, gigabyte, thread-local."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """A run of bytes."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment, and where its load command stands."""

    command: int
    wide: bool
    """True for LC_SEGMENT_64."""
    name: bytes
    address: int
    memory_size: int
    file: Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One load command."""

    kind: int
    offset: int
    data: bytes
    """The whole command, kind and size included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signable:
    """A thin image as its header and load commands describe it."""

    order: str
    """`<` or `>`, as `struct` spells the byte order."""
    cpu: int
    file_type: int
    command_count: int
    commands: Extent
    room_end: int
    """Where the first bytes after the load commands lie that belong to anything."""
    size: int
    """Bytes of the image."""
    unique: bytes
    """What tells it from other images: `UUID` and its LC_UUID, else a SHA-1 of its header."""
    segments: tuple[Segment, ...] = ()
    signature_command: int | None = None
    signature: Extent | None = None
    """The bytes that LC_CODE_SIGNATURE points at; None when there is none."""
    platform: int | None = None
    minimum: int = 0
    """Lowest system version, packed as xxxx.yy.zz."""
    info_plist: Extent | None = None
    """The section __TEXT,__info_plist."""

    def segment(self, name: bytes) -> Segment | None:
        """Give the segment of that name."""
        return next((segment for segment in self.segments if segment.name == name), None)


def signable(source: ByteSource, start: int = 0, size: int | None = None) -> Signable:
    """Read the image of `size` bytes (None: all to the end) at `start`; raises `BadBinary`."""
    extent = source.size - start if size is None else size
    head = source.read(start, 32)
    order, header_size = _MAGICS.get(head[:4], ("", 0))
    if not order or len(head) < header_size:
        raise BadBinary(problem="this is no thin Mach-O image", offset=start)
    cpu, _, file_type, count, commands_size = struct.unpack_from(f"{order}5I", head, 4)
    commands = Extent(offset=header_size, size=commands_size)
    if commands.end > extent:
        raise BadBinary(problem="the load commands end behind the image", offset=start + 20)
    data = source.read(start + header_size, commands_size)
    image = Signable(
        order=order,
        cpu=cpu,
        file_type=file_type,
        command_count=count,
        commands=commands,
        room_end=extent,
        size=extent,
        unique=_digest(head[:_MACH_HEADER] + data),
    )
    for command in _commands(image, data, start):
        image = _with(image, command)
    return image


def _digest(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _commands(image: Signable, data: bytes, start: int) -> Iterator[Command]:
    position = 0
    for _ in range(image.command_count):
        offset = image.commands.offset + position
        if position + 8 > len(data):
            raise BadBinary(problem="the load commands are cut off", offset=start + offset)
        kind, size = struct.unpack_from(f"{image.order}2I", data, position)
        if size < 8 or position + size > len(data):
            raise BadBinary(problem=f"a load command of {size} bytes", offset=start + offset)
        yield Command(kind=kind, offset=offset, data=data[position : position + size])
        position += size


def _with(image: Signable, command: Command) -> Signable:
    """Add what one load command tells."""
    try:
        return _told(image, command)
    except struct.error as error:
        raise BadBinary(
            problem=f"load command 0x{command.kind:x} is too short", offset=command.offset
        ) from error


def _told(image: Signable, command: Command) -> Signable:
    if command.kind in _SEGMENT:
        return _with_segment(image, command)
    if command.kind == LC_CODE_SIGNATURE:
        offset, size = struct.unpack_from(f"{image.order}2I", command.data, 8)
        extent = Extent(offset=offset, size=size)
        return replace(image, signature=extent, signature_command=command.offset)
    if command.kind == LC_UUID:
        return replace(image, unique=b"UUID" + struct.unpack_from("16s", command.data, 8)[0])
    if image.platform is None and command.kind == LC_BUILD_VERSION:
        platform, minimum = struct.unpack_from(f"{image.order}2I", command.data, 8)
        return replace(image, platform=platform, minimum=minimum)
    if image.platform is None and command.kind in _VERSION_MIN:
        (minimum,) = struct.unpack_from(f"{image.order}I", command.data, 8)
        return replace(image, platform=_VERSION_MIN[command.kind], minimum=minimum)
    return image


def _with_segment(image: Signable, command: Command) -> Signable:
    layout, size = _SEGMENT[command.kind]
    name, address, memory_size, offset, file_size, sections = struct.unpack_from(
        image.order + layout, command.data
    )
    segment = Segment(
        command=command.offset,
        wide=command.kind == LC_SEGMENT_64,
        name=name.rstrip(b"\0"),
        address=address,
        memory_size=memory_size,
        file=Extent(offset=offset, size=file_size),
    )
    grown = replace(image, segments=(*image.segments, segment))
    if 0 < offset < grown.room_end and file_size:
        grown = replace(grown, room_end=offset)
    layout, step = _SECTION[command.kind]
    for number in range(sections):
        fields = struct.unpack_from(image.order + layout, command.data, size + number * step)
        grown = _with_section(grown, fields)
    return grown


def _with_section(image: Signable, fields: tuple[bytes, bytes, int, int, int, int]) -> Signable:
    name, segment, size, offset, _, flags = fields
    if not size or not offset or flags & 0xFF in _ZEROFILL:
        return image
    grown = replace(image, room_end=min(image.room_end, offset))
    if (segment.rstrip(b"\0"), name.rstrip(b"\0")) == (b"__TEXT", b"__info_plist"):
        return replace(grown, info_plist=Extent(offset=offset, size=size))
    return grown
