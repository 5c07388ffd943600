"""The command line's parser: every option, its default and its help."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType

from wheelfix import __version__


@contextmanager
def _untranslated() -> Iterator[None]:
    """Keep argparse from looking into the file system for what nobody has, its words translated."""
    names, as_it_is = vars(argparse), lambda word: word  # which may be None
    kept = names.get("_", as_it_is)
    names["_"] = as_it_is
    try:
        yield
    finally:
        names["_"] = kept


@_untranslated()
def parser(first: str | None = None) -> argparse.ArgumentParser:
    """Build the parser of the command line, of one command alone where `first` is its name."""
    top = argparse.ArgumentParser(
        prog="wheelfix",
        description="Make wheels with compiled code run where their tag says.",
        formatter_class=_UNSEEN,
    )
    top.add_argument("--version", action="version", version=f"wheelfix {__version__}")
    commands = top.add_subparsers(
        title="commands", metavar="COMMAND", required=True, prog="wheelfix"
    )
    for name, (add_options, help_line, description) in _COMMANDS.items():
        if first == name or first not in _COMMANDS:
            command = commands.add_parser(
                name,
                help=help_line,
                description=description,
                argument_default=argparse.SUPPRESS,  # `settings` has the defaults
                formatter_class=_UNSEEN,
            )
            command.set_defaults(command=name)
            add_options(command)
            command.formatter_class = argparse.HelpFormatter
    top.formatter_class = argparse.HelpFormatter
    return top


_UNSEEN = partial(argparse.HelpFormatter, width=80)
"""What checks options as they are added: the usual one asks each time how wide the terminal is."""


def _add_check(command: argparse.ArgumentParser) -> None:
    _add_looked_at(command)
    command.add_argument(
        "--format",
        choices=("text", "json", "github", "markdown", "sarif"),
        help="how to say it: text for people (default), one JSON document, annotations of a GitHub "
        "run, Markdown for a job's summary, a SARIF log",
    )


def _add_tree(command: argparse.ArgumentParser) -> None:
    _add_looked_at(command)
    add = command.add_argument
    add(
        "--why",
        metavar="LIB",
        help="show every chain that leads to this library: a name, a path, or a glob",
    )
    drawn = command.add_mutually_exclusive_group()
    drawn.add_argument("--dot", action="store_true", help="print a graph for Graphviz")
    drawn.add_argument("--mermaid", action="store_true", help="print a Mermaid flow chart")


def _add_looked_at(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "paths",
        nargs="*",
        metavar="PATH",
        help="a wheel, a glob, a folder of wheels, an unpacked wheel, or a binary",
    )
    add(
        "--installed",
        action="append",
        metavar="NAME",
        help="look at this installed distribution (repeatable)",
    )
    add(
        "--env",
        type=Path,
        metavar="DIR",
        help="where --installed looks: an environment, or a folder of packages (default: the "
        "environment that wheelfix is in)",
    )
    _add_common(command)


def _add_repair(command: argparse.ArgumentParser) -> None:
    paths = "a wheel, a glob, a folder of wheels, or an unpacked wheel"
    command.add_argument("paths", nargs="+", metavar="PATH", help=paths)
    _add_common(command)
    _add_output(command)


def _add_merge(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "paths",
        nargs="+",
        metavar="WHEEL",
        help="the two wheels, or a glob or folder that gives just these",
    )
    add(
        "--take",
        action="append",
        metavar="GLOB=ARCH",
        help="files of this path that differ and cannot be joined come from the wheel for ARCH, "
        "such as `*/_config.py=arm64` (repeatable)",
    )
    _add_writing(command)
    _add_volume(command)


def _add_explain(command: argparse.ArgumentParser) -> None:
    command.add_argument("codes", nargs="+", metavar="CODE", help="a finding's code: WF101")


def _add_common(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    _add_libraries(command)
    add(
        "--plat",
        metavar="TAG",
        help="the platform tag that the wheel must be able to carry (default: auto, the best)",
    )
    add("--only-plat", action="store_true", help="put no other tag on the wheel than --plat")
    add(
        "--lib-sdir",
        metavar="NAME",
        help="end of the libraries' folder name (default: .libs; on macOS .dylibs)",
    )
    add(
        "--no-mangle",
        action="append",
        metavar="GLOB",
        help="let libraries of this name keep it (repeatable)",
    )
    _add_target(command)
    _add_windows(command)
    _add_apple(command)
    _add_picks(command)
    _add_volume(command)


def _add_libraries(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "-l",
        "--lib-path",
        action="append",
        metavar="DIR",
        help="search for libraries here first (repeatable)",
    )
    add(
        "--include",
        action="append",
        metavar="FILE|GLOB",
        help="bring this library too though nothing links to it, such as a plugin: a file, or a "
        "name in a --lib-path folder (repeatable)",
    )
    add(
        "--dlopen",
        choices=("none", "required", "recommended", "all"),
        help="which libraries to bring that binaries note to load by name (default: required)",
    )
    add(
        "--exclude",
        action="append",
        metavar="GLOB",
        help="leave libraries of this name or path to the user's system (repeatable)",
    )


def _add_volume(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("-j", "--jobs", type=_count, metavar="N", help="threads (default: all cores)")
    add("--json", action="store_true", help="print one JSON document on stdout")
    volume = command.add_mutually_exclusive_group()
    volume.add_argument("-q", "--quiet", action="store_true", help="say nothing but errors")
    volume.add_argument("-v", "--verbose", action="store_true", help="say more")


def _add_target(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--sysroot",
        metavar="DIR",
        help="the folder that stands for / of the system the wheel was built for",
    )
    add(
        "--ld-paths",
        "--ldpaths",
        metavar="DIRS",
        help="search these folders, separated as in PATH, instead of the system's own",
    )
    add(
        "--no-host-libs",
        action="store_true",
        help="take libraries from no folder but those given with these options",
    )


def _add_windows(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--include-symbols",
        action="store_true",
        help="Windows: let the debug symbols (.pdb) of libraries come along",
    )
    add(
        "--include-imports",
        action="store_true",
        help="Windows: let the import libraries (.lib) of libraries come along",
    )


def _add_apple(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--executable-path",
        type=Path,
        metavar="DIR",
        help="macOS: the folder that @executable_path means",
    )
    add(
        "--macos-target",
        metavar="VERSION",
        help="the oldest macOS to run on (default: MACOSX_DEPLOYMENT_TARGET, else what is needed)",
    )
    add(
        "--require-archs",
        metavar="A,B",
        help="macOS: machines that every binary must have code for, such as x86_64,arm64",
    )


def _add_picks(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--ignore",
        action="append",
        metavar="CODE[:GLOB]",
        help="findings of this code do not count, such as WF107:tests/* for those at a path "
        "(repeatable)",
    )
    add(
        "--error",
        action="append",
        metavar="CODE[:GLOB]",
        help="findings of this code are errors (repeatable)",
    )


def _add_output(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    _add_writing(command)
    add("--dry-run", action="store_true", help="print the plan and write nothing")
    add(
        "--verify",
        choices=("header", "full", "deep"),
        help="read edited headers again; full: every member too; deep: with LIEF too",
    )


def _add_writing(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "-w",
        "--wheel-dir",
        type=Path,
        metavar="DIR",
        help="where the new wheels go (made if need be; default: wheelhouse)",
    )
    add(
        "-z",
        "--compression-level",
        type=_level,
        metavar="N",
        help="deflate level, 1 to 12 (default: 5)",
    )
    add("--overwrite", action="store_true", help="replace an output that holds other bytes")
    add("--scratch", type=Path, metavar="DIR", help="where edited files lie meanwhile")


_COMMANDS = MappingProxyType(
    {
        "repair": (
            _add_repair,
            "bring the libraries in that a wheel needs, and give it the tag it earns",
            "Write a repaired copy of each wheel; the wheels themselves are only read.",
        ),
        "check": (
            _add_check,
            "tell whether a wheel runs where its tag says, and what repair would do",
            "Tell whether each wheel runs where its tag says. Nothing is written.",
        ),
        "tree": (
            _add_tree,
            "show who needs what, where it was found, and what was tried",
            "Show who needs what in each wheel. Nothing is written.",
        ),
        "merge": (
            _add_merge,
            "make one universal2 wheel out of a macOS wheel for x86_64 and one for arm64",
            "Write one wheel for the machines of two macOS wheels, which are only read.",
        ),
        "explain": (
            _add_explain,
            "say what a finding means, what causes it, and what cures it",
            "Say of each code what it means, what commonly causes it, and what cures it.",
        ),
    }
)
"""What each command is called, its options, its line in the help, and its own help's first line."""


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("must be a number that is not negative")
    return int(text)


HIGHEST_LEVEL = 12
"""libdeflate's."""


def _level(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= HIGHEST_LEVEL:
        raise argparse.ArgumentTypeError(f"must be from 1 to {HIGHEST_LEVEL}")
    return int(text)
