"""Where grafts lie on Windows, and which packages tell Windows so.

A DLL is found beside the binary that asks for it, without any help. Where that will not do, the
grafts have a folder of their own, and a shim in the package's `__init__.py` names it. Binaries that
no Python file precedes (a module at the top, a folder without `__init__.py`, a package that is an
extension itself, a program) have the grafts beside them in any case.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from wheelfix.archive import installed_path
from wheelfix.model import (
    Artifact,
    InWheel,
    Link,
    NeededKind,
    OnHost,
    Options,
    Place,
    Report,
    Starter,
)
from wheelfix.plan.graph import Graph
from wheelfix.plan.layout import Homes, is_program

LATE = frozenset({NeededKind.DELAY, NeededKind.DLOPEN})
"""Needs that the code turns to by file name when it runs."""

BY_NAME = LATE | {NeededKind.FORWARD}
"""Needs that do best in memory beforehand. A forwarded export is looked for when it is imported, as
that import is, or by file name when the code asks for it by `GetProcAddress`."""


def homes(report: Report, graph: Graph, options: Options) -> Homes:
    """Decide where the grafts go."""
    own = f"{report.wheel.name}{options.lib_sdir or '.libs'}"
    needy = tuple(artifact for artifact in graph.members if _reaches_graft(graph, artifact))
    by_folder = starters_by_folder(report, graph)
    beside = _one_folder(graph, needy)
    if beside:
        return Homes(folders=(beside,), by_folder=by_folder)
    starters = {}
    alone: dict[str, None] = {}
    for artifact in needy:
        assert isinstance(artifact.place, str)
        starter = starter_of(artifact, by_folder)
        path = installed_path(artifact.place)
        if starter is not None:
            starters[artifact.place] = starter
        elif path is not None:
            alone[posixpath.dirname(path)] = None
    return Homes(
        folders=tuple(sorted(alone)) or (own,),
        starters=MappingProxyType(starters),
        by_folder=by_folder,
    )


def starters_by_folder(report: Report, graph: Graph) -> Mapping[str, Starter]:
    """Give the packages' files by installed folder; an extension of that name goes before them."""
    compiled = {
        posixpath.dirname(str(installed_path(artifact.place)))
        for artifact in graph.members
        if isinstance(artifact.place, str)
        and posixpath.basename(artifact.place).startswith("__init__.")
    }
    found = {
        posixpath.dirname(path): starter
        for starter in report.starters
        if (path := installed_path(starter.path)) is not None
    }
    return MappingProxyType({f: starter for f, starter in found.items() if f not in compiled})


def starter_of(artifact: Artifact, by_folder: Mapping[str, Starter]) -> Starter | None:
    """Give the outermost package's file that runs before a member is loaded; None without one."""
    if is_program(artifact.images):
        return None
    path = installed_path(artifact.place) if isinstance(artifact.place, str) else None
    if path is None:
        return None
    parts = posixpath.dirname(path).split("/")
    inward = ("/".join(parts[: count + 1]) for count in range(len(parts)))
    return next((by_folder[folder] for folder in inward if folder in by_folder), None)


def edges(graph: Graph, *starts: Place) -> Iterator[Link]:
    """Give the links followed when binaries are loaded, their libraries' included, each once."""
    seen: set[Place] = set(starts)
    pending = list(starts)
    while pending:
        for link in graph.links.get(pending.pop(), ()):
            yield link
            match link.provider:
                case OnHost(real=place) | InWheel(path=place) if place not in seen:
                    seen.add(place)
                    pending.append(place)
                case _:
                    pass


def is_lost(graph: Graph, link: Link) -> bool:
    """Tell whether a library of the wheel is not found by who needs it, unless it is helped."""
    if isinstance(link.provider, InWheel) and is_late(graph, link):
        return True
    return link.beyond_search and not _is_announced(graph, link)


def _is_announced(graph: Graph, link: Link) -> bool:
    """Tell whether Python, where it is Python that loads the user, tells Windows of the folder."""
    if not isinstance(link.provider, InWheel) or is_program(graph.artifacts[link.user].images):
        return False
    path = installed_path(link.provider.path)
    return path is not None and posixpath.dirname(path) in graph.announced


def is_late(graph: Graph, link: Link) -> bool:
    """Tell whether a DLL is looked for by its bare name when code runs, and not in memory by then.

    No such name is found beside the one who asks, unless that is the program itself.
    """
    if link.kind not in LATE or is_program(graph.artifacts[link.user].images):
        return False
    early = (each.provider for each in edges(graph, link.user) if each.kind is NeededKind.NORMAL)
    return link.provider not in early


def _reaches_graft(graph: Graph, artifact: Artifact) -> bool:
    return bool(graph.included) or any(
        isinstance(link.provider, OnHost) for link in edges(graph, artifact.place)
    )


def _one_folder(graph: Graph, needy: tuple[Artifact, ...]) -> str | None:
    """Give the folder of all who need grafts, if it may have them; None where it may not."""
    paths = [installed_path(a.place) for a in needy if isinstance(a.place, str)]
    folders = {posixpath.dirname(path) for path in paths if path is not None}
    links = tuple(edges(graph, *(artifact.place for artifact in needy)))
    by_name = any(link.kind in BY_NAME and isinstance(link.provider, OnHost) for link in links)
    lost = any(is_lost(graph, link) for link in links)
    if len(folders) != 1 or None in paths or by_name or lost or graph.included:
        return None
    return folders.pop() or None
