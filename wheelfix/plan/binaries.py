"""What is to be done about a wheel's binaries."""

from __future__ import annotations

from wheelfix.model import (
    Graft,
    Options,
    Patch,
    Plan,
    Report,
    WheelPath,
)
from wheelfix.plan.bare import bare_plan
from wheelfix.plan.companions import companions
from wheelfix.plan.findings import observations, obstacles
from wheelfix.plan.grafts import graft_path, name_grafts
from wheelfix.plan.graph import Graph, graph_of
from wheelfix.plan.layout import launcher, layout_of
from wheelfix.plan.lookover import lookover
from wheelfix.plan.remarks import remarks
from wheelfix.plan.rules import rules_of
from wheelfix.plan.setting import Setting
from wheelfix.value import replace


def decide(report: Report, options: Options) -> Plan:
    """Give the whole plan for a wheel with binaries."""
    graph = graph_of(report)
    rules = rules_of(graph.members[0])
    target = rules.choose(report, graph, options)
    homes = rules.homes(report, graph, options)
    layout = layout_of(report.wheel, graph, homes.libs, moving=rules.moves_programs)
    names = name_grafts(
        graph,
        target.closure.libraries,
        options,
        folder=homes.libs,
        marks=rules.marks(homes.libs),
        spelled=rules.spelled,
        kept=rules.kept_names(graph) | {real.name for real in graph.included},
    )
    setting = Setting(report=report, graph=graph, homes=homes, names=names, layout=layout)
    grafts = _grafts(graph, setting)
    patches = _patches(graph, setting, replaced=frozenset(graft.path for graft in grafts))
    launchers = tuple(
        launcher(patch.path, layout.moved[patch.path])
        for patch in patches
        if patch.path in layout.moved and _needs_home(patch, setting)
    )
    findings = (
        *report.findings,
        *target.findings,
        *names.findings,
        *observations(report, setting, target, patches),
        *rules.remarks(setting),
        *lookover(report, graph, target.closure.libraries),
        *remarks(report),
        *obstacles(setting, target, patches, grafts),
    )
    beside = companions(report, grafts)
    decided = bare_plan(report, target.platforms, findings, options, ignored=target.ignored)
    return replace(
        decided,
        grafts=grafts,
        companions=beside.taken,
        skips=(*decided.skips, *beside.skips),
        patches=patches,
        launchers=launchers,
        inserts=tuple(rules.inserts(setting)),
    )


def _needs_home(patch: Patch, setting: Setting) -> bool:
    artifact = setting.graph.artifacts[patch.path]
    return rules_of(artifact).needs_home(artifact, setting)


def _patches(
    graph: Graph, setting: Setting, *, replaced: frozenset[WheelPath]
) -> tuple[Patch, ...]:
    patches = []
    for artifact in graph.members:
        if artifact.place in replaced:
            continue
        edits = rules_of(artifact).member_edits(artifact, setting)
        if edits:
            assert isinstance(artifact.place, str)
            patches.append(Patch(path=artifact.place, format=artifact.format, edits=edits))
    return tuple(sorted(patches, key=lambda patch: patch.path))


def _grafts(graph: Graph, setting: Setting) -> tuple[Graft, ...]:
    grafts = []
    for source in setting.names.sources:
        artifact = graph.artifacts[source]
        name = setting.names.by_source[source]
        assert artifact.sha256 is not None
        assert artifact.fingerprint is not None
        grafts += [
            Graft(
                source=source,
                sha256=artifact.sha256,
                fingerprint=artifact.fingerprint,
                format=artifact.format,
                path=graft_path(folder, name),
                aliases=setting.names.aliases[name],
                size=artifact.size,
                edits=rules_of(artifact).graft_edits(artifact, name, setting),
            )
            for folder in setting.homes.folders
        ]
    return tuple(sorted(grafts, key=lambda graft: graft.path))
