"""Which host libraries become members, and under which names.

A graft's name carries a digest over everything that decides its patched bytes: its own bytes, the
names of the grafts it asks for, its search path and this rule's version. Equal names therefore
mean equal bytes, in every wheel and run. Libraries that need each other in a circle are named
together: inside the circle each stands for itself by its own bytes and file name, with which its
new name begins.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from wheelfix.findings import finding
from wheelfix.model import Finding, InWheel, Link, OnHost, Options, Place, WheelPath
from wheelfix.plan.graph import Graph, in_order

RULE = "wheelfix graft name 1"
"""Goes into every digest; another rule, or another way of patching, gets another number."""

DIGEST_LENGTH = 16
"""Hex digits in a name."""

OLD_DIGEST = re.compile(r"(-(?=[0-9a-f]*\d)(?:[0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{32}))+$")
"""A digest that this or another tool put behind a name: taken off before ours goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The grafts' new names, by real path of the host library."""

    by_source: Mapping[Path, str]
    """Every host library that is grafted, copies of one another under one name."""
    sources: tuple[Path, ...]
    """The ones that are taken: one for each name, sorted."""
    aliases: Mapping[str, tuple[str, ...]]
    """Every name under which it was needed, sorted, by new name."""
    findings: tuple[Finding, ...]


def name_grafts(graph: Graph, libraries: tuple[Path, ...], options: Options) -> Names:
    """Name every library of the closure `libraries`."""
    same = _copies(graph, libraries)
    aliases = _aliases(graph, same)
    taken = tuple(sorted(set(same.values())))
    names: dict[Path, str] = {}
    kept: dict[str, Path] = {}
    findings: list[Finding] = []

    def needs(source: Path) -> list[Path]:
        return [same[dep] for dep in _needs(graph, source) if dep in same]

    for circle in in_order(taken, needs):
        digests = _digests(graph, circle, names, same)
        for source in circle:
            name = _kept_name(source, aliases[source], options)
            if name and kept.setdefault(name, source) != source:
                findings.append(_taken(name, source, kept[name]))
                name = None
            names[source] = name or _mangled(source.name, digests[source])
    return Names(
        by_source=MappingProxyType({source: names[same[source]] for source in libraries}),
        sources=taken,
        aliases=MappingProxyType({names[source]: aliases[source] for source in taken}),
        findings=tuple(findings),
    )


def _needs(graph: Graph, source: Place) -> list[Path]:
    found = (link.provider for link in graph.links.get(source, ()))
    return [provider.real for provider in found if isinstance(provider, OnHost)]


def _copies(graph: Graph, libraries: tuple[Path, ...]) -> dict[Path, Path]:
    """Map each library to the first one with its bytes, file name and needs."""
    first: dict[tuple[object, ...], Path] = {}
    same: dict[Path, Path] = {}
    for source in libraries:
        needs = tuple(_needs(graph, source))
        key = (graph.artifacts[source].sha256, source.name, needs)
        same[source] = first.setdefault(key, source)
    return same


def _aliases(graph: Graph, same: Mapping[Path, Path]) -> dict[Path, tuple[str, ...]]:
    found: dict[Path, set[str]] = {source: set() for source in same.values()}
    for links in graph.links.values():
        for link in links:
            if isinstance(link.provider, OnHost) and link.provider.real in same:
                found[same[link.provider.real]].add(link.needed)
    return {source: tuple(sorted(names)) for source, names in found.items()}


def _digests(
    graph: Graph, circle: tuple[Path, ...], names: Mapping[Path, str], same: Mapping[Path, Path]
) -> dict[Path, str]:
    """Digest each member of a circle; `names` has those of everything that the circle needs."""
    own = {
        source: "\n".join(
            (str(graph.artifacts[source].sha256), *_tokens(graph, source, circle, names, same))
        )
        for source in circle
    }
    together = "\n\n".join(sorted(own.values()))
    return {
        source: hashlib.sha256(f"{RULE}\n{text}\n\n{together}".encode()).hexdigest()
        for source, text in own.items()
    }


def _tokens(
    graph: Graph,
    source: Path,
    circle: tuple[Path, ...],
    names: Mapping[Path, str],
    same: Mapping[Path, Path],
) -> list[str]:
    return [
        f"{link.needed} -> {_token(graph, link, circle, names, same)}"
        for link in graph.links.get(source, ())
    ]


def _token(
    graph: Graph,
    link: Link,
    circle: tuple[Path, ...],
    names: Mapping[Path, str],
    same: Mapping[Path, Path],
) -> str:
    match link.provider:
        case InWheel(path=path):
            return f"in the wheel: {path}{' (renamed)' if link.beyond_search else ''}"
        case OnHost(real=real) if real in same and same[real] in circle:
            other = same[real]
            return f"in the circle: {other.name} {graph.artifacts[other].sha256}"
        case OnHost(real=real) if real in same:
            return names[same[real]]
        case _:
            return "left alone"


def _mangled(filename: str, digest: str) -> str:
    """Put the digest before the first dot: `libz.so.1.3` -> `libz-0123456789abcdef.so.1.3`."""
    stem, dot, rest = filename.partition(".")
    return f"{OLD_DIGEST.sub('', stem)}-{digest[:DIGEST_LENGTH]}{dot}{rest}"


def _kept_name(source: Path, aliases: tuple[str, ...], options: Options) -> str | None:
    """Give the name that `--no-mangle` keeps: one it is needed by; None when it gets a new one."""
    plain = [alias.rpartition("/")[2] for alias in aliases]
    wanted = (
        name
        for name in (*plain, source.name)
        if any(fnmatchcase(name, pattern) for pattern in options.no_mangle)
    )
    return next(wanted, None)


def _taken(name: str, source: Path, other: Path) -> Finding:
    return finding(
        "WF305",
        f"`{source}` gets a new name although --no-mangle covers it",
        details=(f"`{name}` is already the name of {other}",),
    )


def graft_path(folder: str, name: str) -> WheelPath:
    """Give the member path of a graft."""
    return WheelPath(f"{folder}/{name}")
