"""Where a file says that its debug symbols lie: a path of the machine it was built on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wheelfix.errors import BadBinary
from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.layout import DEBUG
from wheelfix.formats.pe.raw import Raw
from wheelfix.formats.pe.tables import text

_CODEVIEW = 2
_MOST = 16
"""Debug entries that are looked at; there are about five."""
_HEAD = 24
"""`RSDS`, a GUID and an age stand before the path (LLVM, "The PDB File Format", PDB Stream)."""
_LONGEST = 1024
_ABSOLUTE = rb"([A-Za-z]:)?[\\/].*"


def pdb_path(raw: Raw) -> str | None:
    """Give the absolute path of the symbols; None without one, or where it makes no sense.

    No loader looks at it, so that nothing in it is an error.
    """
    try:
        return next(_paths(raw), None)
    except BadBinary:
        return None


def _paths(raw: Raw) -> Iterator[str]:
    directory = raw.directory(c.DIRECTORY_DEBUG)
    count = 0 if directory is None else min(directory.size // DEBUG.size, _MOST)
    for number in range(count):
        assert directory is not None
        entry = raw.bytes_at(directory.rva + number * DEBUG.size, DEBUG.size, "debug directory")
        *_, kind, size, rva, _ = DEBUG.unpack(entry)
        if kind == _CODEVIEW and _HEAD < size <= _LONGEST:
            data = raw.bytes_at(rva, size, "symbols' path")
            path = data[_HEAD:].partition(b"\0")[0]
            if data.startswith(b"RSDS") and re.fullmatch(_ABSOLUTE, path):
                yield text(path)
