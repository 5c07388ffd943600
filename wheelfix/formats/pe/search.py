"""Where Windows' loader looks for a DLL, as far as a wheel's files can rely on it.

Source: "Dynamic-link library search order" and LoadLibraryExW in Microsoft's documentation. CPython
from 3.8 on loads extensions with LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, so that the importer's own
folder counts; PATH only stands for the machine that the wheel was built on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from wheelfix.formats.interface import (
    ANYWHERE,
    Candidate,
    Defaults,
    Loaded,
    Reuse,
    Shelf,
    in_given,
)
from wheelfix.model import Image, InstalledPath


def defaults(shelf: Shelf, image: Image) -> Defaults:
    """Gather the folders of PATH; the same for every image."""
    del image
    environment = _folders(shelf.environ.get("PATH", ""))
    return Defaults(root=shelf.root, environment=environment, cached={})


def candidates(name: str, chain: tuple[Loaded, ...], defaults: Defaults) -> Iterator[Candidate]:
    """Give the places for `name`: beside who asks, in the wheel, the user's folders, PATH."""
    if "/" in name or "\\" in name:
        yield Candidate(file=None, where=name, why_not="a path, not a name")
        return
    yield _beside(name, chain[0])
    yield ANYWHERE
    yield from in_given(name, defaults)
    for folder in defaults.environment:
        yield Candidate(file=folder / name, where=f"{folder} (PATH)", shared=True)
    for folder in defaults.folders:
        yield Candidate(file=folder / name, where=f"{folder} ({defaults.folders_from})")


def reuse(name: str) -> Reuse:
    """Take what is loaded under the name already, as Windows does, whatever the name."""
    del name
    return Reuse.FIRST


def _beside(name: str, user: Loaded) -> Candidate:
    """Give the place in the folder of who asks."""
    if user.folder is None:
        why_not = "it lies outside of site-packages, nobody knows where"
        return Candidate(file=None, where="its own folder", why_not=why_not)
    if isinstance(user.folder, Path):
        file, where = user.folder / name, f"{user.folder} (its own folder)"
        return Candidate(file=file, where=where, beside=user.stands)
    path = InstalledPath(f"{user.folder}/{name}" if user.folder else name)
    return Candidate(file=path, where=f"{user.folder}/ (its own folder)")


def _folders(value: str) -> tuple[Path, ...]:
    """Split PATH as Windows and as other hosts write it; its empty entries are left out."""
    entries = value.split(";") if re.search(r";|^[A-Za-z]:", value) else value.split(":")
    return tuple(Path(entry) for entry in entries if entry)
