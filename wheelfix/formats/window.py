"""Bytes of a file by offset: few and checked reads of a source that may be slow."""

from __future__ import annotations

from wheelfix.errors import BadBinary
from wheelfix.model import ByteSource

PAGE = 16384
"""Bytes fetched at once for small reads: all that there is of many an extension module."""

_MOST_TEXT = 1 << 24
"""Bytes of names after which a file is called broken; the largest known ones have thousands."""


class Window:
    """A source whose small reads are served from whole pages, each fetched once.

    Whatever reaches behind the end raises `errors.BadBinary` with the offset.
    """

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self._pages: dict[int, bytes] = {}
        self._text = _MOST_TEXT
        self.size = source.size

    def read(self, offset: int, size: int, what: str) -> bytes:
        """Give exactly `size` bytes; `what` names them in the error."""
        if offset + size > self.size:
            raise BadBinary(problem=f"the file ends inside its {what}", offset=self.size)
        page, skip = divmod(offset, PAGE)
        if skip + size <= PAGE:  # here, for nearly all are, and there are thousands
            data = (self._pages.get(page) or self._page(page))[skip : skip + size]
        else:
            data = self._source.read(offset, size) if size > PAGE else self._small(offset, size)
        if len(data) != size:
            raise BadBinary(problem=f"the file ends inside its {what}", offset=offset + len(data))
        return data

    def string(self, offset: int, end: int, what: str) -> bytes:
        """Give the bytes up to the next NUL, which must come before `end`."""
        end = min(end, self.size, offset + self._text)
        page, skip = divmod(offset, PAGE)
        if offset < end:
            here = self._pages.get(page) or self._page(page)
            at = here.find(b"\0", skip, skip + end - offset)
            if at >= 0:
                self._text -= at - skip + 1
                return here[skip:at]
        return self._long_string(offset, end, what)

    def _long_string(self, offset: int, end: int, what: str) -> bytes:
        parts = []
        start = offset
        while start < end:
            size = min(PAGE - start % PAGE, end - start)
            head, nul, _ = self._small(start, size).partition(b"\0")
            parts.append(head)
            self._text -= len(head) + 1
            if nul:
                return b"".join(parts)
            start += size
        raise BadBinary(problem=f"{what} does not end inside its table", offset=offset)

    def _small(self, offset: int, size: int) -> bytes:
        page, skip = divmod(offset, PAGE)
        data = self._pages.get(page) or self._page(page)
        if skip + size > PAGE:
            data += self._page(page + 1)
        return data[skip : skip + size]

    def _page(self, number: int) -> bytes:
        if number not in self._pages:
            self._pages[number] = self._source.read(number * PAGE, PAGE)
        return self._pages[number]
