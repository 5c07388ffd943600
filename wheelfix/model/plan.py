"""The plan, the options it obeys, and what comes of it. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from wheelfix.model.edits import Edit
from wheelfix.model.facts import Finding, Fingerprint, Pick, Severity, WheelPath
from wheelfix.model.report import Report
from wheelfix.typed import TypeAlias
from wheelfix.value import Value

Progress: TypeAlias = Callable[[int, int], None]
"""Is told, from any thread, how many bytes of the work on a new wheel are done, and of how many."""


class Verify(StrEnum):
    """How much of the result is read again."""

    HEADER = "header"
    """Every edited file's headers must equal the prediction."""
    FULL = "full"
    """Also every carried member is inflated: its checksum, true size and RECORD hash."""
    DEEP = "deep"
    """Also LIEF, a reader that is not ours, must see what the plan said."""


class Dlopen(StrEnum):
    """Which of the libraries that binaries note to load by name come along."""

    NONE = "none"
    REQUIRED = "required"
    """Those without which the binary is of no use."""
    RECOMMENDED = "recommended"
    """Also those that most users want, where they are found."""
    ALL = "all"
    """Also those that are only suggested, where they are found."""


class Options(Value):
    """What the user may decide; the same from command line, configuration and API."""

    plat: str = "auto"
    """`auto`, or the one platform tag that the wheel must be able to carry."""
    only_plat: bool = False
    """Put only `plat` on the wheel, though it could carry a more portable tag too."""
    lib_paths: tuple[Path, ...] = ()
    """Folders searched before all others, in order."""
    sysroot: Path | None = None
    """What stands for `/` of the target system: its loader's configuration and folders, and every
    absolute name and search entry of a binary, are looked for below it. None for this machine's."""
    ld_paths: tuple[Path, ...] | None = None
    """Folders searched last, instead of the loader's own and those of the environment; None for
    those. Not below `sysroot`."""
    host_libs: bool = True
    """False to look at nothing outside the wheel but below the folders of these options."""
    include: tuple[str, ...] = ()
    """Libraries to graft though nothing links to them: files, or globs of names in `lib_paths`."""
    include_symbols: bool = False
    """Windows: let the debug symbols (`.pdb`) beside a grafted library come along."""
    include_imports: bool = False
    """Windows: let its import library (`.lib`) come along, from beside it or from `lib` there."""
    dlopen: Dlopen = Dlopen.REQUIRED
    """Which libraries that binaries note to load by name come along."""
    exclude: tuple[str, ...] = ()
    """Globs of library names or host paths that are left to the target system."""
    lib_sdir: str | None = None
    """End of the name of the grafts' folder; None for the platform's custom: `{name}.libs` on
    Linux, `{package}/.dylibs` on macOS."""
    executable_path: Path | None = None
    """Folder of the program that loads the wheel: what `@executable_path` means."""
    macos_target: str | None = None
    """Lowest macOS that the wheel must run on, `12.3`; None for whatever its binaries need."""
    require_archs: tuple[str, ...] = ()
    """Slices that every binary of the wheel and every graft must have."""
    no_mangle: tuple[str, ...] = ()
    """Globs of library names that keep their names when grafted."""
    ignore: tuple[Pick, ...] = ()
    """Findings that do not count; never such as stop a repair, but for what a tag may promise."""
    errors: tuple[Pick, ...] = ()
    """Findings that count as errors whatever their severity."""
    level: int = 5
    """Deflate level of what must be compressed."""
    jobs: int = 0
    """Threads, 0 for one per core; never changes the result."""
    verify: Verify = Verify.HEADER
    overwrite: bool = False
    """Replace an output that already exists with other bytes."""
    scratch: Path | None = None
    """Where private copies lie; None: of a wheel's files from 6 MiB on beside the output, smaller
    ones in memory; of a build's artifacts in the system's folder for temporary files."""


class Graft(Value):
    """A host library that becomes a member of the wheel."""

    source: Path
    """Its real path on the host."""
    sha256: str
    """Hex digest of the source's bytes."""
    fingerprint: Fingerprint
    """When it is staged the source must still have it."""
    format: str
    path: WheelPath
    """The new member; its last part is the name that everybody asks for."""
    aliases: tuple[str, ...]
    """Every name under which it was needed, sorted."""
    size: int
    """Bytes before the edits."""
    edits: tuple[Edit, ...]
    """In order of application; empty when the library goes in as it is."""


class Companion(Value):
    """A host file that goes in as it is, beside the graft that it is about."""

    source: Path
    """Its real path on the host."""
    path: WheelPath
    """The new member; its last part is the name that it has on the host."""
    size: int
    fingerprint: Fingerprint
    """When it is staged the source must still have it."""


class Patch(Value):
    """A member whose file must be edited."""

    path: WheelPath
    format: str
    edits: tuple[Edit, ...]
    """In order of application; never empty."""


class Launcher(Value):
    """A program of `.data/scripts` that moves into site-packages, and the script in its place.

    pip installs scripts where no path relative to site-packages is known beforehand, so a program
    that needs grafts can only find them from inside site-packages.
    """

    script: WheelPath
    """Where the program was and the launcher will be."""
    program: WheelPath
    """Where the program goes."""
    text: str


class Insert(Value):
    """Text that is put into a member."""

    path: WheelPath
    at: int
    """Where, in bytes from the start of the file."""
    until: int
    """Where what it replaces ends; `at` when it replaces nothing."""
    text: str
    """ASCII, its lines ended as the file's are."""


class Skip(Value):
    """What is not done, and why."""

    path: str
    """Wheel path, or library name."""
    reason: str


class Plan(Value):
    """Everything that a repair will do, complete before the first byte is written."""

    wheel: str
    """File name of the input."""
    output: str
    """File name of the result."""
    tags: tuple[str, ...]
    """WHEEL's new Tag lines, in order."""
    platforms: tuple[str, ...]
    """The platform tags in the output's name, in order."""
    root_is_purelib: bool = False
    """WHEEL's field of that name in the output."""
    grafts: tuple[Graft, ...] = ()
    """Sorted by path."""
    companions: tuple[Companion, ...] = ()
    """Sorted by path."""
    patches: tuple[Patch, ...] = ()
    """Sorted by path."""
    launchers: tuple[Launcher, ...] = ()
    inserts: tuple[Insert, ...] = ()
    """Sorted by path."""
    skips: tuple[Skip, ...] = ()
    findings: tuple[Finding, ...] = ()
    """All that count: the report's and the plan's own."""
    ignored: tuple[Finding, ...] = ()
    """Those that the user does not want to count."""
    rewrite_archive: bool = False
    """True when only the archive's headers or metadata are not as they must be."""

    @property
    def touched(self) -> tuple[WheelPath, ...]:
        """Give the members and grafts whose bytes will be edited, sorted: the prediction."""
        edited = [p.path for p in self.patches] + [i.path for i in self.inserts]
        return tuple(sorted([*edited, *(g.path for g in self.grafts if g.edits)]))

    @property
    def obstacles(self) -> tuple[Finding, ...]:
        """Give the findings that forbid a repair."""
        return tuple(f for f in self.findings if f.blocks)

    @property
    def ok(self) -> bool:
        """Tell whether the wheel is right as it stands: the one place that decides it."""
        return not any(f.severity is Severity.ERROR for f in self.findings)

    @property
    def remaining(self) -> tuple[Finding, ...]:
        """Give the errors that stand in the repaired wheel too."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR and not f.mended)

    @property
    def nothing_to_do(self) -> bool:
        """Tell whether the output is the input's own bytes, under the output's name."""
        work = self.grafts or self.patches or self.launchers or self.inserts
        return not (work or self.rewrite_archive)


class StagedBy(StrEnum):
    """How a private copy came to be."""

    REFLINKED = "reflinked"
    COPIED = "copied"
    INFLATED = "inflated"


Private: TypeAlias = Path | bytearray
"""What is ours alone to edit: a file, or its bytes in memory."""


class StagedFile(Value):
    """A private copy that may be edited."""

    path: WheelPath
    """The member or graft it will become."""
    file: Private
    by: StagedBy


class Outcome(Value):
    """What a repair did."""

    input: Path
    output: Path
    plan: Plan
    staged: tuple[tuple[WheelPath, StagedBy], ...] = ()
    verified: tuple[WheelPath, ...] = ()
    """The files read again and found to equal the prediction, sorted."""
    carried_bytes: int = 0
    """Compressed bytes taken over as they were."""
    compressed_bytes: int = 0
    """Compressed bytes made anew."""
    seconds: tuple[tuple[str, float], ...] = ()
    """Wall time per stage, in the order of the stages. Files are staged, patched and verified one
    by one, on several threads, while the wheel is written: the times of the three are sums."""
    notes: tuple[str, ...] = ()
    """What the user should know though it is no failure: a clean-up that failed …"""


class Checked(Value):
    """A wheel looked at: the facts, and what a repair would do."""

    report: Report
    plan: Plan
