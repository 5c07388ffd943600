"""argv to options to pipeline to text to exit code; the only module that prints."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wheelfix import __version__
from wheelfix.errors import UsageError, WheelfixError

if TYPE_CHECKING:
    from wheelfix.model import Options

PLACEHOLDERS = ("{delocate_archs}", "{ldpaths}")
"""What cibuildwheel leaves unreplaced on systems that do not know it: counts as not given."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 0 done, 1 findings or failure, 2 usage."""
    arguments = parser().parse_args(argv)
    try:
        wheels = expand(arguments.paths)
        return int(arguments.run(arguments, wheels))
    except WheelfixError as error:
        _say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; every wheel in the output folder is whole")
        return 130
    except BrokenPipeError:  # who reads our output has read enough; Python must not flush it again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command line."""
    top = argparse.ArgumentParser(
        prog="wheelfix",
        description="Make wheels with compiled code run where their tag says.",
    )
    top.add_argument("--version", action="version", version=f"wheelfix {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    repair = commands.add_parser(
        "repair",
        help="bring the libraries in that a wheel needs, and give it the tag it earns",
        description="Write a repaired copy of each wheel; the wheels themselves are only read.",
    )
    repair.set_defaults(run=run_repair)
    _add_common(repair)
    _add_output(repair)
    check = commands.add_parser(
        "check",
        help="tell whether a wheel runs where its tag says, and what repair would do",
        description="Tell whether each wheel runs where its tag says. Nothing is written.",
    )
    check.set_defaults(run=run_check)
    _add_common(check)
    return top


def _add_common(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("paths", nargs="+", metavar="PATH", help="a wheel, a glob, or a folder of wheels")
    add(
        "-l",
        "--lib-path",
        action="append",
        default=[],
        metavar="DIR",
        help="search for libraries here first (repeatable)",
    )
    add(
        "--exclude",
        action="append",
        default=[],
        metavar="GLOB",
        help="leave libraries of this name or path to the user's system (repeatable)",
    )
    add(
        "--plat",
        default="auto",
        metavar="TAG",
        help="the platform tag that the wheel must be able to carry (default: auto, the best)",
    )
    add("--only-plat", action="store_true", help="put no other tag on the wheel than --plat")
    add(
        "--lib-sdir",
        default=".libs",
        metavar="NAME",
        help="end of the libraries' folder name (default: .libs)",
    )
    add(
        "--no-mangle",
        action="append",
        default=[],
        metavar="GLOB",
        help="let libraries of this name keep it (repeatable)",
    )
    add(
        "--ldpaths",
        metavar="DIRS",
        help="folders to search first, separated by `:` (as cibuildwheel passes them)",
    )
    add("-j", "--jobs", type=_count, default=0, metavar="N", help="threads (default: all cores)")
    add("--json", action="store_true", help="print one JSON document on stdout")
    volume = command.add_mutually_exclusive_group()
    volume.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    volume.add_argument("-v", "--verbose", action="store_true", help="say more")


def _add_output(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "-w",
        "--wheel-dir",
        type=Path,
        default=Path("wheelhouse"),
        metavar="DIR",
        help="where the repaired wheels go (made if need be; default: wheelhouse)",
    )
    add("--dry-run", action="store_true", help="print the plan and write nothing")
    add(
        "--verify",
        choices=("header", "full", "deep"),
        default="header",
        help="read edited headers again; full: every member too; deep: with LIEF too",
    )
    add(
        "-z",
        "--compression-level",
        type=_level,
        default=6,
        metavar="N",
        help="deflate level, 1 to 12 (default: 6)",
    )
    add("--overwrite", action="store_true", help="replace an output that holds other bytes")
    add("--scratch", type=Path, metavar="DIR", help="where scratch folders go")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


HIGHEST_LEVEL = 12
"""libdeflate's."""


def _level(text: str) -> int:
    number = int(text)
    if not 1 <= number <= HIGHEST_LEVEL:
        raise argparse.ArgumentTypeError(f"must be from 1 to {HIGHEST_LEVEL}")
    return number


def expand(paths: Sequence[str]) -> tuple[Path, ...]:
    """Turn arguments into wheels: files as they are, folders and globs into the wheels in them.

    Windows shells do not expand globs, so that we do; a path that exists is never taken as one.
    Raises UsageError for an argument that gives no wheel, and for different wheels of one name:
    both would become one output, and which one must not depend on their order.
    """
    found: dict[str, Path] = {}
    for path in (wheel for text in paths for wheel in _expand_one(text)):
        other = found.setdefault(path.name, path)
        if path != other and not (path.exists() and other.exists() and path.samefile(other)):
            raise UsageError(
                subject=str(path),
                problem=f"has the same name as {other}",
                hint="repair them one after the other, each into a folder of its own (`-w DIR`)",
            )
    return tuple(found.values())


def _expand_one(text: str) -> tuple[Path, ...]:
    path = Path(text)
    if os.path.isdir(path):  # noqa: PTH112 - Path's raises where we may not look: that comes later
        wheels = tuple(sorted(path.glob("*.whl")))
        if not wheels:
            raise UsageError(
                subject=text,
                problem="no wheel in this folder",
                hint="name the wheel, or the folder that the build writes wheels to",
            )
        return wheels
    if not any(mark in text for mark in "*?[") or os.path.exists(path):  # noqa: PTH110
        return (path,)
    import glob

    wheels = tuple(Path(match) for match in sorted(glob.glob(text)))  # noqa: PTH207 - any anchor
    if not wheels:
        raise UsageError(
            subject=text,
            problem="no file matches",
            hint="check the folder; wheels end in .whl",
        )
    return wheels


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


def options_of(arguments: argparse.Namespace) -> Options:
    """Make the frozen options of parsed arguments; raises UsageError."""
    from wheelfix.config import make_options

    values: dict[str, Any] = {}
    for key, value in vars(arguments).items():
        if isinstance(value, list):
            values[key] = [text for text in value if text not in PLACEHOLDERS]
        elif value not in PLACEHOLDERS and value is not None:
            values[key] = value
    return make_options(values)


@dataclass(frozen=True, slots=True, kw_only=True)
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
    from concurrent.futures import ThreadPoolExecutor

    from wheelfix import render

    def guarded(wheel: Path) -> Answer:
        try:
            return one(wheel)
        except WheelfixError as error:
            data = render.error_data(wheel.name, error)
            return Answer(code=error.exit_code, text=f"error: {error}", data=data)

    collected = []
    code = 0
    with ThreadPoolExecutor(min(len(wheels), arguments.jobs or 4)) as executor:
        answers = executor.map(guarded, wheels) if len(wheels) > 1 else map(guarded, wheels)
        for answer in answers:
            code = max(code, answer.code)
            collected.append(answer.data)
            failed = "error" in answer.data
            if failed or not arguments.json:
                _show(answer.text, arguments, data=text_is_data and not failed, always=failed)
    if arguments.json:
        print(render.json_text(collected), flush=True)
    return code


def _show(text: str, arguments: argparse.Namespace, *, data: bool, always: bool) -> None:
    if data:
        print(_printable(text, sys.stdout.encoding), flush=True)
    elif always or not arguments.quiet:
        _say(text)


def _say(text: str) -> None:
    print(_printable(text, sys.stderr.encoding), file=sys.stderr)


def _printable(text: str, encoding: str | None) -> str:
    """Escape what a terminal would obey and what the stream cannot say: names hold any byte."""
    encoding = encoding or "utf-8"
    harmless = re.sub(r"[^\n -~\xa0-\uffff\U00010000-\U0010ffff]", _escaped, text)
    return harmless.encode(encoding, "backslashreplace").decode(encoding)


def _escaped(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]):02x}"
