"""Where dyld looks for an install name, in its own order.

Sources: dyld(1) and dyld's `Loader::forEachPath` (dyld4/Loader.cpp): DYLD_LIBRARY_PATH by the
name's last part, the name itself with its `@` prefix expanded, then DYLD_FALLBACK_LIBRARY_PATH.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path

from wheelfix.formats.interface import (
    ANYWHERE,
    Candidate,
    Defaults,
    Folder,
    Loaded,
    Reuse,
    Shelf,
    in_given,
    stands_for,
)
from wheelfix.model import Image, InstalledPath, below
from wheelfix.value import replace

BESIDE = "@loader_path/"
"""Before a name that means one file and no other, by its place."""

FALLBACK = (Path("/usr/local/lib"), Path("/usr/lib"))
"""dyld's own, when DYLD_FALLBACK_LIBRARY_PATH is not set; it also has $HOME/lib, left out: no
wheel may depend on who builds it."""


def defaults(shelf: Shelf, image: Image) -> Defaults:
    """Gather dyld's environment; the same for every image."""
    del image
    fallback = _folders(shelf.environ.get("DYLD_FALLBACK_LIBRARY_PATH", ""))
    return Defaults(
        root=shelf.root,
        environment=_folders(shelf.environ.get("DYLD_LIBRARY_PATH", "")),
        cached={},
        folders=fallback or tuple(below(shelf.root, folder) for folder in FALLBACK),
        folders_from="DYLD_FALLBACK_LIBRARY_PATH",
    )


def candidates(name: str, chain: tuple[Loaded, ...], defaults: Defaults) -> Iterator[Candidate]:
    """Give the places for `name` in dyld's order; `chain` runs from user to root."""
    own_place_first = name.startswith(BESIDE)
    if not own_place_first:
        yield from in_given(name, defaults)
    yield from _in_dylds_order(name, chain, defaults)
    if own_place_first:
        yield from in_given(name, defaults)
    yield ANYWHERE


def reuse(name: str) -> Reuse:
    """Take what is loaded already only where the search fails: then it becomes a path."""
    return Reuse.NEVER if name.startswith(BESIDE) else Reuse.LAST


def _in_dylds_order(
    name: str, chain: tuple[Loaded, ...], defaults: Defaults
) -> Iterator[Candidate]:
    last = posixpath.basename(name)
    for folder in defaults.environment:
        yield Candidate(file=folder / last, where=f"{folder} (DYLD_LIBRARY_PATH)")
    if name.startswith("@rpath/"):
        rest = name.removeprefix("@rpath/").lstrip("/")
        for loaded in chain:
            for entry in loaded.image.search.entries:
                yield _expanded(entry, rest, loaded, defaults)
    else:
        yield _expanded(posixpath.dirname(name), last, chain[0], defaults)
    for folder in defaults.folders:
        yield Candidate(file=folder / last, where=f"{folder} ({defaults.folders_from})")


def _expanded(entry: str, rest: str, loaded: Loaded, defaults: Defaults) -> Candidate:
    """Give the place of `rest` below a search entry or a name's own folder.

    dyld puts text together, so that slashes in a row are one and none leads to the root.
    """
    if entry.startswith("/"):
        folder = below(defaults.root, Path(entry))
        return Candidate(file=folder / rest, where=stands_for(defaults.root, entry, folder))
    anchor, _, inner = entry.partition("/")
    inner = inner.lstrip("/")
    if anchor == "@loader_path":
        found = _beside(entry, posixpath.join(inner, rest), loaded.folder)
        return replace(found, beside=loaded.stands)
    why_not = "relative to the folder a program is started in"
    if anchor == "@executable_path" and defaults.program is not None:
        return _beside(entry, posixpath.join(inner, rest), defaults.program)
    if anchor == "@executable_path":
        why_not = "nobody knows which program will load it (`--executable-path DIR` tells)"
    return Candidate(file=None, where=entry or rest, why_not=why_not)


def _beside(entry: str, rest: str, folder: Folder | None) -> Candidate:
    if folder is None:
        why_not = "@loader_path is outside site-packages, nobody knows where"
        return Candidate(file=None, where=entry, why_not=why_not)
    if isinstance(folder, Path):
        return Candidate(file=folder / rest, where=f"{entry} -> {(folder / rest).parent}")
    file = posixpath.normpath(posixpath.join(folder, rest))
    if file.startswith("../"):
        return Candidate(file=None, where=entry, why_not="leads out of site-packages")
    shown = posixpath.dirname(file)
    return Candidate(
        file=InstalledPath(file), where=f"{entry} -> {shown}/" if shown else f"{entry} -> /"
    )


def _folders(value: str) -> tuple[Path, ...]:
    """Split a DYLD variable; its empty entries mean the current folder and are left out."""
    return tuple(Path(entry) for entry in value.split(":") if entry)
