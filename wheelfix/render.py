"""Report, Plan and Outcome to text and JSON. Pure: gives strings, prints nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, assert_never

from wheelfix.codec import to_data
from wheelfix.errors import WheelfixError
from wheelfix.model import (
    Checked,
    Companion,
    DropNeeded,
    Edit,
    Finding,
    Graft,
    Outcome,
    Plan,
    ReplaceNeeded,
    SetMinimumSystem,
    SetOwnName,
    SetSearchPath,
    Severity,
)

if TYPE_CHECKING:
    from wheelfix.merging import MergeOutcome

SCHEMA_VERSION = 1
"""Of everything printed with --json; raised when a key changes its meaning or goes."""


def check_text(checked: Checked, *, verbose: bool) -> str:
    """Give the verdict first, then why, then what to type."""
    findings = [f for f in checked.plan.findings if verbose or f.severity is not Severity.INFO]
    errors = sum(f.severity is Severity.ERROR for f in findings)
    lines = [_verdict(checked.plan, errors)]
    for finding in sorted(findings, key=_rank):
        lines += ["", *_finding_lines(finding)]
    if errors and not checked.plan.obstacles:
        lines += ["", *_plan_lines(checked.plan, verbose=verbose)]
    return "\n".join(lines)


def _verdict(plan: Plan, errors: int) -> str:
    if not errors:
        return f"{plan.wheel}: ok"
    if plan.obstacles:
        return f"{plan.wheel}: not portable, and cannot be repaired as it is"
    if plan.nothing_to_do:
        return f"{plan.wheel}: not portable, and nothing that a repair could change"
    return f"{plan.wheel}: not portable yet; `wheelfix repair` makes it so"


_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def _rank(finding: Finding) -> tuple[int, str, str]:
    return (_ORDER.index(finding.severity), finding.code, finding.path)


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"  {finding.severity} {finding.code}: {finding.message}"
    for line in finding.details:
        yield f"    {line}"
    if finding.hint:
        yield f"    hint: {finding.hint}"


def plan_text(plan: Plan, *, verbose: bool) -> str:
    """Give what a repair would do, for --dry-run."""
    return "\n".join(_plan_lines(plan, verbose=verbose))


def _plan_lines(plan: Plan, *, verbose: bool) -> Iterator[str]:
    """Give one line for each thing that a repair would do."""
    if plan.nothing_to_do:
        yield f"{plan.wheel}: nothing to do; the output is the same file"
        return
    yield f"{plan.wheel}: would become"
    yield f"  {plan.output}"
    for graft in plan.grafts:
        yield f"  graft {graft.path}  ({size_text(graft.size)})"
        yield f"    from {graft.source}"
        if verbose:
            yield from _edit_lines(graft.edits)
    for beside in plan.companions:
        yield f"  bring {beside.path}  ({size_text(beside.size)})"
        yield f"    from {beside.source}"
    for patch in plan.patches:
        yield f"  patch {patch.path}"
        yield from _edit_lines(patch.edits)
    for launcher in plan.launchers:
        yield f"  move {launcher.script} to {launcher.program}, a launcher in its place"
    if plan.rewrite_archive:
        yield "  write the archive's headers and metadata anew"
    for skip in plan.skips:
        yield f"  skip {skip.path}: {skip.reason}"


def _edit_lines(edits: Iterable[Edit]) -> Iterator[str]:
    for edit in edits:
        yield f"    {_edit_text(edit)}"


def _edit_text(edit: Edit) -> str:
    match edit:
        case SetOwnName(name=name):
            return f"own name {name}"
        case ReplaceNeeded(old=old, new=new):
            return f"needs {old} -> {new}"
        case DropNeeded(name=name):
            return f"needs {name} no more"
        case SetSearchPath(entries=entries, kind=kind):
            return f"{kind} {':'.join(entries) or '(none)'}"
        case SetMinimumSystem(version=version):
            return f"minimum system {version}"
        case _:
            assert_never(edit)


CURED = frozenset({"WF201"})
"""Warnings about what a repair has done away with: its reader need not hear of them."""


def outcome_text(outcome: Outcome, *, verbose: bool) -> str:
    """Say what a repair did: the verdict, then the libraries, then the cost."""
    return "\n".join(_outcome_lines(outcome, verbose=verbose))


def _outcome_lines(outcome: Outcome, *, verbose: bool) -> Iterator[str]:
    plan = outcome.plan
    if plan.nothing_to_do:
        yield f"{plan.wheel}: nothing to do, carried over as it is"
    else:
        yield f"{plan.wheel}: repaired"
    yield f"  -> {outcome.output}"
    if plan.grafts:
        total = sum(graft.size for graft in plan.grafts)
        yield f"  {_count(plan.grafts, 'library', 'libraries')} brought in, {size_text(total)}"
        yield from (f"    {line}" for line in _graft_lines(plan.grafts))
    if plan.companions:
        total = sum(beside.size for beside in plan.companions)
        yield f"  {_count(plan.companions, 'file', 'files')} along with them, {size_text(total)}"
        yield from (f"    {line}" for line in _graft_lines(plan.companions))
    if plan.patches:
        yield f"  {_count(plan.patches, 'file', 'files')} of the wheel patched"
    if verbose:
        yield from (f"    {patch.path}" for patch in plan.patches)
        yield from (f"  skipped {skip.path}: {skip.reason}" for skip in plan.skips)
        yield from (f"  {name} {spent:.3f} s" for name, spent in outcome.seconds)
    for finding in plan.findings:
        if finding.severity is Severity.WARNING and finding.code not in CURED:
            yield f"  warning {finding.code}: {finding.message}"
    yield from (f"  note: {note}" for note in outcome.notes)


def merge_text(outcome: MergeOutcome, *, verbose: bool) -> str:
    """Say what a merge did: the verdict, then what was joined, then what was chosen."""
    return "\n".join(_merge_lines(outcome, verbose=verbose))


def _merge_lines(outcome: MergeOutcome, *, verbose: bool) -> Iterator[str]:
    plan = outcome.plan
    yield f"{' and '.join(wheel.name for wheel in outcome.inputs)}: merged"
    yield f"  -> {outcome.output}"
    yield f"  {_count(outcome.joined, 'universal file', 'universal files')} made"
    if verbose:
        yield from (f"    {path}" for path in outcome.joined)
    if plan.grafts:
        yield f"  {_count(plan.grafts, 'graft', 'grafts')} given one new name for both machines"
    if verbose:
        yield from (f"    {' and '.join(g.paths)} -> {g.new}" for g in plan.grafts)
    for path, arch in plan.taken:
        yield f"  took {path} from the wheel for {arch}"
    if verbose:
        yield from (f"  {name} {spent:.3f} s" for name, spent in outcome.seconds)
    yield from (f"  note: {note}" for note in outcome.notes)


def _graft_lines(grafts: Iterable[Graft | Companion]) -> Iterator[str]:
    for graft in grafts:
        yield f"{graft.path.rpartition('/')[2]}  {size_text(graft.size)}  from {graft.source}"


def _count(items: tuple[Any, ...], one: str, many: str) -> str:
    return f"{len(items)} {one if len(items) == 1 else many}"


def size_text(size: int) -> str:
    """Give a size in bytes as people read it, in powers of ten."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def checked_data(checked: Checked) -> dict[str, Any]:
    """Give a checked wheel as data for JSON."""
    return {
        "wheel": checked.plan.wheel,
        "ok": not any(f.severity is Severity.ERROR for f in checked.plan.findings),
        "report": to_data(checked.report),
        "plan": to_data(checked.plan),
    }


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """Give an outcome as data for JSON."""
    return {"wheel": outcome.plan.wheel, "ok": True, "outcome": to_data(outcome)}


def merge_data(outcome: MergeOutcome) -> dict[str, Any]:
    """Give a merge's outcome as data for JSON."""
    return {"wheel": outcome.plan.output, "ok": True, "outcome": to_data(outcome)}


def error_data(wheel: str, error: WheelfixError) -> dict[str, Any]:
    """Give an expected failure as data for JSON."""
    return {
        "wheel": wheel,
        "ok": False,
        "error": {
            "type": type(error).__name__,
            "subject": error.subject,
            "problem": error.problem,
            "details": list(error.details),
            "hint": error.hint,
        },
    }


def json_text(wheels: list[dict[str, Any]]) -> str:
    """Give the one JSON document of a run, its wheels in the order of the arguments."""
    return json.dumps({"version": SCHEMA_VERSION, "wheels": wheels}, indent=2, sort_keys=True)
