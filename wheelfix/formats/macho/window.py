"""Bytes of a file by offset: checked reads of a source that may be slow."""

from __future__ import annotations

from wheelfix.errors import BadBinary
from wheelfix.model import ByteSource

_FIRST = 1024
"""Bytes at the start of a stretch that are read at once: headers and load commands lie there."""


class Beyond(Exception):
    """More was asked for than is there."""


class Alone:
    """A stretch of a source, for those who need no more of it."""

    def __init__(self, start: int, data: bytes) -> None:
        self._start = start
        self._data = data
        self.size = start + len(data)

    def read(self, offset: int, size: int) -> bytes:
        """Give exactly `size` bytes from `offset`; raises `Beyond` where they are not there."""
        at = offset - self._start
        if 0 <= at <= at + size <= len(self._data):
            return self._data[at : at + size]
        raise Beyond


class Ahead:
    """A source of which a stretch was read, for those who read many small things there."""

    def __init__(self, source: ByteSource, start: int, data: bytes) -> None:
        self._source = source
        self._near = Alone(start, data)
        self.size = source.size

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`; fewer only where the file ends."""
        try:
            return self._near.read(offset, size)
        except Beyond:
            return self._source.read(offset, size)


class Window:
    """A stretch of a source; whatever reaches out of it raises `errors.BadBinary`.

    Offsets count from the start of the stretch, those in errors from the start of the file. Its
    first bytes are read once: who writes to the file looks at it through another window then.
    """

    def __init__(self, source: ByteSource, start: int = 0, size: int | None = None) -> None:
        self.source = source
        self.start = start
        self.size = source.size - start if size is None else size
        self._first: bytes | None = None

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Give exactly `size` bytes; `what` names them in the error."""
        at = self.start + offset
        if offset + size > self.size:
            raise BadBinary(problem=f"the file ends inside its {what}", offset=at)
        if not size:
            return b""
        data = self._near(offset, size) if offset + size <= _FIRST else self.source.read(at, size)
        if len(data) != size:
            raise BadBinary(problem=f"the file ends inside its {what}", offset=at + len(data))
        return data

    def _near(self, offset: int, size: int) -> bytes:
        if self._first is None:
            self._first = self.source.read(self.start, min(_FIRST, self.size))
        return self._first[offset : offset + size]

    def part(self, offset: int, size: int) -> Window:
        """Give a stretch of this one; the caller has checked that it lies inside."""
        return Window(self.source, self.start + offset, size)

    def bad(self, problem: str, offset: int = 0) -> BadBinary:
        """Make an error that tells where in the file `offset` is."""
        return BadBinary(problem=problem, offset=self.start + offset)
