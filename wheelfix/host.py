"""The build machine as a read-only shelf of libraries. A fake one serves in tests."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from types import MappingProxyType, TracebackType
from typing import Self

from wheelfix.errors import SourceChanged
from wheelfix.model import Fingerprint

CONFIGURATION_LIMIT = 32 << 20
"""Bytes; no loader's configuration or cache is larger."""


class HostFile:
    """A host file open for reading: a `ByteSource` that knows its fingerprint. Thread-safe."""

    def __init__(self, file: Path) -> None:
        self._stream = file.open("rb", buffering=0)
        self._file = file
        self._lock = Lock()
        status = os.fstat(self._stream.fileno())
        self.size = status.st_size
        self.mode = status.st_mode & 0o7777
        self.fingerprint = fingerprint_of(status)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`; fewer only where the file ends."""
        if hasattr(os, "pread"):
            return os.pread(self._stream.fileno(), size, offset)
        with self._lock:  # Windows has no read that leaves the file position alone
            self._stream.seek(offset)
            return self._stream.read(size)

    def sha256(self) -> str:
        """Give the hex digest of the whole file; raises SourceChanged if it changed meanwhile."""
        self._stream.seek(0)
        digest = hashlib.file_digest(self._stream, "sha256").hexdigest()
        if fingerprint_of(os.fstat(self._stream.fileno())) != self.fingerprint:
            raise changed(self._file)
        return digest


class Host:
    """The real machine. Listings and links are remembered for as long as the object lives."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.environ: Mapping[str, str] = MappingProxyType(
            dict(os.environ if environ is None else environ)
        )
        self._names: dict[Path, frozenset[str]] = {}

    def names(self, folder: Path) -> frozenset[str]:
        """List what lies in `folder`; empty when it is not there or not readable."""
        if folder not in self._names:
            self._names[folder] = _listing(folder)
        return self._names[folder]

    def text(self, file: Path) -> str | None:
        """Read a small configuration file; None when it is not there or not readable."""
        content = self.content(file)
        return None if content is None else content.decode("utf-8", "surrogateescape")

    def content(self, file: Path) -> bytes | None:
        """Read a small binary file; None when it is not there or not readable."""
        try:
            with file.open("rb") as stream:
                return stream.read(CONFIGURATION_LIMIT)
        except (OSError, ValueError):
            return None

    def real(self, file: Path) -> Path | None:
        """Give the file behind all links; None when there is no regular file."""
        if file.name not in self.names(file.parent):
            return None
        try:
            resolved = Path(os.path.realpath(file))
            return resolved if resolved.is_file() else None
        except OSError:  # a link into a folder that is closed to us
            return None

    def open(self, file: Path) -> HostFile:
        """Open a library for reading; raises OSError."""
        return HostFile(file)


def _listing(folder: Path) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in folder.iterdir())
    except (OSError, ValueError):  # ValueError: the name cannot be a folder's in this locale
        return frozenset()


def fingerprint_of(status: os.stat_result) -> Fingerprint:
    """Keep of a stat result what tells that the file changed."""
    return Fingerprint(size=status.st_size, mtime_ns=status.st_mtime_ns, inode=status.st_ino)


def check_unchanged(file: Path, fingerprint: Fingerprint) -> None:
    """Raise SourceChanged when `file` is not what it was when `fingerprint` was taken."""
    try:
        now = fingerprint_of(file.stat())
    except OSError:
        raise changed(file) from None
    if now != fingerprint:
        raise changed(file)


def changed(file: Path) -> SourceChanged:
    """Make the error for a source that did not keep still."""
    return SourceChanged(
        subject=str(file),
        problem="changed while it was being read",
        hint="run wheelfix again once the build that writes this file has ended",
    )
