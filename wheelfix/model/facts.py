"""Facts: what the stages left of the plan report. No I/O.

Paths inside a wheel are `WheelPath`s; where pip puts them below site-packages is an
`InstalledPath`; host paths are `pathlib.Path`s. Collections are tuples.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from wheelfix.typed import NewType, Protocol, TypeAlias
from wheelfix.value import Value

WheelPath = NewType("WheelPath", str)
"""A member's path as the archive spells it: relative, `/` between its parts."""

InstalledPath = NewType("InstalledPath", str)
"""A path relative to site-packages after installation: `{dist}.data/platlib/` taken off."""

Place: TypeAlias = WheelPath | Path
"""Where a binary lies: in the wheel (a str), or on the host (a real, absolute Path)."""

Watch: TypeAlias = Mapping[str, frozenset[str]]
"""Symbols to look for, by the library that must be needed; under "" those to look for always."""


def below(root: Path | None, path: Path) -> Path:
    """Give where an absolute path of the target system lies on this machine.

    `root` is the folder that stands for its `/`; None for this machine's own.
    """
    return path if root is None else root.joinpath(*path.parts[1:])


class ByteSource(Protocol):
    """Random access to bytes that are not necessarily in memory."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def read(self, offset: int, size: int) -> bytes:
        """Give `size` bytes from `offset`; fewer only where the source ends."""
        ...


class Member(Value):
    """One file of the wheel, as its checked central directory describes it."""

    path: WheelPath
    size: int
    """Bytes when inflated, as the headers say; proved only by inflating it."""
    mode: int | None
    """Unix permission and type bits; None when the archive was made without them."""
    method: int
    """Compression method number of the zip specification: 0 stored, 8 deflate."""
    compressed_size: int
    data_offset: int
    """Where the compressed bytes begin in the archive."""
    crc: int


class NeededKind(StrEnum):
    """How a binary asks for a library."""

    NORMAL = "normal"
    WEAK = "weak"
    """May be absent at run time."""
    DELAY = "delay"
    LAZY = "lazy"
    REEXPORT = "reexport"
    UPWARD = "upward"
    FORWARD = "forward"
    """Only an export is passed on to it; loaded when somebody asks for that export."""
    DLOPEN = "dlopen"
    """Only named in a note or declared by the user; never in a load command."""


class Needed(Value):
    """One library that an image asks for, by the name it uses."""

    name: str
    kind: NeededKind = NeededKind.NORMAL


class Opened(Value):
    """A library that a note of a binary says it loads by name when it runs."""

    names: tuple[str, ...]
    """One of them is enough; the binary's own order."""
    priority: str
    """`required`, `recommended` or `suggested`."""


OPENERS = frozenset({"dlopen", "dlmopen"})
"""The functions that load a library by name."""


class VersionNeed(Value):
    """The symbol versions an image demands of one needed library, in file order."""

    library: str
    versions: tuple[str, ...]


class SearchKind(StrEnum):
    """Which mechanism carries an image's search path."""

    RPATH = "rpath"
    """DT_RPATH, searched for all that the image loads, before LD_LIBRARY_PATH; also LC_RPATH."""
    RUNPATH = "runpath"
    """DT_RUNPATH: searched for the image's own needed names, after LD_LIBRARY_PATH."""


class SearchPath(Value):
    """An image's own search path, entries in the loader's order and spelling."""

    kind: SearchKind = SearchKind.RPATH
    entries: tuple[str, ...] = ()
    shadowed: tuple[str, ...] = ()
    """Entries that stand in the file but that the loader ignores (DT_RPATH beside DT_RUNPATH)."""


class ImageKind(StrEnum):
    """What the loader does with an image."""

    LIBRARY = "library"
    PROGRAM = "program"


class Image(Value):
    """What one architecture of a binary tells the loader. Everything an edit can change is here."""

    arch: str
    """The machine as platform tags spell it: x86_64, i686, aarch64, armv7l, arm64, amd64 …"""
    kind: ImageKind
    own_name: str | None
    """SONAME, install name or export name; None when the file carries none."""
    needed: tuple[Needed, ...]
    """In file order; repeated names stay repeated, but for those that exports are passed on to."""
    search: SearchPath = SearchPath()
    version_needs: tuple[VersionNeed, ...] = ()
    libc: str | None = None
    """`glibc`, `musl` or `bionic`; None when nothing in the file tells."""
    interpreter: str | None = None
    """The loader that a program names (PT_INTERP)."""
    minimum_system: str | None = None
    """Lowest system version it says it runs on; None when the format does not tell."""
    undefined: tuple[str, ...] = ()
    """The watched symbols that it leaves undefined, sorted."""
    isa: str | None = None
    """CPU level it is marked to need, such as `x86-64-v3`; None when unmarked or baseline."""
    locked: str | None = None
    """Why this image must never be edited, as the end of a sentence; None when it may be."""
    signature: str | None = None
    """Who signed it: `adhoc`, `linker`, `identity` (a certificate), or `authenticode`, which no
    edit can keep; None for nobody."""
    sealed: bool = False
    """True when its system loads nothing unsigned, so that an edit leaves it signed ad hoc."""
    toolset: str | None = None
    """Version of the linker that made it, `14.38`; None when the format does not tell."""
    traits: tuple[str, ...] = ()
    """Further facts for findings, sorted: `executable-stack`, `text-relocations` …"""
    opens: tuple[Opened, ...] = ()
    """What it loads by name, as far as it says so, in file order."""


class Fingerprint(Value):
    """What tells that a source changed while it was being read."""

    size: int
    mtime_ns: int
    inode: int


class Artifact(Value):
    """A binary of the wheel, or a host library reached from one."""

    place: Place
    format: str
    """Name of the format that read it: `elf`, `macho`, `pe`."""
    images: tuple[Image, ...]
    """One for ELF and PE, one per slice for universal Mach-O."""
    size: int
    mode: int
    sha256: str | None = None
    """Hex digest of a host library's bytes; None for members of the wheel."""
    fingerprint: Fingerprint | None = None
    """For host libraries; None for members, which the wheel's own fingerprint covers."""
    ballast: int = 0
    """Bytes of a member that no loader wants, symbols and debug information: about what `strip`
    takes off."""
    losses: tuple[str, ...] = ()
    """What its signature loses when it is edited, one sentence end each: `loses …`."""


class Severity(StrEnum):
    """How bad a finding is for the wheel as it stands."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Finding(Value):
    """One thing to say about a wheel, under a stable code of `findings.CATALOGUE`."""

    code: str
    severity: Severity
    message: str
    """One line: what is wrong, culprit first."""
    path: str = ""
    """Wheel path at fault; empty when the wheel as a whole is meant."""
    also: tuple[str, ...] = ()
    """Further wheel paths at fault in the same way, in the order of the report."""
    details: tuple[str, ...] = ()
    hint: str = ""
    blocks: bool = False
    """True when no repair can be made while this stands."""
    mended: bool = False
    """True when a repair does away with it."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Give every wheel path at fault; one empty path when the wheel as a whole is meant."""
        return (self.path, *self.also)


class Pick(Value):
    """Findings of one code, as the user picks them: all, or those at paths of a glob."""

    code: str
    glob: str = "*"

    def takes(self, code: str, path: str) -> bool:
        """Tell whether a finding of this code at this path is meant."""
        return code == self.code and fnmatchcase(path, self.glob)
