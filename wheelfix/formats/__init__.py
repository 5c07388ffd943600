"""The binary formats, and which one a file is of, decided by its first bytes alone."""

from __future__ import annotations

from wheelfix.formats import elf, macho
from wheelfix.formats.interface import Format

FORMATS: tuple[Format, ...] = (elf, macho)

HEAD = 16
"""How many bytes `identify` wants to see."""


def identify(head: bytes) -> Format | None:
    """Give the format of a file that begins with `head`; None for anything else."""
    return next((known for known in FORMATS if known.matches(head)), None)


def named(name: str) -> Format:
    """Give the format that calls itself `name`."""
    return next(known for known in FORMATS if known.name == name)
