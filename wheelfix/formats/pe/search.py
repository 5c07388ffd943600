"""Where Windows' loader looks for a DLL, as far as a wheel's files can rely on it.

Source: "Dynamic-link library search order" and LoadLibraryExW in Microsoft's documentation. CPython
from 3.8 on loads extensions with LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, so that the importer's own
folder counts; PATH only stands for the machine that the wheel was built on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from wheelfix.formats.interface import Candidate, Defaults, Loaded, Shelf
from wheelfix.model import Image, InstalledPath


def defaults(shelf: Shelf, image: Image) -> Defaults:
    """Gather the folders of PATH; the same for every image."""
    del image
    return Defaults(environment=_folders(shelf.environ.get("PATH", "")), cached={})


def candidates(name: str, chain: tuple[Loaded, ...], defaults: Defaults) -> Iterator[Candidate]:
    """Give the places for `name`: the folder of who asks for it, then PATH."""
    folder = chain[0].folder
    if "/" in name or "\\" in name:
        yield Candidate(file=None, where=name, why_not="a path, not a name")
        return
    if folder is None:
        why_not = "it lies outside of site-packages, nobody knows where"
        yield Candidate(file=None, where="its own folder", why_not=why_not)
    elif isinstance(folder, Path):
        yield Candidate(file=folder / name, where=f"{folder} (its own folder)")
    else:
        file = InstalledPath(f"{folder}/{name}" if folder else name)
        yield Candidate(file=file, where=f"{folder}/ (its own folder)")
    for each in defaults.environment:
        yield Candidate(file=each / name, where=f"{each} (PATH)")


def _folders(value: str) -> tuple[Path, ...]:
    """Split PATH as Windows and as other hosts write it; its empty entries are left out."""
    entries = value.split(";") if re.search(r";|^[A-Za-z]:", value) else value.split(":")
    return tuple(Path(entry) for entry in entries if entry)
