"""Open files: as byte sources, and how bytes get from one place to another."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wheelfix.typed import BinaryIO

_CHUNK = 1 << 20

Put = tuple[int, bytes]
"""An offset, and what to write there."""

_SMALL = 1 << 16
"""Bytes up to which a file is read and written whole: a handful of system calls, not fifty."""


@contextmanager
def editing(file: Path) -> Iterator[BinaryIO]:
    """Open `file` to be read and changed at any place; raises OSError.

    A small one is changed in memory and then written in one go, unless the block raises.
    """
    with file.open("r+b", buffering=0) as handle:
        if handle.seek(0, io.SEEK_END) > _SMALL:
            yield handle
            return
        handle.seek(0)
        old = handle.read()
        held = io.BytesIO(old)
        yield held
        new = held.getvalue()
        if new != old:
            put(handle, 0, new)
            if len(new) < len(old):
                handle.truncate()


class Opened:
    """An open file as a `ByteSource`."""

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle
        self.size = handle.seek(0, io.SEEK_END)
        real = isinstance(handle, io.FileIO) and hasattr(os, "pread")
        self._descriptor = handle.fileno() if real else -1

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`; fewer only where the file ends."""
        if self._descriptor >= 0:  # one system call, not two, after each of which threads queue
            return os.pread(self._descriptor, size, offset)
        self._handle.seek(offset)
        return self._handle.read(size)


def put(target: BinaryIO, offset: int, data: bytes) -> None:
    """Write all of `data`, as an unbuffered file need not do at once."""
    if data:
        target.seek(offset)
    rest = memoryview(data)
    while rest:
        rest = rest[target.write(rest) :]


def copy(source: BinaryIO, start: int, target: BinaryIO, at: int, size: int) -> None:
    """Copy `size` bytes, which may overlap in one file if they move towards its end."""
    for done in reversed(range(0, size, _CHUNK)):
        source.seek(start + done)
        put(target, at + done, source.read(min(_CHUNK, size - done)))


def blank(target: BinaryIO, start: int, end: int) -> None:
    """Write zeros from `start` to `end`."""
    for at in range(start, end, _CHUNK):
        put(target, at, b"\0" * min(_CHUNK, end - at))
