"""The line on a terminal that says how far long work is, and goes before anything else is said."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock

from wheelfix.model import Progress
from wheelfix.render.progress import progress_text
from wheelfix.typed import TextIO

PATIENCE = 1.0
"""Seconds that work may take before a word is said about it."""

INTERVAL = 0.1
"""Seconds between two lines."""


class Meter:
    """Draws on `stream`, which is a terminal, from whatever thread has something to tell."""

    def __init__(self, stream: TextIO, wheels: int) -> None:
        self._stream = stream
        self._wheels = wheels
        self._work: dict[Path, tuple[int, int]] = {}
        self._begun = time.monotonic()
        self._next = self._begun + PATIENCE
        self._columns = 0
        self._lock = Lock()

    def of(self, wheel: Path) -> Progress:
        """Give whom to tell how the work on a wheel goes on."""
        return partial(self._told, wheel)

    def _told(self, wheel: Path, done: int, total: int) -> None:
        with self._lock:
            before, _ = self._work.get(wheel, (0, 0))
            self._work[wheel] = max(before, done), total
            now = time.monotonic()
            if now < self._next or not any(done for done, _ in self._work.values()):
                return
            self._next = now + INTERVAL
            text = progress_text(self._work.values(), self._wheels, now - self._begun)
            text = text[: _width(self._stream) - 1]  # what is longer would begin a line of its own
            self._write("\r" + text.ljust(self._columns))
            self._columns = len(text)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the line away, and draw none while the `with` block says something else."""
        with self._lock:
            if self._columns:
                self._write(f"\r{' ' * self._columns}\r")
                self._columns = 0
            yield

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """Leave nothing of the line when the `with` block ends, however it does."""
        try:
            yield
        finally:
            with self.hidden():
                pass

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _width(stream: TextIO) -> int:
    """Give the columns of a terminal; 80 where it does not tell."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
