"""The wheel's own binaries: where pip puts them, and under which names they may be needed."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path

from wheelfix.archive import installed_path
from wheelfix.formats import named
from wheelfix.model import Artifact, InstalledPath, Place, WheelPath

OUTSIDE = "//"
"""Root of what pip puts beside site-packages: no path below site-packages leads there or back."""


class Members:
    """The wheel's binaries by place and name, compared by the key of their format."""

    def __init__(
        self, artifacts: tuple[Artifact, ...], originals: Mapping[Path, WheelPath]
    ) -> None:
        self._originals = originals
        self.by_place: dict[Place, Artifact] = {artifact.place: artifact for artifact in artifacts}
        self._by_installed: dict[str, Artifact] = {}
        self._by_name: dict[str, list[tuple[str, InstalledPath, Artifact]]] = {}
        """With the key of the file name, and with where it ends up."""
        for artifact in artifacts:
            path = installed(artifact)
            if path is not None:
                key = named(artifact.format).key(path)
                self._by_installed[key] = artifact
                for name in names_of(artifact):
                    entry = (posixpath.basename(key), path, artifact)
                    self._by_name.setdefault(name, []).append(entry)

    def at(self, key: str) -> Artifact | None:
        """Give the member whose installed path has this key."""
        return self._by_installed.get(key)

    def becoming(self, real: Path) -> Artifact | None:
        """Give the member that is made of this file; None for files that stay on the host."""
        return self.by_place.get(self._originals.get(real, WheelPath("")))

    def nearest(self, key: str, here: str) -> Iterator[Artifact]:
        """Give the members whose name has the last part of `key`, the nearest to `here` first.

        Those of that file name come before those that only call themselves so. What pip puts
        outside site-packages is nobody's neighbour.
        """
        name = posixpath.basename(key)
        ranked = [
            (filename != name, _steps(here, path), path, artifact.place)
            for filename, path, artifact in self._by_name.get(name, ())
            if not path.startswith(OUTSIDE)
        ]
        yield from (self.by_place[place] for *_, place in sorted(ranked))


def names_of(artifact: Artifact) -> frozenset[str]:
    """Give the keys of the names under which a binary may be needed."""
    binary = named(artifact.format)
    names = {posixpath.basename(str(artifact.place))}
    if binary.own_names_count:
        names |= {image.own_name for image in artifact.images if image.own_name}
    return frozenset(map(binary.key, names))


def installed(artifact: Artifact) -> InstalledPath | None:
    """Give where a member ends up, `//data/…` for the data scheme, which stays together too."""
    assert isinstance(artifact.place, str)
    _, _, inner = artifact.place.partition("/")
    path = installed_path(artifact.place)
    return InstalledPath(OUTSIDE + inner) if path is None and inner.startswith("data/") else path


def _steps(here: str, path: str) -> int:
    """Count the folders between two places, as a measure of how near they are."""
    # Absolute, since posixpath asks for the current folder else, which may be gone.
    return posixpath.relpath(f"/{posixpath.dirname(path)}", f"/{here}").count("/")
