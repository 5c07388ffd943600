"""The stages in order: `check` stops at the plan, `repair` goes on and obeys it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from wheelfix.archive import OpenWheel, Written, copy_wheel, open_wheel, write_wheel
from wheelfix.detect import detect
from wheelfix.errors import CannotRepair, CannotWrite, WheelfixError
from wheelfix.host import Host
from wheelfix.model import (
    OPENERS,
    Checked,
    Contents,
    Options,
    Outcome,
    Plan,
    Report,
    Verify,
    Watch,
)
from wheelfix.plan import plan, unexplained
from wheelfix.policy import watched
from wheelfix.resolve import resolve, version_uses
from wheelfix.value import replace
from wheelfix.workshop import Clock, Workshop, new_files, scratch_folder


def check(wheel: Path, options: Options | None = None, *, host: Host | None = None) -> Checked:
    """Tell what is wrong with a wheel and what `repair` would do. Writes nothing.

    Raises a `WheelfixError` when the file is no wheel; findings are in the plan.
    """
    options = options or Options()
    with naming(wheel), open_wheel(wheel) as opened:
        return look(opened, options, host or Host(), Clock(), seals=True)


def survey(wheel: Path, options: Options | None = None, *, host: Host | None = None) -> Report:
    """Give the facts alone: who needs what, and who provides it. Writes nothing."""
    options = options or Options()
    with naming(wheel), open_wheel(wheel) as opened:
        return look(opened, options, host or Host(), Clock()).report


def plan_repair(wheel: Path, options: Options | None = None, *, host: Host | None = None) -> Plan:
    """Give the plan alone: what `repair` would do to this wheel. Writes nothing."""
    return check(wheel, options, host=host).plan


def repair(
    wheel: Path,
    wheel_dir: Path,
    options: Options | None = None,
    *,
    host: Host | None = None,
) -> Outcome:
    """Write the repaired wheel into `wheel_dir`, which is made if need be; the input is only read.

    Raises CannotRepair with every obstacle at once, before anything is written.
    """
    options = options or Options()
    clock = Clock()
    with naming(wheel), open_wheel(wheel) as opened:
        checked = look(opened, options, host or Host(), clock)
        if checked.plan.obstacles:
            raise cannot_repair(checked.plan)
        make_folder(wheel_dir)
        output = wheel_dir / checked.plan.output
        if checked.plan.nothing_to_do:
            return _carry_over(opened, output, checked.plan, options, clock)
        return _obey(opened, output, checked, options, clock)


def look(
    contents: Contents,
    options: Options,
    host: Host,
    clock: Clock,
    *,
    seals: bool = False,
    decide: Callable[[Report, Options], Plan] | None = None,
) -> Checked:
    """Go through the stages up to the plan, which `decide` makes, else `plan`.

    With `seals` every signature is checked too.
    """
    watch = _watch(options)
    with clock("detect"):
        detected = detect(contents, options, watch=watch, seals=seals)
    with clock("resolve"):
        resolved = resolve(
            contents.info,
            detected.artifacts,
            host,
            options,
            watch=watch,
            originals=contents.originals,
        )
    report = Report(
        wheel=contents.info,
        arch=detected.arch,
        artifacts=(*detected.artifacts, *resolved.libraries),
        links=resolved.links,
        skipped=detected.skipped,
        findings=detected.findings,
        starters=detected.starters,
        announced=detected.announced,
        included=resolved.included,
        neighbours=resolved.neighbours,
        occupied=tuple(m.path for m in contents.members) if resolved.neighbours else (),
        unmet_includes=resolved.unmet_includes,
        unused_excludes=tuple(
            p for p in resolved.unused_excludes if p not in detected.used_excludes
        ),
        archive_notes=tuple(n for n in contents.notes if n not in contents.record_notes),
        record_notes=contents.record_notes,
    )
    with clock("plan"):
        report = _explained(report, contents, options, host)
        return Checked(report=report, plan=(decide or plan)(report, options))


def _watch(options: Options) -> Watch:
    """Give the symbols to look for; where something is included, also who may load it."""
    watch = watched()
    return {**watch, "": watch[""] | OPENERS} if options.include else watch


def _explained(report: Report, contents: Contents, options: Options, host: Host) -> Report:
    """Add the symbols behind version needs that a tag does not grant; rarely there are any."""
    needs = unexplained(report, options)
    if not needs:
        return report
    uses = version_uses(contents, host, report.artifacts, needs)
    return replace(report, version_uses=uses)


def _carry_over(
    opened: OpenWheel, output: Path, decided: Plan, options: Options, clock: Clock
) -> Outcome:
    """Nothing to do: the output is the input's own bytes."""
    with clock("write"):
        if options.verify is not Verify.HEADER:
            for member in opened.members:
                opened.check_carried(member.path)
        copy_wheel(opened, output, overwrite=options.overwrite)
    return Outcome(
        input=opened.path,
        output=output,
        plan=decided,
        carried_bytes=sum(member.compressed_size for member in opened.members),
        seconds=clock.seconds(),
    )


def _obey(
    opened: OpenWheel, output: Path, checked: Checked, options: Options, clock: Clock
) -> Outcome:
    notes: list[str] = []
    with scratch_folder(options.scratch or output.parent, notes) as folder:
        workshop = Workshop(opened, checked, folder, options, clock)
        with clock("write"):
            written = _write(opened, output, checked, workshop, options)
    return Outcome(
        input=opened.path,
        output=output,
        plan=checked.plan,
        staged=tuple((file.path, file.by) for file in workshop.staged()),
        verified=tuple(f.path for f in workshop.staged() if f.path not in workshop.unread),
        carried_bytes=written.carried_bytes,
        compressed_bytes=written.compressed_bytes,
        seconds=clock.seconds(),
        notes=(*written.notes, *notes),
    )


def _write(
    opened: OpenWheel, output: Path, checked: Checked, workshop: Workshop, options: Options
) -> Written:
    decided = checked.plan
    return write_wheel(
        opened,
        output,
        files=new_files(opened, checked, workshop),
        tags=decided.tags,
        root_is_purelib=decided.root_is_purelib,
        level=options.level,
        jobs=options.jobs or os.cpu_count() or 1,
        verify_full=options.verify is not Verify.HEADER,
        overwrite=options.overwrite,
    )


def cannot_repair(decided: Plan) -> CannotRepair:
    """Make the error that names every obstacle of a plan, with its hint."""
    first, *others = decided.obstacles
    details = list(first.details)
    for other in others:
        details += ["", other.message, *(f"  {line}" for line in other.details)]
        if other.hint and other.hint != first.hint:
            details.append(f"  hint: {other.hint}")
    return CannotRepair(problem=first.message, details=tuple(details), hint=first.hint)


def make_folder(folder: Path) -> None:
    """Make the output folder where there is none; raises CannotWrite."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(
            subject=str(folder),
            problem=f"cannot make the output folder: {error.strerror}",
            hint="choose another one with `-w DIR`",
        ) from error


@contextmanager
def naming(wheel: Path) -> Iterator[None]:
    """Put the wheel's name before every expected failure."""
    try:
        yield
    except WheelfixError as error:
        if not error.subject.startswith((wheel.name, str(wheel))):
            error.within(wheel.name)
        raise
