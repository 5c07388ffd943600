"""What becomes of every member of two wheels. Decides and reads, writes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from wheelfix.archive import wheel_filename, wheel_tags
from wheelfix.errors import BadBinary, CannotMerge, UsageError
from wheelfix.formats import HEAD, macho
from wheelfix.merging.grafts import GraftPair, Renames, pair_grafts
from wheelfix.merging.sides import Side, equal, obstacle, platforms
from wheelfix.model import Edit, Image, WheelPath
from wheelfix.value import Value

_MOST_PROBLEMS = 50
"""Files that an error lists; what more there are is counted."""


class Take(Value):
    """A choice for files that differ and cannot be joined."""

    pattern: str
    """A glob over the whole path of the member."""
    arch: str
    """The machine whose wheel is right."""

    def __str__(self) -> str:
        return f"--take '{self.pattern}={self.arch}'"


class Piece(Value):
    """A member of one of the wheels, and what is edited in it."""

    side: int
    """0 or 1, in the order of the wheels."""
    path: WheelPath
    edits: tuple[Edit, ...] = ()


class Joint(Value):
    """A member of the new wheel that is not simply carried over from the first one."""

    path: WheelPath
    pieces: tuple[Piece, ...]
    """Two to be joined, or one that goes in as it is or edited."""
    mode: int


class MergePlan(Value):
    """Everything that a merge will do, complete before the first byte is written."""

    output: str
    """File name of the result."""
    tags: tuple[str, ...]
    root_is_purelib: bool
    joints: tuple[Joint, ...]
    """Sorted by path."""
    removed: tuple[WheelPath, ...]
    """Members of the first wheel that are not in the new one: grafts under their old names."""
    grafts: tuple[GraftPair, ...]
    taken: tuple[tuple[WheelPath, str], ...]
    """Files that differ, and the machine whose wheel's was chosen; sorted."""
    single: tuple[tuple[WheelPath, str], ...]
    """Binaries that only one wheel has, and that wheel's machines; sorted."""
    unused: tuple[Take, ...]
    """Choices that no file needed."""


def parse_take(text: str, sides: tuple[Side, Side]) -> Take:
    """Read `GLOB=ARCH`; raises `errors.UsageError`."""
    pattern, _, arch = text.rpartition("=")
    known = [arch for side in sides for arch in side.archs]
    if not pattern or arch not in known:
        raise UsageError(
            subject=f"--take {text}",
            problem=f"is not of the form GLOB=ARCH, with {' or '.join(known)} for ARCH",
            hint=f"--take '*/_config.py={known[0]}'",
        )
    return Take(pattern=pattern, arch=arch)


def decide(sides: tuple[Side, Side], takes: tuple[Take, ...]) -> MergePlan:
    """Look at every member; raises `errors.CannotMerge` with all files that cannot be joined."""
    grafts = pair_grafts(sides, _alone(sides))
    work = _Decision(sides, takes, grafts)
    problems = list(work.problems())
    if problems:
        raise _unjoinable(sides, problems)
    info = sides[0].wheel.info
    found = platforms(sides)
    return MergePlan(
        output=wheel_filename(info, found),
        tags=wheel_tags(info, found),
        root_is_purelib=all(side.wheel.info.root_is_purelib for side in sides),
        joints=tuple(sorted(work.joints, key=lambda joint: joint.path)),
        removed=tuple(sorted(graft.paths[0] for graft in grafts)),
        grafts=grafts,
        taken=tuple(sorted(work.taken)),
        single=tuple(sorted(work.single)),
        unused=tuple(take for take in takes if take not in work.used),
    )


def _alone(sides: tuple[Side, Side]) -> tuple[list[WheelPath], list[WheelPath]]:
    one, other = sides
    first = [path for path in one.paths - other.paths if is_binary(one, path)]
    return first, [path for path in other.paths - one.paths if is_binary(other, path)]


def is_binary(side: Side, path: WheelPath) -> bool:
    """Tell by its first bytes whether a member is Mach-O."""
    return macho.matches(side.wheel.source(path).read(0, HEAD))


class _Decision:
    """The members one after the other; the lists fill as `problems` is walked through."""

    def __init__(
        self, sides: tuple[Side, Side], takes: tuple[Take, ...], grafts: tuple[GraftPair, ...]
    ) -> None:
        self.joints: list[Joint] = []
        self.taken: list[tuple[WheelPath, str]] = []
        self.single: list[tuple[WheelPath, str]] = []
        self.used: set[Take] = set()
        self._sides = sides
        self._takes = takes
        self._grafts = grafts
        self._renames = tuple(
            Renames(by_path={graft.paths[number]: graft.new for graft in grafts})
            for number in range(len(sides))
        )

    def problems(self) -> Iterator[str]:
        """Decide on every member; give one line for each file that cannot be in the new wheel."""
        for graft in self._grafts:
            self._join(graft.new, graft.paths)
        paired = {path for graft in self._grafts for path in graft.paths}
        one, other = (side.paths - paired for side in self._sides)
        for path in sorted(one | other):
            if path not in other:
                self._keep(0, path)
            elif path not in one:
                self._keep(1, path)
            elif equal(self._sides, path):
                self._carry(self._piece(0, path))
            else:
                yield from self._differing(path)

    def _keep(self, side: int, path: WheelPath) -> None:
        self._carry(self._piece(side, path))
        if is_binary(self._sides[side], path):
            self.single.append((path, "+".join(self._sides[side].archs)))

    def _differing(self, path: WheelPath) -> Iterator[str]:
        reason = obstacle(self._sides, (path, path))
        if reason is None:
            self._join(path, (path, path))
            return
        take = next((t for t in self._takes if fnmatchcase(path, t.pattern)), None)
        if take is None:
            yield f"{path}: {reason}"
            return
        self.used.add(take)
        self.taken.append((path, take.arch))
        self._carry(self._piece(0 if take.arch in self._sides[0].archs else 1, path))

    def _join(self, new: WheelPath, paths: tuple[WheelPath, WheelPath]) -> None:
        pieces = tuple(self._piece(number, path) for number, path in enumerate(paths))
        mode = self._sides[0].mode(paths[0])
        self.joints.append(Joint(path=new, pieces=pieces, mode=mode))

    def _carry(self, piece: Piece) -> None:
        """Leave a member of the first wheel alone where nothing is edited."""
        if piece.side == 1 or piece.edits:
            mode = self._sides[piece.side].mode(piece.path)
            self.joints.append(Joint(path=piece.path, pieces=(piece,), mode=mode))

    def _piece(self, number: int, path: WheelPath) -> Piece:
        edits: tuple[Edit, ...] = ()
        side = self._sides[number]
        if self._grafts and is_binary(side, path):
            edits = self._renames[number].edits(path, _images(side, path))
        return Piece(side=number, path=path, edits=edits)


def _images(side: Side, path: WheelPath) -> tuple[Image, ...]:
    """Read a binary; a damaged one that nobody joins goes in as it is, and asks for nothing."""
    try:
        return macho.read(side.wheel.source(path), watch={})
    except BadBinary:
        return ()


def _unjoinable(sides: tuple[Side, Side], problems: list[str]) -> CannotMerge:
    count = len(problems)
    more = [f"and {count - _MOST_PROBLEMS} more"] if count > _MOST_PROBLEMS else []
    example = re.sub(r"([*?[])", r"[\1]", problems[0].partition(": ")[0])
    return CannotMerge(
        subject=" and ".join(side.wheel.info.filename for side in sides),
        problem=f"{count} file{'s differ' if count > 1 else ' differs'} and cannot be joined",
        details=(*problems[:_MOST_PROBLEMS], *more),
        hint=f"say whose is right, with a glob over paths: --take '{example}={sides[0].archs[0]}'",
    )
