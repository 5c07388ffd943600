"""Where members lie in an archive: one behind the other, from its beginning to the directory."""

from __future__ import annotations

from wheelfix.archive.ending import Ending
from wheelfix.archive.listing import Columns
from wheelfix.archive.oddities import Oddities, Oddity
from wheelfix.archive.zipformat import AGAIN, Entry
from wheelfix.errors import BadWheel


def prepended(size: int) -> BadWheel:
    """Give the error for an archive that begins behind `size` other bytes."""
    return BadWheel(
        problem=f"has {size} bytes before the archive begins, like a self-extracting program",
        hint="take those bytes off: `zip -J FILE` does that",
    )


def check_extents(files: Columns, folders: list[Entry], ending: Ending, oddities: Oddities) -> None:
    """Raise `BadWheel` where two members overlap, or one and the directory; note gaps."""
    if not folders and [*files.begins, ending.offset] == [0, *files.ends]:
        return
    extents = [*zip(files.begins, files.ends, files.paths, strict=True)]
    extents += [(entry.begin, entry.end, entry.member.path) for entry in folders]
    at, before = 0, ""
    for begin, end, name in sorted(extents):
        if begin > at and not before:
            raise prepended(begin)
        if begin < at:
            raise BadWheel(problem=f"members {before!r} and {name!r} overlap", hint=AGAIN)
        if begin > at:
            oddities.add(Oddity.GAP)
        at, before = end, name
    if at > ending.offset:
        raise BadWheel(problem=f"member {before!r} overlaps the directory", hint=AGAIN)
    if at < ending.offset:
        oddities.add(Oddity.GAP)
