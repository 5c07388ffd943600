"""What goes along with grafts, under the names it has: debug symbols, import libraries."""

from __future__ import annotations

import posixpath

from wheelfix.model import Companion, Graft, Neighbour, Report, Skip
from wheelfix.plan.grafts import graft_path
from wheelfix.value import Value


class Companions(Value):
    """What comes along, and what cannot."""

    taken: tuple[Companion, ...]
    """Sorted by path."""
    skips: tuple[Skip, ...]


def companions(report: Report, grafts: tuple[Graft, ...]) -> Companions:
    """Put each neighbour of a graft into the graft's folder; one file of each name, the first."""
    taken: dict[str, Companion] = {}
    skips: list[Skip] = []
    theirs = {path.lower() for path in report.occupied}
    for graft in grafts:
        for found in report.neighbours:
            if found.library != graft.source:
                continue
            new = _companion(graft, found)
            other = taken.setdefault(new.path.lower(), new)
            if new.path.lower() in theirs or other.source != new.source:
                skips.append(Skip(path=new.path, reason=f"{found.source} has the name of another"))
    ours = (new for path, new in taken.items() if path not in theirs)
    return Companions(taken=tuple(sorted(ours, key=lambda each: each.path)), skips=tuple(skips))


def _companion(graft: Graft, found: Neighbour) -> Companion:
    return Companion(
        source=found.source,
        path=graft_path(posixpath.dirname(graft.path), found.source.name),
        size=found.size,
        fingerprint=found.fingerprint,
    )
