"""What the edits of a file depend on besides the file, and what each format's rules offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wheelfix.model import (
    Artifact,
    Edit,
    Finding,
    Insert,
    Link,
    Options,
    Place,
    Report,
    Skip,
)
from wheelfix.plan.grafts import Names
from wheelfix.plan.graph import Graph
from wheelfix.plan.layout import Homes, Layout
from wheelfix.plan.target import Target
from wheelfix.typed import Protocol
from wheelfix.value import Value


class Setting(Value):
    """All that the edits of one file depend on, besides the file."""

    report: Report
    graph: Graph
    homes: Homes
    names: Names
    layout: Layout


class Rules(Protocol):
    """How one format says what the plan wants said."""

    def choose(self, report: Report, graph: Graph, options: Options) -> Target:
        """Decide on the platform tags, and so on what must be grafted."""
        ...

    @property
    def moves_programs(self) -> bool:
        """Tell whether a program that pip puts among the scripts can leave a launcher there."""
        ...

    def homes(self, report: Report, graph: Graph, options: Options) -> Homes:
        """Decide on the grafts' folder or folders, by their paths in the wheel."""
        ...

    def spelled(self, filename: str) -> str:
        """Give a graft's file name as the format wants it, before its digest goes in."""
        ...

    def kept_names(self, graph: Graph) -> frozenset[str]:
        """Give the needed names that a graft must be found by, since a user cannot be edited."""
        ...

    def marks(self, libs: str) -> tuple[str, ...]:
        """Give what the grafts' folder `libs` puts into their bytes: it goes into their names."""
        ...

    def member_edits(self, artifact: Artifact, setting: Setting) -> tuple[Edit, ...]:
        """Give what a binary of the wheel needs; () when it is right as it is."""
        ...

    def graft_edits(self, artifact: Artifact, name: str, setting: Setting) -> tuple[Edit, ...]:
        """Give what a host library needs to live among the grafts under `name`."""
        ...

    def link_edits(self, artifact: Artifact, links: tuple[Link, ...]) -> tuple[Edit, ...]:
        """Give what makes a binary of an editable build find these host libraries; () for nothing.

        They are its own needs and its libraries', in the order of the build's link directories.
        """
        ...

    def link_inserts(
        self, links: Mapping[Place, tuple[Link, ...]], report: Report
    ) -> Iterator[Insert | Skip]:
        """Give what goes into Python files for the same end, or why nothing can."""
        ...

    def needs_home(self, artifact: Artifact, setting: Setting) -> bool:
        """Tell whether a binary must know its place relative to other folders of the wheel."""
        ...

    def inserts(self, setting: Setting) -> Iterator[Insert]:
        """Give what goes into Python files, sorted by path."""
        ...

    def finds_anyway(self, artifact: Artifact, setting: Setting) -> bool:
        """Tell whether a binary finds what is elsewhere in the wheel by other means."""
        ...

    def is_lost(self, graph: Graph, link: Link) -> bool:
        """Tell whether a library of the wheel is not found by who needs it."""
        ...

    def how_to_find(self, users: tuple[Artifact, ...], setting: Setting) -> str:
        """Say, as a hint, what helps binaries to find a library elsewhere in the wheel."""
        ...

    def where_to_get(self, name: str, arch: str) -> str:
        """Say how to come by a missing library, as a hint; empty when nothing particular helps."""
        ...

    def remarks(self, setting: Setting) -> Iterator[Finding]:
        """Give what the format alone has to say of a wheel."""
        ...

    def drops_python(self, artifact: Artifact) -> bool:
        """Tell whether a needed libpython is taken out of a binary."""
        ...
