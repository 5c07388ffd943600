"""Members to artifacts, by their first bytes, never by extension or by the wheel's name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from wheelfix.archive import OpenWheel
from wheelfix.errors import BadBinary, NotSupported
from wheelfix.findings import finding
from wheelfix.formats import HEAD, identify
from wheelfix.model import (
    Artifact,
    Finding,
    Image,
    Member,
    Options,
    SkippedMember,
    Watch,
    WheelInfo,
)
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
    used_excludes: frozenset[str] = frozenset()
    """The `--exclude` globs that excuse a damaged member."""


def detect(wheel: OpenWheel, options: Options, *, watch: Watch) -> Detected:
    """Read the headers of every binary in the wheel. Nothing is written."""
    _refuse_unsupported(wheel.info)
    artifacts: list[Artifact] = []
    skipped: list[SkippedMember] = []
    findings: list[Finding] = []
    used: set[str] = set()
    for member in wheel.members:
        source = wheel.source(member.path)
        found = identify(source.read(0, HEAD))
        if found is None:
            continue
        try:
            images = found.read(source, watch=watch)
        except BadBinary as error:
            patterns = [p for p in options.exclude if fnmatchcase(member.path, p)]
            reason = "damaged, and excluded" if patterns else "damaged"
            skipped.append(SkippedMember(path=member.path, reason=reason))
            used.update(patterns)
            if not patterns:
                findings.append(_damaged(member, error))
            continue
        if images:
            artifacts.append(_artifact(member, found.name, images))
        else:
            reason = "an object file or archive: no loader loads it"
            skipped.append(SkippedMember(path=member.path, reason=reason))
    detected = _for_one_machine(wheel.info, artifacts, skipped, findings)
    return replace(detected, used_excludes=frozenset(used))


def _artifact(member: Member, format_name: str, images: tuple[Image, ...]) -> Artifact:
    return Artifact(
        place=member.path,
        format=format_name,
        images=images,
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
        if artifact.images[0].arch != arch:
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
