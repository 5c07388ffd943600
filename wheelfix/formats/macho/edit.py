"""Edits → changed bytes of a Mach-O file."""

from __future__ import annotations

from pathlib import Path

from wheelfix.errors import NotSupported
from wheelfix.model import Edit


def apply(file: Path, edits: tuple[Edit, ...], *, filename: str | None = None) -> None:
    """Edit `file`."""
    del edits, filename
    raise NotSupported(subject=str(file), problem="editing Mach-O is not supported yet")
