"""Ways to look at a repair, or to disturb it, while it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from wheelfix import workshop
from wheelfix.model import Graft, Patch, StagedFile
from wheelfix.patch import patch as real_patch
from wheelfix.stage import stage as real_stage


def before_stage(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    action: Callable[[], object],
    *,
    when: Callable[[object], bool] = lambda _: True,
) -> None:
    """Have `action` done once, when the first file is about to enter the stage `name`.

    `when` is asked with a graft's source, or None for another file, whether it is that file's turn.
    """
    real = getattr(workshop, name)
    lock, todo = Lock(), [action]

    def stage(*arguments: object, **named: object) -> object:
        with lock:
            if todo and when(getattr(arguments[0], "source", None)):
                todo.pop()()
        return real(*arguments, **named)

    monkeypatch.setattr(workshop, name, stage)


def after_staging(monkeypatch: pytest.MonkeyPatch, look: Callable[[Path], object]) -> None:
    """Have `look` called with every private file as soon as it is made, be it edited or not."""

    def stage(*arguments: Any) -> StagedFile:
        made = real_stage(*arguments)
        look(file_of(made))
        return made

    monkeypatch.setattr(workshop, "stage", stage)


def before_edit(monkeypatch: pytest.MonkeyPatch, look: Callable[[Path], object]) -> None:
    """Have `look` called with every private file just before it is edited."""

    def patch(item: Patch | Graft, staged: StagedFile, **named: bool) -> None:
        if item.edits:
            look(file_of(staged))
        real_patch(item, staged, **named)

    monkeypatch.setattr(workshop, "patch", patch)


def file_of(staged: StagedFile) -> Path:
    """Give the file that a private copy lies in: `Job.in_files` sees to it."""
    assert isinstance(staged.file, Path), f"{staged.path} is held in memory"
    return staged.file
