"""Members to artifacts, by their first bytes, never by extension or by the wheel's name."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from wheelfix.archive import OpenWheel
from wheelfix.errors import BadBinary, NotSupported
from wheelfix.findings import finding
from wheelfix.formats import HEAD, identify
from wheelfix.formats.interface import Format
from wheelfix.model import Artifact, Finding, Member, Options, SkippedMember, Watch, WheelInfo
from wheelfix.policy import machine_of, parse_platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """The binaries of a wheel."""

    arch: str | None
    """The machine the wheel is for; None as in `Report.arch`."""
    artifacts: tuple[Artifact, ...]
    """Those for the wheel's machine, sorted by path."""
    skipped: tuple[SkippedMember, ...]
    findings: tuple[Finding, ...]


def detect(wheel: OpenWheel, options: Options, *, watch: Watch) -> Detected:
    """Read the headers of every binary in the wheel. Nothing is written."""
    _refuse_unsupported(wheel.info)
    artifacts: list[Artifact] = []
    skipped: list[SkippedMember] = []
    findings: list[Finding] = []
    for member in wheel.members:
        source = wheel.source(member.path)
        found = identify(source.read(0, HEAD))
        if found is None:
            continue
        try:
            artifact = _artifact(member, found, wheel, watch)
        except BadBinary as error:
            excluded = any(fnmatchcase(member.path, pattern) for pattern in options.exclude)
            note = "damaged, and excluded" if excluded else "damaged"
            skipped.append(SkippedMember(path=member.path, reason=note))
            if not excluded:
                findings.append(_damaged(member, error))
            continue
        if artifact.images:
            artifacts.append(artifact)
        else:
            reason = "an object file or archive: no loader loads it"
            skipped.append(SkippedMember(path=member.path, reason=reason))
    return _for_one_machine(wheel.info, artifacts, skipped, findings)


def _artifact(member: Member, found: Format, wheel: OpenWheel, watch: Watch) -> Artifact:
    return Artifact(
        place=member.path,
        format=found.name,
        images=found.read(wheel.source(member.path), watch=watch),
        size=member.size,
        mode=(member.mode or 0o644) & 0o777,
    )


def _damaged(member: Member, error: BadBinary) -> Finding:
    return finding(
        "WF301",
        f"`{member.path}` is damaged: {error.problem}",
        path=member.path,
        details=() if error.offset is None else (f"at byte 0x{error.offset:x} of the member",),
        hint="build the wheel again, or leave this file alone with "
        f"`--exclude '{member.path}'` if it is meant to be broken",
    )


def _refuse_unsupported(info: WheelInfo) -> None:
    for platform in info.platforms:
        system = platform.partition("_")[0]
        if system in ("macosx", "ios", "win", "win32"):
            raise NotSupported(
                problem=f"wheels for `{platform}` are not supported yet",
                hint="this version of wheelfix repairs Linux and Android wheels",
            )


def claimed_archs(info: WheelInfo) -> frozenset[str]:
    """Give the machines that the platform tags in the wheel's file name speak of."""
    parsed = (parse_platform(platform) for platform in info.platforms)
    return frozenset(machine_of(claim[0], claim[2]) for claim in parsed if claim is not None)


def _for_one_machine(
    info: WheelInfo,
    artifacts: list[Artifact],
    skipped: list[SkippedMember],
    findings: list[Finding],
) -> Detected:
    """Keep what is for the wheel's machine; note the rest."""
    archs = claimed_archs(info) or frozenset(a.images[0].arch for a in artifacts)
    arch = next(iter(archs)) if len(archs) == 1 else None
    kept = [a for a in artifacts if a.images[0].arch == arch]
    for artifact in artifacts:
        if artifact not in kept:
            skipped.append(_of_other_machine(artifact, arch))
            findings.append(_other_machine(artifact, arch))
    return Detected(
        arch=arch if kept else None,
        artifacts=tuple(kept),
        skipped=tuple(sorted(skipped, key=lambda s: s.path)),
        findings=tuple(findings),
    )


def _of_other_machine(artifact: Artifact, arch: str | None) -> SkippedMember:
    assert isinstance(artifact.place, str)
    machine = artifact.images[0].arch
    wanted = f"the wheel is for {arch}" if arch else "the wheel is for several machines"
    return SkippedMember(path=artifact.place, reason=f"a binary for {machine}; {wanted}")


def _other_machine(artifact: Artifact, arch: str | None) -> Finding:
    skipped = _of_other_machine(artifact, arch)
    return finding("WF107", f"`{skipped.path}` is left alone: {skipped.reason}", path=skipped.path)
