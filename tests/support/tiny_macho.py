"""Tiny thin Mach-O images, written from mach-o/loader.h, for what no compiler here makes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

PAGE = 0x1000
CODE = bytes(range(256)) * 2
UUID = bytes(range(16))

MACOS_10_9 = (0x24, 0x000A0900)
MACOS_11 = (0x32, 1, 0x000B0000)
WATCHOS_9 = (0x32, 4, 0x00090000)
VISIONOS_1 = (0x32, 11, 0x00010000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiny:
    """How a tiny image is to look."""

    order: str = "<"
    wide: bool = True
    cpu: int = 0x01000007
    file_type: int = 6
    uuid: bytes | None = UUID
    platform: tuple[int, ...] = MACOS_10_9
    """A version command and its numbers; empty for none."""
    plist: bytes = b""
    """The content of __TEXT,__info_plist."""
    room: int = 64
    """Bytes between the load commands and the first section."""
    linkedit: bytes = b"a string table, of a kind\0"
    signature: bytes = b""
    """What LC_CODE_SIGNATURE points at."""
    behind: bytes = b""
    """What lies behind __LINKEDIT."""
    last: tuple[bytes, int] | None = None
    """Name and address of a segment more, without bytes in the file."""

    def build(self) -> bytes:
        """Make the file."""
        size = len(self._commands(0, 0))
        start = (32 if self.wide else 28) + size + self.room
        end = -(-(start + len(CODE) + len(self.plist)) // PAGE) * PAGE
        commands = self._commands(start, end)
        head = self._header(commands)
        text = (head + commands + bytes(self.room) + CODE + self.plist).ljust(end, b"\0")
        return text + self._padded + self.signature + self.behind

    @property
    def _padded(self) -> bytes:
        size = -(-len(self.linkedit) // 16) * 16 if self.signature else len(self.linkedit)
        return self.linkedit.ljust(size, b"\0")

    def _header(self, commands: bytes) -> bytes:
        magic = 0xFEEDFACF if self.wide else 0xFEEDFACE
        count, at = 0, 0
        while at < len(commands):
            at += struct.unpack_from(f"{self.order}I", commands, at + 4)[0]
            count += 1
        numbers = (magic, self.cpu, 0, self.file_type, count, len(commands), 0)
        return struct.pack(f"{self.order}7I", *numbers) + bytes(4 if self.wide else 0)

    def _commands(self, start: int, end: int) -> bytes:
        sections = [(b"__text", start, len(CODE))]
        if self.plist:
            sections.append((b"__info_plist", start + len(CODE), len(self.plist)))
        size = len(self._padded) + len(self.signature)
        parts = [
            self._segment(b"__TEXT", 0, (0, end), sections),
            self._segment(b"__LINKEDIT", 0x100000, (end, size), []),
        ]
        if self.last:
            parts.append(self._segment(*self.last, (0, 0), []))
        if self.uuid:
            parts.append(struct.pack(f"{self.order}2I", 0x1B, 24) + self.uuid)
        if self.platform:
            kind, *numbers = self.platform
            length = 16 if kind != 0x32 else 24
            packed = struct.pack(f"{self.order}{2 + len(numbers)}I", kind, length, *numbers)
            parts.append(packed.ljust(length, b"\0"))
        if self.signature:
            place = (end + len(self._padded), len(self.signature))
            parts.append(struct.pack(f"{self.order}4I", 0x1D, 16, *place))
        return b"".join(parts)

    def _segment(
        self,
        name: bytes,
        address: int,
        extent: tuple[int, int],
        sections: list[tuple[bytes, int, int]],
    ) -> bytes:
        word = "Q" if self.wide else "I"
        step = 80 if self.wide else 68
        size = (72 if self.wide else 56) + step * len(sections)
        memory = -(-extent[1] // PAGE) * PAGE
        data = struct.pack(
            f"{self.order}2I16s4{word}4I",
            *(0x19 if self.wide else 0x1, size, name),
            *(address, memory, *extent),
            *(5, 5, len(sections), 0),
        )
        for title, offset, length in sections:
            data += struct.pack(
                f"{self.order}16s16s2{word}7I{'I' if self.wide else ''}",
                *(title, name, address + offset, length),
                *((offset,) + (0,) * (7 if self.wide else 6)),
            )
        return data


def universal(*images: bytes) -> bytes:
    """Put thin images, all little-endian, into one file."""
    offset, table, data = PAGE, b"", b""
    for image in images:
        cpu = struct.unpack_from("<2I", image, 4)
        table += struct.pack(">5I", *cpu, offset + len(data), len(image), 12)
        data += image.ljust(-(-len(image) // PAGE) * PAGE, b"\0")
    head = struct.pack(">2I", 0xCAFEBABE, len(images)) + table
    last = len(images[-1])
    return (head.ljust(PAGE, b"\0") + data)[: offset + len(data) - (-last % PAGE)]


def blob(magic: int, content: bytes) -> bytes:
    """Make a blob of a signature."""
    return struct.pack(">2I", magic, 8 + len(content)) + content


def superblob(blobs: dict[int, bytes]) -> bytes:
    """Put blobs into a signature."""
    offset = 12 + 8 * len(blobs)
    index = b""
    for slot, content in sorted(blobs.items()):
        index += struct.pack(">2I", slot, offset)
        offset += len(content)
    head = struct.pack(">3I", 0xFADE0CC0, offset, len(blobs))
    return head + index + b"".join(content for _, content in sorted(blobs.items()))


def code_directory(
    flags: int,
    *,
    hash_type: int = 2,
    special: dict[int, bytes] | None = None,
    team: bytes = b"",
    page_shift: int = 12,
    exec_flags: int = 0,
    identifier: bytes = b"org.example.old",
) -> bytes:
    """Make a CodeDirectory over no pages at all, version 0x20400."""
    size = {1: 20, 2: 32}[hash_type]
    slots = max(special or {0: b""})
    names = identifier + b"\0" + (team + b"\0" if team else b"")
    first = 88 + len(names) + slots * size
    numbers = (0x20400, flags, first, 88, slots, 0, 0)
    head = struct.pack(">7I4B", *numbers, size, hash_type, 0, page_shift)
    team_at = 88 + len(identifier) + 1 if team else 0
    head += struct.pack(">4I4Q", 0, 0, team_at, 0, 0, 0, 0, exec_flags)
    hashes = [(special or {}).get(slot, bytes(size)) for slot in range(slots, 0, -1)]
    return blob(0xFADE0C02, head + names + b"".join(hashes))
