"""The export directory: the file's own name, and the exports that are passed on to other DLLs."""

from __future__ import annotations

from struct import unpack

from wheelfix.errors import BadBinary
from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.layout import EXPORT, Directory
from wheelfix.formats.pe.raw import Raw
from wheelfix.value import Value

_MOST = 1 << 20
"""Functions after which a table is called broken; ordinals have 16 bits."""


class Forward(Value):
    """An export that is found in another DLL: its address is that of a text `DLL.name`."""

    index: int
    """Its place in the export address table."""
    rva: int
    text: bytes
    """`DLL.name` or `DLL.#ordinal`."""

    @property
    def module(self) -> bytes:
        """Give the DLL's name as the text has it: what stands before the last dot; may be empty."""
        return self.text.rpartition(b".")[0]


class Exports(Value):
    """IMAGE_EXPORT_DIRECTORY."""

    directory: Directory
    head: tuple[int, ...]
    """Its fields in file order."""
    own_name: bytes | None
    """What the file calls itself."""
    functions: tuple[int, ...]
    """The export address table: RVAs of code, of data, and of forwards."""
    forwards: tuple[Forward, ...]
    """In the order of the table; a text that several exports share is there several times."""


def exports(raw: Raw) -> Exports | None:
    """Read the directory without its names; None when nothing is exported.

    Raises `errors.BadBinary`.
    """
    directory = raw.directory(c.DIRECTORY_EXPORT)
    if directory is None:
        return None
    head = EXPORT.unpack(raw.bytes_at(directory.rva, EXPORT.size, "export directory"))
    name, count, table = head[4], head[6], head[8]
    if count > _MOST:
        at = raw.offset(directory.rva, 1, "export directory")
        raise BadBinary(problem=f"an export table of {count} functions", offset=at)
    data = raw.bytes_at(table, 4 * count, "export address table") if count else b""
    functions = unpack(f"<{count}I", data)
    return Exports(
        directory=directory,
        head=head,
        own_name=raw.string(name, "own name") if name else None,
        functions=functions,
        forwards=tuple(_forwards(raw, directory, functions)),
    )


def _forwards(raw: Raw, directory: Directory, functions: tuple[int, ...]) -> list[Forward]:
    inside = [(i, rva) for i, rva in enumerate(functions) if directory.rva <= rva < directory.end]
    return [Forward(index=i, rva=rva, text=raw.string(rva, "forwarder")) for i, rva in inside]


def dll_name(module: bytes) -> bytes:
    """Give the DLL that a forward's text means: the loader adds `.dll` where there is no dot."""
    return module if b"." in module else module + b".dll"


def spelt(dll: bytes) -> bytes | None:
    """Spell a DLL's name as a forward's text does; None when no text can mean it.

    Without `.dll` where that leaves no dot: old loaders look for the first dot, new ones for the
    last.
    """
    stem = dll.removesuffix(b".dll")
    if stem != dll and stem and b"." not in stem:
        return stem
    return dll if b"." in dll else None
