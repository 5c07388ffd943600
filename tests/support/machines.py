"""Made-up machines, walks over wheels on them, and what came of it in a word or two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from support.facts import LINUX, wheel_info
from wheelfix.host import Host
from wheelfix.model import Artifact, InWheel, Link, OnHost, Options
from wheelfix.resolve.walk import Walk


class Machine(Host):
    """A machine with these files, some of them links to others."""

    def __init__(self, files: Iterable[Path], links: Mapping[str, str]) -> None:
        super().__init__({})
        self.links = {Path(name): Path(target) for name, target in links.items()}
        self.files = {*files, *self.links}

    def names(self, folder: Path) -> frozenset[str]:
        return frozenset(file.name for file in self.files if file.parent == folder)

    def content(self, file: Path) -> bytes | None:
        del file
        return None

    def real(self, file: Path, key: Callable[[str], str] = str) -> Path | None:
        del key
        return self.links.get(file, file) if file in self.files else None


def walked(
    artifacts: Iterable[Artifact],
    options: Options | None = None,
    links: Mapping[str, str] | None = None,
    filename: str = LINUX,
) -> Walk:
    """Walk from every member in turn."""
    known = {a.place: a for a in artifacts if isinstance(a.place, Path)}
    members = tuple(a for a in artifacts if isinstance(a.place, str))
    walk = Walk(
        wheel=wheel_info(filename),
        artifacts=members,
        host=Machine(known, links or {}),
        options=options or Options(),
        watch={},
    )
    walk.taker.read.update(known)
    for root in members:
        walk.from_root(root)
    return walk


def said(found: Link) -> str:
    """Say in a word or two who provides a needed name."""
    match found.provider:
        case InWheel(path=path):
            return f"{path} (lost)" if found.beyond_search else str(path)
        case OnHost(real=real):
            return str(real)
        case other:
            return type(other).__name__
