"""Which platform tags the wheel's binaries earn, and why not others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wheelfix.findings import finding
from wheelfix.model import (
    Artifact,
    Finding,
    Image,
    Options,
    Place,
    Report,
    VersionNeed,
    WheelInfo,
)
from wheelfix.plan.graph import Closure, Graph, closure
from wheelfix.policy import (
    NEVER_PORTABLE,
    Policy,
    arch_of,
    earliest,
    family_of,
    parse_platform,
    policies,
    policy,
    tag_set,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """One reason why a policy does not fit."""

    code: str
    path: str
    what: str
    """A sentence that names binary, library, symbols and version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A policy held against the wheel: what would be grafted, and what speaks against it."""

    policy: Policy
    closure: Closure
    lacks: tuple[Lack, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The decision about tags."""

    platforms: tuple[str, ...]
    """For the file name, in order."""
    closure: Closure
    """What the most portable of the tags makes necessary."""
    findings: tuple[Finding, ...]


def choose(report: Report, graph: Graph, options: Options) -> Target:
    """Decide on the tags: those asked for, else those claimed truly, else the best to be had."""
    wheel = report.wheel
    family = _family(graph, wheel)
    if isinstance(family, Finding):
        return _refused(wheel, (family,))
    arch = arch_of(family, str(report.arch))
    if arch is None:
        return _refused(wheel, (_no_policy(family, str(report.arch)),))
    judge = _Judge(report=report, graph=graph, family=family, arch=arch)
    if options.plat != "auto":
        return _asked(judge, wheel, options)
    claimed = [judge.trial(policy(tag)) for tag in wheel.platforms if _is_claim(tag)]
    true = [trial for trial in claimed if not trial.lacks]
    false = tuple(_false_claim(trial, judge) for trial in claimed if trial.lacks)
    if true:
        names = {name for trial in true for name in (trial.policy.tag, *trial.policy.aliases)}
        kept = tuple(tag for tag in wheel.platforms if tag in names)
        return Target(platforms=kept, closure=_most_portable(true).closure, findings=false)
    best = judge.best()
    findings = (*false, *_unclaimed(wheel))
    if best.lacks:
        return _refused(wheel, (*findings, _none_fits(best, judge)), best.closure)
    return Target(platforms=tag_set(best.policy), closure=best.closure, findings=findings)


def _no_policy(family: str, machine: str) -> Finding:
    return finding(
        "WF110",
        f"no {family} tag exists for {machine}",
        hint="a platform that has no tag cannot be repaired for; ask for it in an issue",
    )


def _asked(judge: _Judge, wheel: WheelInfo, options: Options) -> Target:
    asked = policy(options.plat)
    if asked.machine != judge.report.arch or (asked.family not in (judge.family, "linux")):
        return _refused(wheel, (_wrong_system(asked, judge),))
    trial = judge.trial(asked)
    best = judge.best()
    if trial.lacks:
        return _refused(wheel, (_refusal(trial, best, judge),), trial.closure)
    better = not options.only_plat and not best.lacks and asked.family == best.policy.family
    if better and best.policy.level < asked.level:
        platforms = tuple(sorted({*tag_set(best.policy), *tag_set(asked)}))
        return Target(platforms=platforms, closure=best.closure, findings=())
    return Target(platforms=tag_set(asked), closure=trial.closure, findings=())


def _refused(
    wheel: WheelInfo, findings: tuple[Finding, ...], needs: Closure | None = None
) -> Target:
    nothing = Closure(libraries=(), missing=())
    return Target(platforms=wheel.platforms, closure=needs or nothing, findings=findings)


def _is_claim(tag: str) -> bool:
    claim = parse_platform(tag)
    return claim is not None and claim[0] != "linux"


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
    wanted = [options.plat] if options.plat != "auto" else list(report.wheel.platforms)
    judges = [policy(tag) for tag in wanted if _is_claim(tag)]
    return frozenset(
        (artifact.place, need.library, version)
        for artifact in report.artifacts
        for image in artifact.images
        for need in image.version_needs
        for version in need.versions
        if any(judge.lacks(version) for judge in judges)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judge:
    """Holds policies against one report."""

    report: Report
    graph: Graph
    family: str
    arch: str
    """As the family's tags spell the machine."""

    def trial(self, candidate: Policy) -> Trial:
        """Hold one policy against the wheel."""
        needs = closure(self.graph, candidate.provides)
        return Trial(policy=candidate, closure=needs, lacks=tuple(self._lacks(candidate, needs)))

    def best(self) -> Trial:
        """Give the most portable policy that fits with the fewest grafts.

        Where none fits, give the newest, with what speaks against it.
        """
        trials = [self.trial(known) for known in policies(self.family, self.arch)]
        if self.family == "musllinux":
            trials = trials[-1:]  # nothing in a binary proves that an older musl would do
        fitting = [trial for trial in trials if not trial.lacks and not trial.closure.missing]
        fitting = fitting or [trial for trial in trials if not trial.lacks]
        if fitting:
            fewest = min(len(trial.closure.libraries) for trial in fitting)
            return next(t for t in fitting if len(t.closure.libraries) == fewest)
        later = earliest(self.family, self.arch, self._versions(trials[-1].closure))
        return trials[-1] if later is None else self.trial(later)

    def _artifacts(self, needs: Closure) -> Iterator[Artifact]:
        yield from self.graph.members
        for real in needs.libraries:
            yield self.graph.artifacts[real]

    def _versions(self, needs: Closure) -> Iterator[str]:
        for artifact in self._artifacts(needs):
            for need in artifact.images[0].version_needs:
                if not self._grafted(artifact.place, need.library, needs):
                    yield from need.versions

    def _grafted(self, user: Place, library: str, needs: Closure) -> bool:
        """Tell whether a needed library comes along, so that any version of it will do."""
        for link in self.graph.links.get(user, ()):
            if link.needed == library:
                return getattr(link.provider, "real", None) in needs.libraries
        return False

    def _lacks(self, candidate: Policy, needs: Closure) -> Iterator[Lack]:
        for artifact in self._artifacts(needs):
            image = artifact.images[0]
            path = _shown(artifact.place)
            for need in image.version_needs:
                if not self._grafted(artifact.place, need.library, needs):
                    yield from self._too_new(artifact.place, need, candidate)
            yield from _forbidden(path, image, candidate)
            if image.isa and candidate.family in ("manylinux", "musllinux"):
                yield Lack(code="WF105", path=path, what=f"{path} needs a CPU of level {image.isa}")

    def _too_new(self, user: Place, need: VersionNeed, candidate: Policy) -> Iterator[Lack]:
        path = _shown(user)
        for version in need.versions:
            if candidate.lacks(version):
                symbols = self._symbols(user, need.library, version)
                what = f"{path} needs {version} of {need.library}{symbols}"
                yield Lack(code="WF103", path=path, what=what)

    def _symbols(self, user: Place, library: str, version: str) -> str:
        for place, use in self.report.version_uses:
            if place == user and (use.library, use.version) == (library, version) and use.symbols:
                shown = ", ".join(use.symbols[:4])
                more = len(use.symbols) - 4
                return f" for {shown}" + (f" and {more} more" if more > 0 else "")
        return ""


def _shown(place: Place) -> str:
    return f"{place} (to be grafted)" if isinstance(place, Path) else place


def _forbidden(path: str, image: Image, candidate: Policy) -> Iterator[Lack]:
    needed = {n.name for n in image.needed}
    groups = [
        (f" of {library}", symbols) for library, symbols in _sorted(candidate) if library in needed
    ]
    if candidate.family != "linux":
        groups.append(("", NEVER_PORTABLE))
    for owner, symbols in groups:
        used = sorted(symbols.intersection(image.undefined))
        if used:
            what = f"{path} uses {', '.join(used)}{owner}, which target systems need not have"
            yield Lack(code="WF106", path=path, what=what)


def _sorted(candidate: Policy) -> list[tuple[str, frozenset[str]]]:
    return sorted(candidate.forbidden_symbols.items())


def _most_portable(trials: list[Trial]) -> Trial:
    return min(trials, key=lambda trial: trial.policy.level)


def _false_claim(trial: Trial, judge: _Judge) -> Finding:
    best = judge.best()
    would = "" if best.lacks else f"wheelfix repair makes it {best.policy.tag}"
    return finding(
        "WF104",
        f"the wheel claims {trial.policy.tag} and does not fit it",
        details=_sentences(trial),
        hint=would,
    )


def _unclaimed(wheel: WheelInfo) -> tuple[Finding, ...]:
    if any(_is_claim(tag) for tag in wheel.platforms):
        return ()
    tags = ".".join(wheel.platforms)
    message = f"the tag {tags} does not say which systems the wheel's binaries run on"
    return (finding("WF304", message, hint="wheelfix repair gives it the tag that they earn"),)


def _none_fits(best: Trial, judge: _Judge) -> Finding:
    return finding(
        best.lacks[0].code,
        f"no {judge.family} tag fits the wheel",
        details=_sentences(best),
        hint=f"`--plat linux_{judge.arch}` brings the libraries in without claiming a tag; "
        + _cure(best.lacks[0]),
    )


def _cure(lack: Lack) -> str:
    if lack.code == "WF105":
        return "build without -march to be able to claim one"
    return "build on an older system to be able to claim one"


def _refusal(trial: Trial, best: Trial, judge: _Judge) -> Finding:
    if best.lacks:
        hint = f"`--plat linux_{judge.arch}` brings the libraries in without claiming a tag"
    else:
        hint = (
            f"the wheel would get `{best.policy.tag}`: use `--plat {best.policy.tag}` or "
            "`--plat auto`, or build on a system that is as old as the tag asked for"
        )
    return finding(
        trial.lacks[0].code,
        f"the wheel cannot have the tag {trial.policy.tag}",
        details=_sentences(trial),
        hint=hint,
    )


def _wrong_system(asked: Policy, judge: _Judge) -> Finding:
    return finding(
        "WF110",
        f"the wheel cannot have the tag {asked.tag}",
        details=(f"its binaries are {judge.family} binaries for {judge.arch}",),
        hint="`--plat auto` gives the wheel the tag that it earns",
    )


SENTENCES = 20
"""So many reasons are spelled out; a log has an end."""


def _sentences(trial: Trial) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(lack.what for lack in trial.lacks))
    if len(found) <= SENTENCES:
        return found
    return (*found[:SENTENCES], f"… and {len(found) - SENTENCES} more")
