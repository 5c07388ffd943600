"""What a binary format must offer: the same rooms and the same words in each.

A format is a package whose namespace fulfils `Format`: `read`, `search` and `apply` live in rooms
of those names (`read.py`, `search.py`, `edit.py`). What a format cannot do yet raises
`errors.NotSupported`; it never returns an empty answer.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from wheelfix.model import (
    ByteSource,
    Edit,
    Image,
    InstalledPath,
    Private,
    Starter,
    VersionUse,
    Watch,
    WheelPath,
)
from wheelfix.typed import Protocol, TypeAlias
from wheelfix.value import Value

Folder: TypeAlias = InstalledPath | Path
"""Where a search looks: below site-packages (a str, "" is site-packages itself), or on the host."""


class Shelf(Protocol):
    """The machine that libraries may be taken from: read-only, a fake in tests.

    Its methods take paths of the target system, such as `/etc/ld.so.conf`.
    """

    @property
    def root(self) -> Path | None:
        """The folder that stands for the target system's `/`; None for this machine's own."""
        ...

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment variables that a loader obeys."""
        ...

    def names(self, folder: Path) -> frozenset[str]:
        """List what lies in `folder`; empty when it is not there or not readable."""
        ...

    def text(self, file: Path) -> str | None:
        """Read a small configuration file; None when it is not there or not readable."""
        ...

    def content(self, file: Path) -> bytes | None:
        """Read a small binary file; None when it is not there or not readable."""
        ...


def stands_for(root: Path | None, entry: str, place: Path) -> str:
    """Say, for people, what an absolute name or search entry means: itself without a root."""
    return entry if root is None else f"{entry} -> {place}"


class Loaded(Value):
    """A binary in the chain of those that caused each other to be loaded."""

    image: Image
    folder: Folder | None
    """The folder it lies in, links not resolved: what `$ORIGIN` and `@loader_path` mean.

    None for a member that pip installs outside site-packages: nobody knows where.
    """
    stands: bool = False
    """True where it is looked at as it will be loaded, with all that lies beside it."""


class Defaults(Value):
    """Where a loader looks when no binary tells it; made once for each machine and libc.

    All paths are this machine's: those of the target system were put `below` its root.
    """

    root: Path | None = None
    """The shelf's: absolute names and search entries of binaries are `below` it."""

    given: tuple[Path, ...] = ()
    """The user's own folders (`--lib-path`), in order; the walk fills them in."""
    environment: tuple[Path, ...] = ()
    """Folders of LD_LIBRARY_PATH and its kin."""
    cached: Mapping[str, tuple[Path, ...]]
    """Files that a loader's cache names, by library name."""
    folders: tuple[Path, ...] = ()
    folders_from: str = "the loader's own folders"
    """For people: who says so."""
    program: Path | None = None
    """Folder of the program that will load the wheel's binaries, where the user told it; the walk
    fills it in."""


class Candidate(Value):
    """One place to look at, in the loader's order."""

    file: InstalledPath | Path | None
    """The file it would be; None when the entry points nowhere we may look (see `why_not`), or
    when no single file is meant (see `anywhere`)."""
    where: str
    """For people: the entry as written and what it stands for, `$ORIGIN/../x -> pkg/x/`."""
    why_not: str = ""
    """With `file` None: the reason."""
    shared: bool = False
    """True in a folder of PATH, which may be another program's own."""
    beside: bool = False
    """True for a place relative to a binary that stands where it is loaded from."""
    anywhere: bool = False
    """True for any member of the wheel of that name, the nearest first: no loader looks there, and
    a repair makes it."""


ANYWHERE = Candidate(file=None, where="elsewhere in the wheel", anywhere=True)
"""Every format gives it once, for every name."""


def in_given(name: str, defaults: Defaults) -> Iterator[Candidate]:
    """Give the places of `name`, by its last part, in the user's own folders."""
    last = posixpath.basename(name)
    for folder in defaults.given:
        yield Candidate(file=folder / last, where=f"{folder} (--lib-path)")


class Reuse(StrEnum):
    """When a library that is already loaded under the needed name is taken, without a search."""

    FIRST = "first"
    """Before any search."""
    LAST = "last"
    """Only when the search led nowhere in the loader's own order."""
    NEVER = "never"


class Format(Protocol):
    """The contract; `tests/formats/test_contract.py` holds every format to it."""

    name: str
    """`elf`, `macho`, `pe`: what `Artifact.format` says."""

    def matches(self, head: bytes) -> bool:
        """Tell by a file's first 16 bytes whether it is of this format."""
        ...

    def read(self, source: ByteSource, *, watch: Watch) -> tuple[Image, ...]:
        """Read the headers; no images for files that no loader loads (objects, archives, cores).

        Raises `errors.BadBinary` with the offset, never anything else, on any bytes whatever.
        """
        ...

    def misfit(self, user: Image, candidate: Image) -> str | None:
        """Say why a loader passes over `candidate` when `user` needs it; None when it fits."""
        ...

    def defaults(self, shelf: Shelf, image: Image) -> Defaults:
        """Gather where the loader of `image` looks on `shelf` when no binary tells it."""
        ...

    def candidates(
        self, name: str, chain: tuple[Loaded, ...], defaults: Defaults
    ) -> Iterator[Candidate]:
        """Give the places for `name` in the loader's order; `chain` runs from user to root.

        Those in the user's own folders and `ANYWHERE` are among them, where they belong.
        """
        ...

    def key(self, name: str) -> str:
        """Give what names and paths are compared by: DLLs do not tell upper from lower case."""
        ...

    @property
    def own_names_count(self) -> bool:
        """Tell whether a library is found by the name it calls itself, not by its file's alone."""
        ...

    def reuse(self, name: str) -> Reuse:
        """Tell when a library that is loaded already is taken for `name`."""
        ...

    @property
    def starter(self) -> Callable[[WheelPath, bytes], Starter] | None:
        """Give what reads a package's `__init__.py`; None where no Python code helps a loader."""
        ...

    def version_users(
        self, source: ByteSource, wanted: frozenset[tuple[str, str]]
    ) -> tuple[VersionUse, ...]:
        """Name the symbols behind these (library, version) needs: for messages, as it is slow."""
        ...

    def apply(
        self,
        file: Private,
        edits: tuple[Edit, ...],
        *,
        filename: str | None = None,
        trusting: bool = False,
    ) -> None:
        """Edit our private `file` in place; `read` of it then equals `after` of what it was.

        `filename` is what it will be called, where that goes into its bytes (signatures); None
        for what it is called now, which bytes in memory are not. With `trusting`, new seals take
        over what the old ones say of bytes that no edit reaches: the caller asks `flaws` then.
        Raises `errors.CannotEdit` when that cannot be done soundly; the file is then garbage.
        """
        ...

    def flaws(self, source: ByteSource) -> tuple[str, ...]:
        """Say what a loader would refuse in the file's own seals: signature, page hashes."""
        ...

    def ballast(self, source: ByteSource) -> int:
        """Count the bytes that no loader wants, symbols and debug information, by the headers."""
        ...

    def losses(self, source: ByteSource) -> tuple[str, ...]:
        """Say what a file's seals lose when it is edited, one sentence end each: `loses …`."""
        ...
