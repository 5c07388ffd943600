"""Threads that do jobs, parts of one before the oldest, for those who wait for the results.

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


class Dropped(Exception):
    """A job was not done, as those who were to do it were told to end."""


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

    def drop(self) -> None:
        """Tell those who wait that nobody will do it: `result` raises `Dropped`."""
        self._outcome = Dropped()
        self._lock.release()

    @property
    def interrupted(self) -> bool:
        """Whether somebody pressed Ctrl-C meanwhile; a thread that is not the first never is."""
        return isinstance(self._outcome, KeyboardInterrupt)

    def wait(self) -> None:
        """Wait for the job's end."""
        with self._lock:
            pass

    def result(self) -> T:
        """Wait for the job's end and give what it gave, or raise what it raised."""
        self.wait()
        outcome = self._outcome
        if isinstance(outcome, tuple):
            return outcome[0]
        assert outcome is not None
        raise outcome


class Workers:
    """At most `count` threads at work, there as long as there are jobs; a context manager.

    With none of them jobs are done by whoever helps. At its end the jobs that nobody began are
    dropped, and those under way are waited for.
    """

    def __init__(self, count: int) -> None:
        self.count = max(count, 0)
        self._aside = 0
        self._guard = allocate_lock()
        self._waiting: deque[Work[Any]] = deque()
        self._alive: list[LockType] = []

    def begin(self, job: Callable[[], T]) -> Work[T]:
        """Hand over a job."""
        work = Work(job)
        with self._guard:
            self._waiting.append(work)
        self._hire()
        return work

    def help(self) -> None:
        """Do jobs in this thread until each is at least begun; raises only what interrupts it."""
        while True:
            with self._guard:
                if not self._waiting:
                    return
                work = self._waiting.popleft()
            work.run()
            if work.interrupted:
                work.result()

    def together(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Do the parts of a job in this thread, which does that job, and in those that are free.

        They come before all jobs that wait. Gives the results in their order, or raises what the
        first failure was, when none is under way any more.
        """
        first, *others = (Work(job) for job in jobs)
        with self._guard:
            self._waiting.extendleft(reversed(others))
        for _ in others:
            self._hire()
        first.run()
        for work in others:
            if self._taken_back(work):
                work.run()
        with self._replaced():
            for work in others:
                work.wait()
        return [work.result() for work in (first, *others)]

    def _taken_back(self, work: Work[Any]) -> bool:
        """Take a job out of those that wait; False when somebody else has begun it."""
        with self._guard:
            if work not in self._waiting:
                return False
            self._waiting.remove(work)
            return True

    @contextmanager
    def _replaced(self) -> Iterator[None]:
        """Let another thread do jobs while this one waits for what others do."""
        with self._guard:
            self._aside += 1
        self._hire()
        yield
        with self._guard:
            self._aside -= 1

    def _hire(self) -> None:
        """Start another thread if there is work for it, and room."""
        alive = allocate_lock()
        with self._guard:
            if not self._waiting or len(self._alive) >= self.count + self._aside:
                return
            self._alive.append(alive)
        try:
            start_new_thread(self._labour, (alive,))
        except RuntimeError:  # there are as many as the system allows
            self._labour(alive)

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
        """Take a job; None when there is none, or one thread too many: it does not count any more.

        There is one too many when the one that it was there for goes on.
        """
        with self._guard:
            if self._waiting and len(self._alive) <= self.count + self._aside:
                return self._waiting.popleft()
            self._alive.remove(alive)
            return None

    def close(self) -> None:
        """Drop what was not begun, and wait for the rest."""
        with self._guard:
            dropped = [*self._waiting]
            self._waiting.clear()
            alive = [*self._alive]
        for work in dropped:
            work.drop()
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
