"""One open file of this machine, read at given places from any number of threads."""

from __future__ import annotations

import os
from _thread import allocate_lock
from pathlib import Path
from types import TracebackType

from wheelfix.errors import SourceChanged
from wheelfix.model import Fingerprint
from wheelfix.typed import Self

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)

_PIECE = 1 << 20

_SMALL = 1 << 16
"""Bytes up to which a file is read whole at the first read."""


class HostFile:
    """A file open for reading: a `ByteSource` that knows its fingerprint. Raises OSError."""

    descriptor = -1
    """-1 when it is closed, or was never open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = allocate_lock()
        self.descriptor = os.open(path, _FLAGS)
        status = os.fstat(self.descriptor)
        self.size = status.st_size
        self.mode = status.st_mode & 0o7777
        self.fingerprint = fingerprint_of(status)
        self._whole: bytes | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, as also happens when nobody has it any more; twice does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`; fewer only where the file ends."""
        if offset >= self.size:  # headers can name places that no system call takes
            return b""
        if self.size <= _SMALL:
            if self._whole is None:
                self._whole = self._read_all(0, self.size)
            return self._whole[offset : offset + size]
        return self._read_all(offset, size)

    def _read_all(self, offset: int, size: int) -> bytes:
        data = self._read_at(offset, size)
        while data and len(data) < size:
            more = self._read_at(offset + len(data), size - len(data))
            if not more:
                break
            data += more
        return data

    def _read_at(self, offset: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self.descriptor, size, offset)
        with self._lock:  # Windows has no read that leaves the file position alone
            os.lseek(self.descriptor, offset, os.SEEK_SET)
            return os.read(self.descriptor, size)

    def sha256(self) -> str:
        """Give the hex digest of the whole file; raises SourceChanged if it changed meanwhile."""
        from hashlib import sha256

        digest = sha256()
        for offset in range(0, self.size, _PIECE):
            digest.update(self._read_at(offset, _PIECE))
        if fingerprint_of(os.fstat(self.descriptor)) != self.fingerprint:
            raise changed(self.path)
        return digest.hexdigest()


def fingerprint_of(status: os.stat_result) -> Fingerprint:
    """Keep of a stat result what tells that the file changed."""
    return Fingerprint(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)


def check_unchanged(file: Path, fingerprint: Fingerprint) -> None:
    """Raise SourceChanged when `file` is not what it was when `fingerprint` was taken."""
    try:
        now = fingerprint_of(file.stat())
    except OSError:
        raise changed(file, "is gone") from None
    if now != fingerprint:
        raise changed(file)


def changed(file: Path, problem: str = "changed while it was being read") -> SourceChanged:
    """Make the error for a source that did not keep still."""
    return SourceChanged(
        subject=str(file),
        problem=problem,
        hint="let whatever writes it finish, then run the same command again",
    )
