"""argv to options to pipeline to text to exit code."""

from __future__ import annotations

import os
import sys
from types import MappingProxyType

from wheelfix import __version__
from wheelfix.console import columns, discard_output, meter_of, say, say_data
from wheelfix.errors import UsageError, WheelfixError
from wheelfix.typed import TYPE_CHECKING, Any
from wheelfix.value import Value, replace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wheelfix.meter import Meter
    from wheelfix.model import Options

WRITING = ("repair", "merge")
"""The commands that write wheels."""

PLACEHOLDERS = ("{delocate_archs}", "{ldpaths}")
"""What cibuildwheel leaves unreplaced on systems that do not know it: counts as not given."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code: 0 done, 1 findings or failure, 2 usage."""
    words = sys.argv[1:] if argv is None else argv
    try:
        if list(words) == ["--version"]:  # nearly all of its time would be the parser's imports
            say_data(f"wheelfix {__version__}")
            return 0
        arguments = _settled(words)
        wheels = _wheels(arguments)
        return RUN[arguments.command](arguments, wheels)
    except WheelfixError as error:
        say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        writes = words[:1] and words[0] in WRITING
        say("interrupted" + ("; every wheel in the output folder is whole" if writes else ""))
        return 130
    except BrokenPipeError:  # who reads our output has read enough; Python must not flush it again
        discard_output()
        return 1


def _settled(words: Sequence[str]) -> argparse.Namespace:
    """Parse, and add what environment and pyproject.toml say and what holds when nothing is."""
    import argparse
    from pathlib import Path

    from wheelfix.arguments import parser
    from wheelfix.settings import settled

    given: dict[str, Any] = {}
    for key, found in vars(parser(words[0] if words else None).parse_args(words)).items():
        if isinstance(found, list):
            given[key] = [text for text in found if text not in PLACEHOLDERS]
        elif found not in PLACEHOLDERS:
            given[key] = found
    if given["command"] == "explain":  # which is asked when something is wrong, perhaps with these
        return argparse.Namespace(**settled(given, {}, None))
    try:
        folder = Path.cwd()
    except OSError:  # somebody took the folder away
        return argparse.Namespace(**settled(given, os.environ, None))
    return argparse.Namespace(**settled(given, os.environ, folder))


def _wheels(arguments: argparse.Namespace) -> tuple[Path, ...]:
    """Turn the arguments into wheels; two of one name go to `merge`, which knows what to say."""
    from wheelfix.config import expand, installed

    if arguments.command == "explain":
        return ()
    if arguments.command == "merge":
        return tuple(wheel for text in arguments.paths for wheel in expand([text]))
    if arguments.command == "repair":
        return expand(arguments.paths, packing=True)
    paths = getattr(arguments, "paths", [])
    wheels = (*expand(paths), *installed(arguments.installed, arguments.env))
    if not wheels:
        raise UsageError(
            problem="nothing to look at",
            hint=f"`wheelfix {arguments.command} WHEEL`, or `--installed NAME`",
        )
    return wheels


def run_check(arguments: argparse.Namespace, wheels: tuple[Path, ...]) -> int:
    """Check every wheel, print all verdicts in order, and give the highest exit code."""
    from wheelfix import __version__
    from wheelfix.pipeline import check
    from wheelfix.render.data import code_of
    from wheelfix.render.forms import form

    options = options_of(arguments, len(wheels))
    name = "json" if arguments.json else arguments.format
    shown = form(name, verbose=arguments.verbose, width=columns(), version=__version__)

    def one(wheel: Path) -> Answer:
        checked = check(wheel, options)
        answer = shown.answer(wheel, checked)
        return Answer(code=int(not checked.plan.ok), out=_text(answer), data=answer)

    def failed(wheel: Path, error: WheelfixError) -> Answer:
        answer = None if shown.failure is None else shown.failure(wheel, error)
        said = "" if isinstance(answer, str) else f"{f'error {code_of(error)}'.rstrip()}: {error}"
        return Answer(code=error.exit_code, out=_text(answer), said=lambda: said, data=answer)

    return _run_all(arguments, wheels, one, failed=failed, whole=shown.whole)


def _text(answer: Any) -> str:
    return answer if isinstance(answer, str) else ""


def run_tree(arguments: argparse.Namespace, wheels: tuple[Path, ...]) -> int:
    """Print who needs what in every wheel; 1 where --why finds nobody."""
    from wheelfix.pipeline import survey
    from wheelfix.render import graph, json_text, tree

    options = options_of(arguments, len(wheels))
    why = arguments.why
    verbose, width = arguments.verbose, columns()

    def one(wheel: Path) -> Answer:
        report = survey(wheel, options)
        code = int(why is not None and not tree.is_needed(report, why))
        if arguments.json:
            return Answer(code=code, data=tree.tree_data(report, why))
        if arguments.dot or arguments.mermaid:
            links = report.links if why is None else tree.leading_to(report, why)
            drawn = graph.drawing(links, system=True)
            if arguments.mermaid:
                return Answer(code=code, out=graph.mermaid(drawn))
            return Answer(code=code, out=graph.dot(drawn, wheel.name))
        if why is None:
            return Answer(code=code, out=tree.tree_text(report, verbose=verbose, width=width))
        return Answer(code=code, out=tree.why_text(report, why, verbose=verbose, width=width))

    return _run_all(arguments, wheels, one, whole=json_text if arguments.json else None)


def run_repair(arguments: argparse.Namespace, wheels: tuple[Path, ...]) -> int:
    """Repair every wheel, or print the plans, and give the highest exit code."""
    from wheelfix import render
    from wheelfix.pipeline import cannot_repair, check, repair

    options = options_of(arguments, len(wheels))
    verbose = arguments.verbose
    meter = meter_of(len(wheels), quiet=arguments.quiet)

    def dry(wheel: Path) -> Answer:
        checked = check(wheel, options)
        if checked.plan.obstacles:
            raise cannot_repair(checked.plan).within(wheel.name)
        code = int(bool(checked.plan.remaining))
        if arguments.json:
            return Answer(code=code, data=render.checked_data(checked) | {"ok": not code})
        return Answer(
            code=code, out=render.plan_text(checked.plan, verbose=verbose, width=columns())
        )

    def real(wheel: Path) -> Answer:
        progress = meter.of(wheel) if meter else None
        outcome = repair(wheel, arguments.wheel_dir, options, progress=progress)
        code = int(bool(outcome.plan.remaining))
        if arguments.json:
            return Answer(code=code, data=render.outcome_data(outcome))
        return Answer(code=code, said=lambda: render.outcome_text(outcome, verbose=verbose))

    whole = render.json_text if arguments.json else None
    one = dry if arguments.dry_run else real
    return _run_all(arguments, wheels, one, whole=whole, meter=meter)


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
    verbose = arguments.verbose

    def both(first: Path) -> Answer:
        outcome = merge(first, wheels[1], arguments.wheel_dir, options, take=tuple(arguments.take))
        if arguments.json:
            return Answer(code=0, data=render.merge_data(outcome))
        return Answer(code=0, said=lambda: render.merge_text(outcome, verbose=verbose))

    whole = render.json_text if arguments.json else None
    return _run_all(arguments, wheels[:1], both, whole=whole)


def run_explain(arguments: argparse.Namespace, wheels: tuple[Path, ...]) -> int:
    """Print what there is to say of each code; raises UsageError for what is none."""
    from wheelfix.findings import CATALOGUE
    from wheelfix.render.text import explain_text

    del wheels
    codes = tuple(dict.fromkeys(code.upper() for code in arguments.codes))
    for code in codes:
        if code not in CATALOGUE:
            raise UsageError(
                subject=code,
                problem="is no finding's code",
                hint="`wheelfix explain WF101`; `wheelfix check` gives the codes",
            )
    say_data("\n\n".join(explain_text(code, width=columns()) for code in codes))
    return 0


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def options_of(arguments: argparse.Namespace, wheels: int = 1) -> Options:
    """Make the frozen options, with one wheel's share of the threads; raises UsageError."""
    from wheelfix.config import make_options
    from wheelfix.workers import share

    return replace(make_options(vars(arguments)), jobs=share(arguments.jobs, wheels))


class Answer(Value):
    """What one wheel came to."""

    code: int
    out: str = ""
    """For stdout, as soon as it is there."""
    said: Callable[[], str] = str
    """Makes what is for stderr; unless --quiet, when the code is 0: forms take long to import."""
    data: Any = None
    """For the document that ends the run, in forms that have one."""


def _failed(wheel: Path, error: WheelfixError) -> Answer:
    from wheelfix import render

    data = render.error_data(wheel.name, error)
    return Answer(code=error.exit_code, said=lambda: f"error: {error}", data=data)


def _run_all(
    arguments: argparse.Namespace,
    wheels: tuple[Path, ...],
    one: Callable[[Path], Answer],
    *,
    failed: Callable[[Path, WheelfixError], Answer] = _failed,
    whole: Callable[[list[Any]], str] | None,
    meter: Meter | None = None,
) -> int:
    """Run `one` on every wheel, several at a time, and print the answers in order."""
    from contextlib import nullcontext

    from wheelfix.workers import turns

    def guarded(wheel: Path) -> Answer:
        try:
            return one(wheel)
        except WheelfixError as error:
            return failed(wheel, error)

    collected = []
    code = 0
    hidden, cleared = (meter.hidden, meter.cleared) if meter else (nullcontext, nullcontext)
    with cleared(), turns(guarded, wheels, arguments.jobs) as answers:
        for answer in answers:
            code = max(code, answer.code)
            collected.append(answer.data)
            with hidden():
                _show(answer, quiet=arguments.quiet)
    if whole is not None:
        say_data(whole(collected))
    return code


def _show(answer: Answer, *, quiet: bool) -> None:
    if answer.out:
        say_data(answer.out)
    if (answer.code or not quiet) and (said := answer.said()):
        say(said)


RUN: Mapping[str, Callable[[argparse.Namespace, tuple[Path, ...]], int]] = MappingProxyType(
    {
        "repair": run_repair,
        "check": run_check,
        "tree": run_tree,
        "merge": run_merge,
        "explain": run_explain,
    }
)
