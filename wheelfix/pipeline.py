"""The stages in order: `check` stops at the plan, `repair` goes on and obeys it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock

from wheelfix.archive import NewFile, OpenWheel, Written, copy_wheel, open_wheel, write_wheel
from wheelfix.detect import broken_seals, detect
from wheelfix.errors import CannotRepair, CannotWrite, WheelfixError
from wheelfix.host import Host
from wheelfix.model import (
    Graft,
    Options,
    Outcome,
    Patch,
    Plan,
    Report,
    StagedFile,
    Verify,
    WheelPath,
)
from wheelfix.patch import insert, patch
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
    with naming(wheel), open_wheel(wheel) as opened:
        return _look(opened, options, host or Host(), Clock(), seals=True)


def survey(wheel: Path, options: Options | None = None, *, host: Host | None = None) -> Report:
    """Give the facts alone: who needs what, and who provides it. Writes nothing."""
    options = options or Options()
    with naming(wheel), open_wheel(wheel) as opened:
        return _look(opened, options, host or Host(), Clock()).report


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
        checked = _look(opened, options, host or Host(), clock)
        if checked.plan.obstacles:
            raise cannot_repair(checked.plan)
        make_folder(wheel_dir)
        output = wheel_dir / checked.plan.output
        if checked.plan.nothing_to_do:
            return _carry_over(opened, output, checked.plan, options, clock)
        return _obey(opened, output, checked, options, clock)


def _look(
    opened: OpenWheel, options: Options, host: Host, clock: Clock, *, seals: bool = False
) -> Checked:
    watch = watched()
    with clock("detect"):
        detected = detect(opened, options, watch=watch)
        broken = broken_seals(opened, detected.artifacts) if seals else ()
    with clock("resolve"):
        resolved = resolve(opened.info, detected.artifacts, host, options, watch=watch)
    report = Report(
        wheel=opened.info,
        arch=detected.arch,
        artifacts=(*detected.artifacts, *resolved.libraries),
        links=resolved.links,
        skipped=detected.skipped,
        findings=(*detected.findings, *broken),
        starters=detected.starters,
        included=resolved.included,
        unmet_includes=resolved.unmet_includes,
        unused_excludes=tuple(
            p for p in resolved.unused_excludes if p not in detected.used_excludes
        ),
        archive_notes=tuple(n for n in opened.notes if n not in opened.record_notes),
        record_notes=opened.record_notes,
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
        workshop = _Workshop(opened, checked, folder, options, clock)
        with clock("write"):
            written = _write(opened, output, checked, workshop, options)
    return Outcome(
        input=opened.path,
        output=output,
        plan=checked.plan,
        staged=tuple((file.path, file.by) for file in workshop.staged()),
        verified=tuple(file.path for file in workshop.staged()),
        carried_bytes=written.carried_bytes,
        compressed_bytes=written.compressed_bytes,
        seconds=clock.seconds(),
        notes=(*written.notes, *notes),
    )


class _Workshop:
    """Makes the new files, each in one go: staged, patched, verified. Thread-safe."""

    def __init__(
        self, opened: OpenWheel, checked: Checked, folder: Path, options: Options, clock: Clock
    ) -> None:
        self._opened = opened
        self._folder = folder
        self._depth = options.verify
        self._clock = clock
        self._before = {artifact.place: artifact for artifact in checked.report.artifacts}
        self._done: dict[WheelPath, StagedFile] = {}

    def make(self, item: Patch | Graft, number: int) -> Path:
        """Give the finished private file of a patched member or a graft."""
        before = self._before[item.source if isinstance(item, Graft) else item.path]
        with self._clock("stage"):
            staged = stage(item, self._opened, self._folder / f"{number:06d}")
        with self._clock("patch"):
            patch(item, staged)
        with self._clock("verify"):
            verify(item, before, staged, depth=self._depth)
        self._done[staged.path] = staged
        return staged.file

    def staged(self) -> tuple[StagedFile, ...]:
        """Give what was made so far, sorted by path."""
        return tuple(self._done[path] for path in sorted(self._done))


def _write(
    opened: OpenWheel, output: Path, checked: Checked, workshop: _Workshop, options: Options
) -> Written:
    decided = checked.plan
    return write_wheel(
        opened,
        output,
        files=_new_files(opened, checked, workshop),
        tags=decided.tags,
        root_is_purelib=decided.root_is_purelib,
        level=options.level,
        jobs=options.jobs or os.cpu_count() or 1,
        verify_full=options.verify is not Verify.HEADER,
        overwrite=options.overwrite,
    )


def _new_files(opened: OpenWheel, checked: Checked, workshop: _Workshop) -> tuple[NewFile, ...]:
    """Give every member whose content is new: patched members, grafts, launchers, Python files."""
    decided = checked.plan
    artifacts = {artifact.place: artifact for artifact in checked.report.artifacts}
    moved = {launcher.script: launcher.program for launcher in decided.launchers}
    items: tuple[Patch | Graft, ...] = (*decided.patches, *decided.grafts)
    files = [
        NewFile(
            path=moved.get(item.path, item.path),
            content=partial(workshop.make, item, number),
            mode=artifacts[item.path].mode
            if isinstance(item, Patch) and item.path not in moved
            else 0o755,
            size=artifacts[item.path].size if isinstance(item, Patch) else item.size,
        )
        for number, item in enumerate(items)
    ]
    files += [
        NewFile(path=launcher.script, content=launcher.text.encode(), mode=0o755)
        for launcher in decided.launchers
    ]
    modes = {member.path: member.mode for member in opened.members}
    files += [
        NewFile(
            path=item.path,
            content=insert(opened.read(item.path), item),
            mode=(modes[item.path] or 0o644) & 0o777,
        )
        for item in decided.inserts
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


@contextmanager
def scratch_folder(parent: Path, notes: list[str]) -> Iterator[Path]:
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


class Clock:
    """Wall time per stage; what several threads spend in one stage is added up."""

    def __init__(self) -> None:
        self._spent: dict[str, float] = {}
        self._lock = Lock()

    @contextmanager
    def __call__(self, stage_name: str) -> Iterator[None]:
        """Count the time of a `with` block as the stage's."""
        start = time.perf_counter()
        yield
        with self._lock:
            self._spent[stage_name] = self._spent.get(stage_name, 0.0) + time.perf_counter() - start

    def seconds(self) -> tuple[tuple[str, float], ...]:
        """Give the stages in their order with the time spent in them."""
        order = ("detect", "resolve", "plan", "stage", "patch", "verify", "join", "write")
        return tuple((name, self._spent[name]) for name in order if name in self._spent)
