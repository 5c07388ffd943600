"""argv to options to pipeline to text to exit code; the only module that prints."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TextIO

from wheelfix.arguments import parser
from wheelfix.errors import CannotWrite, UsageError, WheelfixError
from wheelfix.value import value

if TYPE_CHECKING:
    from wheelfix.model import Options

PLACEHOLDERS = ("{delocate_archs}", "{ldpaths}")
"""What cibuildwheel leaves unreplaced on systems that do not know it: counts as not given."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 0 done, 1 findings or failure, 2 usage."""
    words = sys.argv[1:] if argv is None else argv
    arguments = parser(words[0] if words else None).parse_args(words)
    try:
        wheels = _wheels(arguments)
        return RUN[arguments.command](arguments, wheels)
    except WheelfixError as error:
        _say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; every wheel in the output folder is whole")
        return 130
    except BrokenPipeError:  # who reads our output has read enough; Python must not flush it again
        _discard_output()
        return 1


def _wheels(arguments: argparse.Namespace) -> tuple[Path, ...]:
    """Turn the arguments into wheels; two of one name go to `merge`, which knows what to say."""
    from wheelfix.config import expand

    if arguments.command == "merge":
        return tuple(wheel for text in arguments.paths for wheel in expand([text]))
    return expand(arguments.paths)


def run_check(arguments: argparse.Namespace, wheels: tuple[Path, ...]) -> int:
    """Check every wheel, print all verdicts in order, and give the highest exit code."""
    from wheelfix import render
    from wheelfix.model import Severity
    from wheelfix.pipeline import check

    options = options_of(arguments)

    def one(wheel: Path) -> Answer:
        checked = check(wheel, options)
        bad = any(found.severity is Severity.ERROR for found in checked.plan.findings)
        return Answer(
            code=int(bad),
            text=render.check_text(checked, verbose=arguments.verbose),
            data=render.checked_data(checked) if arguments.json else {},
        )

    return _run_all(arguments, wheels, one, text_is_data=True)


def run_repair(arguments: argparse.Namespace, wheels: tuple[Path, ...]) -> int:
    """Repair every wheel, or print the plans, and give the highest exit code."""
    from wheelfix import render
    from wheelfix.pipeline import cannot_repair, check, repair

    options = options_of(arguments)

    def dry(wheel: Path) -> Answer:
        checked = check(wheel, options)
        if checked.plan.obstacles:
            raise cannot_repair(checked.plan).within(wheel.name)
        return Answer(
            code=0,
            text=render.plan_text(checked.plan, verbose=arguments.verbose),
            data=render.checked_data(checked) | {"ok": True} if arguments.json else {},
        )

    def real(wheel: Path) -> Answer:
        outcome = repair(wheel, arguments.wheel_dir, options)
        return Answer(
            code=0,
            text=render.outcome_text(outcome, verbose=arguments.verbose),
            data=render.outcome_data(outcome) if arguments.json else {},
        )

    one = dry if arguments.dry_run else real
    return _run_all(arguments, wheels, one, text_is_data=arguments.dry_run)


def run_merge(arguments: argparse.Namespace, wheels: tuple[Path, ...]) -> int:
    """Merge two wheels and give the exit code."""
    from wheelfix import render
    from wheelfix.merging import merge

    if len(wheels) != 2:
        raise UsageError(
            problem=f"merge takes two wheels, and there {_are(len(wheels))}",
            details=tuple(map(str, wheels)),
            hint="wheelfix merge NAME-x86_64.whl NAME-arm64.whl",
        )
    options = options_of(arguments)

    def both(first: Path) -> Answer:
        outcome = merge(first, wheels[1], arguments.wheel_dir, options, take=tuple(arguments.take))
        return Answer(
            code=0,
            text=render.merge_text(outcome, verbose=arguments.verbose),
            data=render.merge_data(outcome) if arguments.json else {},
        )

    return _run_all(arguments, wheels[:1], both, text_is_data=False)


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def options_of(arguments: argparse.Namespace) -> Options:
    """Make the frozen options of parsed arguments; raises UsageError."""
    from wheelfix.config import make_options

    values: dict[str, Any] = {}
    for key, given in vars(arguments).items():
        if isinstance(given, list):
            values[key] = [text for text in given if text not in PLACEHOLDERS]
        elif given not in PLACEHOLDERS and given is not None:
            values[key] = given
    return make_options(values)


@value
class Answer:
    """What one wheel came to."""

    code: int
    text: str
    data: dict[str, Any]


def _run_all(
    arguments: argparse.Namespace,
    wheels: tuple[Path, ...],
    one: Callable[[Path], Answer],
    *,
    text_is_data: bool,
) -> int:
    """Run `one` on every wheel, several at a time, and print the answers in order.

    A single wheel is worked on in this thread: only here does an interrupt stop the work.
    """
    from wheelfix import render
    from wheelfix.workers import Workers

    def guarded(wheel: Path) -> Answer:
        try:
            return one(wheel)
        except WheelfixError as error:
            data = render.error_data(wheel.name, error)
            return Answer(code=error.exit_code, text=f"error: {error}", data=data)

    collected = []
    code = 0
    with Workers(min(len(wheels), arguments.jobs or 4)) as workers:
        answers = workers.each(guarded, wheels) if len(wheels) > 1 else map(guarded, wheels)
        for answer in answers:
            code = max(code, answer.code)
            collected.append(answer.data)
            failed = "error" in answer.data
            if failed or not arguments.json:
                _show(answer.text, arguments, data=text_is_data and not failed, always=failed)
    if arguments.json:
        _print(render.json_text(collected))
    return code


def _show(text: str, arguments: argparse.Namespace, *, data: bool, always: bool) -> None:
    if data:
        _print(text)
    elif always or not arguments.quiet:
        _say(text)


def _print(text: str) -> None:
    """Print data; raises CannotWrite where there is no room for them, BrokenPipeError."""
    try:
        _put(text, sys.stdout)
    except BrokenPipeError:
        raise
    except OSError as error:
        _discard_output()
        raise CannotWrite(
            subject="standard output",
            problem=f"cannot be written: {error.strerror}",
            hint="make room where it goes, or send it elsewhere",
        ) from error


def _discard_output() -> None:
    """Keep Python from writing what is left once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(text: str) -> None:
    _put(text, sys.stderr)


def _put(text: str, stream: TextIO | None) -> None:
    """Print a line; nothing where the stream was closed (None) before we began."""
    if stream is not None:
        print(_printable(text, stream.encoding), file=stream, flush=True)


def _printable(text: str, encoding: str | None) -> str:
    """Escape what a terminal would obey and what the stream cannot say: names hold any byte."""
    encoding = encoding or "utf-8"
    harmless = re.sub(r"[^\n -~\xa0-\uffff\U00010000-\U0010ffff]", _escaped, text)
    return harmless.encode(encoding, "backslashreplace").decode(encoding)


def _escaped(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"


RUN: Mapping[str, Callable[[argparse.Namespace, tuple[Path, ...]], int]] = MappingProxyType(
    {"repair": run_repair, "check": run_check, "merge": run_merge}
)
