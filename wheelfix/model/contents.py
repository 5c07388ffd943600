"""What will be a wheel's members, wherever they lie: an archive, or files on disk. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from wheelfix.model.facts import ByteSource, WheelPath
from wheelfix.model.plan import StagedBy
from wheelfix.model.report import WheelInfo
from wheelfix.typed import Protocol
from wheelfix.value import Value


class MemberFacts(Protocol):
    """What the stages need to know of one member."""

    @property
    def path(self) -> WheelPath:
        """Where it is in the wheel."""
        ...

    @property
    def size(self) -> int:
        """Bytes, not compressed."""
        ...

    @property
    def mode(self) -> int | None:
        """Unix permission and type bits; None when nobody tells."""
        ...


class OnDisk(Value):
    """Members that are files of this machine; none of an archive."""

    originals: Mapping[Path, WheelPath] = MappingProxyType({})
    """By real path."""
    standing: Mapping[WheelPath, Path] = MappingProxyType({})
    """Those that are loaded as they are, links not followed; empty when none is yet. What lies
    beside them is there for their loader too."""


class Contents(Protocol):
    """The members of a wheel, to be read and never written; may be used from several threads."""

    @property
    def info(self) -> WheelInfo:
        """What the wheel says about itself."""
        ...

    @property
    def members(self) -> Sequence[MemberFacts]:
        """All files, no folders."""
        ...

    @property
    def paths(self) -> Sequence[WheelPath]:
        """Give the members' paths, which takes less than the members."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong with the archive, so that it must be written anew; () without one."""
        ...

    @property
    def record_notes(self) -> tuple[str, ...]:
        """Give those of the notes that are about RECORD alone."""
        ...

    @property
    def on_disk(self) -> OnDisk:
        """Give the files of this machine that the members are."""
        ...

    def may_begin(
        self, magics: tuple[bytes, ...], size: int
    ) -> Iterator[tuple[MemberFacts, bytes]]:
        """Give the members that may begin with one of `magics`, the large ones first.

        Beside each stand its first `size` bytes, fewer only when it is shorter. Of all others it is
        known that they begin otherwise, and that nothing is wrong so far.
        """
        ...

    def source(self, path: WheelPath) -> ByteSource:
        """Give random access to a member's bytes."""
        ...

    def read(self, path: WheelPath) -> bytes:
        """Give all of a member's bytes."""
        ...

    def held(self, path: WheelPath) -> bytearray:
        """Give all of a member's bytes, for the caller to change."""
        ...

    def extract(self, path: WheelPath, target: Path) -> StagedBy:
        """Make `target`, which must not exist, a private copy that its owner may write."""
        ...

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` when what the members are read from is not what it was."""
        ...
