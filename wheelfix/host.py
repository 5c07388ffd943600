"""The build machine as a read-only shelf of libraries. A fake one serves in tests."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from wheelfix.hostfile import HostFile
from wheelfix.model import below
from wheelfix.typed import Self

CONFIGURATION_LIMIT = 32 << 20
"""Bytes; no loader's configuration or cache is larger."""


MOST_LINKS = 40
"""More symbolic links than that in one path are taken for a loop, as Linux does."""


class Host:
    """The real machine. Listings and links are remembered for as long as the object lives.

    `root` is the folder that stands for `/` of the target system; None for this machine's own.
    Whoever follows a path below it never gets out of it: `..` and absolute links stay inside, as
    after a chroot.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.environ: Mapping[str, str] = MappingProxyType(
            dict(os.environ if environ is None else environ)
        )
        self._turn_to(None)

    def rooted(self, root: Path) -> Self:
        """Give the same machine with a target system whose `/` is the folder `root`."""
        from copy import copy

        other = copy(self)
        other._turn_to(root)  # noqa: SLF001 - our own kind
        return other

    def _turn_to(self, root: Path | None) -> None:
        self.root = root
        self._names: dict[Path, frozenset[str]] = {}
        self._folders: dict[Path, Path] = {}
        self._real: dict[tuple[Path, Callable[[str], str]], Path | None] = {}
        self._keyed: dict[tuple[Path, Callable[[str], str]], Mapping[str, str]] = {}

    def names(self, folder: Path) -> frozenset[str]:
        """List the target system's `folder`; empty when it is not there or not readable."""
        return self._listed(below(self.root, folder))

    def _listed(self, folder: Path) -> frozenset[str]:
        if folder not in self._names:
            self._names[folder] = _listing(self._followed(folder))
        return self._names[folder]

    def text(self, file: Path) -> str | None:
        """Read the target system's configuration file; None when it is not there or readable."""
        content = self.content(file)
        return None if content is None else content.decode("utf-8", "surrogateescape")

    def content(self, file: Path) -> bytes | None:
        """Read the target system's small binary file; None when it is not there or readable."""
        try:
            with self._followed(below(self.root, file)).open("rb") as stream:
                return stream.read(CONFIGURATION_LIMIT)
        except (OSError, ValueError):
            return None

    def real(self, file: Path, key: Callable[[str], str] = str) -> Path | None:
        """Give the file of this machine behind all links; None when there is no regular file.

        Names in its folder are compared by `key`; of several, the very name comes first.
        """
        asked = (file, key)
        found = self._real.get(asked)
        if found is None and asked not in self._real:
            found = self._real[asked] = self._looked_up(file, key)
        return found

    def _looked_up(self, file: Path, key: Callable[[str], str]) -> Path | None:
        if file.name not in self._listed(file.parent):
            name = self._keyed_names(file.parent, key).get(key(file.name))
            if name is None:
                return None
            file = file.with_name(name)
        return self._resolved(file)

    def _resolved(self, file: Path) -> Path | None:
        path = self._followed(file)
        try:
            kind = path.lstat().st_mode
            if stat.S_ISREG(kind):  # as most are: no step to their folder is asked about twice
                return self._real_folder(path.parent) / path.name
            resolved = Path(os.path.realpath(path))
            return resolved if stat.S_ISLNK(kind) and resolved.is_file() else None
        except OSError:  # a link into a folder that is closed to us
            return None

    def _real_folder(self, folder: Path) -> Path:
        """Give the folder behind all links."""
        if folder not in self._folders:
            self._folders[folder] = Path(os.path.realpath(folder))
        return self._folders[folder]

    def _keyed_names(self, folder: Path, key: Callable[[str], str]) -> Mapping[str, str]:
        """Give the first name, in the order of their letters, of each key."""
        known = self._keyed.get((folder, key))
        if known is None:
            known = {key(name): name for name in sorted(self._listed(folder), reverse=True)}
            self._keyed[folder, key] = known
        return known

    def _followed(self, path: Path) -> Path:
        """Follow links below the root as the target system would; other paths stay as they are."""
        if self.root is None or not path.is_relative_to(self.root):
            return path
        return _inside(self.root, path)

    def open(self, file: Path) -> HostFile:
        """Open a library for reading; raises OSError."""
        return HostFile(file)


def _inside(root: Path, path: Path) -> Path:
    """Follow the links of `path` as after a chroot into `root`; a loop is left as it is."""
    here = root
    links = 0
    rest = list(reversed(path.relative_to(root).parts))
    while rest:
        part = rest.pop()
        if part == "..":
            here = here if here == root else here.parent
            continue
        target = _link(here / part)
        links += target is not None
        if target is None or links > MOST_LINKS:
            here = here / part
        else:
            here = root if target.anchor else here
            rest += reversed(_steps(root, target))
    return here


def _link(path: Path) -> Path | None:
    try:
        return path.readlink()
    except (OSError, ValueError):
        return None


def _steps(root: Path, target: Path) -> tuple[str, ...]:
    """Give the parts of a link's target; one that spells the root out means what is below it."""
    if target.is_relative_to(root):
        return target.relative_to(root).parts
    return target.parts[1:] if target.anchor else target.parts


def _listing(folder: Path) -> frozenset[str]:
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries)
    except (OSError, ValueError):  # ValueError: the name cannot be a folder's in this locale
        return frozenset()
