"""Ways to look at a repair, or to disturb it, while it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from wheelfix import pipeline
from wheelfix.formats import elf, macho
from wheelfix.model import Edit


def before_stage(monkeypatch: pytest.MonkeyPatch, name: str, action: Callable[[], object]) -> None:
    """Have `action` done whenever the pipeline is about to begin the stage `name`."""
    real = getattr(pipeline, name)

    def stage(*arguments: object, **named: object) -> object:
        action()
        return real(*arguments, **named)

    monkeypatch.setattr(pipeline, name, stage)


def before_edit(monkeypatch: pytest.MonkeyPatch, look: Callable[[Path], object]) -> None:
    """Have `look` called with every staged file just before it is edited."""
    for binary in (elf, macho):
        _before_apply(monkeypatch, binary, look)


def _before_apply(
    monkeypatch: pytest.MonkeyPatch, binary: ModuleType, look: Callable[[Path], object]
) -> None:
    real = binary.apply

    def apply(file: Path, edits: tuple[Edit, ...], *, filename: str | None = None) -> None:
        look(file)
        real(file, edits, filename=filename)

    monkeypatch.setattr(binary, "apply", apply)
