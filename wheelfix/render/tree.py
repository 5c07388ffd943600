"""Who needs what, through which search entry it was found, and what was tried."""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from itertools import islice

from wheelfix.codec import to_data
from wheelfix.model import (
    Beside,
    Excluded,
    FromPython,
    InWheel,
    Link,
    Missing,
    NeededKind,
    OnHost,
    OnSystem,
    Place,
    Report,
)
from wheelfix.render.wrap import wrapped
from wheelfix.typed import Any, assert_never
from wheelfix.value import Value

MOST_CHAINS, MOST_STEPS = 100, 5_000
"""So many chains are printed, and looked for so long; in a web of libraries there is no end."""

HANGING = 6
"""Columns; so that the rest of a long line does not look like what stands below it."""


class Edge(Value):
    """One library that a binary needs, the same for all its images that are named."""

    link: Link
    archs: tuple[str, ...]
    """The machines for which this holds; empty for all that the binary is for."""


class Tree:
    """The links of one report, by user and by provider."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.below: dict[Place, list[Edge]] = {}
        self.above: dict[Place, list[Edge]] = {}
        machines = {a.place: {image.arch for image in a.images} for a in report.artifacts}
        for edge in _edges(report.links, machines):
            self.below.setdefault(edge.link.user, []).append(edge)
            place = place_of(edge.link)
            if place is not None and place != edge.link.user:
                self.above.setdefault(place, []).append(edge)

    def roots(self) -> tuple[Place, ...]:
        """Give the binaries that no other one needs; of each ring that nothing enters, its first.

        Every binary of the wheel is one of these or below one.
        """
        places = [artifact.place for artifact in self.report.artifacts]
        found = [place for place in places if place not in self.above and isinstance(place, str)]
        reached = self._reached(found)
        for place in places:
            if place not in reached and isinstance(place, str):
                found.append(place)
                reached |= self._reached([place])
        return tuple(found)

    def _reached(self, starts: Iterable[Place]) -> set[Place]:
        reached: set[Place] = set()
        waiting = list(starts)
        while waiting:
            place = waiting.pop()
            if place not in reached:
                reached.add(place)
                below = (place_of(edge.link) for edge in self.below.get(place, ()))
                waiting += [each for each in below if each is not None]
        return reached

    def chains(self, library: str) -> Iterator[tuple[Edge, ...]]:
        """Give the ways from a root down to a library, the shortest first.

        The library is a name, a path, or a glob of either.
        """
        tops = frozenset(self.roots())
        every = (edge for edges in self.below.values() for edge in edges)
        waiting: deque[tuple[Edge, ...]] = deque(
            (edge,) for edge in every if _is_meant(edge.link, library)
        )
        for _ in range(MOST_STEPS):
            if not waiting:
                return
            chain = waiting.popleft()
            if chain[0].link.user in tops:
                yield chain
                continue
            users = {edge.link.user for edge in chain}
            above = self.above.get(chain[0].link.user, ())
            waiting += [(edge, *chain) for edge in above if edge.link.user not in users]


def _edges(links: Iterable[Link], machines: dict[Place, set[str]]) -> Iterator[Edge]:
    grouped: dict[tuple[Any, ...], list[Link]] = {}
    for link in links:
        key = (link.user, link.needed, link.kind, link.provider)
        grouped.setdefault(key, []).append(link)
    for same in grouped.values():
        archs = {link.arch for link in same}
        every = archs >= machines.get(same[0].user, archs)
        yield Edge(link=same[0], archs=() if every else tuple(sorted(archs)))


def place_of(link: Link) -> Place | None:
    """Give where the library of a link lies; None when that is not looked at."""
    match link.provider:
        case InWheel(path=path):
            return path
        case OnHost(real=real):
            return real
        case _:
            return None


def _is_meant(link: Link, library: str) -> bool:
    place = place_of(link)
    names = {link.needed, posixpath.basename(link.needed)}
    if place is not None:
        names |= {str(place), str(place).rpartition("/")[2]}
    return any(fnmatchcase(name.lower(), library.lower()) for name in names)


def tree_text(report: Report, *, verbose: bool, width: int) -> str:
    """Give each root with all that it needs below it; what is met again is not unfolded again."""
    tree = Tree(report)
    lines = [report.wheel.filename]
    shown: set[Place] = set()
    for root in tree.roots():
        lines.append(f"  {root}")
        lines += _below(tree, root, 2, shown, verbose=verbose)
    if len(lines) == 1:
        lines.append("  no binaries for the wheel's machine")
    return wrapped(lines, width, hanging=HANGING)


def _below(
    tree: Tree, top: Place, depth: int, shown: set[Place], *, verbose: bool
) -> Iterator[str]:
    """Give the lines below a binary; with a stack of our own, since chains can be long."""
    shown.add(top)
    waiting = [(edge, depth) for edge in reversed(tree.below.get(top, ()))]
    while waiting:
        edge, deep = waiting.pop()
        place = place_of(edge.link)
        again = place in shown and bool(tree.below.get(place)) if place is not None else False
        yield from _edge_lines(edge, deep, again=again, verbose=verbose)
        if place is not None and place not in shown:
            shown.add(place)
            waiting += [(each, deep + 1) for each in reversed(tree.below.get(place, ()))]


def _edge_lines(edge: Edge, depth: int, *, again: bool, verbose: bool) -> Iterator[str]:
    link = edge.link
    indent = "  " * depth
    yield f"{indent}{link.needed}{_how(edge)}{_whence(link)}{' (see above)' if again else ''}"
    if verbose or isinstance(link.provider, Missing):
        for attempt in link.tried:
            yield f"{indent}    tried {attempt.where}: {attempt.outcome}"


def _how(edge: Edge) -> str:
    words = [] if edge.link.kind is NeededKind.NORMAL else [str(edge.link.kind)]
    words += edge.archs
    return f" [{', '.join(words)}]" if words else ""


def _whence(link: Link) -> str:
    via = f", through {link.via}" if link.via else ""
    match link.provider:
        case InWheel(path=path):
            lost = ", where it is not looked for" if link.beyond_search else via
            return f" -> {path}{lost}"
        case OnHost() | Beside():
            return f" -> {_file(link.provider)}{via}"
        case OnSystem():
            return ": of the target system"
        case FromPython():
            return ": the interpreter has it"
        case Excluded(pattern=pattern):
            return f": left to the system by --exclude {pattern}"
        case Missing():
            return ": not found"
        case _:
            assert_never(link.provider)


def _file(provider: OnHost | Beside) -> str:
    match provider:
        case OnHost(found=found, real=real) if found != real:
            return f"{found} = {real}"
        case OnHost(found=file) | Beside(file=file):
            return str(file)


def why_text(report: Report, library: str, *, verbose: bool, width: int) -> str:
    """Give every chain that leads to a library, each from its root down."""
    chains = _first_chains(report, library)
    lines = []
    for chain in chains[:MOST_CHAINS]:
        lines.append(f"  {chain[0].link.user}")
        for depth, edge in enumerate(chain, 2):
            lines += _edge_lines(edge, depth, again=False, verbose=verbose)
    if not lines:
        return f"{report.wheel.filename}: nothing needs `{library}`"
    if len(chains) > MOST_CHAINS:
        lines.append("  and there are more chains than these")
    head = f"{report.wheel.filename}: `{library}` is needed by"
    return wrapped([head, *lines], width, hanging=HANGING)


def is_needed(report: Report, library: str) -> bool:
    """Tell whether any binary needs a library."""
    return any(_is_meant(link, library) for link in report.links)


def _first_chains(report: Report, library: str) -> list[tuple[Edge, ...]]:
    return list(islice(Tree(report).chains(library), MOST_CHAINS + 1))


def leading_to(report: Report, library: str) -> tuple[Link, ...]:
    """Give the links of all chains that lead to a library, in the report's order."""
    tree = Tree(report)
    meant = [link for link in report.links if _is_meant(link, library)]
    above: set[Place] = set()
    waiting = [link.user for link in meant]
    while waiting:
        place = waiting.pop()
        if place not in above:
            above.add(place)
            waiting += [edge.link.user for edge in tree.above.get(place, ())]
    return tuple(link for link in report.links if place_of(link) in above or link in meant)


def tree_data(report: Report, library: str | None) -> dict[str, Any]:
    """Give the tree as data for JSON: roots and links, or the chains that lead to a library."""
    data: dict[str, Any] = {"wheel": report.wheel.filename, "ok": True}
    if library is None:
        roots = [str(root) for root in Tree(report).roots()]
        return data | {"roots": roots, "links": to_data(report.links)}
    chains = _first_chains(report, library)[:MOST_CHAINS]
    return data | {
        "ok": bool(chains),
        "chains": [[to_data(edge.link) for edge in chain] for chain in chains],
    }
