"""Report and options to Plan. Pure: the only room that decides, and it touches no file."""

from __future__ import annotations

from wheelfix.archive import wheel_filename, wheel_tags
from wheelfix.model import (
    Finding,
    Graft,
    Options,
    Patch,
    Plan,
    Report,
    Severity,
    Shape,
    Skip,
    WheelPath,
)
from wheelfix.plan.companions import companions
from wheelfix.plan.findings import observations, obstacles, remarks
from wheelfix.plan.grafts import graft_path, name_grafts
from wheelfix.plan.graph import Closure, Graph, graph_of
from wheelfix.plan.layout import launcher, layout_of
from wheelfix.plan.lookover import lookover
from wheelfix.plan.rules import rules_of
from wheelfix.plan.setting import Setting
from wheelfix.plan.standing import as_it_stands
from wheelfix.plan.tags import Target, unexplained
from wheelfix.value import replace

__all__ = ["plan", "unexplained"]


def plan(report: Report, options: Options) -> Plan:
    """Decide everything that a repair will do. Never raises for what the report says."""
    if report.arch is None:
        findings = (*report.findings, *remarks(report))
        return _plan(report, _unchanged_tags(report), findings, options)
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
    decided = _plan(report, target, findings, options)
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


def _unchanged_tags(report: Report) -> Target:
    nothing = Closure(libraries=(), missing=())
    return Target(platforms=report.wheel.platforms, closure=nothing, findings=())


def _plan(report: Report, target: Target, findings: tuple[Finding, ...], options: Options) -> Plan:
    """Give the plan that changes tags alone, its findings weighed as the user wants."""
    wheel = report.wheel
    same = target.platforms == wheel.platforms
    due = wheel_tags(wheel, target.platforms)
    tags = wheel.tags if set(wheel.tags) == set(due) else due
    binaries = report.arch is not None
    findings = tuple(as_it_stands(findings, wheel.shape))
    return Plan(
        wheel=wheel.filename,
        output=wheel.filename if same else wheel_filename(wheel, target.platforms),
        tags=tags,
        platforms=target.platforms,
        root_is_purelib=wheel.root_is_purelib and not binaries,
        skips=tuple(Skip(path=s.path, reason=s.reason) for s in report.skipped),
        findings=tuple(_weighed(f, options) for f in findings if not _is_ignored(f, options)),
        ignored=(*(f for f in findings if _is_ignored(f, options)), *target.ignored),
        rewrite_archive=wheel.shape is Shape.TREE
        or bool(report.archive_notes or report.record_notes)
        or tags != wheel.tags
        or (wheel.root_is_purelib and binaries),
    )


def _is_ignored(found: Finding, options: Options) -> bool:
    """Tell whether a finding is ignored at every path it speaks of."""
    return not found.blocks and all(
        any(pick.takes(found.code, path) for pick in options.ignore) for path in found.paths
    )


def _weighed(found: Finding, options: Options) -> Finding:
    """Make a finding an error where the user wants it so at any path it speaks of."""
    if any(pick.takes(found.code, path) for pick in options.errors for path in found.paths):
        return replace(found, severity=Severity.ERROR)
    return found


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
