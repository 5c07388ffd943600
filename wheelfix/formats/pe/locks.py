"""What must never be edited, and why."""

from __future__ import annotations

from itertools import pairwise

from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.overlay import payload
from wheelfix.formats.pe.raw import Raw
from wheelfix.formats.pe.tables import Tables


def locked(raw: Raw, tables: Tables) -> str | None:
    """Say why the file must not be edited, as the end of a sentence; None when it may be.

    Raises `errors.BadBinary`.
    """
    if tables.config.hybrid:
        return "it is a hybrid of two machines, with import tables of its own for each"
    if is_packed(raw):
        return "it is packed with UPX, which hides its real import table"
    if raw.optional.dll_characteristics & c.DLL_FORCE_INTEGRITY:
        return "Windows loads it only with the signature that an edit would break"
    if not all(each.rva_based for each in tables.delays):
        return "its delay-load descriptors are those of Visual C++ 6"
    if not _regular(raw):
        return "its sections are not where every loader expects them"
    found = payload(raw)
    return None if found is None else f"{found} follows behind its sections"


def is_packed(raw: Raw) -> bool:
    """Tell whether UPX has been at it."""
    names = {each.name for each in raw.sections}
    return {b"UPX0", b"UPX1"} <= names


def _regular(raw: Raw) -> bool:
    """Tell whether sections begin on pages of their own, in the order of their addresses."""
    optional = raw.optional
    if optional.section_alignment < c.PAGE or optional.file_alignment > c.MOST_FILE_ALIGNMENT:
        return False
    if not raw.sections:
        return False
    if any(each.address % optional.section_alignment for each in raw.sections):
        return False
    if raw.sections[0].address < optional.size_of_headers or raw.table < raw.directories_at:
        return False
    return all(a.address + a.extent <= b.address for a, b in pairwise(raw.sections))
