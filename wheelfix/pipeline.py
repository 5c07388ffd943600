"""The stages in order: `check` stops at the plan, `repair` goes on and obeys it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from wheelfix.archive import NewFile, OpenWheel, Written, copy_wheel, open_wheel, write_wheel
from wheelfix.detect import detect
from wheelfix.errors import CannotRepair, CannotWrite, WheelfixError
from wheelfix.host import Host
from wheelfix.model import Options, Outcome, Plan, Report, Stage, Verify, WheelPath
from wheelfix.patch import patch
from wheelfix.plan import plan, unexplained
from wheelfix.policy import watched
from wheelfix.resolve import resolve, version_uses
from wheelfix.stage import stage
from wheelfix.value import replace, value
from wheelfix.verify import verify


@value
class Checked:
    """A wheel looked at: the facts, and what a repair would do."""

    report: Report
    plan: Plan


def check(wheel: Path, options: Options | None = None, *, host: Host | None = None) -> Checked:
    """Tell what is wrong with a wheel and what `repair` would do. Writes nothing.

    Raises a `WheelfixError` when the file is no wheel; findings are in the plan.
    """
    options = options or Options()
    with _naming(wheel), open_wheel(wheel) as opened:
        return _look(opened, options, host or Host(), _Clock())


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
    clock = _Clock()
    with _naming(wheel), open_wheel(wheel) as opened:
        checked = _look(opened, options, host or Host(), clock)
        if checked.plan.obstacles:
            raise cannot_repair(checked.plan)
        _make_folder(wheel_dir)
        output = wheel_dir / checked.plan.output
        if checked.plan.nothing_to_do:
            return _carry_over(opened, output, checked.plan, options, clock)
        return _obey(opened, output, checked, options, clock)


def _look(opened: OpenWheel, options: Options, host: Host, clock: _Clock) -> Checked:
    watch = watched()
    with clock("detect"):
        detected = detect(opened, options, watch=watch)
    with clock("resolve"):
        resolved = resolve(opened.info, detected.artifacts, host, options, watch=watch)
    report = Report(
        wheel=opened.info,
        arch=detected.arch,
        artifacts=(*detected.artifacts, *resolved.libraries),
        links=resolved.links,
        skipped=detected.skipped,
        findings=detected.findings,
        unused_excludes=tuple(
            p for p in resolved.unused_excludes if p not in detected.used_excludes
        ),
        archive_notes=() if opened.canonical else opened.notes,
    )
    with clock("plan"):
        report = _explained(report, opened, options, host)
        return Checked(report=report, plan=plan(report, options))


def _explained(report: Report, opened: OpenWheel, options: Options, host: Host) -> Report:
    """Add the symbols behind version needs that a tag does not grant; rarely there are any."""
    needs = unexplained(report, options)
    if not needs:
        return report
    uses = version_uses(opened, host, report.artifacts, needs)
    return replace(report, version_uses=uses)


def _carry_over(
    opened: OpenWheel, output: Path, decided: Plan, options: Options, clock: _Clock
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
    opened: OpenWheel, output: Path, checked: Checked, options: Options, clock: _Clock
) -> Outcome:
    notes: list[str] = []
    jobs = options.jobs or os.cpu_count() or 1
    with _scratch(options.scratch or output.parent, notes) as folder:
        with ThreadPoolExecutor(jobs) as executor:
            staged, verified = _edit(opened, checked, folder, options, executor, clock)
        with clock("write"):
            written = _write(opened, output, checked, staged, options, jobs)
    return Outcome(
        input=opened.path,
        output=output,
        plan=checked.plan,
        staged=tuple((file.path, file.by) for file in staged.files),
        verified=verified,
        carried_bytes=written.carried_bytes,
        compressed_bytes=written.compressed_bytes,
        seconds=clock.seconds(),
        notes=(*written.notes, *notes),
    )


def _edit(
    opened: OpenWheel,
    checked: Checked,
    folder: Path,
    options: Options,
    executor: Executor,
    clock: _Clock,
) -> tuple[Stage, tuple[WheelPath, ...]]:
    with clock("stage"):
        staged = stage(checked.plan, opened, folder, executor)
    with clock("patch"):
        patch(checked.plan, staged, executor)
    with clock("verify"):
        verified = verify(checked.report, checked.plan, staged, executor, depth=options.verify)
    return staged, verified


def _write(
    opened: OpenWheel, output: Path, checked: Checked, staged: Stage, options: Options, jobs: int
) -> Written:
    decided = checked.plan
    return write_wheel(
        opened,
        output,
        files=new_files(checked, staged),
        tags=decided.tags,
        root_is_purelib=decided.root_is_purelib,
        level=options.level,
        jobs=jobs,
        verify_full=options.verify is not Verify.HEADER,
        overwrite=options.overwrite,
    )


def new_files(checked: Checked, staged: Stage) -> tuple[NewFile, ...]:
    """Give every member whose content is new: patched members, grafts, launchers."""
    decided = checked.plan
    modes = {artifact.place: artifact.mode for artifact in checked.report.artifacts}
    moved = {launcher.script: launcher.program for launcher in decided.launchers}
    private = {file.path: file.file for file in staged.files}
    files = [
        NewFile(
            path=moved.get(patched.path, patched.path),
            content=private[patched.path],
            mode=0o755 if patched.path in moved else modes[patched.path],
        )
        for patched in decided.patches
    ]
    files += [
        NewFile(path=graft.path, content=private[graft.path], mode=0o755)
        for graft in decided.grafts
    ]
    files += [
        NewFile(path=launcher.script, content=launcher.text.encode(), mode=0o755)
        for launcher in decided.launchers
    ]
    return tuple(sorted(files, key=lambda file: file.path))


def cannot_repair(decided: Plan) -> CannotRepair:
    """Make the error that names every obstacle of a plan, with its hint."""
    first, *others = decided.obstacles
    details = list(first.details)
    for other in others:
        details += ["", other.message, *(f"  {line}" for line in other.details)]
        if other.hint and other.hint != first.hint:
            details.append(f"  hint: {other.hint}")
    return CannotRepair(problem=first.message, details=tuple(details), hint=first.hint)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(
            subject=str(folder),
            problem=f"cannot make the output folder: {error.strerror}",
            hint="choose another one with `-w DIR`",
        ) from error


@contextmanager
def _naming(wheel: Path) -> Iterator[None]:
    """Put the wheel's name before every expected failure."""
    try:
        yield
    except WheelfixError as error:
        if not error.subject.startswith((wheel.name, str(wheel))):
            error.within(wheel.name)
        raise


@contextmanager
def _scratch(parent: Path, notes: list[str]) -> Iterator[Path]:
    """Own a private folder; that it cannot be cleaned up afterwards is only worth a note."""
    folder = parent / f".wheelfix-{os.urandom(8).hex()}"
    try:
        _make_scratch(folder)  # in here: an interrupt may come as soon as it is made
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            notes.append(f"could not remove {folder}")


def _make_scratch(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise CannotWrite(
            subject=str(folder.parent),
            problem=f"cannot make a scratch folder: {error.strerror}",
            hint="choose another output folder with `-w DIR` or another scratch folder with "
            "`--scratch DIR`",
        ) from error


class _Clock:
    """Wall time per stage."""

    def __init__(self) -> None:
        self.spent: list[tuple[str, float]] = []

    @contextmanager
    def __call__(self, stage_name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.spent.append((stage_name, time.perf_counter() - start))

    def seconds(self) -> tuple[tuple[str, float], ...]:
        return tuple(self.spent)
