"""Obey the plan on a staged file. No decisions are made here."""

from __future__ import annotations

from wheelfix.errors import WheelfixError
from wheelfix.formats import named
from wheelfix.model import Graft, Insert, Patch, StagedFile


def insert(content: bytes, item: Insert) -> bytes:
    """Put the plan's text into a Python file; all other bytes stay."""
    return content[: item.at] + item.text.encode("ascii") + content[item.until :]


def patch(item: Patch | Graft, staged: StagedFile, *, trusting: bool = False) -> None:
    """Edit a staged file in place as the plan says; a graft may have no edits.

    With `trusting`, a new signature takes over what the source's own says of bytes that no edit
    reaches: `verify` tells whether that holds, and if not, a new copy is to be edited without.
    Raises CannotEdit or CannotWrite, naming the file.
    """
    if not item.edits:
        return
    filename = item.path.rpartition("/")[2]
    try:
        named(item.format).apply(staged.file, item.edits, filename=filename, trusting=trusting)
    except WheelfixError as error:
        error.subject = staged.path
        raise
