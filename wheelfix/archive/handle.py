"""The archive as an open file whose every failure names it."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from wheelfix.errors import BadWheel, UsageError, unreadable
from wheelfix.hostfile import HostFile, check_unchanged

NEAR = 1 << 10
"""Bytes that are small, and a step from one small read to the next."""

AHEAD = 1 << 16
"""Bytes that are read at once after such a step."""

TOGETHER = 1 << 7
"""Small reads that are done at once where they are known beforehand."""

DENSE = 1 << 13
"""Bytes from one of them to the next, on average, up to which that costs less."""


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
        self._ahead = (0, b"")

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`, fewer where the file ends.

        Whoever goes from one small thing to the next finds most of them read already. The file is
        not to change meanwhile, which is found out when it is closed.
        """
        begin, ahead = self._ahead  # of one moment, whatever other threads do
        at = offset - begin
        if at >= 0 and at + size <= len(ahead):
            return ahead[at : at + size]
        near = 0 <= at <= len(ahead) + NEAR and size <= NEAR
        try:
            data = super().read(offset, AHEAD if near else size)
        except OSError as error:
            raise unreadable(self.path, error) from error
        if size <= NEAR:
            self._ahead = (offset, data)
        return data[:size] if near else data

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


def spans(handle: Handle, begins: Sequence[int], ends: Sequence[int]) -> list[bytes]:
    """Give the bytes between each of `begins` and its one of `ends`, fewer where the file ends.

    They are short. Those that lie close together are read at once, if they ascend.
    """
    ascending = sorted(begins) == list(begins)
    found: list[bytes] = []
    for first in range(0, len(begins), TOGETHER):
        base, last = begins[first], min(first + TOGETHER, len(begins)) - 1
        places = zip(begins[first : last + 1], ends[first : last + 1], strict=True)
        if not ascending or ends[last] - base > (last - first + 1) * DENSE:
            found += [handle.read(begin, end - begin) for begin, end in places]
            continue
        data = handle.read(base, ends[last] - base)
        found += [data[begin - base : end - base] for begin, end in places]
    return found
