"""Mach-O: macOS and iOS. Fulfils `formats.interface.Format`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wheelfix.errors import NotSupported
from wheelfix.formats.interface import Candidate, Defaults, Loaded, Shelf
from wheelfix.formats.macho.fat import is_universal
from wheelfix.formats.macho.raw import is_thin
from wheelfix.formats.macho.read import misfit, read
from wheelfix.model import ByteSource, Edit, Image, VersionUse

__all__ = [
    "apply",
    "candidates",
    "defaults",
    "matches",
    "misfit",
    "name",
    "read",
    "version_users",
]

name = "macho"


def matches(head: bytes) -> bool:
    """Tell by a file's first 16 bytes whether it is of this format; Java class files are not."""
    return is_thin(head) or is_universal(head)


def apply(file: Path, edits: tuple[Edit, ...], *, filename: str | None = None) -> None:
    """Edit our private `file` in place; see `edit.apply`."""
    from wheelfix.formats.macho.edit import apply as apply_edits

    apply_edits(file, edits, filename=filename)


def defaults(shelf: Shelf, image: Image) -> Defaults:
    """Gather where dyld looks when no binary tells it."""
    del shelf, image
    raise NotSupported(problem="searching for Mach-O libraries is not supported yet")


def candidates(name: str, chain: tuple[Loaded, ...], defaults: Defaults) -> Iterator[Candidate]:
    """Give the places for `name` in dyld's order."""
    del name, chain, defaults
    raise NotSupported(problem="searching for Mach-O libraries is not supported yet")


def version_users(source: ByteSource, wanted: frozenset[tuple[str, str]]) -> tuple[VersionUse, ...]:
    """Name no symbols: Mach-O has no symbol versions, so that none can be wanted."""
    del source, wanted
    return ()
