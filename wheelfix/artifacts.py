"""For build backends: the stages over files on disk that are about to go into a wheel.

The files handed over are a build's own outputs, so they are only read. What must be edited is
edited in a private copy, and the answer says for each path of the wheel which file to take.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from wheelfix.archive import NewFile
from wheelfix.archive.unpacked import Unpacked, unpacked
from wheelfix.clock import Clock
from wheelfix.errors import CannotWrite
from wheelfix.host import Host
from wheelfix.model import (
    Checked,
    OnDisk,
    Options,
    Plan,
    Report,
    StagedBy,
    WheelPath,
)
from wheelfix.model.handover import Kind, ReadyFile, Repaired, Treatment
from wheelfix.pipeline import cannot_repair, look, naming
from wheelfix.plan import plan
from wheelfix.plan.editable import plan_editable
from wheelfix.value import Value, replace
from wheelfix.workers import Workers
from wheelfix.workshop import Workshop, new_files, scratch_folder

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def detect_artifacts(
    artifacts: Mapping[WheelPath, Path],
    *,
    wheel: str,
    options: Options | None = None,
    link_paths: tuple[Path, ...] = (),
    host: Host | None = None,
) -> Report:
    """Give the facts: which artifacts are binaries, what they need, and where that was found.

    Parameters as for `repair_artifacts`. Writes nothing.
    """
    job = _job(artifacts, wheel, Kind.REPAIR, options, link_paths)
    return job.look(host or Host(), Clock()).report


def plan_artifacts(
    artifacts: Mapping[WheelPath, Path],
    *,
    wheel: str,
    kind: Kind = Kind.REPAIR,
    options: Options | None = None,
    link_paths: tuple[Path, ...] = (),
    host: Host | None = None,
) -> Plan:
    """Give what `repair_artifacts` would do: `touched` names all that will be edited.

    Writes nothing.
    """
    job = _job(artifacts, wheel, kind, options, link_paths)
    return job.look(host or Host(), Clock()).plan


@contextmanager
def repair_artifacts(
    artifacts: Mapping[WheelPath, Path],
    *,
    wheel: str,
    kind: Kind = Kind.REPAIR,
    options: Options | None = None,
    link_paths: tuple[Path, ...] = (),
    host: Host | None = None,
) -> Iterator[Repaired]:
    """Give what to put into a wheel in place of `artifacts`; private files live as long as `with`.

    `artifacts` are files by their paths in the wheel: binaries, and for Windows the packages'
    `__init__.py`, which may have to say where DLLs are; any other file may be among them and stays
    as it is. `wheel` is the file name that the wheel would have without us: it tells name, version
    and tags. `link_paths` are the folders that the build linked from; they are searched behind
    the options' `lib_paths`.

    The scratch folder is made in `options.scratch`, else in the system's folder for temporary
    files, and only if something is to be edited or added: one on the artifacts' own file system
    may share their extents. It is gone when the block ends, however it ends.

    Raises CannotRepair with every obstacle, before anything is written, and SourceChanged, also at
    the end of the block, when an artifact is not what it was at the beginning.
    """
    clock = Clock()
    job = _job(artifacts, wheel, kind, options, link_paths)
    checked = job.look(host or Host(), clock)
    if checked.plan.obstacles:
        with job.naming():
            raise cannot_repair(checked.plan)
    notes: list[str] = []
    with ExitStack() as stack:
        ready = _originals(job.contents)
        if _makes_files(checked.plan):
            parent = job.options.scratch or Path(tempfile.gettempdir())
            with job.naming():
                folder = stack.enter_context(scratch_folder(parent, notes))
                ready |= _made(job, checked, folder, clock)
        job.check_unchanged()
        yield Repaired(
            plan=checked.plan,
            ready=tuple(ready[path] for path in sorted(ready)),
            seconds=clock.seconds(),
        )
        job.check_unchanged()
    for note in notes:
        warnings.warn(note, RuntimeWarning, stacklevel=3)


class _Job(Value):
    """What was handed over, and what is wanted."""

    contents: Unpacked
    options: Options
    decide: Callable[[Report, Options], Plan]

    def naming(self) -> ExitStack:
        """Put the wheel's name before what is raised in the block."""
        stack = ExitStack()
        stack.enter_context(naming(Path(self.contents.info.filename)))
        return stack

    def look(self, host: Host, clock: Clock) -> Checked:
        """Go through the stages up to the plan."""
        with self.naming():
            return look(self.contents, self.options, host, clock, decide=self.decide)

    def check_unchanged(self) -> None:
        """Raise SourceChanged when an artifact is not what it was."""
        with self.naming():
            self.contents.check_unchanged()


def _job(
    artifacts: Mapping[WheelPath, Path],
    wheel: str,
    kind: Kind,
    options: Options | None,
    link_paths: tuple[Path, ...],
) -> _Job:
    options = options or Options()
    folders = tuple(folder.absolute() for folder in link_paths)
    contents = unpacked(artifacts, wheel)
    match kind:
        case Kind.REPAIR:
            lib_paths = (*options.lib_paths, *folders)
            decide: Callable[[Report, Options], Plan] = plan
        case Kind.EDITABLE:
            # What others find there is found there at run time too, be it an artifact or not.
            contents = replace(contents, on_disk=OnDisk())
            lib_paths = (*folders, *options.lib_paths)
            decide = partial(_editable, folders)
    return _Job(contents=contents, options=replace(options, lib_paths=lib_paths), decide=decide)


def _editable(folders: tuple[Path, ...], report: Report, options: Options) -> Plan:
    return plan_editable(report, replace(options, lib_paths=folders))


def _makes_files(decided: Plan) -> bool:
    private = (decided.grafts, decided.patches, decided.companions)
    return any((*private, decided.launchers, decided.inserts))


def _originals(contents: Unpacked) -> dict[WheelPath, ReadyFile]:
    return {
        original.path: ReadyFile(
            path=original.path,
            file=original.file,
            treatment=Treatment.UNCHANGED,
            mode=original.mode & 0o777,
        )
        for original in contents.members
    }


def _made(job: _Job, checked: Checked, folder: Path, clock: Clock) -> dict[WheelPath, ReadyFile]:
    """Make every new file in the scratch folder, several at a time."""
    workshop = Workshop(job.contents, checked, folder, job.options, clock)
    files = new_files(job.contents, checked, workshop)
    numbered = [(file, folder / f"text-{number:06d}") for number, file in enumerate(files)]
    with Workers(job.options.jobs or os.cpu_count() or 1) as workers:
        places = list(workers.each(_finished, numbered))
    staged = dict(workshop.staged())
    moved = {launcher.program: launcher.script for launcher in checked.plan.launchers}
    return {
        file.path: _ready(job, file, place, staged.get(moved.get(file.path, file.path)))
        for file, place in zip(files, places, strict=True)
    }


def _ready(job: _Job, new: NewFile, place: Path, by: StagedBy | None) -> ReadyFile:
    is_ours = new.path not in job.contents.by_path
    return ReadyFile(
        path=new.path,
        file=place,
        treatment=Treatment.ADDED if is_ours else Treatment.PATCHED,
        mode=new.mode,
        by=by if callable(new.content) else None,
    )


def _finished(job: tuple[NewFile, Path]) -> Path:
    """Give the file of a new member, with the mode that it has in the wheel."""
    new, place = job
    made = new.content() if callable(new.content) else new.content
    if isinstance(made, bytes):
        _write(place, made)
    file = made if isinstance(made, Path) else place
    if os.name == "posix":  # elsewhere read-only files could not be removed
        file.chmod(new.mode)
    return file


def _write(file: Path, content: bytes) -> None:
    try:
        with os.fdopen(os.open(file, _NEW, 0o600), "wb") as writer:
            writer.write(content)
    except OSError as error:
        raise CannotWrite(
            subject=str(file.parent),
            problem=error.strerror or str(error),
            hint="choose another scratch folder: `Options(scratch=…)`",
        ) from error
