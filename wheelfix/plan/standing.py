"""What is to be said of what no repair takes: what is installed, or a file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from wheelfix.model import Finding, Shape
from wheelfix.value import replace

_OF_EDITS = frozenset({"WF202", "WF203", "WF205", "WF207", "WF305"})
"""About what a repair would edit or bring in."""
_OF_WHEELS = frozenset({"WF303", "WF304", "WF307", "WF308"})
"""About tags and metadata."""
_REPAIR = "wheelfix repair "

_FIRST: Mapping[Shape, str] = MappingProxyType(
    {
        Shape.INSTALLED: "take the wheel that it was installed from",
        Shape.BINARY: "put it into a wheel",
    }
)
"""What to do before a repair."""


def as_it_stands(findings: Iterable[Finding], shape: Shape) -> Iterator[Finding]:
    """Give the findings that count for this shape, with hints that can be followed."""
    unsaid = _unsaid(shape)
    for found in findings:
        if found.code in unsaid:
            continue
        first = _FIRST.get(shape)
        if first is not None and found.hint.startswith(_REPAIR):
            yield replace(found, hint=f"{first}: {found.hint}")
        else:
            yield found


def _unsaid(shape: Shape) -> frozenset[str]:
    match shape:
        case Shape.BINARY:
            return _OF_EDITS | _OF_WHEELS
        case Shape.INSTALLED:
            return _OF_EDITS
        case _:
            return frozenset()
