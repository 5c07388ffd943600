"""The stages in order: `check` stops at the plan, `repair` goes on and obeys it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path

from wheelfix.archive import OpenWheel, open_wheel
from wheelfix.archive.wheel import SPLICED
from wheelfix.clock import Clock
from wheelfix.detect import detect
from wheelfix.errors import CannotRepair, CannotWrite, WheelfixError
from wheelfix.host import Host
from wheelfix.model import (
    OPENERS,
    Artifact,
    Checked,
    Contents,
    Options,
    Outcome,
    Plan,
    Progress,
    Report,
    Verify,
    Watch,
)
from wheelfix.plan import plan
from wheelfix.resolve import resolve
from wheelfix.typed import TYPE_CHECKING
from wheelfix.value import replace

if TYPE_CHECKING:
    from wheelfix.archive import Written
    from wheelfix.archive.unpacked import Unpacked
    from wheelfix.workshop import Workshop


def check(wheel: Path, options: Options | None = None, *, host: Host | None = None) -> Checked:
    """Tell what is wrong with a wheel and what `repair` would do. Writes nothing.

    In its stead may stand the folder that it was unpacked into, the `.dist-info` folder of an
    installed distribution (`find_installed`), or a single binary. Raises a `WheelfixError` when it
    is none of these; findings are in the plan.
    """
    options = options or Options()
    with naming(wheel), _opened(wheel) as opened:
        return look(opened, options, host or Host(), Clock(), seals=True)


def survey(wheel: Path, options: Options | None = None, *, host: Host | None = None) -> Report:
    """Give the facts alone: who needs what, and who provides it. Takes what `check` takes."""
    options = options or Options()
    with naming(wheel), _opened(wheel) as opened:
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
    progress: Progress | None = None,
) -> Outcome:
    """Write the repaired wheel into `wheel_dir`, which is made if need be; the input is only read.

    `progress` is told how the writing goes on; what it raises fails the repair.
    Raises CannotRepair with every obstacle at once, before anything is written.
    """
    options = options or Options()
    clock = Clock()
    with naming(wheel), _opened(wheel) as opened:
        if not isinstance(opened, OpenWheel):
            from wheelfix.standin import refuse_repair

            refuse_repair(wheel, opened, (wheel_dir, options.scratch or wheel_dir))
        checked = look(opened, options, host or Host(), clock, writes=True)
        if checked.plan.obstacles:
            raise cannot_repair(checked.plan)
        make_folder(wheel_dir)
        output = wheel_dir / checked.plan.output
        if checked.plan.nothing_to_do and isinstance(opened, OpenWheel):
            return _carry_over(opened, output, checked.plan, options, clock)
        outcome = Outcome(input=wheel, output=output, plan=checked.plan)
        return _obey(opened, outcome, checked, options, clock, progress)


@contextmanager
def _opened(path: Path) -> Iterator[OpenWheel | Unpacked]:
    """Open a wheel, or look at what stands for one."""
    if path.suffix != ".whl":
        from wheelfix.standin import on_disk

        files = on_disk(path)
        if files is not None:
            yield files
            return
    with open_wheel(path) as opened:
        yield opened


def look(  # noqa: PLR0913  # what is not always there is named
    contents: Contents,
    options: Options,
    host: Host,
    clock: Clock,
    *,
    seals: bool = False,
    writes: bool = False,
    decide: Callable[[Report, Options], Plan] | None = None,
) -> Checked:
    """Go through the stages up to the plan, which `decide` makes, else `plan`.

    With `seals` every signature is checked too. `writes` tells that the plan will be obeyed.
    """
    watch = _Watched(options)
    with clock("detect"):
        detected = detect(contents, options, watch=watch, seals=seals)
    with clock("resolve"):
        resolved = resolve(
            contents.info,
            detected.artifacts,
            host,
            options,
            watch=watch,
            on_disk=contents.on_disk,
            meanwhile=partial(_get_ready, detected.artifacts, writes=writes),
        )
    report = Report(
        wheel=contents.info,
        arch=detected.arch,
        artifacts=(*detected.artifacts, *resolved.libraries),
        links=resolved.links,
        skipped=detected.skipped,
        findings=detected.findings,
        starters=detected.starters,
        requires=detected.requires,
        announced=detected.announced,
        included=resolved.included,
        neighbours=resolved.neighbours,
        occupied=tuple(contents.paths) if resolved.neighbours else (),
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


def _get_ready(artifacts: tuple[Artifact, ...], *, writes: bool) -> None:
    """Import what comes next, while threads hash libraries off the interpreter's lock."""
    if artifacts:
        import wheelfix.plan.binaries
        from wheelfix.plan.rules import rules_of

        rules_of(artifacts[0])
    if writes:
        import wheelfix.archive.write
        import wheelfix.workshop  # noqa: F401 - and what that imports


class _Watched(Mapping[str, frozenset[str]]):
    """The symbols to look for; where something is included, also who may load it.

    Those that policies name are read when the first binary asks for them: only those of one format
    do.
    """

    def __init__(self, options: Options) -> None:
        self._include = bool(options.include)

    @cached_property
    def _always(self) -> frozenset[str]:
        from wheelfix.policy.symbols import NEVER_PORTABLE

        return NEVER_PORTABLE | OPENERS if self._include else NEVER_PORTABLE

    @cached_property
    def _symbols(self) -> Watch:
        from wheelfix.policy.policies import watched

        return watched()

    def __getitem__(self, library: str) -> frozenset[str]:
        return self._symbols[library] if library else self._always

    def __iter__(self) -> Iterator[str]:
        return iter(self._symbols)

    def __len__(self) -> int:
        return len(self._symbols)


def _explained(report: Report, contents: Contents, options: Options, host: Host) -> Report:
    """Add the symbols behind version needs that a tag does not grant; rarely there are any."""
    if not any(image.version_needs for each in report.artifacts for image in each.images):
        return report
    from wheelfix.plan.tags import unexplained

    needs = unexplained(report, options)
    if not needs:
        return report
    from wheelfix.resolve.closure import version_uses

    uses = version_uses(contents, host, report.artifacts, needs)
    return replace(report, version_uses=uses)


def _carry_over(
    opened: OpenWheel, output: Path, decided: Plan, options: Options, clock: Clock
) -> Outcome:
    """Nothing to do: the output is the input's own bytes."""
    from wheelfix.archive import copy_wheel

    with clock("write"):
        if options.verify is not Verify.HEADER:
            for member in opened.members:
                opened.check_carried(member.path)
        copy_wheel(opened, output, overwrite=options.overwrite)
    return Outcome(
        input=opened.path,
        output=output,
        plan=decided,
        carried_bytes=sum(opened.entries.columns.packed),
        seconds=clock.seconds(),
    )


def _obey(
    opened: OpenWheel | Unpacked,
    outcome: Outcome,
    checked: Checked,
    options: Options,
    clock: Clock,
    progress: Progress | None,
) -> Outcome:
    """Write what the plan says, and give the outcome with all that there is to say of that."""
    from wheelfix.workshop import Workshop, scratch_folder

    notes: list[str] = []
    output = outcome.output
    with scratch_folder(options.scratch or output.parent, notes) as folder:
        packed = isinstance(opened, OpenWheel)
        hold = SPLICED if packed and options.scratch is None else 0
        workshop = Workshop(opened, checked, folder, options, clock, hold=hold)
        with clock("write"):
            written = _write(opened, output, checked, workshop, options, progress)
    return replace(
        outcome,
        staged=workshop.staged(),
        verified=tuple(path for path, _ in workshop.staged() if path not in workshop.unread),
        carried_bytes=written.carried_bytes,
        compressed_bytes=written.compressed_bytes,
        seconds=clock.seconds(),
        notes=(*written.notes, *notes),
    )


def _write(
    opened: OpenWheel | Unpacked,
    output: Path,
    checked: Checked,
    workshop: Workshop,
    options: Options,
    progress: Progress | None,
) -> Written:
    from wheelfix.archive import write_wheel
    from wheelfix.workshop import new_files

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
        progress=progress,
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
    name = wheel.name or str(wheel)
    try:
        yield
    except WheelfixError as error:
        if not error.subject.startswith((name, str(wheel))):
            error.within(name)
        raise
