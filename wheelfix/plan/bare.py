"""The plan as far as binaries do not come into it: tags, archive, and which findings count."""

from __future__ import annotations

from wheelfix.archive import wheel_filename, wheel_tags
from wheelfix.model import Finding, Options, Plan, Report, Severity, Shape, Skip
from wheelfix.plan.standing import as_it_stands
from wheelfix.value import replace


def bare_plan(
    report: Report,
    platforms: tuple[str, ...],
    findings: tuple[Finding, ...],
    options: Options,
    *,
    ignored: tuple[Finding, ...] = (),
) -> Plan:
    """Give the plan that changes tags alone, its findings weighed as the user wants.

    `ignored` findings are added to those that he does not want to hear of.
    """
    wheel = report.wheel
    same = platforms == wheel.platforms
    due = wheel_tags(wheel, platforms)
    tags = wheel.tags if set(wheel.tags) == set(due) else due
    binaries = report.arch is not None
    findings = tuple(as_it_stands(findings, wheel.shape))
    return Plan(
        wheel=wheel.filename,
        output=wheel.filename if same else wheel_filename(wheel, platforms),
        tags=tags,
        platforms=platforms,
        root_is_purelib=wheel.root_is_purelib and not binaries,
        skips=tuple(Skip(path=s.path, reason=s.reason) for s in report.skipped),
        findings=tuple(_weighed(f, options) for f in findings if not _is_ignored(f, options)),
        ignored=(*(f for f in findings if _is_ignored(f, options)), *ignored),
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
