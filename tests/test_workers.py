"""Threads that do jobs: in order, with their failures, and never more than were asked for."""

from __future__ import annotations

import sys
import threading
import time
from _thread import _count as threads
from functools import partial

import pytest
from support.repairs import Job

from wheelfix import check
from wheelfix.value import replace
from wheelfix.workers import Dropped, Workers


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


def test_who_helps_does_what_nobody_has_begun() -> None:
    begun, free = threading.Event(), threading.Event()

    def held() -> int:
        begun.set()
        assert free.wait(60)
        return threading.get_ident()

    with Workers(1) as workers:
        works = [workers.begin(held), workers.begin(threading.get_ident)]
        assert begun.wait(60)
        workers.help()
        assert works[1].result() == threading.get_ident()
        free.set()
        assert works[0].result() != threading.get_ident()


def test_without_threads_all_is_done_by_who_helps() -> None:
    before = threads()
    with Workers(0) as workers:
        works = [workers.begin(threading.get_ident) for _ in range(3)]
        assert threads() == before
        workers.help()
        assert {work.result() for work in works} == {threading.get_ident()}


def test_an_interrupt_ends_help_at_once() -> None:
    done: list[int] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    with Workers(0) as workers:
        workers.begin(interrupted)
        other = workers.begin(lambda: done.append(1))
        with pytest.raises(KeyboardInterrupt):
            workers.help()
    assert not done
    with pytest.raises(Dropped):
        other.result()


def test_a_check_with_one_job_begins_no_thread(
    either: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise AssertionError("a thread")

    monkeypatch.setattr("wheelfix.workers.start_new_thread", refused)
    assert check(either.wheel, replace(either.options, jobs=1)).plan.grafts


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


@pytest.mark.parametrize("count", [1, 2, 3])
def test_parts_of_a_job_come_before_what_waits(count: int) -> None:
    done: list[str] = []
    gate, begun = threading.Event(), threading.Event()

    def whole() -> list[int]:
        assert gate.wait(30)
        return workers.together([partial(part, number) for number in range(4)])

    def part(number: int) -> int:
        done.append("part")
        begun.set()
        time.sleep(0.01)
        return number * number

    with Workers(count) as workers:
        others = [workers.begin(partial(begun.wait, 30)) for _ in range(count - 1)]
        parts = workers.begin(whole)
        last = [workers.begin(partial(done.append, "other")) for _ in range(3)]
        gate.set()
        assert parts.result() == [0, 1, 4, 9]
        assert all(work.result() for work in others)
        for work in last:
            work.result()
    assert len(done) == 7
    late = count - 1  # threads that took a part and have not said so yet
    assert done[:4].count("part") >= 4 - late


def test_several_threads_do_the_parts_of_one_job() -> None:
    barrier = threading.Barrier(3, timeout=30)  # which lets go only of three at a time
    with Workers(3) as workers:
        whole = workers.begin(lambda: workers.together([barrier.wait] * 3))
        assert sorted(whole.result()) == [0, 1, 2]


def test_while_a_thread_waits_for_the_last_part_another_does_what_waits() -> None:
    """Else a core would be idle."""
    other_done, begun = threading.Event(), threading.Event()

    def quick() -> bool:
        return begun.wait(30)

    def slow() -> bool:
        begun.set()
        return other_done.wait(30)

    with Workers(2) as workers:
        whole = workers.begin(lambda: workers.together([quick, slow]))
        assert begun.wait(30)
        workers.begin(other_done.set)
        assert whole.result() == [True, True]


def test_the_one_that_stood_in_leaves_again() -> None:
    at_work: set[int] = set()
    seen: list[int] = []

    def work(duration: float) -> None:
        at_work.add(threading.get_ident())
        seen.append(len(at_work))
        time.sleep(duration)
        at_work.remove(threading.get_ident())

    with Workers(2) as workers:
        workers.begin(lambda: workers.together([partial(time.sleep, 0), partial(time.sleep, 0.02)]))
        for begun in [workers.begin(partial(work, 0.002)) for _ in range(60)]:
            begun.result()
    assert len(seen) == 60
    assert max(seen[30:]) == 2


def test_a_part_that_fails_is_told_when_none_is_under_way_any_more() -> None:
    ended = threading.Event()
    begun = threading.Event()

    def fails() -> None:
        assert begun.wait(30)
        raise KeyError("part")

    def lasts() -> None:
        begun.set()
        time.sleep(0.05)
        ended.set()

    with Workers(2) as workers:
        whole = workers.begin(lambda: workers.together([fails, lasts]))
        with pytest.raises(KeyError):
            whole.result()
        assert ended.is_set()


def test_parts_that_nobody_began_are_dropped_at_the_end_too() -> None:
    """Whoever waits for them is told, and nobody waits for ever."""
    gate, begun = threading.Event(), threading.Event()
    done: list[int] = []

    def first() -> None:
        begun.set()
        gate.wait(30)

    workers = Workers(1)
    whole = workers.begin(lambda: workers.together([first, lambda: done.append(2)]))
    assert begun.wait(30)
    other = workers.begin(lambda: None)
    ending = threading.Thread(target=workers.close)
    ending.start()
    with pytest.raises(Dropped):
        other.result()
    gate.set()
    ending.join(30)
    assert not ending.is_alive()
    with pytest.raises(Dropped):
        whole.result()
    assert not done
