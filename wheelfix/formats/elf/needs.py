"""Version needs: written again under other file names, or without the dropped ones."""

from __future__ import annotations

from array import array

from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf import strings, symbols, versions
from wheelfix.formats.elf.job import Job
from wheelfix.formats.elf.layout import Section, struct_of
from wheelfix.formats.elf.versions import Need
from wheelfix.formats.elf.wish import Entry, Wish
from wheelfix.value import replace

_FILE = 4
"""Offset of vn_file in Elf_Verneed."""


def put(job: Job, wish: Wish, offsets: dict[bytes, int]) -> None:
    """Draft the needs that stay; `offsets` are those of new names in the string table."""
    if not wish.dropped:
        for wanted in wish.needs:
            file = _file(job, wanted.need, wanted.library, offsets)
            data = struct_of(job.raw.codec.order + "I").pack(file)
            job.draft.put(wanted.need.offset + _FILE, data)
        return
    kept = tuple(
        replace(w.need, record=w.need.record.but(file=_file(job, w.need, w.library, offsets)))
        for w in wish.needs
    )
    start, size = versions.extent(kept + wish.dropped)
    job.draft.put(start, versions.pack(job.raw, kept).ljust(size, b"\0"))
    _put_versym(job, kept, wish.dropped)


def _file(job: Job, need: Need, library: bytes, offsets: dict[bytes, int]) -> int:
    file = need.record.file
    return file if strings.holds(job.strings, file, library) else offsets[library]


def _put_versym(job: Job, kept: tuple[Need, ...], dropped: tuple[Need, ...]) -> None:
    """Let symbols of dropped versions be found in any library."""
    gone = {aux.other for need in dropped for aux in need.aux}
    gone -= {aux.other for need in kept for aux in need.aux}
    address = job.raw.tag(c.DT_VERSYM)
    if address is None:
        return
    start, _ = job.raw.extent(address, "symbol versions")
    data = job.raw.window.read(start, symbols.count(job.raw) * 2, "symbol versions")
    values = array("H", data)
    if job.raw.codec.foreign:
        values.byteswap()
    for place, value in enumerate(values):
        if value & ~c.VERSYM_HIDDEN in gone:
            values[place] = c.VER_NDX_GLOBAL
    if job.raw.codec.foreign:
        values.byteswap()
    job.draft.put(start, values.tobytes())


def entries(wish: Wish) -> tuple[Entry, ...]:
    """Give the dynamic entries that fit the needs that stay."""
    if not wish.dropped:
        return wish.dynamic
    if wish.needs:
        count = len(wish.needs)
        return tuple(
            (tag, count if tag == c.DT_VERNEEDNUM else value, text)
            for tag, value, text in wish.dynamic
        )
    gone = {c.DT_VERNEED, c.DT_VERNEEDNUM}
    if not any(entry[0] == c.DT_VERDEF for entry in wish.dynamic):
        gone.add(c.DT_VERSYM)  # without any version glibc would look into a table it did not make
    return tuple(entry for entry in wish.dynamic if entry[0] not in gone)


def sections(job: Job, wish: Wish) -> tuple[Section, ...]:
    """Give the section headers as they fit the needs that stay."""
    if not wish.dropped:
        return job.sections
    kept = tuple(wanted.need for wanted in wish.needs)
    info, size = len(kept), len(versions.pack(job.raw, kept))
    return tuple(
        s.but(info=info, size=size) if s.type == c.SHT_GNU_VERNEED else s for s in job.sections
    )
