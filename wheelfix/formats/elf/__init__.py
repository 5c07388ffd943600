"""ELF: Linux and Android. Fulfils `formats.interface.Format`."""

from __future__ import annotations

from pathlib import Path

from wheelfix.formats.elf.read import misfit, read
from wheelfix.model import Edit

__all__ = ["apply", "matches", "misfit", "name", "read"]

name = "elf"


def matches(head: bytes) -> bool:
    """Tell by a file's first 16 bytes whether it is of this format."""
    return head.startswith(b"\x7fELF")


def apply(file: Path, edits: tuple[Edit, ...]) -> None:
    """Edit our private `file` in place; see `edit.apply`."""
    from wheelfix.formats.elf.edit import apply as edit  # not needed to read

    edit(file, edits)
