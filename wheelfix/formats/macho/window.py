"""Bytes of a file by offset: checked reads of a source that may be slow."""

from __future__ import annotations

from wheelfix.errors import BadBinary
from wheelfix.model import ByteSource


class Window:
    """A stretch of a source; whatever reaches out of it raises `errors.BadBinary`.

    Offsets count from the start of the stretch, those in errors from the start of the file.
    """

    def __init__(self, source: ByteSource, start: int = 0, size: int | None = None) -> None:
        self.source = source
        self.start = start
        self.size = source.size - start if size is None else size

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Give exactly `size` bytes; `what` names them in the error."""
        at = self.start + offset
        if offset + size > self.size:
            raise BadBinary(problem=f"the file ends inside its {what}", offset=at)
        data = self.source.read(at, size)
        if len(data) != size:
            raise BadBinary(problem=f"the file ends inside its {what}", offset=at + len(data))
        return data

    def part(self, offset: int, size: int) -> Window:
        """Give a stretch of this one; the caller has checked that it lies inside."""
        return Window(self.source, self.start + offset, size)

    def bad(self, problem: str, offset: int = 0) -> BadBinary:
        """Make an error that tells where in the file `offset` is."""
        return BadBinary(problem=problem, offset=self.start + offset)
