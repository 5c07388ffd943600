"""What must never be edited, and why."""

from __future__ import annotations

import re

from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf.layout import Section
from wheelfix.formats.elf.raw import Raw, sections

_LOADER = re.compile(r"ld(64)?([-.]|$)|libc\.musl-")
"""Own names of ld.so: ld-linux-x86-64.so.2, ld64.so.2, ld.so.1, ld-musl-*, libc.musl-*."""

_SLACK = 65536
"""Bytes at the end that may be padding, not a payload: up to the largest page."""

_ZIP_END = b"PK\x05\x06"


def locked(raw: Raw, own_name: str | None) -> str | None:
    """Say why the file must not be edited, as the end of a sentence; None when it may be."""
    if raw.dynamic is None:
        return "it is statically linked"
    pie = (raw.tag(c.DT_FLAGS_1) or 0) & c.DF_1_PIE
    if pie and not raw.of_type(c.PT_INTERP):
        return "it is a statically linked program (static PIE)"
    if own_name is not None and _LOADER.match(own_name):
        return "it is the dynamic loader itself"
    if raw.header.phnum == c.PN_XNUM:
        return "it has more program headers than its file header can count"
    return _payload(raw)


def _payload(raw: Raw) -> str | None:
    size = raw.window.size
    loaded = max([raw.table_end, *(s.end for s in raw.segments if s.type == c.PT_LOAD)])
    table = raw.header.shoff + raw.header.shnum * raw.codec.size(Section)
    if raw.header.shoff and table > size:
        return "its section headers lie outside of the file"
    end = max(loaded, table)
    if end < size:
        end = max(end, *(_end(s) for s in sections(raw.window, raw.codec, raw.header)), 0)
    rest = size - end
    if rest <= 0 or (rest < _SLACK and _is_leftover(raw, raw.window.read(end, rest, "padding"))):
        return None
    return f"{rest} bytes follow behind what its headers describe (an archive or installer?)"


def _is_leftover(raw: Raw, rest: bytes) -> bool:
    # Whoever strips section headers often leaves the bytes that only they described.
    return not any(rest) or (not raw.header.shoff and _ZIP_END not in rest)


def _end(section: Section) -> int:
    return 0 if section.type == c.SHT_NOBITS else section.offset + section.size
