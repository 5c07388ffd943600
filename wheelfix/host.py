"""The build machine as a read-only shelf of libraries. A fake one serves in tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from wheelfix.hostfile import HostFile

CONFIGURATION_LIMIT = 32 << 20
"""Bytes; no loader's configuration or cache is larger."""


class Host:
    """The real machine. Listings and links are remembered for as long as the object lives."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self.environ: Mapping[str, str] = MappingProxyType(
            dict(os.environ if environ is None else environ)
        )
        self._names: dict[Path, frozenset[str]] = {}
        self._keyed: dict[tuple[Path, Callable[[str], str]], Mapping[str, str]] = {}

    def names(self, folder: Path) -> frozenset[str]:
        """List what lies in `folder`; empty when it is not there or not readable."""
        if folder not in self._names:
            self._names[folder] = _listing(folder)
        return self._names[folder]

    def text(self, file: Path) -> str | None:
        """Read a small configuration file; None when it is not there or not readable."""
        content = self.content(file)
        return None if content is None else content.decode("utf-8", "surrogateescape")

    def content(self, file: Path) -> bytes | None:
        """Read a small binary file; None when it is not there or not readable."""
        try:
            with file.open("rb") as stream:
                return stream.read(CONFIGURATION_LIMIT)
        except (OSError, ValueError):
            return None

    def real(self, file: Path, key: Callable[[str], str] = str) -> Path | None:
        """Give the file behind all links; None when there is no regular file.

        Names in its folder are compared by `key`; of several, the very name comes first.
        """
        if file.name not in self.names(file.parent):
            name = self._keyed_names(file.parent, key).get(key(file.name))
            if name is None:
                return None
            file = file.with_name(name)
        try:
            resolved = Path(os.path.realpath(file))
            return resolved if resolved.is_file() else None
        except OSError:  # a link into a folder that is closed to us
            return None

    def _keyed_names(self, folder: Path, key: Callable[[str], str]) -> Mapping[str, str]:
        """Give the first name, in the order of their letters, of each key."""
        known = self._keyed.get((folder, key))
        if known is None:
            known = {key(name): name for name in sorted(self.names(folder), reverse=True)}
            self._keyed[folder, key] = known
        return known

    def open(self, file: Path) -> HostFile:
        """Open a library for reading; raises OSError."""
        return HostFile(file)


def _listing(folder: Path) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in folder.iterdir())
    except (OSError, ValueError):  # ValueError: the name cannot be a folder's in this locale
        return frozenset()
