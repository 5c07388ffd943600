"""Who signed a slice, by the embedded signature's directories (<kern/cs_blobs.h>). Big-endian."""

from __future__ import annotations

from struct import Struct

from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.raw import Raw
from wheelfix.formats.macho.window import Window

_PAIR = Struct(">II")
_SUPER = Struct(">III")
_MOST_BLOBS = 64
_EMPTY_WRAPPER = 8
"""Bytes of a blob wrapper in which no certificates are."""


def signer(raw: Raw) -> str | None:
    """Give `adhoc`, `linker` or `identity`; None when nobody signed. Raises `errors.BadBinary`."""
    command = next(raw.of(c.LC_CODE_SIGNATURE), None)
    if command is None:
        return None
    offset, size = raw.words(command, 2)
    if not size:
        return None
    if offset + size > raw.window.size:
        raise raw.window.bad("its code signature lies outside of the file", command.offset)
    blob = raw.window.part(offset, size)
    magic, _, count = _SUPER.unpack(blob.read(0, _SUPER.size, "code signature"))
    if magic != c.CSMAGIC_EMBEDDED_SIGNATURE:
        return None  # room that was set aside, and never signed
    if count > _MOST_BLOBS:
        raise blob.bad(f"a code signature of {count} parts", 8)
    return _signer(blob, count)


def _signer(blob: Window, count: int) -> str | None:
    index = blob.read(_SUPER.size, count * _PAIR.size, "code signature")
    flags = None
    for _, at in _PAIR.iter_unpack(index):
        magic, size = _PAIR.unpack(blob.read(at, _PAIR.size, "code signature"))
        if magic == c.CSMAGIC_BLOBWRAPPER and size > _EMPTY_WRAPPER:
            return "identity"
        if magic == c.CSMAGIC_CODEDIRECTORY and flags is None:
            _, flags = _PAIR.unpack(blob.read(at + 8, _PAIR.size, "code directory"))
    if flags is None:
        return None
    return "linker" if flags & c.CS_LINKER_SIGNED else "adhoc"
