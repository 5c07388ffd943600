"""Files on disk that are about to become a wheel's members: read here, never written."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from wheelfix.archive.filename import case_counts, parse_filename, wheel_info
from wheelfix.archive.names import check_clashes, check_name
from wheelfix.clone import clone_of
from wheelfix.errors import BadWheel, UsageError, unreadable
from wheelfix.hostfile import HostFile, changed, check_unchanged, fingerprint_of
from wheelfix.model import ByteSource, Fingerprint, StagedBy, WheelInfo, WheelPath
from wheelfix.value import value


@value
class Original:
    """One file and the member it becomes."""

    path: WheelPath
    file: Path
    """Absolute; it may be a link, which is followed."""
    size: int
    mode: int
    fingerprint: Fingerprint


@value
class Unpacked:
    """Originals by the paths they get; fulfils `model.Contents`. Holds no file open."""

    info: WheelInfo
    members: tuple[Original, ...]
    """Sorted by path."""
    by_path: Mapping[WheelPath, Original]
    originals: Mapping[Path, WheelPath]
    """By real path: a library found there is a member, and is not brought in once more."""
    notes: tuple[str, ...] = ()
    """Always empty: there is no archive yet."""

    def head(self, path: WheelPath, size: int) -> bytes:
        """Give a file's first `size` bytes, fewer only when it is shorter."""
        return self._open(path).read(0, size)

    def source(self, path: WheelPath) -> ByteSource:
        """Give random access to a file, which is closed when nobody has the source any more."""
        return self._open(path)

    def read(self, path: WheelPath) -> bytes:
        """Give a file's bytes; raises SourceChanged when they may be of two versions."""
        original = self.by_path[path]
        content = self._open(path).read(0, original.size)
        check_unchanged(original.file, original.fingerprint)
        return content

    def extract(self, path: WheelPath, target: Path) -> StagedBy:
        """Clone a file to `target`, which must not exist. Raises OSError for the target's sake."""
        original = self.by_path[path]
        return clone_of(original.file, original.fingerprint, target)

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` when one of the files is not what it was."""
        for original in self.members:
            check_unchanged(original.file, original.fingerprint)

    def _open(self, path: WheelPath) -> HostFile:
        original = self.by_path[path]
        try:
            source = HostFile(original.file)
        except FileNotFoundError:
            raise changed(original.file, "is gone") from None
        except OSError as error:
            raise unreadable(original.file, error) from error
        if source.fingerprint != original.fingerprint:
            raise changed(original.file)
        return source


def unpacked(artifacts: Mapping[WheelPath, Path], wheel: str) -> Unpacked:
    """Look at files by the paths they will have in the wheel of that file name.

    Raises UsageError for what is no file, no path of a member or no file name of a wheel.
    """
    paths = tuple(sorted(artifacts))
    try:
        filename = parse_filename(wheel)
        for path in paths:
            check_name(path)
        check_clashes(paths, case_counts=case_counts(filename.platforms))
    except BadWheel as error:
        raise UsageError(
            subject=wheel,
            problem=error.problem,
            details=error.details,
            hint="artifacts are named by their paths in the wheel: relative, `/` between parts",
        ) from None
    originals = tuple(_original(path, artifacts[path]) for path in paths)
    return Unpacked(
        info=wheel_info(wheel, filename, paths),
        members=originals,
        by_path=MappingProxyType({original.path: original for original in originals}),
        originals=MappingProxyType(
            {original.file.resolve(): original.path for original in originals}
        ),
    )


def _original(path: WheelPath, place: Path) -> Original:
    file = place.absolute()
    try:
        status = file.stat()
    except OSError as error:
        raise unreadable(file, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(subject=str(file), problem=f"is not a file, so it cannot become {path}")
    return Original(
        path=path,
        file=file,
        size=status.st_size,
        mode=status.st_mode,
        fingerprint=fingerprint_of(status),
    )
