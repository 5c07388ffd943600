"""Mach-O: macOS and iOS. Fulfils `formats.interface.Format`."""

from __future__ import annotations

from wheelfix.formats.macho.fat import is_universal
from wheelfix.formats.macho.raw import is_thin
from wheelfix.formats.macho.read import misfit, read
from wheelfix.formats.macho.search import candidates, defaults, reuse
from wheelfix.model import ByteSource, Edit, Private, VersionUse

__all__ = [
    "apply",
    "ballast",
    "candidates",
    "defaults",
    "flaws",
    "key",
    "losses",
    "matches",
    "misfit",
    "name",
    "own_names_count",
    "read",
    "reuse",
    "starter",
    "version_users",
]

name = "macho"
own_names_count = True
starter = None


def matches(head: bytes) -> bool:
    """Tell by a file's first 16 bytes whether it is of this format; Java class files are not."""
    return is_thin(head) or is_universal(head)


def key(name: str) -> str:
    """Give `name` itself: dyld tells upper from lower case."""
    return name


def apply(
    file: Private, edits: tuple[Edit, ...], *, filename: str | None = None, trusting: bool = False
) -> None:
    """Edit our private `file` in place; see `edit.apply`."""
    from wheelfix.formats.macho.edit import apply as apply_edits

    apply_edits(file, edits, filename=filename, trusting=trusting)


def version_users(source: ByteSource, wanted: frozenset[tuple[str, str]]) -> tuple[VersionUse, ...]:
    """Name no symbols: Mach-O has no symbol versions, so that none can be wanted."""
    del source, wanted
    return ()


def flaws(source: ByteSource) -> tuple[str, ...]:
    """Say what is wrong with the signatures of all slices, every page hash counted."""
    from wheelfix.formats.macho.verify_signature import problems

    return problems(source)


def ballast(source: ByteSource) -> int:
    """Count the local symbols of all slices, which are for debuggers; see `read.ballast`."""
    from wheelfix.formats.macho.read import ballast as count

    return count(source)


def losses(source: ByteSource) -> tuple[str, ...]:
    """Say what signing anew ad hoc takes from the signatures of all slices."""
    from wheelfix.formats.macho.sign import lost

    return lost(source)
