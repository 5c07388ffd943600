"""Edits → changed bytes of a PE file, in place.

What fits is written over the old name. Otherwise one read-only section is added behind everything
else in the file, COFF symbols and overlays included, and the import directory moves into it; the
import addresses stay, as code refers to them. A section that an earlier edit added is written anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from wheelfix.errors import CannotEdit
from wheelfix.formats.files import Opened, OpenFile, blank, copy, editing, put
from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe import layout
from wheelfix.formats.pe.bound import unbinding
from wheelfix.formats.pe.checksum import checksum
from wheelfix.formats.pe.compose import composed
from wheelfix.formats.pe.grow import pointers
from wheelfix.formats.pe.layout import Section, aligned
from wheelfix.formats.pe.loadconfig import forbids
from wheelfix.formats.pe.moves import moves
from wheelfix.formats.pe.overlay import certificate
from wheelfix.formats.pe.place import (
    Spot,
    file_end,
    first_bytes,
    header,
    kept_end,
    section_for,
    spot,
)
from wheelfix.formats.pe.raw import Raw, parse
from wheelfix.formats.pe.read import image_of
from wheelfix.formats.pe.tables import Tables, tables
from wheelfix.formats.pe.wish import Wish, wish
from wheelfix.formats.window import Window
from wheelfix.model import Edit, Private, after
from wheelfix.value import Value


class Change(Value):
    """All that is to be done to a file."""

    puts: tuple[tuple[int, bytes], ...]
    """What to write, at places as they were; later ones win."""
    border: int
    """From here on everything moves by `grow` bytes first."""
    grow: int
    end: int
    """Where what is kept of the file ends, before it grows."""
    start: int
    """Where our own section begins, at a place as it would be without `grow`."""
    data: bytes
    """Its bytes; none where no section is needed."""


def apply(file: Private, edits: tuple[Edit, ...]) -> None:
    """Edit `file`, our private copy, in place; nothing is written when nothing changes.

    Raises `errors.CannotEdit`, `errors.BadBinary`, or `errors.CannotWrite` when the disk refuses.
    """
    with editing(file) as handle:
        raw = parse(Window(Opened(handle)))
        change = None if raw is None else _change(raw, edits)
        if raw is not None and change is not None:
            _write(handle, change)
            _sum(handle, raw)


def _change(raw: Raw, edits: tuple[Edit, ...]) -> Change | None:
    found = tables(raw)
    image = image_of(raw, found)
    mine = tuple(edit for edit in edits if edit.arch in {None, image.arch})
    if after(image, mine) == image:
        return None
    if image.locked is not None:
        raise CannotEdit(problem=f"it must not be edited: {image.locked}")
    return _planned(raw, found, wish(image, found, mine))


def _planned(raw: Raw, found: Tables, wanted: Wish) -> Change:
    moving = moves(raw, found, wanted)
    puts = [*unbinding(raw, found.imports), *_unsealed(raw, found), *moving.puts]
    border, end = first_bytes(raw), kept_end(raw)
    if not moving.any:
        return Change(puts=tuple(puts), border=border, grow=0, end=end, start=end, data=b"")
    where = spot(raw)
    content = composed(raw, found, wanted, moving, where.address)
    section = section_for(raw, where, len(content.data))
    puts += content.puts
    puts += _headers(raw, section, where)
    if where.grow:
        puts += pointers(raw, where.grow)
    puts.append((section.at, header(section, where.grow)))
    return Change(
        puts=tuple(puts),
        border=border,
        grow=where.grow,
        end=file_end(raw, where),
        start=section.raw,
        data=content.data.ljust(section.raw_size, b"\0"),
    )


def _unsealed(raw: Raw, found: Tables) -> Iterator[tuple[int, bytes]]:
    """Take away the certificate, and what keeps DLLs beside the file from being found."""
    if certificate(raw) is not None:
        yield raw.directories_at + layout.DIRECTORY.size * c.DIRECTORY_SECURITY, bytes(8)
    if forbids(found.config.flags):
        yield found.config.flags_at, bytes(2)


def _headers(raw: Raw, section: Section, where: Spot) -> Iterator[tuple[int, bytes]]:
    """Count one more section, and its bytes, in the file's headers."""
    size = aligned(section.address + section.virtual_size, raw.optional.section_alignment)
    yield raw.optional_at + layout.SIZE_OF_IMAGE, size.to_bytes(4, "little")
    at = raw.optional_at + layout.SIZE_OF_INITIALIZED_DATA
    data = int.from_bytes(raw.window.read(at, 4, "optional header"), "little")
    data += section.raw_size - (0 if where.old is None else where.old.raw_size)
    yield at, (data % (1 << 32)).to_bytes(4, "little")
    yield raw.optional_at + layout.SIZE_OF_HEADERS, where.headers.to_bytes(4, "little")
    if where.old is None:
        yield raw.start + 6, (len(raw.sections) + 1).to_bytes(2, "little")


def _write(handle: OpenFile, change: Change) -> None:
    handle.truncate(change.end)
    if change.grow:
        size = change.end - change.border
        copy(handle, change.border, handle, change.border + change.grow, size)
        blank(handle, change.border, change.border + change.grow)
    for at, data in change.puts:
        put(handle, at + (change.grow if at >= change.border else 0), data)
    if change.data:
        blank(handle, change.end + change.grow, change.start + change.grow)
        put(handle, change.start + change.grow, change.data)


def _sum(handle: OpenFile, raw: Raw) -> None:
    """Set the checksum anew, where the file had one."""
    if raw.optional.checksum:
        at = raw.optional_at + layout.CHECKSUM
        put(handle, at, checksum(handle, at).to_bytes(4, "little"))
