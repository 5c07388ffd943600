"""What one run of the command line came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Exit code and both streams."""

    code: int
    out: str
    err: str


class Say(Protocol):
    """Runs the command line in this process; a traceback fails the test."""

    def __call__(self, *words: str | Path) -> Said: ...
