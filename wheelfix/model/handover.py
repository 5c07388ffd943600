"""What a build backend gets for its artifacts. No I/O."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from wheelfix.model.facts import WheelPath
from wheelfix.model.plan import Plan, StagedBy
from wheelfix.value import Value


class Kind(StrEnum):
    """What becomes of the artifacts."""

    REPAIR = "repair"
    """Members of a wheel: all that its tag does not promise comes along."""
    EDITABLE = "editable"
    """An in-tree build: they find their libraries where the build found them, no more is done."""


class Treatment(StrEnum):
    """What was done about one file of the wheel."""

    UNCHANGED = "unchanged"
    """Take the original: it was only read."""
    PATCHED = "patched"
    """Take our private file instead of the original."""
    ADDED = "added"
    """Take our private file: nothing was handed over for this path."""


class ReadyFile(Value):
    """One file to put into the wheel."""

    path: WheelPath
    """Where it goes."""
    file: Path
    """Where its bytes are: an original, or a private file that goes with the scratch folder."""
    treatment: Treatment
    mode: int
    """Permission bits."""
    by: StagedBy | None = None
    """How a private copy came to be; None for originals and for texts."""


class Repaired(Value):
    """All that goes into the wheel in place of the artifacts that were handed over."""

    plan: Plan
    """What was decided: `touched`, `tags` for WHEEL, `output`, the wheel's name."""
    ready: tuple[ReadyFile, ...]
    """Sorted by path: an answer for each artifact, and what is added."""
    seconds: tuple[tuple[str, float], ...] = ()
    """Time per stage, as in `Outcome`."""

    @property
    def files(self) -> dict[WheelPath, Path]:
        """Give the file for each path of the wheel."""
        return {each.path: each.file for each in self.ready}

    def treated(self, how: Treatment) -> tuple[WheelPath, ...]:
        """Give the paths of one treatment, sorted."""
        return tuple(each.path for each in self.ready if each.treatment is how)
