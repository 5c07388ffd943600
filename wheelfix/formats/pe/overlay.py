"""What lies behind the last section: COFF symbols, the certificate, and things of others."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.layout import Directory
from wheelfix.formats.pe.raw import Raw

_TAIL = 65535 + 22
"""How far from the end a zip archive's last record may begin (APPNOTE.TXT, 4.3.16)."""

_AT_START: Mapping[bytes, str] = MappingProxyType(
    {
        b"PK\x03\x04": "a zip archive",
        b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
        b"Rar!\x1a\x07": "a RAR archive",
        b"MSCF": "a cabinet",
        b"zlb\x1a": "an Inno Setup installer",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an installer's database",
    }
)
_NEAR_START: Mapping[bytes, str] = MappingProxyType(
    {b"NullsoftInst": "an NSIS installer", b"Inno Setup": "an Inno Setup installer"}
)
_ZIP_END = b"PK\x05\x06"
_PYINSTALLER = b"MEI\x0c\x0b\x0a\x0b\x0e"


def certificate(raw: Raw) -> Directory | None:
    """Give where in the file the certificates lie; None when nobody signed it."""
    found = raw.directory(c.DIRECTORY_SECURITY)
    return found if found is not None and found.size else None


def sections_end(raw: Raw) -> int:
    """Give where the bytes end that the headers map."""
    return max([raw.optional.size_of_headers, *(each.raw_end for each in raw.sections)])


def described_end(raw: Raw) -> int:
    """Give where the bytes end that the headers tell of, COFF symbols and their names included."""
    end = sections_end(raw)
    names = raw.symbols + raw.symbol_count * c.SYMBOL
    if not raw.symbols or names + 4 > raw.window.size:
        return end
    size = int.from_bytes(raw.window.read(names, 4, "COFF names"), "little")
    return max(end, min(names + max(size, 4), raw.window.size))


def payload(raw: Raw) -> str | None:
    """Name what must stay at the end, as its reader looks for it there; None for nothing such."""
    start, end = described_end(raw), raw.window.size
    signed = certificate(raw)
    if signed is not None and start <= signed.rva and signed.end >= end:
        end = signed.rva
    if start >= end:
        return None
    head = raw.window.read(start, min(64, end - start), "overlay")
    tail = raw.window.read(max(start, end - _TAIL), min(_TAIL, end - start), "overlay")
    return _known(head, tail)


def _known(head: bytes, tail: bytes) -> str | None:
    for magic, what in _AT_START.items():
        if head.startswith(magic):
            return what
    for magic, what in _NEAR_START.items():
        if magic in head:
            return what
    if _PYINSTALLER in tail[-4096:]:
        return "a frozen Python program"
    return "a zip archive" if _ZIP_END in tail else None
