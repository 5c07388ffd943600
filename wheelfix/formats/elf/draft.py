"""Small changes to a file, gathered before anything is written."""

from __future__ import annotations

from wheelfix.formats.window import Window


class Draft:
    """What the file's bytes shall be, by the offsets they have now."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._puts: list[tuple[int, bytes]] = []

    def put(self, offset: int, data: bytes) -> None:
        """Change bytes; later changes win."""
        if data != self.read(offset, len(data)):
            self._puts.append((offset, data))

    def read(self, offset: int, size: int) -> bytes:
        """Give bytes as they shall be."""
        data = bytearray(self._window.read(offset, size, "headers"))
        for at, new in self._puts:
            if at < offset + size and offset < at + len(new):
                low, high = max(at, offset), min(at + len(new), offset + size)
                data[low - offset : high - offset] = new[low - at : high - at]
        return bytes(data)

    @property
    def puts(self) -> tuple[tuple[int, bytes], ...]:
        """All changes, in the order in which they must be written."""
        return tuple(self._puts)
