"""Data to stdout, messages to stderr; the only module that prints."""

from __future__ import annotations

import os
import sys

from wheelfix.errors import CannotWrite
from wheelfix.typed import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    import re

    from wheelfix.meter import Meter


def columns() -> int:
    """Give how wide the terminal is, 80 when stdout is none: a log, a pipe."""
    if sys.stdout is None or not sys.stdout.isatty():
        return 80
    import shutil

    return shutil.get_terminal_size().columns


def say_data(text: str) -> None:
    """Print data; raises CannotWrite where there is no room for them, BrokenPipeError."""
    try:
        _put(text, sys.stdout)
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise CannotWrite(
            subject="standard output",
            problem=f"cannot be written: {error.strerror}",
            hint="make room where it goes, or send it elsewhere",
        ) from error


def discard_output() -> None:
    """Keep Python from writing what is left once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """Print what is no data: errors, and what was done."""
    _put(text, sys.stderr)


def _put(text: str, stream: TextIO | None) -> None:
    """Print a line; nothing where the stream was closed (None) before we began."""
    if stream is not None:
        print(_printable(text, stream.encoding), file=stream, flush=True)


def _printable(text: str, encoding: str | None) -> str:
    """Escape what a terminal would obey and what the stream cannot say: names hold any byte."""
    encoding = encoding or "utf-8"
    return _harmless(text).encode(encoding, "backslashreplace").decode(encoding)


def _harmless(text: str) -> str:
    if all(line.isprintable() for line in text.split("\n")):
        return text
    import re

    return re.sub(r"[^\n -~\xa0-\uffff\U00010000-\U0010ffff]", _escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"


def meter_of(wheels: int, *, quiet: bool) -> Meter | None:
    """Give what draws on stderr how long work goes on; None where that is no terminal, or a log."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return None
    from wheelfix.meter import Meter

    return Meter(sys.stderr, wheels)
