"""The archive as an open file whose every failure names it."""

from __future__ import annotations

import stat
from pathlib import Path

from wheelfix.errors import BadWheel, UsageError, unreadable
from wheelfix.hostfile import HostFile, check_unchanged


class Handle(HostFile):
    """A wheel opened for reading; raises `UsageError` where a `HostFile` raises OSError."""

    def __init__(self, path: Path) -> None:
        try:
            if not stat.S_ISREG(path.stat().st_mode):  # to open a pipe is to wait for its writer
                raise UsageError(
                    subject=str(path), problem="is not a file", hint="name the wheel file itself"
                )
            super().__init__(path)
        except OSError as error:
            raise unreadable(path, error) from error

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`, fewer where the file ends."""
        try:
            return super().read(offset, size)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def exactly(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`; raises `BadWheel` where the file ends before."""
        data = self.read(offset, size)
        if len(data) != size:
            raise BadWheel(
                problem="is truncated",
                details=(f"wanted {size} bytes at {offset}; the file has {self.size} bytes",),
                hint="fetch or build the wheel again",
            )
        return data

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` when the path no longer leads to the file that was opened."""
        check_unchanged(self.path, self.fingerprint)
