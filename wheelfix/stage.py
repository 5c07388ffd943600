"""Copy-on-patch: private copies of what is edited or brought in, and of nothing else."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path

from wheelfix.archive import OpenWheel
from wheelfix.clone import clone
from wheelfix.errors import CannotWrite, unreadable
from wheelfix.host import check_unchanged
from wheelfix.model import Graft, Patch, Plan, Stage, StagedBy, StagedFile


def stage(plan: Plan, wheel: OpenWheel, folder: Path, executor: Executor) -> Stage:
    """Put what `plan.touched` names, and every graft, into `folder`, under names of no meaning.

    A library that is not edited is copied too: it may change while it is compressed.
    Raises SourceChanged when a library is no longer the one that was planned for, CannotWrite
    when the scratch folder is full.
    """
    items: list[Patch | Graft] = [*plan.patches, *plan.grafts]
    targets = [folder / f"{number:06d}" for number in range(len(items))]
    try:
        files = list(executor.map(lambda item, to: _stage(item, to, wheel), items, targets))
    except OSError as error:
        raise _unwritable(folder, error) from error
    return Stage(folder=folder, files=tuple(sorted(files, key=lambda staged: staged.path)))


def _stage(item: Patch | Graft, target: Path, wheel: OpenWheel) -> StagedFile:
    if isinstance(item, Patch):
        wheel.inflate(item.path, target)
        return StagedFile(path=item.path, file=target, by=StagedBy.INFLATED)
    check_unchanged(item.source, item.fingerprint)
    try:
        how = clone(item.source, target)
    except OSError as error:
        if error.filename == str(item.source):
            raise unreadable(item.source, error) from error
        raise
    check_unchanged(item.source, item.fingerprint)
    return StagedFile(path=item.path, file=target, by=how)


def _unwritable(folder: Path, error: OSError) -> CannotWrite:
    return CannotWrite(
        subject=str(error.filename or folder),
        problem=error.strerror or str(error),
        hint="choose another scratch folder with `--scratch DIR`",
    )
