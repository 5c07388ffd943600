"""Which names members may have, alone and beside each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import repeat
from operator import itemgetter

from wheelfix.errors import BadName

_PLAIN = r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*"
"""Names that are beyond doubt."""

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-/"
_DOTS = bytes.maketrans(b"+-", b"..")

_HINT = "build the wheel again with a current build backend"


def all_plain(names: Iterable[bytes]) -> bool:
    """Tell whether all are beyond doubt."""
    text = b"/".join([b"", *names, b""]).translate(_DOTS)
    return not text.translate(None, _LETTERS) and b"//" not in text and b"/." not in text


def is_plain(name: str) -> bool:
    """Tell whether one is."""
    return _plain()(name) is not None


@cache
def _plain() -> Callable[[str], re.Match[str] | None]:
    """Compile the pattern: most wheels do without, others have thousands of names for it."""
    return re.compile(_PLAIN).fullmatch


def check_name(name: str) -> None:
    """Raise `BadWheel` unless `name` stays below the folder it is installed in, on any system."""
    if is_plain(name):
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
        "it begins with a drive letter": re.match(r"[A-Za-z]:", name),
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
    files = tuple(files)
    folded = list(files) if case_counts else _all_folded(files)
    seen = set(folded)
    if len(seen) != len(files):
        _refuse_twins(files, folded)
    parents = set(map(fold, folders))
    for inner in set(map(itemgetter(0), map(str.rpartition, folded, repeat("/")))):
        folder = inner
        while folder and folder not in parents:
            parents.add(folder)
            folder = folder.rpartition("/")[0]
    for key in sorted(seen & parents):
        name = files[folded.index(key)]
        raise BadName(problem=f"{name!r} is a file and a folder at once", hint=_HINT)


def _refuse_twins(files: tuple[str, ...], folded: list[str]) -> None:
    seen: dict[str, str] = {}
    for key, name in zip(folded, files, strict=True):
        if key in seen:
            raise _clash(seen[key], name)
        seen[key] = name


def _clash(first: str, second: str) -> BadName:
    if first == second:
        return BadName(problem=f"member {first!r} is there twice", hint=_HINT)
    return BadName(
        problem=f"members {first!r} and {second!r} clash",
        details=("where case or Unicode form does not count, one would overwrite the other",),
        hint="rename one of them in the project, then build the wheel again",
    )


def _all_folded(names: tuple[str, ...]) -> list[str]:
    text = "\n".join(names)  # no name has a control character
    if not text.isascii():
        return list(map(_folded, names))
    folded = text.lower()
    return list(names) if folded == text else folded.split("\n")


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    import unicodedata

    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
