"""Who provides what a binary asks for. No I/O."""

from __future__ import annotations

from pathlib import Path

from wheelfix.model.facts import NeededKind, Place, WheelPath
from wheelfix.typed import TypeAlias
from wheelfix.value import Value


class InWheel(Value):
    """The library is a member of the wheel."""

    path: WheelPath


class OnHost(Value):
    """The library is on the host: `found` as the search met it, `real` with links resolved."""

    found: Path
    real: Path


class Beside(Value):
    """The library lies where a binary that stands where it is loaded from looks for it.

    It is another distribution's, or a single binary's neighbour, and is not looked into.
    """

    file: Path
    """As the search met it."""


class OnSystem(Value):
    """Every policy of the family lets the target system provide it; not looked for."""


class Excluded(Value):
    """The user left it to the target system with `--exclude pattern`."""

    pattern: str


class Missing(Value):
    """Found nowhere."""


class FromPython(Value):
    """libpython: the interpreter that loads an extension already brings it."""


Provider: TypeAlias = InWheel | OnHost | Beside | OnSystem | FromPython | Excluded | Missing


class Attempt(Value):
    """One place where a library was looked for."""

    where: str
    """The search entry and what it stands for: `$ORIGIN -> pkg/`, `/opt/foo/lib`."""
    outcome: str
    """Why it was not taken: `not there`, `wrong machine: i686, wheel is x86_64` …"""


class Link(Value):
    """One needed name of one image, and who provides it."""

    user: Place
    arch: str
    needed: str
    kind: NeededKind
    provider: Provider
    via: str = ""
    """The search entry through which it was found, in the words of `Attempt.where`."""
    beyond_search: bool = False
    """True when the loader's own rules do not find it: it lies elsewhere in the wheel."""
    tried: tuple[Attempt, ...] = ()
