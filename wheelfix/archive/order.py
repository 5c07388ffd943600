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
from wheelfix.value import Value, replace
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


class Job(Value):
    """A member that takes work in a thread."""

    run: Callable[[], Ready]
    size: int = 0
    """About how many bytes go in."""


def told_of(work: list[Job | Ready | Run], progress: Progress | None) -> list[Job | Ready | Run]:
    """Let every job tell when it is done; what is carried is done in no time."""
    if progress is None:
        return work
    total = sum(item.size for item in work if isinstance(item, Job))
    done, lock = 0, allocate_lock()

    def run(job: Job) -> Ready:
        nonlocal done
        ready = job.run()
        with lock:
            done += job.size
            now = done
        progress(now, total)
        return ready

    return [
        replace(item, run=partial(run, item)) if isinstance(item, Job) else item for item in work
    ]


def in_order(
    work: Sequence[Job | Ready | Run], workers: Workers
) -> Generator[Ready | Run, None, None]:
    """Do the jobs in threads and keep the order of `work`.

    The largest, one for each thread, are begun first, and at the end (`LAST`) the larger ones, so
    that no thread is left alone with one. Of the others at most one result more than there are
    threads waits at a time, or as many as were made of `AHEAD` bytes a thread: else all threads
    would wait for a large one whose turn it is.
    """
    jobs = workers.count
    every = _by_size(item for item in work if isinstance(item, Job))
    first = {id(job): workers.begin(job.run) for job in every[:jobs]}
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
            begun |= {id(job): workers.begin(job.run) for job in _by_size(last)}
        made = begun.get(id(item)) or workers.begin(item.run)
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
