"""Room for our section: its header, its address, and its bytes at the end of the file."""

from __future__ import annotations

from wheelfix.errors import CannotEdit
from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.bound import notes
from wheelfix.formats.pe.layout import SECTION, Section, aligned
from wheelfix.formats.pe.moves import own_section
from wheelfix.formats.pe.overlay import certificate, described_end
from wheelfix.formats.pe.raw import Raw
from wheelfix.value import Value

_LARGEST = (1 << 31) - (1 << 24)
"""Bytes in memory, of which there may be 2 GiB, and in the file; a bit is left for our section."""
_CHARACTERISTICS = c.SECTION_INITIALIZED_DATA | c.SECTION_READ


class Spot(Value):
    """Where our section begins."""

    address: int
    """Its RVA."""
    header: int
    """Where its header lies in the file."""
    old: Section | None
    """The one it replaces; None for a new one."""
    headers: int
    """SizeOfHeaders, once its header is among them."""
    grow: int
    """Bytes to put between the headers and the first section, so that its header fits."""


def spot(raw: Raw) -> Spot:
    """Give the place of the section we added before, or one behind all others.

    Raises `errors.CannotEdit` when there is no room for one more header.
    """
    own = own_section(raw)
    if own is not None and own == raw.sections[-1]:
        headers = raw.optional.size_of_headers
        return Spot(address=own.address, header=own.at, old=own, headers=headers, grow=0)
    if len(raw.sections) >= c.MOST_SECTIONS:
        raise CannotEdit(problem="it has as many sections as Windows loads")
    last = raw.sections[-1]
    address = aligned(last.address + last.extent, raw.optional.section_alignment)
    if max(address, raw.window.size) > _LARGEST:
        raise CannotEdit(problem="it is as large as a Windows binary may be")
    headers, grow = _headers(raw)
    return Spot(address=address, header=raw.table_end, old=None, headers=headers, grow=grow)


def first_bytes(raw: Raw) -> int:
    """Give where the first section's bytes begin in the file."""
    starts = [each.raw for each in raw.sections if each.has_bytes]
    return min(starts, default=raw.optional.size_of_headers)


def _headers(raw: Raw) -> tuple[int, int]:
    """Give SizeOfHeaders with one more section, and how far all sections must move for it."""
    end, limit = raw.table_end + c.SECTION_HEADER, first_bytes(raw)
    if limit < raw.table_end or _taken(raw, raw.table_end, min(end, limit)):
        raise CannotEdit(problem="something unknown stands behind its section headers")
    missing = max(0, end - limit)
    step = _step(raw)
    grow = aligned(missing, step)
    headers = max(raw.optional.size_of_headers + grow, min(aligned(end, step), limit + grow))
    if headers > raw.sections[0].address:
        raise CannotEdit(problem=f"no room for a section header: {missing} bytes short")
    if grow and any(each.raw % c.SECTOR for each in raw.sections if each.has_bytes):
        raise CannotEdit(problem="its sections do not begin on sectors of their own")
    return headers, grow


def _taken(raw: Raw, start: int, end: int) -> bool:
    """Tell whether somebody's bytes lie there, other than notes about bound imports."""
    void = notes(raw)
    data = raw.window.read(start, end - start, "section headers")
    return any(byte for at, byte in enumerate(data, start) if not void.rva <= at < void.end)


def _step(raw: Raw) -> int:
    return max(raw.optional.file_alignment, c.SECTOR)


def kept_end(raw: Raw) -> int:
    """Give where the file ends without a certificate at its very end."""
    signed = certificate(raw)
    if signed is None or signed.rva < described_end(raw) or signed.end < raw.window.size:
        return raw.window.size
    return signed.rva


def file_end(raw: Raw, where: Spot) -> int:
    """Give where all that is not ours ends."""
    end = kept_end(raw)
    return end if where.old is None or where.old.raw_end != end else where.old.raw


def section_for(raw: Raw, where: Spot, size: int) -> Section:
    """Give the section of `size` bytes at this spot, its place in a file that has not grown."""
    raw_size, start = aligned(size, _step(raw)), aligned(file_end(raw, where), _step(raw))
    old = where.old
    if old is not None and old.raw_end < kept_end(raw) and raw_size <= old.raw_size:
        start, raw_size = old.raw, old.raw_size  # somebody put something behind it
    return Section(
        at=where.header,
        name=c.OWN_SECTION,
        virtual_size=size,
        address=where.address,
        raw_size=raw_size,
        raw=start,
        characteristics=_CHARACTERISTICS,
    )


def header(section: Section, grow: int) -> bytes:
    """Write a section's header."""
    return SECTION.pack(
        section.name,
        section.virtual_size,
        section.address,
        section.raw_size,
        section.raw + grow,
        *(0, 0, 0, 0),
        section.characteristics,
    )
