"""The facts about one wheel, gathered for the plan. No I/O."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from wheelfix.model.facts import Artifact, Finding, Fingerprint, Place, WheelPath
from wheelfix.model.links import Link
from wheelfix.value import Value


class SkippedMember(Value):
    """A member that looks like a binary and is left alone, with the reason."""

    path: WheelPath
    reason: str


class Shape(StrEnum):
    """What is looked at as a wheel's members."""

    WHEEL = "wheel"
    """An archive, or what a build backend is about to put into one."""
    TREE = "tree"
    """An unpacked wheel."""
    INSTALLED = "installed"
    """A distribution where an installer put it."""
    BINARY = "binary"
    """A file of its own: what is to be said of wheels does not count."""

    @property
    def stands(self) -> bool:
        """Tell whether the binaries lie where they are loaded from, beside what they find there."""
        return self in (Shape.INSTALLED, Shape.BINARY)


class WheelInfo(Value):
    """What the wheel says about itself: its file name, WHEEL and layout."""

    filename: str
    """Of what is no archive, the name it would have; a single binary's own."""
    name: str
    """Distribution as the file name spells it."""
    version: str
    build: str
    """Build tag, empty when there is none."""
    pythons: tuple[str, ...]
    abis: tuple[str, ...]
    platforms: tuple[str, ...]
    label: str
    """Variant label after the platform tag, empty when there is none; always kept."""
    dist_info: str
    """Folder name, `{name}-{version}.dist-info`, as the archive spells it."""
    tags: tuple[str, ...]
    """WHEEL's Tag lines, in order."""
    root_is_purelib: bool
    packages: tuple[str, ...] = ()
    """Installed top folders that are regular packages (they have an `__init__`), sorted."""
    shape: Shape = Shape.WHEEL


class Starter(Value):
    """The `__init__.py` of a package: Python code that runs before the package's binaries load."""

    path: WheelPath
    at: int
    """Where a shim of ours begins or would, in bytes from the start of the file."""
    until: int
    """Where the old one ends; `at` without one."""
    shim: str
    """Our own old shim with its lines ended by `\\n`; empty without one."""
    newline: str
    """What ends a line there."""
    helped: bool
    """True when the file itself tells Windows where DLLs lie, or another tool's shim does."""


class Neighbour(Value):
    """A file of the host beside a library, which is about it and is wanted along with it."""

    library: Path
    """The library's real path."""
    source: Path
    """Its own."""
    size: int
    fingerprint: Fingerprint


class VersionUse(Value):
    """The undefined symbols of an image that are bound to one version of one library."""

    library: str
    version: str
    symbols: tuple[str, ...]
    """Sorted; may be empty when the file demands a version that no symbol uses."""


class Report(Value):
    """The facts about one wheel: all that `plan` may know."""

    wheel: WheelInfo
    arch: str | None
    """The machine the wheel is for, `universal2` and its kin for several slices; None when it holds
    no binaries, or those of several machines under the tag `any`: then none is repaired."""
    artifacts: tuple[Artifact, ...]
    """All of one format. Sorted: members by path, then host libraries by path."""
    links: tuple[Link, ...]
    """Sorted by user, then in file order."""
    skipped: tuple[SkippedMember, ...] = ()
    findings: tuple[Finding, ...] = ()
    """What the archive and the reading of it have to say; the plan adds its own."""
    included: tuple[Path, ...] = ()
    """Host libraries that come along by the user's word alone, sorted by real path."""
    neighbours: tuple[Neighbour, ...] = ()
    """By library, as the user asked for them."""
    requires: tuple[str, ...] | None = None
    """The distributions that METADATA requires, as it spells them; None when it was not asked, as
    no binary searches folders above its own."""
    occupied: tuple[WheelPath, ...] = ()
    """With neighbours: the paths of all members, where no neighbour may go."""
    unmet_includes: tuple[str, ...] = ()
    """The `--include` words that gave no library for the wheel's machine, in the user's order."""
    unused_excludes: tuple[str, ...] = ()
    """The `--exclude` globs that matched no needed name and no library, in the user's order."""
    version_uses: tuple[tuple[Place, VersionUse], ...] = ()
    """Looked up only for needs that a tag asked for or claimed does not grant."""
    starters: tuple[Starter, ...] = ()
    """Of the packages around the wheel's binaries, sorted by path; only where the loader obeys
    Python code (Windows)."""
    announced: tuple[str, ...] = ()
    """Installed folders of binaries that code in a `.pth`, which Python runs at its start, tells
    Windows of; sorted."""
    archive_notes: tuple[str, ...] = ()
    """What breaks the package index's rules for archives, so that headers must be rewritten."""
    record_notes: tuple[str, ...] = ()
    """What RECORD lacks, which is written anew for it."""
