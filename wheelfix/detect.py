"""Members to artifacts, by their first bytes, never by extension or by the wheel's name."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from wheelfix.archive import installed_path, required
from wheelfix.errors import BadBinary, NotSupported, UsageError
from wheelfix.findings import finding
from wheelfix.formats import named
from wheelfix.looks import look_at_all
from wheelfix.model import (
    Artifact,
    Contents,
    Finding,
    ImageKind,
    MemberFacts,
    Options,
    Shape,
    SkippedMember,
    Starter,
    Watch,
    WheelInfo,
    WheelPath,
)
from wheelfix.policy.claims import claims, for_several_machines, people_say
from wheelfix.value import Value, replace


class Detected(Value):
    """The binaries of a wheel."""

    arch: str | None
    """The machine the wheel is for; None as in `Report.arch`."""
    artifacts: tuple[Artifact, ...]
    """Those for the wheel's machine, sorted by path."""
    skipped: tuple[SkippedMember, ...]
    findings: tuple[Finding, ...]
    starters: tuple[Starter, ...] = ()
    """Of the packages around the artifacts, sorted by path."""
    requires: tuple[str, ...] | None = None
    """As in `Report.requires`."""
    announced: tuple[str, ...] = ()
    """As in the report."""
    used_excludes: frozenset[str] = frozenset()
    """The `--exclude` globs that excuse a damaged member."""


def detect(wheel: Contents, options: Options, *, watch: Watch, seals: bool = False) -> Detected:
    """Read the headers of every binary in the wheel. Nothing is written.

    With `seals` it is also said whose signature does not hold: then every page of every signed
    member is hashed.
    """
    _refuse_unsupported(wheel.info)
    looks = look_at_all(wheel, watch, seals=seals, jobs=options.jobs or os.cpu_count() or 1)
    artifacts: list[Artifact] = []
    skipped: list[SkippedMember] = []
    findings: list[Finding] = []
    used: set[str] = set()
    for member, look in looks:
        path = member.path
        if look.error is not None:
            patterns = [p for p in options.exclude if fnmatchcase(path, p)]
            reason = "damaged, and excluded" if patterns else "damaged"
            skipped.append(SkippedMember(path=path, reason=reason))
            used.update(patterns)
            if not patterns:
                findings.append(_damaged(member, look.error))
        elif look.artifact is not None:
            artifacts.append(look.artifact)
        else:
            reason = "an object file or archive: no loader loads it"
            if wheel.info.shape is Shape.BINARY:
                raise UsageError(problem=f"is {reason}", hint="name a program or a shared library")
            skipped.append(SkippedMember(path=path, reason=reason))
    detected = _at_home(wheel.info, artifacts, skipped, findings)
    flaws = {member.path: look.flaws for member, look in looks}
    return replace(
        detected,
        findings=(*detected.findings, *_broken_seals(detected.artifacts, flaws)),
        used_excludes=frozenset(used),
        requires=_requires(wheel, detected.artifacts),
        starters=_starters(wheel, detected.artifacts),
        announced=_announced(wheel, detected.artifacts),
    )


def _starters(wheel: Contents, artifacts: tuple[Artifact, ...]) -> tuple[Starter, ...]:
    """Read the `__init__.py` of all packages around the binaries, where the loader heeds them."""
    readers = {a.place: named(a.format).starter for a in artifacts}
    reader = next(iter(readers.values()), None)
    if reader is None:
        return ()
    installed = (installed_path(WheelPath(str(place))) for place in readers)
    folders = {folder for path in installed if path for folder in _folders_around(path)}
    paths = {f"{folder}/__init__.py" for folder in folders}
    names = {PurePosixPath(str(place)).name.lower() for place in readers}
    dlls = frozenset(name for name in names if name.endswith(".dll"))
    files = [
        path
        for path in wheel.paths
        if path.endswith("__init__.py") and installed_path(path) in paths
    ]
    sources = ((path, wheel.source(path)) for path in files)  # who edits one has it proved
    found = (reader(path, source.read(0, source.size)) for path, source in sources)
    return tuple(
        replace(each, helped=each.helped or _has_helper(wheel, each.path, files, dlls))
        for each in found
    )


def _folders_around(path: str) -> Iterator[str]:
    """Give the folders that a path leads through, the innermost first."""
    while path := path.rpartition("/")[0]:
        yield path


def _requires(wheel: Contents, artifacts: tuple[Artifact, ...]) -> tuple[str, ...] | None:
    """Read what METADATA requires, where a search path may lead to another wheel's folder."""
    path = WheelPath(f"{wheel.info.dist_info}/METADATA")
    searched = (e for a in artifacts for image in a.images for e in image.search.entries)
    if not any("/.." in entry for entry in searched) or path not in wheel.paths:
        return None
    source = wheel.source(path)  # unproved: OpenSSL takes long to load
    return required(source.read(0, source.size))


def _has_helper(
    wheel: Contents, package: WheelPath, others: list[WheelPath], dlls: frozenset[str]
) -> bool:
    """Tell whether a module beside a package's file, which imports it, loads DLLs of the wheel.

    scikit-learn's `_distributor_init.py` does, by their names. Only outermost packages are looked
    at: theirs is the file that runs first.
    """
    outer = (other.removesuffix("__init__.py") for other in others if other != package)
    if not dlls or package.startswith(tuple(outer)):
        return False
    lines = wheel.read(package).decode("latin-1").splitlines()
    words = set(re.findall(r"\w+", " ".join(line for line in lines if "import" in line)))
    folder = package.removesuffix("__init__.py")
    beside = (path for path in wheel.paths if path.startswith(folder))
    modules = (p for p in beside if p.endswith(".py") and p[len(folder) : -len(".py")] in words)
    texts = (wheel.read(path).decode("latin-1").lower() for path in modules)
    return any(
        re.search(r"\b(windll|cdll|add_dll_directory)\b", text) and any(d in text for d in dlls)
        for text in texts
    )


def _announced(wheel: Contents, artifacts: tuple[Artifact, ...]) -> tuple[str, ...]:
    """Give the binaries' folders that code run at Python's start speaks of, where that counts."""
    heeded = any(named(artifact.format).starter for artifact in artifacts)
    if not heeded or not any(path.endswith(".pth") for path in wheel.paths):
        return ()
    from wheelfix.archive.startup import startup_texts  # hardly a wheel has such a file

    places = ((installed_path(path), path) for path in wheel.paths)
    installed = {str(path): member for path, member in places if path is not None}
    texts = startup_texts(installed, lambda path: wheel.read(installed[path]))
    spoken = " ".join(text for text in texts if "add_dll_directory" in text)
    members = {str(artifact.place) for artifact in artifacts}
    folders = {PurePosixPath(path).parent for path in installed if installed[path] in members}
    return tuple(sorted(str(folder) for folder in folders if _speaks_of(spoken, folder.name)))


def _speaks_of(text: str, name: str) -> bool:
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _damaged(member: MemberFacts, error: BadBinary) -> Finding:
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
        if platform != "any" and claims((platform,)) is None:
            raise NotSupported(
                problem=f"wheels for `{platform}` are not supported",
                hint="wheelfix repairs wheels for Linux, Android, macOS, iOS and Windows",
            )


class _Home(Value):
    """What a wheel is for: the binaries that are at home in it."""

    format: str | None
    """None when nothing tells, or several formats do."""
    archs: frozenset[str]
    systems: frozenset[str] = frozenset()
    """As in `Image.minimum_system`; empty when no tag tells."""

    @property
    def arch(self) -> str | None:
        """Give the machine as `Report.arch` has it: universal files are for several."""
        if self.format and for_several_machines(self.format):
            return "+".join(sorted(self.archs)) or None
        return next(iter(self.archs)) if len(self.archs) == 1 else None

    def has(self, artifact: Artifact) -> bool:
        """Tell whether a binary is for this system and one of its machines."""
        if artifact.format != self.format or self.arch is None:
            return False
        found = _systems(artifact)
        if self.systems and found and not found & self.systems:
            return False
        return any(image.arch in self.archs for image in artifact.images)


def _systems(artifact: Artifact) -> frozenset[str]:
    """Give the systems that a binary is for, none when it does not tell."""
    needs = (image.minimum_system for image in artifact.images)
    return frozenset(need.partition(" ")[0] for need in needs if need)


def _home(info: WheelInfo, artifacts: list[Artifact]) -> _Home:
    """Tell from the platform tags what a wheel is for, from its binaries where no tag does."""
    claim = claims(info.platforms)
    if claim is not None:
        there = {i.arch for a in artifacts if a.format == claim.format for i in a.images}
        narrow = len(there & claim.archs) == 1 and not for_several_machines(claim.format)
        archs = claim.archs & there if narrow else claim.archs
        return _Home(format=claim.format, archs=archs, systems=claim.systems)
    alone = info.shape is Shape.BINARY
    own = [artifact for artifact in artifacts if alone or not _is_passenger(artifact)]
    formats = {artifact.format for artifact in own}
    archs = frozenset(image.arch for artifact in own for image in artifact.images)
    return _Home(format=formats.pop() if len(formats) == 1 else None, archs=archs)


def _is_passenger(artifact: Artifact) -> bool:
    """Tell a program for Windows, of which wheels for all systems carry some as templates."""
    return artifact.format == "pe" and artifact.images[0].kind is ImageKind.PROGRAM


def _at_home(
    info: WheelInfo,
    artifacts: list[Artifact],
    skipped: list[SkippedMember],
    findings: list[Finding],
) -> Detected:
    """Keep what is for the wheel's system; note the rest."""
    home = _home(info, artifacts)
    kept = [artifact for artifact in artifacts if home.has(artifact)]
    for artifact in artifacts:
        if not home.has(artifact):
            other = _of_other_machine(artifact, home)
            skipped.append(other)
            findings.append(_other_machine(other))
    if artifacts and not kept and home.arch is not None:
        findings.append(_nobody_at_home(info, artifacts))
    if home.arch is None:
        findings += _for_several_machines(home, artifacts)
    return Detected(
        arch=home.arch if kept else None,
        artifacts=tuple(sorted(kept, key=lambda a: str(a.place))),
        skipped=tuple(sorted(skipped, key=lambda s: s.path)),
        findings=tuple(findings),
    )


def _of_other_machine(artifact: Artifact, home: _Home) -> SkippedMember:
    assert isinstance(artifact.place, str)
    machine = "+".join(image.arch for image in artifact.images)
    if home.format is None:
        wanted = "the wheel is for several systems"
    elif artifact.format != home.format:
        machine = f"{people_say(artifact.format)} on {machine}"
        wanted = f"the wheel is for {people_say(home.format)}"
    elif home.systems and not home.systems & _systems(artifact):
        machine = f"{'+'.join(sorted(_systems(artifact)))} on {machine}"
        wanted = f"the wheel is for {'+'.join(sorted(home.systems))}"
    else:
        wanted = (
            f"the wheel is for {home.arch}" if home.arch else "the wheel is for several machines"
        )
    return SkippedMember(path=artifact.place, reason=f"a binary for {machine}; {wanted}")


def _other_machine(skipped: SkippedMember) -> Finding:
    return finding("WF107", f"`{skipped.path}` is left alone: {skipped.reason}", path=skipped.path)


def _nobody_at_home(info: WheelInfo, artifacts: list[Artifact]) -> Finding:
    machines = sorted({image.arch for artifact in artifacts for image in artifact.images})
    return finding(
        "WF115",
        f"no binary in the wheel is for {'.'.join(info.platforms)}",
        details=(f"they are for {', '.join(machines)}",),
        hint="give the wheel the tag of the machine that it was built for",
    )


def _for_several_machines(home: _Home, artifacts: list[Artifact]) -> Iterator[Finding]:
    """Name an extension module for each of the machines, where they are for several.

    Programs and other libraries may be for several: the wheel's code chooses from them.
    """
    machines: dict[str, str] = {}
    for artifact in artifacts:
        here = artifact.format == home.format and artifact.images[0].arch in home.archs
        if here and not _is_passenger(artifact) and _is_for_python(artifact):
            machines.setdefault(artifact.images[0].arch, str(artifact.place))
    if len(machines) > 1:
        yield finding(
            "WF109",
            "the wheel's extension modules are for more than one machine",
            details=tuple(f"{arch}: {path}" for arch, path in sorted(machines.items())),
            hint="build one wheel for each machine",
        )


def _is_for_python(artifact: Artifact) -> bool:
    from wheelfix.policy.tags import is_python_library

    needed = (each.name for image in artifact.images for each in image.needed)
    return any(map(is_python_library, needed))


def _broken_seals(
    artifacts: tuple[Artifact, ...], flaws: Mapping[WheelPath, tuple[str, ...]]
) -> Iterator[Finding]:
    """Say whose signature does not hold."""
    for artifact in artifacts:
        assert isinstance(artifact.place, str)
        if flaws[artifact.place]:
            yield _broken_seal(artifact.place, flaws[artifact.place])


def _broken_seal(path: WheelPath, flaws: tuple[str, ...]) -> Finding:
    return finding(
        "WF206",
        f"the signature of `{path}` does not hold",
        path=path,
        details=flaws[:5],
        hint="build it again, or sign it: `codesign --force --sign - FILE`; a repair signs anew "
        "only what it edits",
    )
