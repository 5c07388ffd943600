"""How long each stage takes."""

from __future__ import annotations

import time
from _thread import allocate_lock
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Wall time per stage; what several threads spend in one stage is added up."""

    def __init__(self) -> None:
        self._spent: dict[str, float] = {}
        self._lock = allocate_lock()

    @contextmanager
    def __call__(self, stage_name: str) -> Iterator[None]:
        """Count the time of a `with` block as the stage's."""
        start = time.perf_counter()
        yield
        with self._lock:
            self._spent[stage_name] = self._spent.get(stage_name, 0.0) + time.perf_counter() - start

    def seconds(self) -> tuple[tuple[str, float], ...]:
        """Give the stages in their order with the time spent in them."""
        order = ("detect", "resolve", "plan", "stage", "patch", "verify", "join", "write")
        return tuple((name, self._spent[name]) for name in order if name in self._spent)
