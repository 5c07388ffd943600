"""Grafts of the two wheels that are one library: joined under one new name.

A graft's name carries a digest of its content, so the copies for two machines are never called the
same. Two that differ in nothing but the digest are one library. Plain names, as delocate leaves
them, need none of this.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Mapping

from wheelfix.archive import installed_path
from wheelfix.merging.sides import Side, obstacle
from wheelfix.model import Edit, Image, ReplaceNeeded, SetOwnName, WheelPath
from wheelfix.plan.grafts import DIGEST_LENGTH, without_digests
from wheelfix.value import Value

RULE = "wheelfix merged graft name 1"
"""Goes into every digest; another rule, or another way of joining, gets another number."""


class GraftPair(Value):
    """One library, grafted into both wheels under different names."""

    paths: tuple[WheelPath, WheelPath]
    """Its members, in the order of the wheels."""
    new: WheelPath


def pair_grafts(
    sides: tuple[Side, Side], alone: tuple[Iterable[WheelPath], Iterable[WheelPath]]
) -> tuple[GraftPair, ...]:
    """Find the pairs among the binaries that are `alone` in their wheel, sorted by new path.

    Where two grafts of a wheel differ only in the digest nobody can tell which is whose: they stay
    as they are, and so do those that cannot be joined. A new name's digest covers the bytes of all
    pairs, for these name each other: equal names mean equal bytes.
    """
    plain = [_by_plain_name(paths) for paths in alone]
    common = sorted(name for name in plain[0].keys() & plain[1].keys())
    single = [n for n in common if len(plain[0][n]) == len(plain[1][n]) == 1]
    every = [(name, (plain[0][name][0], plain[1][name][0])) for name in single]
    pairs = [(name, paths) for name, paths in every if obstacle(sides, paths) is None]
    digests = {name: _digest(name, sides, paths) for name, paths in pairs}
    together = "\n".join(sorted(digests.values()))
    return tuple(
        GraftPair(paths=paths, new=_named(name, _hashed(f"{RULE}\n{digests[name]}\n\n{together}")))
        for name, paths in pairs
    )


def _by_plain_name(paths: Iterable[WheelPath]) -> dict[str, list[WheelPath]]:
    found: dict[str, list[WheelPath]] = {}
    for path in sorted(paths):
        folder, slash, name = path.rpartition("/")
        stem, dot, rest = name.partition(".")
        plain = without_digests(stem)
        if plain != stem:
            found.setdefault(f"{folder}{slash}{plain}{dot}{rest}", []).append(path)
    return found


def _digest(name: str, sides: tuple[Side, Side], paths: tuple[WheelPath, WheelPath]) -> str:
    contents = [side.sha256(path) for side, path in zip(sides, paths, strict=True)]
    names = [path.rpartition("/")[2] for path in (name, *paths)]
    return "\n".join([*names, *contents])


def _hashed(text: str) -> str:
    """Give the hex digest of a text that may hold any name."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _named(plain: str, digest: str) -> WheelPath:
    folder, slash, name = plain.rpartition("/")
    stem, dot, rest = name.partition(".")
    return WheelPath(f"{folder}{slash}{stem}-{digest[:DIGEST_LENGTH]}{dot}{rest}")


class Renames(Value):
    """What one wheel's binaries must call its grafts from now on."""

    by_path: Mapping[WheelPath, WheelPath]
    """New path by old one."""

    def edits(self, path: WheelPath, images: tuple[Image, ...]) -> tuple[Edit, ...]:
        """Give the edits of a binary; () when it speaks of no renamed graft."""
        found: list[Edit] = []
        for image in images:
            if path in self.by_path and image.own_name is not None:
                name = _renamed(image.own_name, self.by_path[path])
                found.append(SetOwnName(name=name, arch=image.arch))
            for old in dict.fromkeys(need.name for need in image.needed):
                target = self._target(path, old)
                if target is not None:
                    new = _renamed(old, target)
                    found.append(ReplaceNeeded(old=old, new=new, arch=image.arch))
        return tuple(found)

    def _target(self, path: WheelPath, name: str) -> WheelPath | None:
        """Give the new path of the graft that a binary asks for; None for anything else."""
        anchor, _, rest = name.partition("/")
        if anchor == "@loader_path":
            folder = posixpath.dirname(_lies(path))
            wanted = posixpath.normpath(posixpath.join(folder, rest))
            return next((n for o, n in self.by_path.items() if _lies(o) == wanted), None)
        plain = posixpath.basename(name)
        found = {n for o, n in self.by_path.items() if posixpath.basename(o) == plain}
        return found.pop() if len(found) == 1 else None


def _lies(member: WheelPath) -> str:
    """Give where pip puts a member; its place in the wheel where that is outside site-packages."""
    return installed_path(member) or member


def _renamed(name: str, path: WheelPath) -> str:
    """Put another last part into an install name."""
    return posixpath.join(posixpath.dirname(name), posixpath.basename(path))
