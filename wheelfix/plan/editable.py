"""What an editable build takes: its artifacts find their libraries where the build found them.

Nothing comes along, nothing is renamed and no tag is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wheelfix.model import (
    Artifact,
    Finding,
    Insert,
    Link,
    Missing,
    NeededKind,
    OnHost,
    Options,
    Patch,
    Plan,
    Report,
    Skip,
    WheelPath,
)
from wheelfix.plan.findings import locked, missing, signed_anew
from wheelfix.plan.graph import Graph, graph_of
from wheelfix.plan.homes import edges
from wheelfix.plan.remarks import remarks
from wheelfix.plan.rules import rules_of
from wheelfix.value import replace


def plan_editable(report: Report, options: Options) -> Plan:
    """Decide who must search which of the build's link directories, `options.lib_paths`.

    An artifact that asks for nothing in them, or searches them already, stays as it is.
    """
    graph = graph_of(report)
    links = {a.place: _led_by_build(graph, a, options.lib_paths) for a in graph.members}
    patches = tuple(_patches(graph, links))
    helps: tuple[Insert | Skip, ...] = ()
    if graph.members:
        helps = tuple(rules_of(graph.members[0]).link_inserts(links, report))
    skips = (Skip(path=s.path, reason=s.reason) for s in report.skipped)
    return Plan(
        wheel=report.wheel.filename,
        output=report.wheel.filename,
        tags=report.wheel.tags,
        platforms=report.wheel.platforms,
        patches=patches,
        inserts=tuple(each for each in helps if isinstance(each, Insert)),
        skips=(*skips, *(each for each in helps if isinstance(each, Skip))),
        findings=(
            *report.findings,
            *signed_anew(graph, patches),
            *remarks(report),
            *_not_found(report, graph),
            *_locked(graph, patches),
        ),
    )


def _led_by_build(graph: Graph, artifact: Artifact, folders: tuple[Path, ...]) -> tuple[Link, ...]:
    """Give the links, from a binary on, to libraries in the build's link directories."""
    found = (
        link
        for link in edges(graph, artifact.place)
        if isinstance(link.provider, OnHost) and link.provider.found.parent in folders
    )
    order = {folder: number for number, folder in reversed(list(enumerate(folders)))}
    return tuple(sorted(dict.fromkeys(found), key=lambda link: order[_folder(link)]))


def _folder(link: Link) -> Path:
    assert isinstance(link.provider, OnHost)
    return link.provider.found.parent


def _patches(graph: Graph, links: dict[WheelPath | Path, tuple[Link, ...]]) -> Iterator[Patch]:
    for artifact in sorted(graph.members, key=lambda artifact: str(artifact.place)):
        assert isinstance(artifact.place, str)
        edits = rules_of(artifact).link_edits(artifact, links[artifact.place])
        if edits:
            yield Patch(path=artifact.place, format=artifact.format, edits=edits)


def _not_found(report: Report, graph: Graph) -> Iterator[Finding]:
    """Name what is nowhere; it may be there when the build is run, so nothing is forbidden."""
    by_name: dict[str, list[Link]] = {}
    for link in report.links:
        if isinstance(link.provider, Missing) and link.kind is not NeededKind.WEAK:
            by_name.setdefault(link.needed, []).append(link)
    for name, links in sorted(by_name.items()):
        rules = rules_of(graph.artifacts[links[0].user])
        yield replace(missing(name, links, rules), blocks=False)


def _locked(graph: Graph, patches: tuple[Patch, ...]) -> Iterator[Finding]:
    for patch in patches:
        artifact = graph.artifacts[patch.path]
        if any(image.locked for image in artifact.images):
            yield locked(patch.path, artifact)
