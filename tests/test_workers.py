"""Threads that do jobs: in order, with their failures, and never more than were asked for."""

from __future__ import annotations

import sys
import threading
import time
from _thread import _count as threads

import pytest

from wheelfix.workers import Workers


def test_results_come_in_the_order_of_the_things() -> None:
    def later(thing: int) -> int:
        time.sleep(0.01 * (3 - thing))
        return thing

    with Workers(3) as workers:
        assert list(workers.each(later, [1, 2, 3])) == [1, 2, 3]


def test_what_a_job_raises_is_raised_where_its_result_is_asked_for() -> None:
    with Workers(1) as workers:
        bad = workers.begin(lambda: 1 // 0)
        good = workers.begin(lambda: 7)
        with pytest.raises(ZeroDivisionError):
            bad.result()
        assert good.result() == 7


def test_no_more_threads_than_asked_for_and_none_is_left() -> None:
    before = threads()
    seen: set[int] = set()

    def job(_: int) -> None:
        seen.add(threading.get_ident())
        time.sleep(0.005)

    with Workers(2) as workers:
        list(workers.each(job, range(10)))
        assert threads() <= before + 2
    assert len(seen) == 2
    deadline = time.monotonic() + 5
    while threads() > before:  # a thread is over a moment after its last job
        assert time.monotonic() < deadline


def test_where_no_thread_is_to_be_had_the_work_is_done_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Containers limit the number of processes, and threads count."""

    def refused(*_: object) -> int:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("wheelfix.workers.start_new_thread", refused)
    with Workers(2) as workers:
        assert list(workers.each(lambda number: number * 2, range(5))) == [0, 2, 4, 6, 8]


def test_what_was_not_begun_is_dropped_at_the_end() -> None:
    gate = threading.Event()
    done: list[int] = []
    with Workers(1) as workers:
        workers.begin(gate.wait)
        for number in range(5):
            workers.begin(lambda number=number: done.append(number))  # type: ignore[misc]
        threading.Timer(0.05, gate.set).start()
    assert done == []


def test_jobs_that_are_begun_while_the_others_are_dropped_do_no_harm() -> None:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(300):
            workers = Workers(2)
            for _ in range(50):
                workers.begin(lambda: None)
            try:
                workers.close()
            finally:
                workers.close()  # else threads that nobody ends keep the process alive
    finally:
        sys.setswitchinterval(usual)


def test_a_thread_that_found_no_job_comes_back_for_the_next() -> None:
    with Workers(1) as workers:
        for number in range(20):
            assert workers.begin(lambda number=number: number).result() == number  # type: ignore[misc]
            time.sleep(0.001)
