"""Which platform tags the wheel's binaries earn, and why not others."""

from __future__ import annotations

import re
from pathlib import PurePath

from wheelfix.findings import finding
from wheelfix.model import Finding, Options, Place, Report, WheelInfo
from wheelfix.plan.graph import Graph
from wheelfix.plan.judge import Judge, Lack, Trial
from wheelfix.plan.target import Target, no_policy, refused
from wheelfix.policy.apple import parse_apple
from wheelfix.policy.family import family_of
from wheelfix.policy.policies import Policy, arch_of, known, policy, tag_set
from wheelfix.policy.tags import parse_platform
from wheelfix.typed import TypedDict


def choose(report: Report, graph: Graph, options: Options) -> Target:
    """Decide on the tags: those asked for, else those claimed truly, else the best to be had."""
    wheel = report.wheel
    family = _family(graph, wheel)
    if isinstance(family, Finding):
        return refused(wheel, (family,))
    arch = arch_of(family, str(report.arch))
    if arch is None:
        return refused(wheel, (no_policy(family, str(report.arch)),))
    judge = Judge(report=report, graph=graph, family=family, arch=arch, ignore=options.ignore)
    best = judge.best()
    if options.plat != "auto":
        return _asked(judge, best, options)
    claimed = [judge.trial(claim) for claim in _claims(wheel)]
    true = [trial for trial in claimed if not trial.lacks]
    false = (
        *(_false_claim(trial, best) for trial in claimed if trial.lacks),
        *(_no_such_claim(tag) for tag in wheel.platforms if _is_claim(tag) and not known(tag)),
    )
    if true:
        names = {name for trial in true for name in (trial.policy.tag, *trial.policy.aliases)}
        kept = tuple(tag for tag in wheel.platforms if tag in names)
        return Target(
            platforms=kept,
            closure=_most_portable(true).closure,
            findings=false,
            ignored=_ignored(*true),
        )
    findings = (*false, *_unclaimed(wheel))
    if best.lacks:
        return refused(wheel, (*findings, _none_fits(best, judge)), best.closure)
    return _earned(tag_set(best.policy), best, findings)


def _asked(judge: Judge, best: Trial, options: Options) -> Target:
    wheel = judge.report.wheel
    if parse_apple(options.plat) is not None:
        return refused(wheel, (_wrong_system(options.plat, judge),))
    asked = policy(options.plat)
    if asked.machine != judge.report.arch or not judge.allows(asked.family):
        return refused(wheel, (_wrong_system(asked.tag, judge),))
    trial = judge.trial(asked)
    if trial.lacks:
        return refused(wheel, (_refusal(trial, best, judge),), trial.closure)
    better = not options.only_plat and not best.lacks and asked.family == best.policy.family
    if better and best.policy.level < asked.level:
        platforms = tuple(sorted({*tag_set(best.policy), *tag_set(asked)}))
        return _earned(platforms, best)
    return _earned(tag_set(asked), trial)


def _earned(platforms: tuple[str, ...], trial: Trial, findings: tuple[Finding, ...] = ()) -> Target:
    return Target(
        platforms=platforms, closure=trial.closure, findings=findings, ignored=_ignored(trial)
    )


def _ignored(*trials: Trial) -> tuple[Finding, ...]:
    """Give what the user does not want to count, each once."""
    lacks = dict.fromkeys(lack for trial in trials for lack in trial.ignored)
    return tuple(
        finding(lack.code, lack.what, path="" if _on_host(lack) else lack.path) for lack in lacks
    )


def _on_host(lack: Lack) -> bool:
    return PurePath(lack.path).is_absolute()


def _is_claim(tag: str) -> bool:
    claim = parse_platform(tag)
    return claim is not None and claim[0] != "linux"


def _claims(wheel: WheelInfo) -> list[Policy]:
    return [policy(tag) for tag in wheel.platforms if _is_claim(tag) and known(tag)]


def _no_such_claim(tag: str) -> Finding:
    return finding(
        "WF104",
        f"the wheel claims {tag}, and there is no such system",
        hint="wheelfix repair gives it the tag that it earns",
    )


def _family(graph: Graph, wheel: WheelInfo) -> str | Finding:
    by_libc: dict[str, str] = {}
    for artifact in graph.members:
        for image in artifact.images:
            if image.libc:
                by_libc.setdefault(image.libc, str(artifact.place))
    if len(by_libc) > 1:
        return finding(
            "WF109",
            "the wheel's binaries are for more than one C library",
            details=tuple(f"{libc}: {path}" for libc, path in sorted(by_libc.items())),
            hint="build one wheel for each C library",
        )
    return family_of(next(iter(by_libc), None), wheel.platforms)


def unexplained(report: Report, options: Options) -> frozenset[tuple[Place, str, str]]:
    """Give the (user, library, version) needs that the tag asked for or a claimed one lacks.

    To say which symbols are behind them takes another look into the files, which is not ours.
    """
    asked = [] if options.plat == "auto" else [options.plat]
    judges = [policy(tag) for tag in asked if parse_platform(tag)] or _claims(report.wheel)
    return frozenset(
        (artifact.place, need.library, version)
        for artifact in report.artifacts
        for image in artifact.images
        for need in image.version_needs
        for version in need.versions
        if any(judge.lacks(version) for judge in judges)
    )


def _most_portable(trials: list[Trial]) -> Trial:
    return min(trials, key=lambda trial: trial.policy.level)


def _false_claim(trial: Trial, best: Trial) -> Finding:
    would = "" if best.lacks else f"; wheelfix repair makes it {best.policy.tag}"
    return finding(
        "WF104",
        f"{_worst(trial)} the {trial.policy.tag} that the wheel claims{would}",
        **_where(trial),
        details=_others(trial),
        hint=f"to keep the tag, {_cure(trial.lacks[0])}",
    )


class _Where(TypedDict):
    path: str
    also: tuple[str, ...]


def _where(trial: Trial) -> _Where:
    """Give the members at fault: none when only libraries to be grafted are."""
    paths = [lack.path for lack in trial.lacks if not _on_host(lack)]
    first, *rest = dict.fromkeys(paths) or ("",)
    return {"path": first, "also": tuple(rest)}


def _unclaimed(wheel: WheelInfo) -> tuple[Finding, ...]:
    if any(_is_claim(tag) for tag in wheel.platforms):
        return ()
    tags = ".".join(wheel.platforms)
    message = f"the tag {tags} does not say which systems the wheel's binaries run on"
    return (finding("WF304", message, hint="wheelfix repair gives it the tag that they earn"),)


def _none_fits(best: Trial, judge: Judge) -> Finding:
    return finding(
        best.lacks[0].code,
        f"{_worst(best)} every {judge.family} tag; {_unclaiming(judge)}",
        **_where(best),
        details=_others(best),
        hint=f"to earn a tag, {_cure(best.lacks[0])}",
    )


def _unclaiming(judge: Judge) -> str:
    return f"`--plat linux_{judge.arch}` brings the libraries in without claiming a tag"


def _cure(lack: Lack) -> str:
    match lack.code:
        case "WF105":
            return "build without `-march`, and choose by CPU at run time"
        case "WF106":
            return "link the library that has the symbol statically, or do not use it"
        case _:
            return "build on a system that is as old as the tag"


def _refusal(trial: Trial, best: Trial, judge: Judge) -> Finding:
    would = _unclaiming(judge) if best.lacks else f"use `--plat {best.policy.tag}`"
    return finding(
        trial.lacks[0].code,
        f"{_worst(trial)} {trial.policy.tag}; {would}",
        **_where(trial),
        details=_others(trial),
        hint=f"to earn the tag, {_cure(trial.lacks[0])}",
    )


def _wrong_system(tag: str, judge: Judge) -> Finding:
    return finding(
        "WF110",
        f"the wheel cannot have the tag {tag}",
        details=(f"its binaries are {judge.family} binaries for {judge.arch}",),
        hint="`--plat auto` gives the wheel the tag that it earns",
    )


def _most(trial: Trial) -> Lack:
    """Give what the newest system is needed for, of the reasons of the first kind."""
    alike = (lack for lack in trial.lacks if lack.code == trial.lacks[0].code)
    return max(alike, key=lambda lack: [int(n) for n in re.findall("[0-9]+", lack.version)])


def _worst(trial: Trial) -> str:
    """Begin the one line that says what is wrong with a tag, and for what file."""
    how = "too new" if trial.lacks[0].code == "WF103" else "too much"
    return f"{_most(trial).what}: {how} for"


SENTENCES = 20
"""So many reasons are spelled out; a log has an end."""


def _others(trial: Trial) -> tuple[str, ...]:
    """Give the reasons that the line does not give."""
    told = _most(trial).what
    found = tuple(what for what in dict.fromkeys(lack.what for lack in trial.lacks) if what != told)
    if len(found) <= SENTENCES:
        return found
    return (*found[:SENTENCES], f"… and {len(found) - SENTENCES} more")
