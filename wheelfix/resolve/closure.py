"""The walk through a wheel's binaries and all that they need, and what is behind its links."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from wheelfix.errors import BadBinary, unreadable
from wheelfix.formats import named
from wheelfix.host import Host
from wheelfix.hostfile import changed
from wheelfix.model import (
    Artifact,
    Contents,
    Options,
    Place,
    VersionUse,
)
from wheelfix.resolve.members import names_of
from wheelfix.resolve.neighbours import neighbours
from wheelfix.resolve.resolved import Resolved
from wheelfix.resolve.walk import Walk
from wheelfix.value import replace
from wheelfix.workers import Work, Workers


def close(
    walk: Walk,
    artifacts: tuple[Artifact, ...],
    host: Host,
    options: Options,
    meanwhile: Callable[[], None] | None = None,
) -> Resolved:
    """Walk from every root and from what is included; raises what hashing the libraries does."""
    jobs = options.jobs or os.cpu_count() or 1
    with Workers(jobs - 1) as workers:  # this thread, which walks meanwhile, is one too
        hashing = _Hashing(workers, host)
        walk.taker.on_keep = hashing.begin
        for root in _roots(artifacts):
            walk.from_root(root)
        included = {word: tuple(walk.include(word)) for word in options.include}
        if meanwhile and walk.taker.libraries:
            meanwhile()
        libraries = hashing.results()
    return Resolved(
        included=tuple(sorted({real for found in included.values() for real in found})),
        unmet_includes=tuple(word for word, found in included.items() if not found),
        libraries=libraries,
        neighbours=neighbours(libraries, host, options),
        links=walk.sorted_links(),
        unused_excludes=tuple(p for p in options.exclude if p not in walk.taker.used_excludes),
    )


def version_uses(
    opened: Contents,
    host: Host,
    artifacts: tuple[Artifact, ...],
    needs: frozenset[tuple[Place, str, str]],
) -> tuple[tuple[Place, VersionUse], ...]:
    """Look up the symbols behind (user, library, version) needs. Slow: only for messages.

    A file whose symbols cannot be looked up has none in the message, which is no reason to fail.
    """
    found: list[tuple[Place, VersionUse]] = []
    for artifact in artifacts:
        wanted = frozenset((lib, version) for user, lib, version in needs if user == artifact.place)
        if not wanted:
            continue
        with suppress(BadBinary, OSError):
            uses = _uses(artifact, opened, host, wanted)
            found += [(artifact.place, use) for use in uses]
    return tuple(found)


def _uses(
    artifact: Artifact, opened: Contents, host: Host, wanted: frozenset[tuple[str, str]]
) -> tuple[VersionUse, ...]:
    binary = named(artifact.format)
    if isinstance(artifact.place, str):
        return binary.version_users(opened.source(artifact.place), wanted)
    with host.open(artifact.place) as source:
        return binary.version_users(source, wanted)


class _Hashing:
    """Adds the digest of each library's bytes, beside the walk that finds the next ones."""

    def __init__(self, workers: Workers, host: Host) -> None:
        self._workers = workers
        self._host = host
        self._begun: dict[Path, Work[Artifact]] = {}

    def begin(self, real: Path, library: Artifact) -> None:
        """Take the library that was found at `real` on."""
        self._begun[real] = self._workers.begin(partial(self._hashed, real, library))

    def results(self) -> tuple[Artifact, ...]:
        """Wait for all and give them by real path; raises SourceChanged, or what reading raised."""
        self._workers.help()
        return tuple(self._begun[real].result() for real in sorted(self._begun))

    def _hashed(self, real: Path, library: Artifact) -> Artifact:
        try:
            with self._host.open(real) as source:
                if source.fingerprint != library.fingerprint:
                    raise changed(real)
                return replace(library, sha256=source.sha256())
        except OSError as error:
            raise unreadable(real, error) from error


def _roots(artifacts: tuple[Artifact, ...]) -> Iterator[Artifact]:
    """Give those nobody in the wheel needs first, then the rest, each sorted by path."""
    wanted = {key for artifact in artifacts for key in _wanted_by(artifact)}
    yield from sorted(artifacts, key=lambda artifact: bool(names_of(artifact) & wanted))


def _wanted_by(artifact: Artifact) -> Iterator[str]:
    key = named(artifact.format).key
    for image in artifact.images:
        for needed in image.needed:
            yield key(needed.name)
            if "/" in needed.name:
                yield key(posixpath.basename(needed.name))
