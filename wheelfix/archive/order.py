"""Members that take work in threads, in the order in which they are written."""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial

from wheelfix.archive.record import Row
from wheelfix.archive.run import Run
from wheelfix.archive.zipwriter import NewMember
from wheelfix.model import Progress
from wheelfix.typed import TypeAlias
from wheelfix.value import Value
from wheelfix.workers import Work, Workers

AHEAD = 32 << 20
"""Bytes of content that a thread may make results of before their turn comes."""

LAST = 8 << 20
"""Bytes of content for each thread at the end, of which the larger members are begun first; but no
more than a quarter of all, as nothing is written meanwhile."""


class Ready(Value):
    """A member that can be written, with its row."""

    member: NewMember
    row: Row
    carried: bool


Tell: TypeAlias = Callable[[int], None]


class Job(Value):
    """A member that takes work in a thread."""

    run: Callable[[Tell], Ready]
    """Does it; a large one tells meanwhile how many bytes more are done."""
    size: int = 0
    """About how many bytes go in."""


class _Tally:
    """Tells `progress` how much of all jobs is done; what is carried is done in no time."""

    def __init__(self, jobs: Sequence[Job], progress: Progress | None) -> None:
        self._total = sum(job.size for job in jobs)
        self._progress = progress
        self._done = 0
        self._lock = allocate_lock()

    def do(self, job: Job) -> Ready:
        """Do a job, from whatever thread."""
        left = job.size

        def tell(size: int) -> None:
            nonlocal left
            with self._lock:
                size = min(size, left)
                left -= size
                self._done += size
                now = self._done
            if self._progress:
                self._progress(now, self._total)

        ready = job.run(tell)
        tell(left)
        return ready


def in_order(
    work: Sequence[Job | Ready | Run], workers: Workers, progress: Progress | None = None
) -> Generator[Ready | Run, None, None]:
    """Do the jobs in threads and keep the order of `work`; `progress` is told how far they are.

    The largest, one for each thread, are begun first, and at the end (`LAST`) the larger ones, so
    that no thread is left alone with one. Of the others at most one result more than there are
    threads waits at a time, or as many as were made of `AHEAD` bytes a thread: else all threads
    would wait for a large one whose turn it is.
    """
    jobs = workers.count
    every = _by_size(item for item in work if isinstance(item, Job))
    do = _Tally(every, progress).do
    first = {id(job): workers.begin(partial(do, job)) for job in every[:jobs]}
    last = _last([item for item in work if isinstance(item, Job) and id(item) not in first], jobs)
    begun = dict(first)
    waiting: deque[tuple[Work[Ready] | Ready | Run, int]] = deque()
    count = size = 0
    for item in work:
        while count > jobs and size > jobs * AHEAD:
            result, made_of = waiting.popleft()
            count, size = count - isinstance(result, Work), size - made_of
            yield _result(result)
        if not isinstance(item, Job):
            waiting.append((item, 0))
            continue
        if last and item is last[0]:
            begun |= {id(job): workers.begin(partial(do, job)) for job in _by_size(last)}
        made = begun.get(id(item)) or workers.begin(partial(do, item))
        waiting.append((made, 0 if id(item) in first else item.size))
        count, size = count + 1, size + waiting[-1][1]
    while waiting:
        yield _result(waiting.popleft()[0])


def _by_size(jobs: Iterable[Job]) -> list[Job]:
    """Sort the largest to the front."""
    return sorted(jobs, key=lambda job: -job.size)


def _last(jobs: Sequence[Job], threads: int) -> Sequence[Job]:
    """Give as many of the last ones as `LAST` allows."""
    begin, room = len(jobs), min(threads * LAST, sum(job.size for job in jobs) // 4)
    while begin and jobs[begin - 1].size <= room:
        begin -= 1
        room -= jobs[begin].size
    return jobs[begin:]


def _result(item: Work[Ready] | Ready | Run) -> Ready | Run:
    return item.result() if isinstance(item, Work) else item
