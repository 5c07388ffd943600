"""The two wheels of a merge: whether they are a pair, what is equal in both, what comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from wheelfix.archive import OpenWheel
from wheelfix.archive.recorded import signatures
from wheelfix.errors import BadBinary, CannotMerge, UsageError
from wheelfix.formats.macho import join
from wheelfix.model import ByteSource, WheelPath
from wheelfix.plan.apple import packed
from wheelfix.policy.apple import AppleTag, parse_apple, spell_apple
from wheelfix.value import Value

_SAME = ("name", "version", "build", "pythons", "abis", "label", "dist_info")
"""What two wheels of one project have in common, all but the platform."""
_CHUNK = 1 << 20


class Side(Value):
    """One of the two wheels."""

    wheel: OpenWheel
    claims: tuple[AppleTag, ...]
    """One for each machine, at the lowest system that a tag names for it."""

    @property
    def archs(self) -> tuple[str, ...]:
        """Name the machines."""
        return tuple(claim.arch for claim in self.claims)

    @property
    def paths(self) -> frozenset[WheelPath]:
        """Give the members that are not made anew: all but WHEEL, RECORD and its signatures."""
        made = {self.wheel.record, WheelPath(f"{self.wheel.info.dist_info}/WHEEL")}
        return frozenset(self.wheel.entries.keys() - made - signatures(self.wheel.record))

    def mode(self, path: WheelPath) -> int:
        """Give a member's permission bits."""
        return (self.wheel.entries[path].member.mode or 0o644) & 0o777

    def sha256(self, path: WheelPath) -> str:
        """Give the hex digest of a member: RECORD's, which is checked when it is inflated."""
        row = self.wheel.rows.get(path)
        if row is not None and row.algorithm == "sha256":
            return row.digest.hex()
        digest = hashlib.sha256()
        for piece in self.wheel.pieces(path):
            digest.update(piece)
        return digest.hexdigest()


def pair(first: OpenWheel, second: OpenWheel) -> tuple[Side, Side]:
    """Put two wheels in an order that is not the arguments'. Raises `errors.CannotMerge`."""
    one, other = sorted((_side(first), _side(second)), key=lambda side: side.wheel.info.platforms)
    _check_project(one.wheel, other.wheel)
    common = [arch for arch in one.archs if arch in other.archs]
    if common:
        raise CannotMerge(
            subject=_both(one.wheel, other.wheel),
            problem=f"both wheels are for {', '.join(common)}",
            hint="merge takes one wheel for each machine: one for x86_64 and one for arm64",
        )
    return one, other


def _side(wheel: OpenWheel) -> Side:
    claims = [parse_apple(platform) for platform in wheel.info.platforms]
    mac = [claim for claim in claims if claim is not None and claim.system == "macos"]
    if len(mac) != len(claims):
        raise CannotMerge(
            subject=wheel.info.filename,
            problem=f"is for {'.'.join(wheel.info.platforms)}, not for macOS",
            hint="only macOS has binaries for several machines, so only its wheels can be merged",
        )
    lowest: dict[str, AppleTag] = {}
    for claim in sorted(mac, key=lambda claim: claim.version, reverse=True):
        for arch in claim.archs:
            lowest[arch] = AppleTag(system="macos", version=claim.version, arch=arch)
    return Side(wheel=wheel, claims=tuple(lowest[arch] for arch in sorted(lowest)))


def _check_project(one: OpenWheel, other: OpenWheel) -> None:
    unlike = [name for name in _SAME if getattr(one.info, name) != getattr(other.info, name)]
    if unlike:
        raise CannotMerge(
            subject=_both(one, other),
            problem="the wheels are not of one project, version, Python and ABI",
            details=tuple(
                f"{name.replace('_', '-')}: {_text(one, name)} and {_text(other, name)}"
                for name in unlike
            ),
            hint="merge takes two wheels whose names differ in the platform alone",
        )


def _text(wheel: OpenWheel, name: str) -> str:
    value = getattr(wheel.info, name)
    return (".".join(value) if isinstance(value, tuple) else value) or "none"


def _both(one: OpenWheel, other: OpenWheel) -> str:
    if one.info.filename == other.info.filename:
        return f"{one.path} and {other.path}"
    return f"{one.info.filename} and {other.info.filename}"


def check_two(first: Path, second: Path) -> None:
    """Raise `errors.UsageError` for one wheel given twice."""
    if first.exists() and second.exists() and first.samefile(second):
        raise UsageError(
            subject=str(first),
            problem="is given twice",
            hint="wheelfix merge NAME-x86_64.whl NAME-arm64.whl",
        )


def platforms(sides: tuple[Side, Side]) -> tuple[str, ...]:
    """Give the platform tags of both wheels together: one where universal2 says the same."""
    return tuple(spell_apple(tag) for tag in packed([*sides[0].claims, *sides[1].claims]))


def equal(sides: tuple[Side, Side], path: WheelPath) -> bool:
    """Tell whether a member has the same bytes in both wheels."""
    one, other = (side.wheel.entries[path].member for side in sides)
    if (one.size, one.crc) != (other.size, other.crc):
        return False
    rows = [side.wheel.rows.get(path) for side in sides]
    if all(row is not None and row.strong for row in rows):
        return len({(row.algorithm, row.digest) for row in rows if row is not None}) == 1
    sources = [side.wheel.source(path) for side in sides]
    return all(a == b for a, b in zip_longest(*map(_pieces, sources)))


def obstacle(sides: tuple[Side, Side], paths: tuple[WheelPath, WheelPath]) -> str | None:
    """Say why a member of the one and one of the other cannot become one; None when they can."""
    one, other = (side.wheel.source(path) for side, path in zip(sides, paths, strict=True))
    try:
        if not join.parts(one) or not join.parts(other):
            return "differs, and is not Mach-O"
        archs = join.clashes(one, other)
    except BadBinary as error:
        return f"is damaged: {error.problem}"
    return f"both have code for {', '.join(archs)}, and it differs" if archs else None


def _pieces(source: ByteSource) -> Iterator[bytes]:
    for at in range(0, source.size, _CHUNK):
        yield source.read(at, _CHUNK)
