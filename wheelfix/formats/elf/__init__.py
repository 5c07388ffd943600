"""ELF: Linux and Android. Fulfils `formats.interface.Format`."""

from __future__ import annotations

from wheelfix.formats.elf.read import ballast, misfit, read
from wheelfix.formats.elf.search import candidates, defaults, reuse
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

name = "elf"
own_names_count = True
starter = None


def matches(head: bytes) -> bool:
    """Tell by a file's first 16 bytes whether it is of this format."""
    return head.startswith(b"\x7fELF")


def key(name: str) -> str:
    """Give `name` itself: Linux and Android tell upper from lower case."""
    return name


def apply(
    file: Private, edits: tuple[Edit, ...], *, filename: str | None = None, trusting: bool = False
) -> None:
    """Edit our private `file` in place, whatever it will be called; see `edit.apply`."""
    del filename, trusting
    from wheelfix.formats.elf.edit import apply as apply_edits

    apply_edits(file, edits)


def version_users(source: ByteSource, wanted: frozenset[tuple[str, str]]) -> tuple[VersionUse, ...]:
    """Name the symbols behind these (library, version) needs; see `users.version_users`."""
    from wheelfix.formats.elf.users import version_users as find_users

    return find_users(source, wanted)


def flaws(source: ByteSource) -> tuple[str, ...]:
    """Find nothing: ELF files have no seals."""
    del source
    return ()


def losses(source: ByteSource) -> tuple[str, ...]:
    """Lose nothing: ELF files have no seals."""
    del source
    return ()
