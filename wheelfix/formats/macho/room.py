"""Room for a signature: its load command in the header, its bytes at the end of __LINKEDIT."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from wheelfix.errors import CannotEdit
from wheelfix.formats.macho.signable import LC_CODE_SIGNATURE, Extent, Segment, Signable
from wheelfix.model import ByteSource

_ALIGNMENT = 16
_MEMORY_PAGE = 0x4000
"""What Apple's codesign_allocate rounds segments to, on every architecture."""

_COMMAND = 16
"""Bytes of LC_CODE_SIGNATURE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where a signature goes."""

    code_end: int
    """Where the image ends without any signature; zeros fill from here to `start`."""
    start: int
    linkedit: Segment
    command: int
    """Where LC_CODE_SIGNATURE stands or will stand."""


def find(source: ByteSource, base: int, image: Signable) -> Room:
    """Find room for a signature of `image`, which begins at `base`.

    Raises `errors.CannotEdit` where there is none.
    """
    linkedit = image.segment(b"__LINKEDIT")
    if linkedit is None:
        raise _cannot("it has no __LINKEDIT segment")
    if linkedit.file.end != image.size:
        raise _cannot("data that no segment holds lies at its end")
    code_end = linkedit.file.end
    if image.signature is not None:
        code_end = image.signature.offset
        _only_zeros_behind(source, base, image.signature, linkedit)
    command = image.signature_command
    if command is None:
        command = image.commands.end
        _check_header(source, base, image)
    start = _rounded(code_end, _ALIGNMENT)
    return Room(code_end=code_end, start=start, linkedit=linkedit, command=command)


def _only_zeros_behind(source: ByteSource, base: int, signature: Extent, linkedit: Segment) -> None:
    if not linkedit.file.offset <= signature.offset <= signature.end <= linkedit.file.end:
        raise _cannot("its code signature lies outside of __LINKEDIT")
    if any(source.read(base + signature.end, linkedit.file.end - signature.end)):
        raise _cannot("data lies behind its code signature")


def _check_header(source: ByteSource, base: int, image: Signable) -> None:
    """Make sure that the bytes behind the load commands are free for one more."""
    free = image.room_end - image.commands.end
    if free < _COMMAND or any(source.read(base + image.commands.end, _COMMAND)):
        raise CannotEdit(
            problem="its header has no room for the load command of a code signature",
            details=(f"{_COMMAND} bytes are needed, {max(0, free)} are there",),
            hint="link it with -Wl,-headerpad_max_install_names",
        )


def _cannot(reason: str) -> CannotEdit:
    return CannotEdit(
        problem=f"it cannot be signed: {reason}",
        hint="strip or link it anew, or leave it out of the wheel",
    )


def puts(image: Signable, room: Room, size: int) -> tuple[tuple[int, bytes], ...]:
    """Give the bytes to put, by offset, before pages are hashed; the signature takes `size` bytes.

    Raises `errors.CannotEdit` where __LINKEDIT would grow into the next segment or past 4 GiB.
    """
    file_size = room.start + size - room.linkedit.file.offset
    memory = _rounded(file_size, _MEMORY_PAGE)
    _check_growth(image, room, size, memory)
    order = image.order
    command = struct.pack(f"{order}4I", LC_CODE_SIGNATURE, _COMMAND, room.start, size)
    # vmsize, fileoff, filesize stand behind kind, size, name and vmaddr.
    layout, skip = ("3Q", 32) if room.linkedit.wide else ("3I", 28)
    sizes = struct.pack(order + layout, memory, room.linkedit.file.offset, file_size)
    filler = (room.code_end, bytes(room.start - room.code_end))
    found = ((room.linkedit.command + skip, sizes), (room.command, command), filler)
    if image.signature_command is not None:
        return found
    counts = struct.pack(f"{order}2I", image.command_count + 1, image.commands.size + _COMMAND)
    return (*found, (16, counts))


def _check_growth(image: Signable, room: Room, size: int, memory: int) -> None:
    end = room.linkedit.address + memory
    if room.start + size > 0xFFFFFFFF:
        raise _cannot("a code signature cannot lie beyond 4 GiB")
    for segment in image.segments:
        if room.linkedit.address < segment.address < end:
            raise _cannot("a segment follows __LINKEDIT in memory")


def _rounded(number: int, step: int) -> int:
    return -(-number // step) * step
