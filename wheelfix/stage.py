"""Copy-on-patch: private copies of what is edited or brought in, and of nothing else."""

from __future__ import annotations

from pathlib import Path

from wheelfix.archive import OpenWheel
from wheelfix.clone import clone
from wheelfix.errors import CannotWrite, unreadable
from wheelfix.hostfile import check_unchanged
from wheelfix.model import Companion, Graft, Patch, StagedBy, StagedFile


def stage(item: Patch | Graft | Companion, wheel: OpenWheel, target: Path) -> StagedFile:
    """Make `target`, which must not exist, a private copy of a member or library.

    A library that is not edited is copied too: it may change while it is compressed.
    Raises SourceChanged when a library is no longer the one that was planned for, CannotWrite
    when the scratch folder is full.
    """
    try:
        return _staged(item, wheel, target)
    except OSError as error:
        raise _unwritable(target.parent, error) from error


def _staged(item: Patch | Graft | Companion, wheel: OpenWheel, target: Path) -> StagedFile:
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
