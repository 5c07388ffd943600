"""Policies held against a wheel: what each makes necessary, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wheelfix.findings import IGNORABLE
from wheelfix.model import (
    Artifact,
    Beside,
    Image,
    InWheel,
    OnHost,
    Pick,
    Place,
    Report,
    VersionNeed,
)
from wheelfix.plan.graph import Closure, Graph, closure
from wheelfix.policy.policies import Policy, earliest, policies
from wheelfix.policy.symbols import NEVER_PORTABLE
from wheelfix.value import Value


class Lack(Value):
    """One reason why a policy does not fit."""

    code: str
    path: str
    """In the wheel, or on the host for a library to be grafted; empty for the wheel as a whole."""
    what: str
    """A sentence that names binary, library, symbols and version."""
    version: str = ""
    """The symbol version that is too new."""


class Trial(Value):
    """A policy held against the wheel: what would be grafted, and what speaks against it."""

    policy: Policy
    closure: Closure
    lacks: tuple[Lack, ...]
    ignored: tuple[Lack, ...] = ()
    """Those that would, had the user not said that they do not count."""


class Burden(Value):
    """What a binary asks of the target system."""

    place: Place
    image: Image
    needs: tuple[VersionNeed, ...]
    """The symbol versions of libraries that do not come along."""


class Burdens(Value):
    """Those of all binaries, where the same libraries come along."""

    each: tuple[Burden, ...]
    versions: frozenset[str]
    """All symbol versions that are needed: few, whatever the number of binaries."""


class Judge(Value):
    """Holds policies against one report."""

    report: Report
    graph: Graph
    family: str
    arch: str
    """As the family's tags spell the machine."""
    ignore: tuple[Pick, ...] = ()
    """Lacks that do not count."""

    def trial(self, candidate: Policy) -> Trial:
        """Hold one policy against the wheel."""
        needs = closure(self.graph, candidate.provides)
        return self._trial(candidate, needs, self._burdens(needs))

    def _trial(self, candidate: Policy, needs: Closure, burdens: Burdens) -> Trial:
        lacks = tuple(dict.fromkeys(self._lacks(candidate, burdens)))
        return Trial(
            policy=candidate,
            closure=needs,
            lacks=tuple(lack for lack in lacks if not self._is_ignored(lack)),
            ignored=tuple(filter(self._is_ignored, lacks)),
        )

    def _is_ignored(self, lack: Lack) -> bool:
        ignorable = lack.code in IGNORABLE
        return ignorable and any(pick.takes(lack.code, lack.path) for pick in self.ignore)

    def best(self) -> Trial:
        """Give the most portable policy that fits with the fewest grafts.

        Where none fits, give the newest, with what speaks against it.
        """
        candidates = policies(self.family, self.arch)
        distinct = {each.provides for each in candidates}  # few levels add a library
        closures = {provides: closure(self.graph, provides) for provides in distinct}
        burdens = {provides: self._burdens(needs) for provides, needs in closures.items()}
        trials = [  # a trial tells of every lack: not of policies that are out for one of them
            self._trial(each, closures[each.provides], burdens[each.provides])
            for each in candidates
            if each is candidates[-1] or self._may_fit(each, burdens[each.provides])
        ]
        if self.family == "musllinux":
            trials = trials[-1:]  # nothing in a binary proves that an older musl would do
        fitting = [trial for trial in trials if not trial.lacks and not trial.closure.missing]
        fitting = fitting or [trial for trial in trials if not trial.lacks]
        if fitting:
            fewest = min(len(trial.closure.libraries) for trial in fitting)
            return next(t for t in fitting if len(t.closure.libraries) == fewest)
        later = earliest(self.family, self.arch, self._burdens(trials[-1].closure).versions)
        return trials[-1] if later is None else self.trial(later)

    def _may_fit(self, candidate: Policy, burdens: Burdens) -> bool:
        return bool(self.ignore) or not _lacking(candidate, burdens)

    def allows(self, family: str) -> bool:
        """Tell whether the binaries can be of a family; those without needs are of any."""
        return family in (self.family, "linux") or not any(
            image.needed or image.libc
            for artifact in self.graph.members
            for image in artifact.images
        )

    def _artifacts(self, needs: Closure) -> Iterator[Artifact]:
        yield from self.graph.members
        for real in needs.libraries:
            yield self.graph.artifacts[real]

    def _burdens(self, needs: Closure) -> Burdens:
        """Gather what policies differ in, once for all that leave the same libraries to graft."""
        each = tuple(self._each_burden(needs))
        versions = (
            version for burden in each for need in burden.needs for version in need.versions
        )
        return Burdens(each=each, versions=frozenset(versions))

    def _each_burden(self, needs: Closure) -> Iterator[Burden]:
        for artifact in self._artifacts(needs):
            image = artifact.images[0]
            due = tuple(
                [
                    need
                    for need in image.version_needs
                    if not self._comes_along(artifact.place, need.library, needs)
                ]
            )
            if due or image.undefined or image.isa:
                yield Burden(place=artifact.place, image=image, needs=due)

    def _comes_along(self, user: Place, library: str, needs: Closure) -> bool:
        """Tell whether a needed library is or will be there: then any version of it will do."""
        providers = [n.provider for n in self.graph.links.get(user, ()) if n.needed == library]
        match providers:
            case [InWheel() | Beside(), *_]:
                return True
            case [OnHost(real=real), *_]:
                return real in needs.libraries
            case _:
                return False

    def _lacks(self, candidate: Policy, burdens: Burdens) -> Iterator[Lack]:
        if not self.allows(candidate.family):
            what = f"its binaries are {self.family} binaries"
            yield Lack(code="WF110", path="", what=what)
            return
        lacking = _lacking(candidate, burdens)
        for burden in burdens.each:
            place, image = burden.place, burden.image
            for need in burden.needs if lacking else ():
                yield from self._too_new(place, need, lacking)
            yield from _forbidden(place, image, candidate)
            if image.isa and candidate.family in ("manylinux", "musllinux"):
                what = f"{_shown(place)} needs a CPU of level {image.isa}"
                yield Lack(code="WF105", path=str(place), what=what)

    def _too_new(self, user: Place, need: VersionNeed, lacking: frozenset[str]) -> Iterator[Lack]:
        for version in need.versions:
            if version in lacking:
                symbols = self._symbols(user, need.library, version)
                what = f"{_shown(user)} needs {version} of {need.library}{symbols}"
                yield Lack(code="WF103", path=str(user), what=what, version=version)

    def _symbols(self, user: Place, library: str, version: str) -> str:
        for place, use in self.report.version_uses:
            if place == user and (use.library, use.version) == (library, version) and use.symbols:
                shown = ", ".join(use.symbols[:4])
                more = len(use.symbols) - 4
                return f" for {shown}" + (f" and {more} more" if more > 0 else "")
        return ""


def _lacking(candidate: Policy, burdens: Burdens) -> frozenset[str]:
    return frozenset(version for version in burdens.versions if candidate.lacks(version))


def _shown(place: Place) -> str:
    return f"{place} (to be grafted)" if isinstance(place, Path) else place


def _forbidden(place: Place, image: Image, candidate: Policy) -> Iterator[Lack]:
    if not image.undefined:
        return
    needed = {n.name for n in image.needed}
    groups = [
        (f" of {library}", symbols) for library, symbols in _sorted(candidate) if library in needed
    ]
    if candidate.family != "linux":
        groups.append(("", NEVER_PORTABLE))
    for owner, symbols in groups:
        used = sorted(symbols.intersection(image.undefined))
        if used:
            what = (
                f"{_shown(place)} uses {', '.join(used)}{owner}, which target systems need not have"
            )
            yield Lack(code="WF106", path=str(place), what=what)


def _sorted(candidate: Policy) -> list[tuple[str, frozenset[str]]]:
    return sorted(candidate.forbidden_symbols.items())
