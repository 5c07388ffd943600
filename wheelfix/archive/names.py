"""Which names members may have, alone and beside each other."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wheelfix.errors import BadName

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*", re.ASCII)
_DRIVE = re.compile(r"[A-Za-z]:", re.ASCII)
_HINT = "build the wheel again with a current build backend"


def check_name(name: str) -> None:
    """Raise `BadWheel` unless `name` stays below the folder it is installed in, on any system."""
    if _PLAIN.fullmatch(name):
        return
    reason = _why_not(name)
    if reason:
        raise BadName(problem=f"member {name!r} has a forbidden name: {reason}", hint=_HINT)


def _why_not(name: str) -> str | None:
    import unicodedata

    parts = name.split("/")
    faults = {
        "it is empty": not name,
        "it has a control character": any(unicodedata.category(c) == "Cc" for c in name),
        "it is not UTF-8": any(unicodedata.category(c) == "Cs" for c in name),
        "it has a backslash": "\\" in name,
        "it is absolute": name.startswith("/"),
        "it begins with a drive letter": _DRIVE.match(name),
        "it leads out of the wheel": ".." in parts,
        "a part of it is empty": "" in parts or "." in parts,
    }
    return next((reason for reason, holds in faults.items() if holds), None)


def check_clashes(files: Iterable[str], folders: Iterable[str] = (), *, case_counts: bool) -> None:
    """Raise `BadWheel` where two of `files` would be one file somewhere, or one is a folder too.

    `folders` are those that are named outright, without their last slash. With `case_counts` only
    equal names are one file: the terminfo database has `a` beside `A`, and is at home on Linux.
    """
    fold = str if case_counts else _folded
    seen: dict[str, str] = {}
    parents = {fold(folder): folder for folder in folders}
    for name in files:
        key = fold(name)
        if key in seen:
            raise _clash(seen[key], name)
        seen[key] = name
        folder = name.rpartition("/")[0]
        while folder and (folded := fold(folder)) not in parents:
            parents[folded] = folder
            folder = folder.rpartition("/")[0]
    for key in sorted(seen.keys() & parents.keys()):
        raise BadName(problem=f"{seen[key]!r} is a file and a folder at once", hint=_HINT)


def _clash(first: str, second: str) -> BadName:
    if first == second:
        return BadName(problem=f"member {first!r} is there twice", hint=_HINT)
    return BadName(
        problem=f"members {first!r} and {second!r} clash",
        details=("where case or Unicode form does not count, one would overwrite the other",),
        hint="rename one of them in the project, then build the wheel again",
    )


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    import unicodedata

    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
