"""Where new files are made, each in one go, while the wheel is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from wheelfix.archive import NewFile
from wheelfix.clock import Clock
from wheelfix.errors import CannotWrite, SealBroken
from wheelfix.model import (
    Checked,
    Companion,
    Contents,
    Graft,
    Options,
    Patch,
    Private,
    StagedBy,
    StagedFile,
    WheelPath,
)
from wheelfix.patch import insert, patch
from wheelfix.stage import stage
from wheelfix.verify import verify


class Workshop:
    """Makes the new files, each in one go: staged, patched, verified. Thread-safe."""

    def __init__(
        self,
        contents: Contents,
        checked: Checked,
        folder: Path,
        options: Options,
        clock: Clock,
        *,
        hold: int = 0,
    ) -> None:
        """`hold` is the number of bytes below which a copy is held in memory, not in a file."""
        self._contents = contents
        self._folder = folder
        self._depth = options.verify
        self._clock = clock
        self._hold = hold
        self._before = {artifact.place: artifact for artifact in checked.report.artifacts}
        self._done: dict[WheelPath, StagedBy] = {}
        self.unread = frozenset(item.path for item in checked.plan.companions)
        """What is no binary and goes in as it is."""

    def make(self, item: Patch | Graft, number: int) -> Private:
        """Give the finished private copy of a patched member or a graft."""
        try:
            staged = self._made(item, number, trusting=True)
        except SealBroken:  # it may be the source's own seal that never held
            self._file(number).unlink(missing_ok=True)
            staged = self._made(item, number, trusting=False)
        self._done[staged.path] = staged.by  # and no more: the copy goes when it is packed
        return staged.file

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:06d}"

    def _made(self, item: Patch | Graft, number: int, *, trusting: bool) -> StagedFile:
        before = self._before[item.source if isinstance(item, Graft) else item.path]
        with self._clock("stage"):
            size = item.size if isinstance(item, Graft) else before.size
            target = None if size < self._hold else self._file(number)
            staged = stage(item, self._contents, target)
        with self._clock("patch"):
            patch(item, staged, trusting=trusting)
        with self._clock("verify"):
            verify(item, before, staged, depth=self._depth)
        return staged

    def bring(self, item: Companion, number: int) -> Private:
        """Give a private copy of what goes in as it is."""
        with self._clock("stage"):
            staged = stage(item, self._contents, self._file(number))
        self._done[staged.path] = staged.by  # and no more: the copy goes when it is packed
        return staged.file

    def staged(self) -> tuple[tuple[WheelPath, StagedBy], ...]:
        """Give what was made so far, sorted by path, and how."""
        return tuple(sorted(self._done.items()))


def new_files(contents: Contents, checked: Checked, workshop: Workshop) -> tuple[NewFile, ...]:
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
        NewFile(
            path=beside.path,
            content=partial(workshop.bring, beside, number),
            mode=0o644,
            size=beside.size,
        )
        for number, beside in enumerate(decided.companions, len(items))
    ]
    files += [
        NewFile(path=launcher.script, content=launcher.text.encode(), mode=0o755)
        for launcher in decided.launchers
    ]
    texts = {item.path for item in decided.inserts}
    modes = {m.path: m.mode for m in contents.members if m.path in texts} if texts else {}
    files += [
        NewFile(
            path=item.path,
            content=insert(contents.read(item.path), item),
            mode=(modes[item.path] or 0o644) & 0o777,
        )
        for item in decided.inserts
    ]
    return tuple(sorted(files, key=lambda file: file.path))


@contextmanager
def scratch_folder(parent: Path, notes: list[str]) -> Iterator[Path]:
    """Own a private folder; that it cannot be cleaned up afterwards is only worth a note."""
    folder = parent / f".wheelfix-{os.urandom(8).hex()}"
    try:
        _make_scratch(folder)  # in here: an interrupt may come as soon as it is made
        yield folder
    finally:
        if not _removed(folder):
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


def _removed(folder: Path) -> bool:
    """Remove the folder with all that is in it, and tell whether it is gone."""
    try:
        for file in list(os.scandir(folder)):
            os.unlink(file)  # noqa: PTH108 - a path of each would only cost
        folder.rmdir()
    except OSError:  # whoever was given the folder put more into it than files
        from shutil import rmtree

        rmtree(folder, ignore_errors=True)
    return not folder.exists()
