"""The tables by which a file asks for DLLs: import descriptors and delay-load descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from wheelfix.errors import BadBinary
from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.layout import DELAY, IMPORT, Directory
from wheelfix.formats.pe.raw import Raw
from wheelfix.value import Value

_MOST = 1 << 14
"""Descriptors after which a table is called endless; the largest known ones have hundreds."""


class Import(Value):
    """IMAGE_IMPORT_DESCRIPTOR: a DLL that is loaded together with the file."""

    at: int
    """Where it lies in the file."""
    lookup: int
    """RVA of the names to import (OriginalFirstThunk); 0 where only the thunks tell them."""
    timestamp: int
    """0 unless the thunks were bound to the addresses of one build of the DLL."""
    chain: int
    name: int
    """RVA of the DLL's name."""
    thunks: int
    """RVA of the import address table."""
    text: bytes
    """The name itself."""


class Delay(Value):
    """IMAGE_DELAYLOAD_DESCRIPTOR: a DLL that is loaded by the first call into it."""

    at: int
    """Where it lies in the file. Code passes its address on: it can never move."""
    rva_based: bool
    """False for Visual C++ 6, whose descriptors hold addresses."""
    name: int
    """RVA of the DLL's name."""
    text: bytes
    """The name itself."""


def imports(raw: Raw) -> tuple[Import, ...]:
    """Read the import descriptors up to where the loader stops. Raises `errors.BadBinary`."""
    found = []
    for at, fields in _records(raw, raw.directory(c.DIRECTORY_IMPORT), IMPORT, "import directory"):
        lookup, timestamp, chain, name, thunks = fields
        if not name or not thunks:
            break
        found.append(
            Import(
                at=at,
                lookup=lookup,
                timestamp=timestamp,
                chain=chain,
                name=name,
                thunks=thunks,
                text=_name(raw, name),
            )
        )
    return tuple(found)


def delays(raw: Raw) -> tuple[Delay, ...]:
    """Read the delay-load descriptors. Raises `errors.BadBinary`."""
    found = []
    directory = raw.directory(c.DIRECTORY_DELAY_IMPORT)
    for at, fields in _records(raw, directory, DELAY, "delay-load directory"):
        attributes, name = fields[:2]
        if not name:
            break
        rva_based = bool(attributes & c.DELAY_RVA_BASED)
        rva = name if rva_based else name - raw.optional.image_base
        found.append(Delay(at=at, rva_based=rva_based, name=rva, text=_name(raw, rva)))
    return tuple(found)


def _records(
    raw: Raw, directory: Directory | None, form: Struct, what: str
) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Give where each record lies in the file, and its fields; the caller knows the last one.

    An empty one in memory alone, behind the bytes of its section, ends the table too.
    """
    if directory is None:
        return
    for number in range(_MOST):
        rva = directory.rva + number * form.size
        if number and raw.place(rva) is None and raw.is_blank(rva):
            return
        at = raw.offset(rva, form.size, what)
        yield at, form.unpack(raw.window.read(at, form.size, what))
    raise BadBinary(problem=f"its {what} does not end", offset=at)


def _name(raw: Raw, rva: int) -> bytes:
    text = raw.string(rva, "name of a DLL")
    if not text:
        raise BadBinary(problem="a DLL without a name", offset=raw.offset(rva, 1, "name of a DLL"))
    return text
