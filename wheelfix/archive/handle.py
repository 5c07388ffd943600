"""One open file, read at given places, from any number of threads."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from threading import Lock

from wheelfix.errors import BadWheel, SourceChanged, UsageError, unreadable
from wheelfix.model import Fingerprint

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Handle:
    """A file opened for reading; `fingerprint` is what it was when it was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise UsageError(
                    subject=str(path), problem="is not a file", hint="name the wheel file itself"
                )
            self.descriptor = os.open(path, _FLAGS)
        except OSError as error:
            raise unreadable(path, error) from error
        self.fingerprint = _fingerprint(os.fstat(self.descriptor))
        self.size = self.fingerprint.size

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def read(self, offset: int, size: int) -> bytes:
        """Give exactly `size` bytes from `offset`; raises `BadWheel` where the file ends before."""
        data = self.read_some(offset, size)
        if len(data) != size:
            raise BadWheel(
                problem="is truncated",
                details=(f"wanted {size} bytes at {offset}; the file has {self.size} bytes",),
                hint="fetch or build the wheel again",
            )
        return data

    def read_some(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`, fewer where the file ends."""
        if offset >= self.size:  # headers can name places that no system call takes
            return b""
        try:
            data = self._read_at(offset, size)
            while data and len(data) < size:
                more = self._read_at(offset + len(data), size - len(data))
                if not more:
                    break
                data += more
        except OSError as error:
            raise unreadable(self.path, error) from error
        return data

    def _read_at(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self.descriptor, size, offset)
        with self._lock:  # Windows has no pread
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            return os.read(self.descriptor, size)

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` when the path no longer leads to the file that was opened."""
        try:
            now = _fingerprint(self.path.stat())
        except OSError:
            now = None
        if now == self.fingerprint:
            return
        raise SourceChanged(
            subject=self.path.name,
            problem="is gone" if now is None else "changed while it was being read",
            hint="let whatever writes it finish, then run the same command again",
        )


def _fingerprint(status: os.stat_result) -> Fingerprint:
    return Fingerprint(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)
