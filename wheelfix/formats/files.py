"""Private copies that are edited: open files, as byte sources, and how bytes get around in them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wheelfix.errors import CannotWrite
from wheelfix.model import Private
from wheelfix.typed import Protocol

_CHUNK = 1 << 20

Put = tuple[int, bytes]
"""An offset, and what to write there."""

_SMALL = 1 << 16
"""Bytes up to which a file is read and written whole: a handful of system calls, not fifty."""


class OpenFile(Protocol):
    """What can be read and changed at any place; `io.FileIO` is one. All methods raise OSError."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place and give it."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """Give at most `size` bytes from here on, all with -1."""
        ...

    def write(self, data: bytes | memoryview, /) -> int:
        """Write from here on, and give how many bytes were taken."""
        ...

    def truncate(self, size: int, /) -> int:
        """Cut it, or make it longer with zeros."""
        ...


class Held:
    """Bytes in memory as an `OpenFile`; they are changed themselves, and never copied."""

    def __init__(self, data: bytearray) -> None:
        self.data = data
        self._at = 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place and give it; `whence` is as in `io`."""
        self._at = offset + (0, self._at, len(self.data))[whence]
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Give at most `size` bytes from here on, all with -1."""
        end = None if size < 0 else self._at + size
        found = bytes(memoryview(self.data)[self._at : end])
        self._at += len(found)
        return found

    def write(self, data: bytes | memoryview, /) -> int:
        """Write all from here on."""
        if self._at > len(self.data):
            self.truncate(self._at)
        self.data[self._at : self._at + len(data)] = data
        self._at += len(data)
        return len(data)

    def truncate(self, size: int, /) -> int:
        """Cut it, or make it longer with zeros."""
        self.data[size:] = bytes(max(size - len(self.data), 0))
        return size


@contextmanager
def editing(file: Private) -> Iterator[OpenFile]:
    """Open a private copy to be read and changed at any place; raises `errors.CannotWrite`.

    A small file is changed in memory and then written in one go, unless the block raises.
    """
    if not isinstance(file, Path):
        yield Held(file)
        return
    try:
        with file.open("r+b", buffering=0) as handle:
            if handle.seek(0, io.SEEK_END) > _SMALL:
                yield handle
                return
            yield from _at_once(handle)
    except OSError as error:
        raise CannotWrite(subject=str(file), problem=error.strerror or str(error)) from error


def _at_once(handle: io.FileIO) -> Iterator[OpenFile]:
    handle.seek(0)
    old = handle.read()
    held = Held(bytearray(old))
    yield held
    if held.data != old:
        put(handle, 0, bytes(held.data))
        handle.truncate(len(held.data))


class Opened:
    """An open file as a `ByteSource`."""

    def __init__(self, handle: OpenFile) -> None:
        self._handle = handle
        self.size = handle.seek(0, io.SEEK_END)
        self._descriptor = -1
        if isinstance(handle, io.FileIO) and hasattr(os, "pread"):
            self._descriptor = handle.fileno()
        self._held = handle.data if isinstance(handle, Held) else None

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`; fewer only where the file ends."""
        if self._held is not None:
            return bytes(memoryview(self._held)[offset : offset + size])
        if self._descriptor >= 0:  # one system call, not two, after each of which threads queue
            return os.pread(self._descriptor, size, offset)
        self._handle.seek(offset)
        return self._handle.read(size)


def put(target: OpenFile, offset: int, data: bytes) -> None:
    """Write all of `data`, as an unbuffered file need not do at once."""
    if data:
        target.seek(offset)
    rest = memoryview(data)
    while rest:
        rest = rest[target.write(rest) :]


def copy(source: OpenFile, start: int, target: OpenFile, at: int, size: int) -> None:
    """Copy `size` bytes, which may overlap in one file if they move towards its end."""
    for done in reversed(range(0, size, _CHUNK)):
        source.seek(start + done)
        put(target, at + done, source.read(min(_CHUNK, size - done)))


def blank(target: OpenFile, start: int, end: int) -> None:
    """Write zeros from `start` to `end`."""
    for at in range(start, end, _CHUNK):
        put(target, at, b"\0" * min(_CHUNK, end - at))
