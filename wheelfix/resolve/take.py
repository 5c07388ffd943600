"""What a candidate turns out to be: a member of the wheel, a host library, or nothing to take."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from wheelfix.errors import BadBinary
from wheelfix.formats import HEAD, identify, losses
from wheelfix.formats.interface import Candidate, Format, Loaded
from wheelfix.host import Host
from wheelfix.model import (
    Artifact,
    Beside,
    Excluded,
    Image,
    InWheel,
    OnHost,
    Options,
    Place,
    Provider,
    Watch,
)
from wheelfix.policy.provider import not_for_us
from wheelfix.resolve.members import Members
from wheelfix.resolve.settings import may_look_at
from wheelfix.value import Value


class Visit(Value):
    """A binary in the loader's queue."""

    place: Place
    image: Image
    format: Format
    chain: tuple[Loaded, ...]
    """From this binary to the root."""

    @property
    def ground(self) -> tuple[object, ...]:
        """Give all that a search from here depends on, besides the name that is searched for.

        Hundreds of binaries of one folder share it. It must name every fact of an image that
        `candidates` or `misfit` of any format looks at.
        """
        image = self.image
        return (
            *(self.format.name, image.arch, image.libc, image.traits, image.minimum_system),
            *[(x.folder, x.stands, x.image.arch, x.image.search) for x in self.chain],
        )


class Taker:
    """Looks at candidates, each host file once."""

    def __init__(self, members: Members, host: Host, options: Options, watch: Watch) -> None:
        self._members = members
        self._host = host
        self._options = options
        self._watch = watch
        self.used_excludes: set[str] = set()
        self.libraries: dict[Path, Artifact] = {}
        """The host libraries that were taken, by real path."""
        self.on_keep: Callable[[Path, Artifact], None] | None = None
        """What is told of each library when it is first taken."""
        self.read: dict[Path, Artifact | str] = {}
        """Every host file looked into: what it is, or why it cannot be a library."""

    def by_machine(self) -> Iterator[Artifact]:
        """Give one member for each machine, as the one who asks for what is included."""
        seen: set[str] = set()
        for artifact in self._members.by_place.values():
            if artifact.images[0].arch not in seen:
                seen.add(artifact.images[0].arch)
                yield artifact

    def excluding(self, visit: Visit, name: str) -> Excluded | None:
        """Give the first of the user's globs that covers a needed name or its last part."""
        if not self._options.exclude:
            return None
        return self._excluding(visit, name, posixpath.basename(name))

    def _excluding(self, visit: Visit, *names: str) -> Excluded | None:
        for name in map(visit.format.key, names):
            for pattern in self._options.exclude:
                if fnmatchcase(name, visit.format.key(pattern)):
                    self.used_excludes.add(pattern)
                    return Excluded(pattern=pattern)
        return None

    def take(self, visit: Visit, name: str, candidate: Candidate) -> Provider | str:
        """Give the provider, or why the loader passes this candidate for `name` over.

        The reason may be empty. What is taken in the end is told to `keep`.
        """
        if candidate.anywhere:
            return self._elsewhere(visit, name) or candidate.why_not
        if candidate.file is None:
            return candidate.why_not
        if isinstance(candidate.file, Path):
            return self._foreign(visit, candidate) or self._from_host(
                visit, candidate.file, beside=candidate.beside
            )
        artifact = self._members.at(visit.format.key(candidate.file))
        if artifact is None:
            return "no such member"
        assert isinstance(artifact.place, str)
        return misfit(visit, artifact) or InWheel(path=artifact.place)

    def lies_beside(self, visit: Visit, name: str) -> bool:
        """Tell whether the wheel has `name` where Windows looks before it looks at itself."""
        first = visit.chain[0]
        if not visit.format.starter:
            return False
        if isinstance(first.folder, str):
            found = self._members.at(visit.format.key(posixpath.join(first.folder, name)))
        elif first.folder is not None and first.stands:
            real = self._host.real(first.folder / name, visit.format.key)
            found = None if real is None else self._members.becoming(real)
        else:
            return False
        return found is not None and misfit(visit, found) is None

    def may_be_inside(self, visit: Visit, name: str) -> bool:
        """Tell whether the wheel has a binary of that name at all, wherever it lies."""
        return any(self._members.nearest(visit.format.key(name), ""))

    def _foreign(self, visit: Visit, candidate: Candidate) -> str | None:
        """Say why a file in a shared folder is not to be taken; None when it is not there."""
        assert isinstance(candidate.file, Path)
        if not candidate.shared or self._host.real(candidate.file, visit.format.key) is None:
            return None
        folder = candidate.file.parent
        files = self._host.names(folder)
        return not_for_us(visit.format.name, candidate.file.name, folder, files)

    def _from_host(self, visit: Visit, file: Path, *, beside: bool) -> Provider | str:
        if not beside and not may_look_at(file, self._options):
            return "not looked at (--no-host-libs)"
        real = self._host.real(file, visit.format.key)
        if real is None:
            return "not there"
        if self._options.exclude:
            excluded = self._excluding(visit, str(file), str(real))
            if excluded is not None:
                return excluded
        member = self._members.becoming(real)
        if member is not None:
            assert isinstance(member.place, str)
            return misfit(visit, member) or InWheel(path=member.place)
        if real not in self.read:
            self.read[real] = _read_library(self._host, real, self._watch)
        artifact = self.read[real]
        if isinstance(artifact, str):
            return artifact
        found = Beside(file=file) if beside else OnHost(found=file, real=real)
        return misfit(visit, artifact) or found

    def _elsewhere(self, visit: Visit, name: str) -> InWheel | None:
        """Give the nearest member of that file name, else of that own name; None without one."""
        folder = visit.chain[0].folder
        here = folder if isinstance(folder, str) else ""
        for artifact in self._members.nearest(visit.format.key(name), here):
            if misfit(visit, artifact) is None:
                assert isinstance(artifact.place, str)
                return InWheel(path=artifact.place)
        return None

    def artifact(self, provider: Provider) -> Artifact | None:
        """Give the binary that a provider means; None for what was not looked at."""
        match provider:
            case InWheel(path=path):
                return self._members.by_place[path]
            case OnHost(real=real):
                found = self.read[real]
                assert isinstance(found, Artifact)
                return found
            case _:
                return None

    def keep(self, provider: Provider) -> None:
        """Note that this provider is the one that was chosen."""
        if isinstance(provider, OnHost) and provider.real not in self.libraries:
            found = self.artifact(provider)
            assert found is not None
            self.libraries[provider.real] = found
            if self.on_keep is not None:
                self.on_keep(provider.real, found)


def fitting(visit: Visit, artifact: Artifact) -> Image:
    """Give the slice that the visitor would load."""
    if len(artifact.images) == 1:
        return artifact.images[0]
    fits = (i for i in artifact.images if visit.format.misfit(visit.image, i) is None)
    return next(fits, artifact.images[0])


def misfit(visit: Visit, artifact: Artifact) -> str | None:
    """Say why no image of `artifact` serves the visitor; None when one does."""
    if artifact.format != visit.format.name:
        return f"another format: {artifact.format}"
    reasons = [visit.format.misfit(visit.image, image) for image in artifact.images]
    return None if None in reasons else reasons[0]


def _read_library(host: Host, real: Path, watch: Watch) -> Artifact | str:
    try:
        with host.open(real) as source:
            found = identify(source.read(0, HEAD))
            if found is None:
                return "not a binary (a linker script, perhaps)"
            images = found.read(source, watch=watch)
            if not images:
                return "an object file or archive"
            return Artifact(
                place=real,
                format=found.name,
                images=images,
                size=source.size,
                mode=source.mode,
                fingerprint=source.fingerprint,
                losses=losses(found, source, images),
            )
    except BadBinary as error:
        return f"damaged: {error.problem}"
    except OSError as error:
        return f"not readable: {error.strerror}"
