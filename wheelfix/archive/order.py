"""Members that take work in threads, in the order in which they are written."""

from __future__ import annotations

from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import partial

from wheelfix.archive.record import Row
from wheelfix.archive.run import Run
from wheelfix.archive.zipwriter import NewMember
from wheelfix.model import Progress
from wheelfix.value import Value, replace
from wheelfix.workers import Work, Workers

AHEAD = 32 << 20
"""Bytes of content that a thread may make results of before their turn comes."""


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


def in_order(work: Sequence[Job | Ready | Run], jobs: int) -> Generator[Ready | Run, None, None]:
    """Do the jobs in threads and keep the order of `work`.

    The `jobs` largest are begun first, so that none is left alone at the end. Besides them at most
    `jobs` + 1 results wait at a time, or as many as were made of `AHEAD` bytes a thread: else all
    threads would wait for a large one whose turn it is.
    """
    largest = sorted((item for item in work if isinstance(item, Job)), key=lambda job: -job.size)
    waiting: deque[tuple[Work[Ready] | Ready | Run, int]] = deque()
    count = size = 0
    with Workers(jobs) as workers:
        begun = {id(job): workers.begin(job.run) for job in largest[:jobs]}
        for item in work:
            while count > jobs and size > jobs * AHEAD:
                first, made_of = waiting.popleft()
                count, size = count - isinstance(first, Work), size - made_of
                yield _result(first)
            if not isinstance(item, Job):
                waiting.append((item, 0))
                continue
            early = begun.get(id(item))
            waiting.append((early or workers.begin(item.run), 0 if early else item.size))
            count, size = count + 1, size + waiting[-1][1]
        while waiting:
            yield _result(waiting.popleft()[0])


def _result(item: Work[Ready] | Ready | Run) -> Ready | Run:
    return item.result() if isinstance(item, Work) else item
