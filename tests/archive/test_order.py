"""Members are written in their order, and made in another where that keeps threads at work."""

from __future__ import annotations

from functools import partial
from threading import Event

import pytest

from wheelfix.archive import order
from wheelfix.archive.order import Job, Ready, Tell, in_order
from wheelfix.archive.record import Row
from wheelfix.archive.zipwriter import NewMember
from wheelfix.model import WheelPath
from wheelfix.workers import Workers


def ready(name: str) -> Ready:
    path = WheelPath(name)
    member = NewMember(
        path=path, mode=0o100644, method=0, crc=0, size=0, compressed_size=0, payload=b""
    )
    return Ready(member=member, row=Row(path=path), carried=False)


def work(patience: float, waited: list[bool]) -> list[Job | Ready]:
    """A large one that is the first, and waits until the last of six small ones was made."""
    last_made = Event()

    def large(_: Tell) -> Ready:
        waited.append(last_made.wait(patience))
        return ready("large")

    def small(number: int, _: Tell) -> Ready:
        if number == 5:
            last_made.set()
        return ready(f"{number}")

    return [Job(run=large, size=100), *(Job(run=partial(small, n), size=1) for n in range(6))]


def paths(items: list[Job | Ready]) -> list[str]:
    with Workers(2) as workers:
        return [each.row.path for each in in_order(items, workers) if isinstance(each, Ready)]


def test_others_are_made_while_a_large_one_has_its_turn() -> None:
    waited: list[bool] = []
    found = paths(work(30, waited))
    assert found == ["large", *"012345"]
    assert waited == [True]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "AHEAD", 0)
    monkeypatch.setattr(order, "LAST", 0)
    waited: list[bool] = []
    found = paths(work(0.3, waited))
    assert found == ["large", *"012345"]
    assert waited == [False]


def test_at_the_end_the_larger_ones_are_begun_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large one that is the last would leave all other threads idle."""
    monkeypatch.setattr(order, "LAST", 6)  # or a quarter of the 24 that are left
    begun: list[int] = []

    def made(size: int, _: Tell) -> Ready:
        begun.append(size)
        return ready(f"{size}")

    items: list[Job | Ready] = [
        Job(run=partial(made, size), size=size) for size in (8, 10, 12, 1, 3, 2)
    ]
    with Workers(1) as workers:
        found = [each.row.path for each in in_order(items, workers) if isinstance(each, Ready)]
    assert found == ["8", "10", "12", "1", "3", "2"]
    assert begun == [12, 8, 10, 3, 2, 1]


def test_what_a_large_one_tells_meanwhile_is_counted_once() -> None:
    told: list[tuple[int, int]] = []

    def large(tell: Tell) -> Ready:
        tell(30)
        tell(50)
        tell(40)  # its size was only about so much
        return ready("large")

    def small(_: Tell) -> Ready:
        return ready("small")

    items: list[Job | Ready] = [Job(run=large, size=100), Job(run=small, size=7)]
    with Workers(1) as workers:
        made = in_order(items, workers, lambda done, total: told.append((done, total)))
        assert len(list(made)) == 2
    assert [done for done, _ in told] == [30, 80, 100, 100, 107]
    assert {total for _, total in told} == {107}
