"""The output file: whole or not at all, and never over a source."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from wheelfix.archive.handle import Handle
from wheelfix.clone import CANNOT
from wheelfix.errors import CannotWrite

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
"""Flags of a file that must not exist yet."""

BUFFER = 1 << 20
"""Bytes gathered before they are written; longer payloads are copied by the kernel."""

_NO_ROOM = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextlib.contextmanager
def cannot_write(target: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write `target` into `CannotWrite`."""
    try:
        yield
    except OSError as error:
        raise CannotWrite(
            subject=str(target),
            problem=f"cannot be written: {error.strerror or error}",
            hint=_hint(error.errno, target),
        ) from error


def _hint(number: int | None, target: Path) -> str:
    if number in _NO_ROOM:
        return f"make room where `{target.parent}` lies, or choose another folder with `-w DIR`"
    if number in _FORBIDDEN:
        return f"allow writing to `{target.parent}`, or choose another folder with `-w DIR`"
    if number == errno.ENOENT:
        return f"make the folder first: `mkdir -p {target.parent}`"
    return "choose another folder with `-w DIR`"


def write_all(descriptor: int, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data`; raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


@contextlib.contextmanager
def replacing(output: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give the name of a temporary file to make; it becomes `output` when the block ends well.

    Its name is random and does not end in `.whl`. An `output` with the same bytes is left alone;
    one with others is replaced only with `overwrite`, and is `CannotWrite` without. Whatever is
    raised, the temporary file goes.
    """
    temporary = output.with_name(f".wheelfix-{os.urandom(8).hex()}.tmp")
    try:
        yield temporary
        _put_in_place(temporary, output, overwrite=overwrite)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _put_in_place(temporary: Path, output: Path, *, overwrite: bool) -> None:
    with cannot_write(output):
        if os.name == "posix":
            temporary.chmod(0o644)  # not what the umask says: results are alike everywhere
        if not overwrite and _linked(temporary, output):
            return
        there = os.path.lexists(output)  # first: it may come at any moment, and stays
        if there and output.is_file() and same_bytes(temporary, output):
            return
        if there and not overwrite:
            raise taken(output)
        temporary.replace(output)


def _linked(temporary: Path, output: Path) -> bool:
    """Let the file have `output`'s name too, unless something has it; tell whether it has it now.

    In one step, as a rename would put it over what a neighbour has written in between.
    """
    try:
        os.link(temporary, output)
    except OSError:  # it is there, or no file can have two names here
        return False
    return True


def taken(output: Path) -> CannotWrite:
    """Give the error for an output that is there and has other bytes."""
    return CannotWrite(
        subject=str(output),
        problem="is there already, with other content",
        hint="remove it, choose another folder with `-w DIR`, or replace it with `--overwrite`",
    )


def same_bytes(one: Path, other: Path) -> bool:
    """Tell whether two files have the same bytes; raises OSError."""
    with one.open("rb") as left, other.open("rb") as right:
        if os.fstat(left.fileno()).st_size != os.fstat(right.fileno()).st_size:
            return False
        while piece := left.read(BUFFER):
            if piece != right.read(BUFFER):
                return False
    return True


class Output:
    """A file written from beginning to end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()
        self._written = 0

    @property
    def position(self) -> int:
        """Bytes written so far."""
        return self._written + len(self._buffer)

    def append(self, data: bytes | bytearray) -> None:
        """Write `data`; raises OSError."""
        if len(data) < BUFFER:
            self._buffer += data
            if len(self._buffer) >= BUFFER:
                self.flush()
            return
        self.flush()
        write_all(self._descriptor, data)
        self._written += len(data)

    def flush(self) -> None:
        """Hand everything to the operating system; raises OSError."""
        write_all(self._descriptor, self._buffer)
        self._written += len(self._buffer)
        self._buffer = bytearray()

    def append_span(self, source: Handle, offset: int, size: int) -> None:
        """Copy `size` bytes of `source`, in the kernel where it can; raises OSError, `BadWheel`."""
        if size >= BUFFER:
            copied = self._copy_in_kernel(source, offset, size)
            offset, size = offset + copied, size - copied
        while size:
            step = min(size, BUFFER)
            self.append(source.exactly(offset, step))
            offset, size = offset + step, size - step

    def _copy_in_kernel(self, source: Handle, offset: int, size: int) -> int:
        if not hasattr(os, "copy_file_range"):
            return 0
        self.flush()
        copied = 0
        try:
            while copied < size and (
                step := os.copy_file_range(
                    source.descriptor, self._descriptor, size - copied, offset + copied
                )
            ):
                copied += step
        except OSError as error:
            if error.errno not in CANNOT:
                raise
        self._written += copied
        return copied
