"""Bound imports: addresses noted in advance, good only for one build of each DLL.

Windows from 8 on ignores them; older ones compare timestamps. After an edit they are void.
"""

from __future__ import annotations

from collections.abc import Iterator

from wheelfix.errors import CannotEdit
from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.imports import Import
from wheelfix.formats.pe.layout import IMPORT, Directory
from wheelfix.formats.pe.raw import Raw
from wheelfix.value import replace


def is_bound(raw: Raw, imports: tuple[Import, ...]) -> bool:
    """Tell whether any import is bound."""
    bound = raw.directory(c.DIRECTORY_BOUND_IMPORT) is not None
    return bound or any(each.timestamp for each in imports)


def notes(raw: Raw) -> Directory:
    """Give the bytes between the headers that hold the DLLs' timestamps; none where there are none.

    They lie at their RVA in the file.
    """
    found = raw.directory(c.DIRECTORY_BOUND_IMPORT)
    end = raw.optional.size_of_headers
    if found is None or found.rva < raw.table_end or found.end > end:
        return Directory(rva=end, size=0)
    return found


def unbound(imports: tuple[Import, ...]) -> tuple[Import, ...]:
    """Give the descriptors as the linker made them. Raises `errors.CannotEdit`."""
    if any(each.timestamp and not each.lookup for each in imports):
        raise CannotEdit(problem="its imports are bound, and the table of their names is gone")
    return tuple(
        replace(each, timestamp=0, chain=0) if each.timestamp else each for each in imports
    )


def unbinding(raw: Raw, imports: tuple[Import, ...]) -> Iterator[tuple[int, bytes]]:
    """Give what to write where: no notes, descriptors unbound, thunks as their names.

    Raises `errors.CannotEdit` or `errors.BadBinary`.
    """
    if raw.directory(c.DIRECTORY_BOUND_IMPORT) is not None:
        yield raw.directories_at + 8 * c.DIRECTORY_BOUND_IMPORT, bytes(8)
    noted = notes(raw)
    yield noted.rva, bytes(noted.size)
    for old, new in zip(imports, unbound(imports), strict=True):
        if old == new:
            continue
        yield old.at, packed(new, new.name)
        names = lookup(raw, old.lookup)
        yield raw.offset(old.thunks, len(names), "import address table"), names


def packed(each: Import, name: int) -> bytes:
    """Write a descriptor whose name has another RVA."""
    return IMPORT.pack(each.lookup, each.timestamp, each.chain, name, each.thunks)


def lookup(raw: Raw, rva: int) -> bytes:
    """Read a table of names, the zero at its end included. Raises `errors.BadBinary`."""
    width = raw.bits // 8
    what = "import lookup table"
    start = raw.offset(rva, width, what)
    found = raw.place(rva)
    room = 0 if found is None else found[1] - start
    data = raw.window.read(start, room - room % width, what)
    for at in range(0, len(data), width):
        if not any(data[at : at + width]):
            return data[: at + width]
    raise raw.bad(f"its {what} does not end", start)
