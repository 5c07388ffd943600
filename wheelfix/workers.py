"""Threads that do jobs, oldest first, for those who wait for the results.

What `concurrent.futures` does for us, without the tenth of a small repair's time that importing it
takes: it logs.
"""

from __future__ import annotations

import os
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import TracebackType

from wheelfix.typed import TYPE_CHECKING, Any, Generic, Self, TypeVar

if TYPE_CHECKING:
    from threading import Condition, Thread

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
    """At most `count` threads, begun as they are needed; a context manager.

    At its end the jobs that nobody began are dropped, and those under way are waited for.
    """

    def __init__(self, count: int) -> None:
        self._count = max(count, 1)
        self._threads: list[Thread] = []
        self._waiting: deque[Work[Any]] = deque()
        self._changed: Condition | None = None
        self._closed = False

    def begin(self, job: Callable[[], T]) -> Work[T]:
        """Hand over a job."""
        from threading import Thread

        work = Work(job)
        with self._change() as changed:
            self._waiting.append(work)
            changed.notify()
        if len(self._threads) < self._count:
            thread = Thread(target=self._labour)
            self._threads.append(thread)
            thread.start()
        return work

    def each(self, job: Callable[[S], T], things: Sequence[S]) -> Iterator[T]:
        """Do a job for each thing and give the results in their order."""
        begun = [self.begin(partial(job, thing)) for thing in things]
        for work in begun:
            yield work.result()

    @contextmanager
    def _change(self) -> Iterator[Condition]:
        """Hold the jobs; most wheels have none for threads, which are slow to import."""
        if self._changed is None:
            from threading import Condition

            self._changed = Condition()
        with self._changed:
            yield self._changed

    def _labour(self) -> None:
        while (work := self._next()) is not None:
            work.run()

    def _next(self) -> Work[Any] | None:
        """Wait for a job; None when there will be no more."""
        with self._change() as changed:
            while not self._waiting and not self._closed:
                changed.wait()
            return self._waiting.popleft() if self._waiting else None

    def close(self) -> None:
        """Drop what was not begun, and wait for the rest."""
        if self._changed is None:
            return
        with self._changed:
            self._waiting.clear()
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():  # else an interrupt came while it started
                thread.join()

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
