"""Which macOS and iOS tags the wheel's binaries earn: from the lowest system of every slice."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from wheelfix.findings import finding
from wheelfix.model import Artifact, Finding, Image, InWheel, Missing, Options, Place, Report
from wheelfix.plan.graph import Graph, closure
from wheelfix.plan.target import Target
from wheelfix.policy.apple import FIRST_ARM64, GROUPS, TAGGED, AppleTag, parse_apple, spell_apple
from wheelfix.value import Value

Version = tuple[int, int]

_OLDEST: Version = (10, 0)
"""What runs everywhere, as far as anybody knows."""


class _Slice(Value):
    """One slice that will be in the wheel, and what it says it needs."""

    place: Place
    image: Image
    system: str
    version: Version

    def __str__(self) -> str:
        where = f"{self.place} (to be grafted)" if isinstance(self.place, Path) else self.place
        number = ".".join(map(str, self.version))
        return f"{where}: {self.image.arch} needs {self.system} {number}"


class _Wish(Value):
    """What the user asks for, and where nothing is asked for, what the wheel's tags say."""

    claims: tuple[AppleTag, ...]
    refused: tuple[str, ...]
    """A tag asked for that is none of Apple's."""
    version: Version | None
    """The system it must run on; None when the binaries decide."""
    archs: tuple[str, ...]
    """The machines, groups of them as groups; () when the binaries decide."""
    strict: bool
    """Whether each binary must have all of the machines."""


def choose(report: Report, graph: Graph, options: Options) -> Target:
    """Give the tags for the slices that all binaries have, at the lowest system all run on."""
    needs = closure(graph, frozenset())
    grafts = tuple(graph.artifacts[real] for real in needs.libraries)
    slices = tuple(_slices((*graph.members, *grafts)))
    systems = {each.system for each in slices} or {"macos"}
    wish = _wish(report, options)
    whole = _whole(graph)
    archs = _archs(wish.claims, whole)
    silent = _silent(report, (*graph.members, *grafts))
    tags = [_earned(arch, slices, systems, wish.version, silent) for arch in archs]
    platforms = tuple(spell_apple(tag) for tag in packed(tags))
    checked = graph.members if wish.strict else whole
    findings = (
        *_mixed(slices, systems),
        *_foreign(wish, systems),
        *_lacking((*checked, *grafts), wish.archs or archs, required=wish.strict),
        *_too_new(archs, slices, systems, wish.version),
        *_changed(report, platforms, slices),
        *_lowered(report, tags, slices),
    )
    return Target(platforms=platforms or report.wheel.platforms, closure=needs, findings=findings)


def _wish(report: Report, options: Options) -> _Wish:
    free = options.plat == "auto"
    claims = _claims(report.wheel.platforms if free else (options.plat,))
    version = None if free or not claims else claims[0].version
    if options.macos_target is not None:
        version = _version(options.macos_target)
    return _Wish(
        claims=claims,
        refused=() if free or claims else (options.plat,),
        version=version,
        archs=options.require_archs or tuple(claim.arch for claim in claims),
        strict=bool(options.require_archs) or not free,
    )


def _claims(platforms: tuple[str, ...]) -> tuple[AppleTag, ...]:
    return tuple(claim for claim in map(parse_apple, platforms) if claim is not None)


def _version(text: str) -> Version:
    major, minor = (*map(int, text.split(".")), 0)[:2]
    return major, minor


def _slices(artifacts: tuple[Artifact, ...]) -> Iterator[_Slice]:
    """Give the slices that say which system they need."""
    for artifact in artifacts:
        for image in artifact.images:
            system, _, version = (image.minimum_system or "").partition(" ")
            if version:
                yield _Slice(
                    place=artifact.place, image=image, system=system, version=_version(version)
                )


def _silent(report: Report, artifacts: tuple[Artifact, ...]) -> Mapping[str, Version]:
    """Give what the tags say for machines of which a binary does not say what it needs.

    Nothing proves then that an older system will do.
    """
    images = (image for artifact in artifacts for image in artifact.images)
    archs = {image.arch for image in images if image.minimum_system is None}
    claims = _claims(report.wheel.platforms)
    return {arch: claim.version for claim in claims for arch in claim.archs if arch in archs}


def _earned(
    arch: str,
    slices: tuple[_Slice, ...],
    systems: set[str],
    wanted: Version | None,
    silent: Mapping[str, Version],
) -> AppleTag:
    """Give the tag for one machine."""
    needed = [each.version for each in slices if each.image.arch == arch]
    least = [_floor(arch, systems), wanted or (0, 0), silent.get(arch, (0, 0))]
    version = max([*(needed or [_OLDEST]), *least])
    return AppleTag(system=min(systems), version=version, arch=arch)


def _floor(arch: str, systems: set[str]) -> Version:
    return FIRST_ARM64 if arch == "arm64" and systems == {"macos"} else (0, 0)


def _archs(claims: tuple[AppleTag, ...], members: tuple[Artifact, ...]) -> tuple[str, ...]:
    """Give the slices to claim: those claimed, else all, as far as every binary has them."""
    claimed = tuple(dict.fromkeys(arch for claim in claims for arch in claim.archs))
    common = [{image.arch for image in artifact.images} for artifact in members]
    everywhere = set.intersection(*common) if common else set()
    if not claimed:
        return tuple(sorted(everywhere or {arch for archs in common for arch in archs}))
    kept = tuple(arch for arch in claimed if arch in everywhere)
    return kept or claimed


def _whole(graph: Graph) -> tuple[Artifact, ...]:
    """Give the members that must have every slice.

    All but libraries that are asked for by slices of their own machines alone: two thin wheels
    made one may hold such, when a library was grafted into one of them only.
    """
    asked: dict[str, set[str]] = {}
    for link in (link for links in graph.links.values() for link in links):
        match link.provider:
            case InWheel(path=path):
                asked.setdefault(path, set()).add(link.arch)
            case Missing():
                asked.setdefault(posixpath.basename(link.needed), set()).add(link.arch)
            case _:
                pass

    def partial(member: Artifact) -> bool:
        path = str(member.place)
        users = asked.get(path, set())
        missing = asked.get(posixpath.basename(path), set()) if users else set()
        return bool(users) and users | missing <= {image.arch for image in member.images}

    return tuple(member for member in graph.members if not partial(member))


def _lacking(
    artifacts: tuple[Artifact, ...], wanted: tuple[str, ...], *, required: bool
) -> Iterator[Finding]:
    """Name the binaries, the wheel's own and the grafts, without a slice asked for or claimed."""
    slices = dict.fromkeys(arch for each in wanted for arch in GROUPS.get(each, (each,)))
    for artifact in artifacts:
        has = {image.arch for image in artifact.images}
        lost = [arch for arch in slices if arch not in has]
        if lost:
            where = str(artifact.place)
            yield finding(
                "WF111" if required else "WF112",
                f"`{where}` has no code for {', '.join(lost)}",
                path="" if isinstance(artifact.place, Path) else where,
                details=(f"it has {', '.join(sorted(has))}",),
                hint="build the library for both machines, or build one wheel for each machine",
            )


def _mixed(slices: tuple[_Slice, ...], systems: set[str]) -> Iterator[Finding]:
    if len(systems) > 1:
        examples = {each.system: each for each in reversed(slices)}
        yield finding(
            "WF109",
            "the wheel's binaries are for more than one system",
            details=tuple(str(examples[system]) for system in sorted(examples)),
            hint="build one wheel for each system",
        )


def _foreign(wish: _Wish, systems: set[str]) -> Iterator[Finding]:
    foreign = [spell_apple(claim) for claim in wish.claims if claim.system not in systems]
    for tag in (*foreign, *wish.refused):
        yield finding(
            "WF110",
            f"the wheel cannot have the tag {tag}",
            details=(f"its binaries are for {', '.join(sorted(systems))}",),
            hint="`--plat auto` gives the wheel the tag that it earns",
        )
    if not systems.issubset(TAGGED):
        yield finding(
            "WF110",
            f"no platform tag exists for {', '.join(sorted(systems - TAGGED))}",
            hint="a platform that has no tag cannot be repaired for; ask for it in an issue",
        )


def _too_new(
    archs: tuple[str, ...], slices: tuple[_Slice, ...], systems: set[str], wanted: Version | None
) -> Iterator[Finding]:
    """Name the slices of each machine that do not run on the system asked for."""
    if wanted is None:
        return
    for arch in archs:
        given = max(wanted, _floor(arch, systems))
        late = [each for each in slices if each.image.arch == arch and each.version > given]
        if late:
            highest = ".".join(map(str, max(each.version for each in late)))
            yield finding(
                "WF113",
                f"binaries need a newer system than {'.'.join(map(str, given))}",
                details=tuple(str(each) for each in late),
                hint=f"set `MACOSX_DEPLOYMENT_TARGET={highest}` or `--macos-target {highest}`, or "
                "build the libraries for the older system",
            )


def packed(tags: Sequence[AppleTag]) -> list[AppleTag]:
    """Say x86_64 and arm64 in one tag where it means the same; macOS 11 is the first on arm64."""
    by_arch = {tag.arch: tag for tag in tags if tag.system == "macos"}
    intel, arm = by_arch.get("x86_64"), by_arch.get("arm64")
    old = by_arch.get("i386")
    if intel and arm and _counted(max(intel.version, FIRST_ARM64)) == _counted(arm.version):
        universal = AppleTag(system="macos", version=intel.version, arch="universal2")
        return [universal, *(tag for tag in tags if tag not in (intel, arm))]
    if intel and old and intel.version == old.version:
        both = AppleTag(system="macos", version=intel.version, arch="intel")
        return [both, *(tag for tag in tags if tag not in (intel, old))]
    return sorted(tags, key=spell_apple)


def _changed(
    report: Report, platforms: tuple[str, ...], slices: tuple[_Slice, ...]
) -> Iterator[Finding]:
    """Say which file raised the tag, or that the tag says too much."""
    claims = _claims(report.wheel.platforms)
    if not claims:
        yield finding(
            "WF304",
            f"the tag {'.'.join(report.wheel.platforms)} does not say which systems the wheel's "
            "binaries run on",
            hint=f"wheelfix repair makes it {'.'.join(platforms)}",
        )
        return
    for claim in claims:
        above = [
            each
            for each in slices
            if each.image.arch in claim.archs
            and each.system == claim.system
            and _counted(each.version) > _counted(max(claim.version, _first(each)))
        ]
        if above:
            highest = max(each.version for each in above)
            yield finding(
                "WF104",
                f"the wheel claims {spell_apple(claim)} and does not fit it",
                details=tuple(str(each) for each in above if each.version == highest),
                hint=f"wheelfix repair makes it {'.'.join(platforms)}",
            )


def _lowered(report: Report, tags: list[AppleTag], slices: tuple[_Slice, ...]) -> Iterator[Finding]:
    """Say which file decides when the tag names an older system than it did."""
    given = {(tag.system, tag.arch): _counted(tag.version) for tag in tags}
    for claim in _claims(report.wheel.platforms):
        now = [given.get((claim.system, arch)) for arch in claim.archs]
        lower = [version for version in now if version is not None]
        if lower and _counted(claim.version) > max(lower):
            mine = [each for each in slices if each.image.arch in claim.archs]
            highest = max((each.version for each in mine), default=None)
            yield finding(
                "WF114",
                f"the wheel claims {spell_apple(claim)} and runs on older systems too",
                details=tuple(str(each) for each in mine if each.version == highest),
                hint=f"`--plat {spell_apple(claim)}` keeps the tag",
            )


def _first(each: _Slice) -> Version:
    return FIRST_ARM64 if each.image.arch == "arm64" and each.system == "macos" else (0, 0)


def _counted(version: Version) -> Version:
    """Give the version as tags count it: from macOS 11 on by its first number."""
    return (version[0], 0) if version >= FIRST_ARM64 else version
