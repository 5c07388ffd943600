"""Levels of a system, and the symbol versions that its libraries define. Pure."""

from __future__ import annotations

import re
from functools import cache

from wheelfix.typed import TypeAlias

Level: TypeAlias = tuple[int, int]
"""What a platform tag promises: (2, 17) of glibc or musl; (24, 0) for an Android API level."""

Number: TypeAlias = tuple[int, ...]

_NUMBERED = r"(?P<family>.+)_(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9}){0,9})"


def level_of(text: str) -> Level:
    """Read a level as the facts spell it: `2.17`, or `24` for an API level."""
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)


def number_of(text: str) -> Number:
    """Read the number of a symbol version, `3.4.21`, so that it compares as a number."""
    return tuple(int(part) for part in text.split("."))


@cache
def split_version(version: str) -> tuple[str, Number | None]:
    """Split a symbol version into its family and its number.

    The split is at the last underscore before the number, so that `ZLIB_NG_2.1.0` is of the
    family `ZLIB_NG`, not `ZLIB`. A version without a number (`GLIBC_PRIVATE`) is of the family
    named before its first underscore, and its number is None.
    """
    match = re.fullmatch(_NUMBERED, version)
    if match is None:
        return version.partition("_")[0], None
    return match["family"], number_of(match["number"])
