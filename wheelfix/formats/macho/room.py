"""Room for a signature: its load command in the header, its bytes at the end of __LINKEDIT."""

from __future__ import annotations

from wheelfix.errors import CannotEdit
from wheelfix.formats.files import Put
from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho import headroom
from wheelfix.formats.macho.layout import Segment
from wheelfix.formats.macho.raw import has_bytes
from wheelfix.formats.macho.signable import Extent, Signable
from wheelfix.value import Value, replace

_ALIGNMENT = 16
_MEMORY_PAGE = 0x4000
"""What Apple's codesign_allocate rounds segments to, on every architecture."""

_COMMAND = 16
"""Bytes of LC_CODE_SIGNATURE."""


class Room(Value):
    """Where a signature goes."""

    code_end: int
    """Where the image ends without any signature; zeros fill from here to `start`."""
    start: int
    linkedit: tuple[int, Segment]
    """The segment that it ends, and where the load command of that stands."""
    command: int
    """Where LC_CODE_SIGNATURE stands or will stand."""


def find(image: Signable) -> Room:
    """Find room for a signature of `image`; raises `errors.CannotEdit` where there is none."""
    linkedit = image.segment(b"__LINKEDIT")
    if linkedit is None:
        raise _cannot("it has no __LINKEDIT segment")
    extent = Extent(offset=linkedit[1].fileoff, size=linkedit[1].filesize)
    rest = image.size - extent.end
    if any(image.raw.window.read(extent.end, rest, "end")):
        raise _cannot("data that no segment holds, or one behind __LINKEDIT, lies at its end")
    if headroom.limit(image.raw) < image.raw.end:
        raise _cannot("its load commands reach into what follows them")
    code_end = extent.end
    if image.signature is not None:
        code_end = image.signature.offset
        _check_old(image, image.signature, extent)
    sections = filter(has_bytes, image.raw.sections)
    if any(section.offset + section.size > code_end for section in sections):
        raise _cannot("a section lies where the signature goes")
    command = image.signature_command
    if command is None:
        command = image.raw.end
        _check_header(image)
    start = _rounded(code_end, _ALIGNMENT)
    return Room(code_end=code_end, start=start, linkedit=linkedit, command=command)


def _check_old(image: Signable, signature: Extent, linkedit: Extent) -> None:
    """Make sure that nothing but zeros follows the old signature."""
    if not linkedit.offset <= signature.offset <= signature.end <= linkedit.end:
        raise _cannot("its code signature lies outside of __LINKEDIT")
    behind = linkedit.end - signature.end
    if any(image.raw.window.read(signature.end, behind, "__LINKEDIT segment")):
        raise _cannot("data lies behind its code signature")


def _check_header(image: Signable) -> None:
    """Make sure that the bytes behind the load commands are free for one more."""
    end = image.raw.end
    free = max(0, headroom.limit(image.raw) - end)
    if free < _COMMAND:
        raise headroom.no_room(image.raw, _COMMAND - free)
    if any(image.raw.window.read(end, _COMMAND, "header room")):
        raise _cannot("something unknown lies behind its load commands")


def _cannot(reason: str) -> CannotEdit:
    return CannotEdit(
        problem=f"it cannot be signed: {reason}",
        hint="strip or link it anew, or leave it out of the wheel",
    )


def puts(image: Signable, room: Room, size: int) -> tuple[Put, ...]:
    """Give the bytes to put, by offset, before pages are hashed; the signature takes `size` bytes.

    Raises `errors.CannotEdit` where __LINKEDIT would grow into the next segment or past 4 GiB.
    """
    codec = image.raw.codec
    offset, linkedit = room.linkedit
    file_size = room.start + size - linkedit.fileoff
    grown = replace(linkedit, filesize=file_size, vmsize=_rounded(file_size, _MEMORY_PAGE))
    _check_growth(image, grown)
    found = (
        (offset, codec.pack(grown)),
        (room.command, codec.word_bytes(c.LC_CODE_SIGNATURE, _COMMAND, room.start, size)),
        (room.code_end, bytes(room.start - room.code_end)),
    )
    if image.signature_command is not None:
        return found
    header = image.raw.header
    counts = codec.word_bytes(header.ncmds + 1, header.sizeofcmds + _COMMAND)
    return (*found, (16, counts))


def _check_growth(image: Signable, grown: Segment) -> None:
    if grown.fileoff + grown.vmsize > 0xFFFFFFFF:
        raise _cannot("a code signature cannot lie beyond 4 GiB")
    for _, segment in image.segments:
        if grown.vmaddr < segment.vmaddr < grown.vmaddr + grown.vmsize:
            raise _cannot("a segment follows __LINKEDIT in memory")


def _rounded(number: int, step: int) -> int:
    return -(-number // step) * step
