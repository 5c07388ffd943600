"""Notes: the CPU level a file is marked to need, the Android marker, what is loaded by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf.layout import struct_of
from wheelfix.formats.elf.raw import Raw
from wheelfix.model import Opened
from wheelfix.typed import Any, TypeAlias

_MOST = 1 << 16
"""Bytes of one PT_NOTE that are looked at: a note of interest is among the first."""

_LEVELS = ((8, "x86-64-v4"), (4, "x86-64-v3"), (2, "x86-64-v2"))


Note: TypeAlias = tuple[bytes, int, bytes]
"""Owner (without NUL), type and description."""


def notes(raw: Raw) -> Iterator[Note]:
    """Give each note of each PT_NOTE.

    A PT_NOTE that makes no sense ends early: loaders do not care either.
    """
    for segment in raw.of_type(c.PT_NOTE):
        size = min(segment.filesz, _MOST)
        if segment.offset + size <= raw.window.size:
            data = raw.window.read(segment.offset, size, "notes")
            yield from _split(data, raw, 8 if segment.align == 8 else 4)


def _split(data: bytes, raw: Raw, align: int) -> Iterator[Note]:
    form = struct_of(raw.codec.order + "III")
    place = 0
    while place + form.size <= len(data):
        name, size, kind = form.unpack_from(data, place)
        start = place + form.size
        body = _up(start + name, align)
        if body + size > len(data):
            return
        yield data[start : start + name].rstrip(b"\0"), kind, data[body : body + size]
        place = _up(body + size, align)


def _up(value: int, align: int) -> int:
    return -(-value // align) * align


def isa(raw: Raw, found: tuple[Note, ...]) -> str | None:
    """Give the x86 level of GNU_PROPERTY_X86_ISA_1_NEEDED; None when unmarked or baseline."""
    if raw.header.machine not in {c.EM_386, c.EM_X86_64}:
        return None
    for owner, kind, data in found:
        if owner == b"GNU" and kind == c.NT_GNU_PROPERTY_TYPE_0:
            bits = _property(data, c.GNU_PROPERTY_X86_ISA_1_NEEDED, raw.codec.word)
            return next((name for bit, name in _LEVELS if bits & bit), None)
    return None


def _property(data: bytes, wanted: int, align: int) -> int:
    place = 0
    while place + 8 <= len(data):
        kind = int.from_bytes(data[place : place + 4], "little")
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if kind == wanted:
            return int.from_bytes(data[place + 8 : place + 12], "little")
        place = _up(place + 8 + size, align)
    return 0


def is_android(found: Iterable[Note]) -> bool:
    """Tell whether it carries the note that the NDK's start files put into every binary."""
    return any(owner == b"Android" for owner, _, _ in found)


def opens(found: tuple[Note, ...]) -> tuple[Opened, ...]:
    """Give what it notes to load by name (.note.dlopen); what makes no sense is left out.

    Names with a folder are left out too: they mean a place that no wheel has.
    """
    told = (
        _opened(entry)
        for owner, kind, data in found
        if owner == b"FDO" and kind == c.NT_FDO_DLOPEN
        for entry in _entries(data)
    )
    return tuple(opened for opened in told if opened is not None)


def _entries(data: bytes) -> list[Any]:
    import json  # rarely needed

    try:
        entries = json.loads(data.rstrip(b"\0").decode("utf-8"))
    except (ValueError, RecursionError):
        return []
    return entries if isinstance(entries, list) else []


_PRIORITIES = frozenset({"required", "recommended", "suggested"})


def _opened(entry: Any) -> Opened | None:
    names = entry.get("soname") if isinstance(entry, dict) else None
    if not isinstance(names, list):
        return None
    good = tuple(n for n in names if isinstance(n, str) and n.isprintable() and n and "/" not in n)
    priority = entry.get("priority", "recommended")
    if not good or not isinstance(priority, str) or priority not in _PRIORITIES:
        return None
    return Opened(names=good, priority=priority)
