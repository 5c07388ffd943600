"""What the edits of a file depend on besides the file, and what each format's rules offer."""

from __future__ import annotations

from typing import Protocol

from wheelfix.model import Artifact, Edit, Options, Report, WheelInfo
from wheelfix.plan.grafts import Names
from wheelfix.plan.graph import Graph
from wheelfix.plan.layout import Layout
from wheelfix.plan.tags import Target
from wheelfix.value import value


@value
class Setting:
    """All that the edits of one file depend on, besides the file."""

    graph: Graph
    names: Names
    layout: Layout


class Rules(Protocol):
    """How one format says what the plan wants said."""

    def choose(self, report: Report, graph: Graph, options: Options) -> Target:
        """Decide on the platform tags, and so on what must be grafted."""
        ...

    def libs_folder(self, wheel: WheelInfo, options: Options) -> str:
        """Name the grafts' folder, by its path in the wheel."""
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

    def needs_home(self, artifact: Artifact, setting: Setting) -> bool:
        """Tell whether a binary must know its place relative to other folders of the wheel."""
        ...

    def drops_python(self, artifact: Artifact) -> bool:
        """Tell whether a needed libpython is taken out of a binary."""
        ...
