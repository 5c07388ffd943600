"""Private copies of files: a reflink where the file system can, else one copy. Never a link."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from wheelfix.errors import unreadable
from wheelfix.hostfile import changed, check_unchanged
from wheelfix.model import Fingerprint, StagedBy

FICLONE = 0x40049409
"""ioctl request of linux/fs.h: share all extents of the source (since Linux 4.5)."""

CANNOT = frozenset(
    {
        errno.EXDEV,
        errno.EOPNOTSUPP,
        errno.ENOTTY,
        errno.EINVAL,
        errno.ENOSYS,
        errno.EPERM,
        errno.EBADF,
    }
)
"""What a file system answers that cannot share extents; any other error is a real one."""

AT_ONCE = 1 << 30
"""Bytes that the kernel copies in one call."""

PIECE = 1 << 20
"""Bytes that are read and written at once where it copies none."""


def clone(source: Path, target: Path) -> StagedBy:
    """Make `target` a private copy of `source`'s bytes, writable by its owner, and say how.

    Follows links on the source's side and refuses an existing target, so that nothing is ever
    written through a link. Permission bits are the source's, plus owner read and write.
    Raises OSError.
    """
    with source.open("rb") as reader:
        mode = os.fstat(reader.fileno()).st_mode & 0o777 | 0o600
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
        with os.fdopen(descriptor, "wb") as writer:
            if _reflink(reader.fileno(), writer.fileno()):
                how = StagedBy.REFLINKED
            else:
                _copy(reader.fileno(), writer.fileno())
                how = StagedBy.COPIED
            if os.name == "posix":
                os.fchmod(writer.fileno(), mode)  # the umask had its say at os.open
    return how


def clone_of(source: Path, fingerprint: Fingerprint, target: Path) -> StagedBy:
    """Clone a source that must be and stay what it was when `fingerprint` was taken.

    Raises SourceChanged, UsageError when it may not be read, and OSError for the target's sake.
    """
    check_unchanged(source, fingerprint)
    try:
        how = clone(source, target)
    except OSError as error:
        if error.filename == str(source):
            raise unreadable(source, error) from error
        raise
    check_unchanged(source, fingerprint)
    return how


def content_of(source: Path, fingerprint: Fingerprint) -> bytearray:
    """Read a source that must be and stay what it was when `fingerprint` was taken.

    Raises SourceChanged, and UsageError when it may not be read.
    """
    check_unchanged(source, fingerprint)
    content = bytearray(fingerprint.size)
    try:
        with source.open("rb", buffering=0) as reader:
            whole = reader.readinto(content) == len(content)
    except OSError as error:
        raise unreadable(source, error) from error
    check_unchanged(source, fingerprint)
    if not whole:
        raise changed(source)
    return content


def _copy(source: int, target: int) -> None:
    """Copy all that is left of `source`, in the kernel where it can be; raises OSError."""
    try:
        while hasattr(os, "copy_file_range") and os.copy_file_range(source, target, AT_ONCE):
            pass
    except OSError as error:
        if error.errno not in CANNOT:
            raise
    while piece := os.read(source, PIECE):
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]


_BINARY = getattr(os, "O_BINARY", 0)


def _reflink(source: int, target: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import fcntl  # absent on Windows

    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError as error:
        if error.errno in CANNOT:
            return False
        raise
    return True
