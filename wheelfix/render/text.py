"""Plan and Outcome to what people read: the verdict first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wheelfix.findings import CATALOGUE, explained
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
    Shape,
)
from wheelfix.render.wrap import wrapped
from wheelfix.typed import TYPE_CHECKING, Any, assert_never

if TYPE_CHECKING:
    from wheelfix.merging import MergeOutcome


def check_text(checked: Checked, *, verbose: bool, width: int = 80) -> str:
    """Give the verdict first, then why, then what to type, in lines of at most `width` columns."""
    lines = [verdict(checked)]
    for finding in ranked(checked.plan.findings, verbose=verbose):
        lines += ["", *_finding_lines(finding)]
    if not checked.plan.ok:
        lines += ["", f"  more of each: `{how_to_learn(checked.plan)}`"]
    if repair_helps(checked):
        lines += ["", *_plan_lines(checked.plan, verbose=verbose, named=FEW)]
    return wrapped(lines, width)


FEW = 10
"""So many files to be patched are named; the rest are counted."""


def how_to_learn(plan: Plan) -> str:
    """Give the command that says more of a plan's errors."""
    codes = {found.code for found in plan.findings if found.severity is Severity.ERROR}
    return f"wheelfix explain {' '.join(sorted(codes))}"


def prospect(checked: Checked) -> str:
    """Say in one line what a repair would do; empty for a wheel that needs none or gets none."""
    plan = checked.plan
    if not repair_helps(checked):
        return ""
    done = (
        (plan.grafts, "library brought in", "libraries brought in"),
        (plan.patches, "file patched", "files patched"),
        (plan.inserts, "Python file changed", "Python files changed"),
    )
    told = [_count(items, one, many) for items, one, many in done if items]
    return f"{plan.wheel}: would become {plan.output}{': ' if told else ''}{', '.join(told)}"


def explain_text(code: str, *, width: int = 80) -> str:
    """Say what a code means, what causes it and what cures it, in lines of at most `width`."""
    entry, said = CATALOGUE[code], explained(code)
    lines = [
        f"{code}: {entry.summary}",
        f"  {entry.severity}, {entry.repair}",
        "",
        f"  {said.meaning}",
        f"  cause: {said.cause}",
        f"  cure: {said.cure}",
    ]
    return wrapped(lines, width)


def verdict(checked: Checked) -> str:
    """Give the one line that says how a wheel stands."""
    return f"{checked.plan.wheel}: {standing(checked)}"


def repair_helps(checked: Checked) -> bool:
    """Tell whether what a repair would do is worth saying."""
    stands = checked.report.wheel.shape.stands
    return not (stands or checked.plan.ok or checked.plan.obstacles)


def standing(checked: Checked) -> str:
    """Say how a wheel stands, without its name."""
    plan, shape = checked.plan, checked.report.wheel.shape
    if plan.ok:
        fit = shape is Shape.BINARY and checked.report.arch is not None
        return f"ok, fit for {'.'.join(plan.platforms)}" if fit else "ok"
    if shape.stands:
        return "not portable"
    if plan.obstacles:
        return "not portable, and cannot be repaired as it is"
    if plan.nothing_to_do:
        return "not portable, and nothing that a repair could change"
    return "not portable yet; `wheelfix repair` makes it so"


_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def ranked(findings: Iterable[Finding], *, verbose: bool = True) -> list[Finding]:
    """Give the worst findings first, what stops a repair before the rest of its severity.

    Without mere information unless that is asked for.
    """
    shown = (f for f in findings if verbose or f.severity is not Severity.INFO)
    return sorted(shown, key=lambda f: (_ORDER.index(f.severity), not f.blocks, f.code, f.path))


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"  {finding.severity} {finding.code}: {finding.message}"
    for line in finding.details:
        yield f"    {line}"
    if finding.hint:
        yield f"    hint: {finding.hint}"


def plan_text(plan: Plan, *, verbose: bool, width: int = 80) -> str:
    """Give what a repair would do, for --dry-run, in lines of at most `width` columns."""
    return wrapped(_plan_lines(plan, verbose=verbose), width)


def _plan_lines(plan: Plan, *, verbose: bool, named: int | None = None) -> Iterator[str]:
    """Give one line for each thing that a repair would do; not `verbose`, so many are `named`."""
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
    shown = plan.patches if verbose else plan.patches[:named]
    for patch in shown:
        yield f"  patch {patch.path}"
        yield from _edit_lines(patch.edits)
    if len(shown) < len(plan.patches):
        yield f"  patch {len(plan.patches) - len(shown)} more; `-v` names them"
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


def outcome_text(outcome: Outcome, *, verbose: bool) -> str:
    """Say what a repair did: the verdict, then the libraries, then the cost."""
    return "\n".join(_outcome_lines(outcome, verbose=verbose))


def _outcome_lines(outcome: Outcome, *, verbose: bool) -> Iterator[str]:
    plan = outcome.plan
    done = "nothing to do, carried over as it is" if plan.nothing_to_do else "repaired"
    yield f"{plan.wheel}: {done}{', and still not right' if plan.remaining else ''}"
    yield f"  -> {outcome.output}"
    for finding in plan.remaining:
        yield from _finding_lines(finding)
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
        if finding.severity is Severity.WARNING and not finding.mended:
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
