"""How far long work is, in one short line."""

from __future__ import annotations

from collections.abc import Iterable

from wheelfix.render.text import size_text


def progress_text(work: Iterable[tuple[int, int]], wheels: int, seconds: float) -> str:
    """Say it of wheels of which those begun have done so many bytes of so many, in all this time.

    What is left is guessed from the share that is done, each wheel counting alike: how large those
    are that were not begun nobody knows.
    """
    begun = [(done, total) for done, total in work if total]
    done = sum(one for one, _ in begun)
    total = sum(every for _, every in begun)
    share = sum(one / every for one, every in begun) / wheels
    words = [
        f"{size_text(done)} of {size_text(total)}",
        f"{size_text(int(done / seconds))}/s",
        f"{_time_text(seconds * (1 - share) / share)} left",
    ]
    if wheels > 1:
        ready = sum(one == every for one, every in begun)
        words.insert(0, f"{ready} of {wheels} wheels")
    return ", ".join(words)


def _time_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
