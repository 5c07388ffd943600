"""Copy-on-patch: private copies of what is edited or brought in, and of nothing else."""

from __future__ import annotations

from pathlib import Path

from wheelfix.clone import clone_of, content_of
from wheelfix.errors import CannotWrite
from wheelfix.model import Companion, Contents, Graft, Patch, StagedBy, StagedFile


def stage(item: Patch | Graft | Companion, contents: Contents, target: Path | None) -> StagedFile:
    """Make `target`, which must not exist, a private copy of a member or library.

    None for a copy in memory. A library that is not edited is copied too: it may change while it
    is compressed. Raises SourceChanged when a source is no longer the one that was planned for,
    CannotWrite when the scratch folder is full.
    """
    if target is None:
        return _held(item, contents)
    try:
        if isinstance(item, Patch):
            how = contents.extract(item.path, target)
        else:
            how = clone_of(item.source, item.fingerprint, target)
    except OSError as error:
        raise _unwritable(target.parent, error) from error
    return StagedFile(path=item.path, file=target, by=how)


def _held(item: Patch | Graft | Companion, contents: Contents) -> StagedFile:
    if isinstance(item, Patch):
        return StagedFile(path=item.path, file=contents.held(item.path), by=StagedBy.INFLATED)
    content = content_of(item.source, item.fingerprint)
    return StagedFile(path=item.path, file=content, by=StagedBy.COPIED)


def _unwritable(folder: Path, error: OSError) -> CannotWrite:
    return CannotWrite(
        subject=str(error.filename or folder),
        problem=error.strerror or str(error),
        hint="choose another scratch folder with `--scratch DIR`",
    )
