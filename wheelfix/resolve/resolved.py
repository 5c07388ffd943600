"""What this room has to give."""

from __future__ import annotations

from pathlib import Path

from wheelfix.model import Artifact, Link, Neighbour, OnDisk
from wheelfix.value import Value

NOWHERE = OnDisk()
"""For members of an archive."""


class Resolved(Value):
    """What the walk found."""

    libraries: tuple[Artifact, ...]
    """The host libraries reached, sorted by real path."""
    links: tuple[Link, ...]
    """Sorted by user, then in file order."""
    included: tuple[Path, ...]
    """Those taken by the user's word alone, sorted."""
    neighbours: tuple[Neighbour, ...]
    unmet_includes: tuple[str, ...]
    unused_excludes: tuple[str, ...]
