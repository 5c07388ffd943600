"""The report as a graph: who needs whom, what must come along, what turns in circles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from wheelfix.model import Artifact, Link, Missing, NeededKind, OnHost, Place, Report
from wheelfix.value import Value


class Graph(Value):
    """A report's artifacts and links by place."""

    artifacts: Mapping[Place, Artifact]
    links: Mapping[Place, tuple[Link, ...]]
    members: tuple[Artifact, ...]
    """The wheel's own binaries, sorted by path."""
    included: tuple[Path, ...] = ()
    """Host libraries that come along though nobody asks for them."""
    announced: frozenset[str] = frozenset()
    """As in the report."""


def graph_of(report: Report) -> Graph:
    """Index a report."""
    links: dict[Place, list[Link]] = {}
    for link in report.links:
        links.setdefault(link.user, []).append(link)
    return Graph(
        artifacts=MappingProxyType({a.place: a for a in report.artifacts}),
        links=MappingProxyType({place: tuple(found) for place, found in links.items()}),
        members=tuple([a for a in report.artifacts if isinstance(a.place, str)]),
        included=report.included,
        announced=frozenset(report.announced),
    )


class Closure(Value):
    """What a wheel must bring along to a system that provides some libraries itself."""

    libraries: tuple[Path, ...]
    """Host libraries to graft, sorted by real path."""
    missing: tuple[Link, ...]
    """Needs of the wheel or of those libraries that nothing meets."""


def closure(graph: Graph, provided: frozenset[str]) -> Closure:
    """Follow all links but those to names in `provided`."""
    reached: set[Path] = set(graph.included)
    missing: list[Link] = []
    pending: list[Place] = [*graph.included, *(artifact.place for artifact in graph.members)]
    while pending:
        for link in graph.links.get(pending.pop(), ()):
            if link.needed in provided:
                continue
            provider = link.provider  # no `match`, which takes twice as long: links are many
            if isinstance(provider, OnHost) and provider.real not in reached:
                reached.add(provider.real)
                pending.append(provider.real)
            elif isinstance(provider, Missing) and link.kind is not NeededKind.WEAK:
                missing.append(link)
    return Closure(
        libraries=tuple(sorted(reached)),
        missing=tuple(sorted(missing, key=lambda link: (link.needed, str(link.user)))),
    )


def in_order(
    nodes: Iterable[Path], needs: Callable[[Path], Iterable[Path]]
) -> tuple[tuple[Path, ...], ...]:
    """Group `nodes` by the circles they turn in, each group sorted and after all that it needs.

    Two nodes are in one circle when each reaches the other; a group that needs another reaches
    all that it reaches and itself, so that the count of what is reached is an order.
    """
    reach = {node: _reached(node, needs) for node in nodes}
    groups = {
        tuple(sorted(other for other in found if node in reach[other]))
        for node, found in reach.items()
    }
    return tuple(sorted(groups, key=lambda group: (len(reach[group[0]]), group)))


def _reached(node: Path, needs: Callable[[Path], Iterable[Path]]) -> frozenset[Path]:
    """Give `node` and all that it needs."""
    found: set[Path] = set()
    pending = [node]
    while pending:
        following = pending.pop()
        if following not in found:
            found.add(following)
            pending.extend(needs(following))
    return frozenset(found)
