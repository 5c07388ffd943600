"""Headers and payloads of a zip, written in one pass; every header is complete and minimal."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, repeat
from operator import add, lshift
from pathlib import Path

from wheelfix.archive.handle import Handle
from wheelfix.archive.output import BUFFER, Output
from wheelfix.archive.zipformat import (
    CENTRAL,
    CENTRAL_SIGNATURE,
    END,
    END64,
    END64_SIGNATURE,
    END_SIGNATURE,
    EXTRA,
    FLAG_UTF8,
    LOCAL,
    LOCAL_SIGNATURE,
    LOCATOR,
    LOCATOR_SIGNATURE,
    UNIX,
    WIDE,
    WIDE_COUNT,
    ZIP64_EXTRA,
)
from wheelfix.model import WheelPath
from wheelfix.typed import TypeAlias
from wheelfix.value import Value

VERSION, VERSION_ZIP64 = 20, 45
"""4.4.3.2: for deflate, and for zip64."""

DATE, TIME = 0x0021, 0
"""4.4.6: 1980-01-01 00:00:00, the earliest that the format knows."""


class Span(Value):
    """Bytes of an open file."""

    handle: Handle
    offset: int
    size: int


Part: TypeAlias = bytes | bytearray | Span
Payload: TypeAlias = Part | tuple[Part, ...] | Path


class NewMember(Value):
    """A member as it is to be written; every header follows from this."""

    path: WheelPath
    mode: int
    """st_mode with the type bits of a regular file."""
    method: int
    crc: int
    size: int
    compressed_size: int
    payload: Payload


class NewMembers(Value):
    """Several members as they are to be written, field by field; their payloads are at hand."""

    paths: Sequence[WheelPath]
    modes: Sequence[int]
    methods: Sequence[int]
    crcs: Sequence[int]
    sizes: Sequence[int]
    packed: Sequence[int]
    """Compressed sizes."""
    payloads: Sequence[bytes]

    def each(self) -> Iterator[NewMember]:
        """Give one after the other."""
        for row, path in enumerate(self.paths):
            yield NewMember(
                path=path,
                mode=self.modes[row],
                method=self.methods[row],
                crc=self.crcs[row],
                size=self.sizes[row],
                compressed_size=self.packed[row],
                payload=self.payloads[row],
            )


class Limits(Value):
    """From which values on zip64 is needed; lowered only by tests."""

    size: int = WIDE
    count: int = WIDE_COUNT


REAL_LIMITS = Limits()


class ZipWriter:
    """Writes members in the order in which they are given; all methods raise OSError."""

    def __init__(self, output: Output, limits: Limits) -> None:
        self._output = output
        self._limits = limits
        self._central = bytearray()
        self._count = 0

    def add(self, member: NewMember) -> None:
        """Write header and payload."""
        offset = self._output.position
        name = member.path.encode()
        flags = 0 if member.path.isascii() else FLAG_UTF8
        sizes = (member.size, member.compressed_size)
        # 4.5.3: in the local header both sizes are in the zip64 field, or none
        wide = max(sizes) >= self._limits.size
        extra = _zip64_field(sizes) if wide else b""
        common = (flags, member.method, TIME, DATE, member.crc)
        header = LOCAL.pack(
            LOCAL_SIGNATURE,
            VERSION_ZIP64 if wide else VERSION,
            *common,
            *((WIDE, WIDE) if wide else (member.compressed_size, member.size)),
            len(name),
            len(extra),
        )
        self._output.append(header + name + extra)
        self._append(member.payload)
        self._add_central(member, name, common, offset)

    def add_all(self, members: NewMembers) -> None:
        """Write headers and payloads of members that need no zip64, and else one by one."""
        names = [path.encode() for path in members.paths]
        lengths = list(map(len, names))
        steps = map(add, map(add, lengths, members.packed), repeat(LOCAL.size))
        offsets = list(accumulate(steps, initial=self._output.position))
        if max(offsets[-1], *members.sizes) >= self._limits.size:
            for member in members.each():
                self.add(member)
            return
        flags = [0 if path.isascii() else FLAG_UTF8 for path in members.paths]
        sizes = (members.crcs, members.packed, members.sizes, lengths, repeat(0))
        common = (repeat(VERSION), flags, members.methods, repeat(TIME), repeat(DATE), *sizes)
        locals_ = map(LOCAL.pack, repeat(LOCAL_SIGNATURE), *common)
        self._output.append(
            b"".join(chain.from_iterable(zip(locals_, names, members.payloads, strict=True)))
        )
        zeros = (repeat(0), repeat(0), repeat(0))
        attributes = map(lshift, members.modes, repeat(16))
        made = (repeat(CENTRAL_SIGNATURE), repeat(UNIX << 8 | VERSION))
        central = map(CENTRAL.pack, *made, *common, *zeros, attributes, offsets)
        self._central += b"".join(chain.from_iterable(zip(central, names, strict=True)))
        self._count += len(names)

    def _append(self, payload: Payload) -> None:
        match payload:
            case bytes() | bytearray():
                self._output.append(payload)
            case Span():
                self._output.append_span(payload.handle, payload.offset, payload.size)
            case tuple():
                for part in payload:
                    self._append(part)
            case Path():
                with payload.open("rb") as file:
                    while piece := file.read(BUFFER):
                        self._output.append(piece)

    def _add_central(
        self, member: NewMember, name: bytes, common: tuple[int, ...], offset: int
    ) -> None:
        limit = self._limits.size
        size, compressed = member.size, member.compressed_size
        wide: tuple[int, ...] = ()
        if size >= limit or compressed >= limit:
            wide, size, compressed = (size, compressed), WIDE, WIDE
        if offset >= limit:
            wide, offset = (*wide, offset), WIDE
        extra = _zip64_field(wide) if wide else b""
        version = VERSION_ZIP64 if wide else VERSION
        self._central += CENTRAL.pack(
            CENTRAL_SIGNATURE,
            UNIX << 8 | version,
            version,
            *common,
            compressed,
            size,
            len(name),
            len(extra),
            0,
            0,
            0,
            member.mode << 16,
            offset,
        )
        self._central += name + extra
        self._count += 1

    def finish(self) -> None:
        """Write the central directory and the end records."""
        offset, size, count = self._output.position, len(self._central), self._count
        self._output.append(bytes(self._central))
        limits = self._limits
        if count >= limits.count or size >= limits.size or offset >= limits.size:
            end64 = self._output.position
            version = VERSION_ZIP64
            rest = END64.size - 12  # 4.3.14.1: without signature and this field
            tail = (0, 0, count, count, size, offset)
            made = UNIX << 8 | version
            self._output.append(END64.pack(END64_SIGNATURE, rest, made, version, *tail))
            self._output.append(LOCATOR.pack(LOCATOR_SIGNATURE, 0, end64, 1))
            count = WIDE_COUNT if count >= limits.count else count
            size = WIDE if size >= limits.size else size
            offset = WIDE if offset >= limits.size else offset
        self._output.append(END.pack(END_SIGNATURE, 0, 0, count, count, size, offset, 0))
        self._output.flush()


def _zip64_field(numbers: tuple[int, ...]) -> bytes:
    data = struct.pack(f"<{len(numbers)}Q", *numbers)
    return EXTRA.pack(ZIP64_EXTRA, len(data)) + data
