"""Lines that fit a log of so many columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

NARROWEST = 40
"""No line is made shorter than this, however narrow a terminal says it is."""
_WORDS = r"(?:[^\s`]|`[^`]*`|`)+"


def wrapped(lines: Iterable[str], width: int, *, hanging: int = 2) -> str:
    """Join lines, those that are longer than `width` columns broken between words.

    The rest of a line is indented by `hanging` columns more than the line. Lines without
    indentation are left whole: they begin with a wheel's name, and programs look for them. What
    stands between backquotes is one word, since it is there to be pasted, and a word that is longer
    than a line is left whole, where it stands. Columns are counted as characters.
    """
    return "\n".join(
        part for line in lines for part in _parts(line, max(width, NARROWEST), hanging)
    )


def _parts(line: str, width: int, hanging: int) -> Iterator[str]:
    indent = line[: len(line) - len(line.lstrip(" "))]
    if len(line) <= width or not indent:
        yield line
        return
    current = ""
    for word in re.findall(_WORDS, line):
        fits_below = len(indent) + hanging + len(word) <= width
        if current and fits_below and len(current) + 1 + len(word) > width:
            yield current
            current = f"{indent}{' ' * hanging}{word}"
        else:
            current = f"{current} {word}" if current else f"{indent}{word}"
    yield current
