"""Threads that do jobs, oldest first, for those who wait for the results.

What `concurrent.futures` does for us, without the tenth of a small repair's time that importing it
takes: it logs. Nor is `threading` imported: whoever finds no job ends, so that nobody has to wait.
"""

from __future__ import annotations

import os
from _thread import LockType, allocate_lock, start_new_thread
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import TracebackType

from wheelfix.typed import Any, Generic, Self, TypeVar

T = TypeVar("T")
S = TypeVar("S")


class Work(Generic[T]):
    """A job that was handed over."""

    def __init__(self, job: Callable[[], T]) -> None:
        self._job = job
        self._lock = allocate_lock()
        self._lock.acquire()
        self._outcome: tuple[T] | BaseException | None = None

    def run(self) -> None:
        """Do the job in this thread; what it raises is for the one who asks for the result."""
        try:
            self._outcome = (self._job(),)
        except BaseException as error:  # noqa: BLE001 - raised again by `result`
            self._outcome = error
        self._lock.release()

    def result(self) -> T:
        """Wait for the job's end and give what it gave, or raise what it raised."""
        with self._lock:
            outcome = self._outcome
        if isinstance(outcome, tuple):
            return outcome[0]
        assert outcome is not None
        raise outcome


class Workers:
    """At most `count` threads, there as long as there are jobs; a context manager.

    At its end the jobs that nobody began are dropped, and those under way are waited for.
    """

    def __init__(self, count: int) -> None:
        self._count = max(count, 1)
        self._guard = allocate_lock()
        self._waiting: deque[Work[Any]] = deque()
        self._alive: list[LockType] = []

    def begin(self, job: Callable[[], T]) -> Work[T]:
        """Hand over a job."""
        work = Work(job)
        alive = allocate_lock()
        with self._guard:
            self._waiting.append(work)
            if len(self._alive) == self._count:
                return work
            self._alive.append(alive)
        try:
            start_new_thread(self._labour, (alive,))
        except RuntimeError:  # there are as many as the system allows
            self._labour(alive)
        return work

    def each(self, job: Callable[[S], T], things: Sequence[S]) -> Iterator[T]:
        """Do a job for each thing and give the results in their order."""
        begun = [self.begin(partial(job, thing)) for thing in things]
        for work in begun:
            yield work.result()

    def _labour(self, alive: LockType) -> None:
        with alive:
            while (work := self._next(alive)) is not None:
                work.run()

    def _next(self, alive: LockType) -> Work[Any] | None:
        """Take a job; None when there is none, and then this thread does not count any more."""
        with self._guard:
            if self._waiting:
                return self._waiting.popleft()
            self._alive.remove(alive)
            return None

    def close(self) -> None:
        """Drop what was not begun, and wait for the rest."""
        with self._guard:
            self._waiting.clear()
            alive = [*self._alive]
        for each in alive:  # one that is not held yet, or never will be, finds no job any more
            with each:
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def share(count: int, things: int) -> int:
    """Give each of so many things that are worked on at a time its share of `count` threads.

    `count` 0 is for one thread per core.
    """
    every = count or os.cpu_count() or 1
    return -(-every // max(1, min(things, every)))


@contextmanager
def turns(job: Callable[[S], T], things: Sequence[S], count: int) -> Iterator[Iterable[T]]:
    """Give what the job makes of each thing, in their order, `count` of them at a time.

    A single one is worked on in this thread, when the result is asked for: only here does an
    interrupt stop the work.
    """
    if len(things) < 2:
        yield map(job, things)
        return
    with Workers(count or os.cpu_count() or 1) as workers:
        yield workers.each(job, things)
