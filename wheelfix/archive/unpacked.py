"""Files on disk that are about to become a wheel's members: read here, never written."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType

from wheelfix.archive.filename import FileName, case_counts, parse_filename, wheel_info
from wheelfix.archive.names import check_clashes, check_name
from wheelfix.archive.zipformat import Entry
from wheelfix.clone import clone_of
from wheelfix.errors import BadWheel, UsageError, unreadable
from wheelfix.hostfile import HostFile, changed, check_unchanged, fingerprint_of
from wheelfix.model import ByteSource, Fingerprint, OnDisk, StagedBy, WheelInfo, WheelPath
from wheelfix.value import Value


class Original(Value):
    """One file and the member it becomes."""

    path: WheelPath
    file: Path
    """Absolute; it may be a link, which is followed."""
    size: int
    mode: int
    fingerprint: Fingerprint


class _Source(HostFile):
    """A file of a tree, whose every failure is the user's to see to."""

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`, fewer where the file ends; raises UsageError."""
        try:
            return super().read(offset, size)
        except OSError as error:
            raise unreadable(self.path, error) from error


class Unpacked(Value):
    """Originals by the paths they get; fulfils `model.Contents`. Holds no file open."""

    info: WheelInfo
    members: tuple[Original, ...]
    """Sorted by path."""
    by_path: Mapping[WheelPath, Original]
    on_disk: OnDisk
    """A library found at one of the real paths is a member, and is not brought in once more."""
    notes: tuple[str, ...] = ()
    """About RECORD, if anything: there is no archive."""
    record_notes: tuple[str, ...] = ()

    @property
    def entries(self) -> Mapping[WheelPath, Entry]:
        """Give nothing: no member has a header yet."""
        return MappingProxyType({})

    @property
    def record(self) -> WheelPath:
        """Where RECORD is, or will be when it is missing."""
        return WheelPath(f"{self.info.dist_info}/RECORD")

    @property
    def paths(self) -> tuple[WheelPath, ...]:
        """Give the members' paths."""
        return tuple(original.path for original in self.members)

    def may_begin(self, magics: tuple[bytes, ...], size: int) -> Iterator[tuple[Original, bytes]]:
        """Give those that begin with one of `magics`, the largest first, with their beginnings."""
        for original in sorted(self.members, key=attrgetter("size"), reverse=True):
            head = self._open(original.path).read(0, size)
            if head.startswith(magics):
                yield original, head

    def source(self, path: WheelPath) -> ByteSource:
        """Give random access to a file, which is closed when nobody has the source any more."""
        return self._open(path)

    def read(self, path: WheelPath) -> bytes:
        """Give a file's bytes; raises SourceChanged when they may be of two versions."""
        original = self.by_path[path]
        content = self._open(path).read(0, original.size)
        check_unchanged(original.file, original.fingerprint)
        return content

    def held(self, path: WheelPath) -> bytearray:
        """Give a file's bytes, for the caller to change; raises as `read` does."""
        return bytearray(self.read(path))

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
            source = _Source(original.file)
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
    try:
        filename = parse_filename(wheel)
        check_names(artifacts, filename)
    except BadWheel as error:
        raise UsageError(
            subject=wheel,
            problem=error.problem,
            details=error.details,
            hint="artifacts are named by their paths in the wheel: relative, `/` between parts",
        ) from None
    originals = (original(path, file) for path, file in artifacts.items())
    return members_of(wheel_info(wheel, filename, artifacts), originals)


def check_names(paths: Iterable[WheelPath], filename: FileName) -> None:
    """Raise `BadName` for a path that no wheel of that name may have."""
    for path in paths:
        check_name(path)
    check_clashes(paths, case_counts=case_counts(filename.platforms))


def members_of(
    info: WheelInfo, originals: Iterable[Original], record_notes: tuple[str, ...] = ()
) -> Unpacked:
    """Make files the members of what `info` tells."""
    by_path = {each.path: each for each in sorted(originals, key=lambda each: each.path)}
    real = {each.file.resolve(): path for path, each in by_path.items()}
    standing = {path: each.file for path, each in by_path.items() if info.shape.stands}
    return Unpacked(
        info=info,
        members=tuple(by_path.values()),
        by_path=MappingProxyType(by_path),
        on_disk=OnDisk(originals=MappingProxyType(real), standing=MappingProxyType(standing)),
        notes=record_notes,
        record_notes=record_notes,
    )


def original(path: WheelPath, place: Path) -> Original:
    """Look at the file that is the member `path`; raises UsageError."""
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
