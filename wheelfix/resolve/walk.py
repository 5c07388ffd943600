"""The walk over a wheel's binaries, as a loader would load them."""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from wheelfix.archive import installed_path
from wheelfix.errors import BadBinary
from wheelfix.formats import HEAD, identify, named
from wheelfix.formats.interface import Candidate, Defaults, Format, Loaded
from wheelfix.host import Host
from wheelfix.model import (
    Artifact,
    Attempt,
    Excluded,
    FromPython,
    Image,
    InstalledPath,
    InWheel,
    Link,
    Missing,
    Needed,
    OnHost,
    OnSystem,
    Options,
    Place,
    Provider,
    Watch,
    WheelInfo,
)
from wheelfix.policy import any_provides, apple_provides, arch_of, family_of, is_python_library
from wheelfix.value import replace, value


def names_of(artifact: Artifact) -> frozenset[str]:
    """Give the names under which a binary may be needed."""
    own = {image.own_name for image in artifact.images if image.own_name}
    return frozenset(own | {posixpath.basename(str(artifact.place))})


@value
class _Visit:
    """A binary in the loader's queue."""

    place: Place
    image: Image
    format: Format
    chain: tuple[Loaded, ...]
    """From this binary to the root."""


class Walk:
    """One walk over a wheel: what is known so far."""

    def __init__(
        self,
        *,
        wheel: WheelInfo,
        artifacts: tuple[Artifact, ...],
        host: Host,
        options: Options,
        watch: Watch,
    ) -> None:
        self.wheel = wheel
        self.host = host
        self.options = options
        self.watch = watch
        self.libraries: dict[Path, Artifact] = {}
        self.links: dict[tuple[Place, str, str], Link] = {}
        self.used_excludes: set[str] = set()
        self.read: dict[Path, Artifact | str] = {}
        """Every host file looked into: what it is, or why it cannot be a library."""
        self.provided: dict[tuple[str, str], frozenset[str]] = {}
        self.defaults: dict[tuple[str, str, str | None], Defaults] = {}
        self.members: dict[Place, Artifact] = {artifact.place: artifact for artifact in artifacts}
        self.by_installed: dict[InstalledPath, Artifact] = {}
        self.by_name: dict[str, list[tuple[InstalledPath, Artifact]]] = {}
        """Members by file name and own name, with where they end up."""
        self._place(artifacts)
        libcs = {image.libc for a in artifacts for image in a.images if image.libc}
        self.libc = libcs.pop() if len(libcs) == 1 else None
        """The only C library of the wheel, for binaries that do not tell; None when several."""

    def _place(self, artifacts: tuple[Artifact, ...]) -> None:
        for artifact in artifacts:
            path = _installed(artifact)
            if path is not None:
                self.by_installed[path] = artifact
                for name in names_of(artifact):
                    self.by_name.setdefault(name, []).append((path, artifact))

    def from_root(self, root: Artifact) -> None:
        """Load `root` and all it needs, breadth first, as a loader would: each slice by itself."""
        for image in root.images:
            self._load(self._visit(root, image, None, ()))

    def _load(self, first: _Visit) -> None:
        scope: dict[str, Provider] = {}
        queue = deque([first])
        seen = {first.place}
        while queue:
            visit = queue.popleft()
            for needed in visit.image.needed:
                link = self._link(visit, needed, scope)
                loaded = self._loaded(link)
                if loaded is None:
                    continue
                for name in (needed.name, *_own_names(loaded, visit)):
                    scope.setdefault(name, link.provider)
                if loaded.place not in seen:
                    seen.add(loaded.place)
                    image = _fitting(visit, loaded)
                    queue.append(self._visit(loaded, image, link.provider, visit.chain))

    def _visit(
        self, artifact: Artifact, told: Image, provider: Provider | None, chain: tuple[Loaded, ...]
    ) -> _Visit:
        folder = (
            provider.found.parent if isinstance(provider, OnHost) else _folder(_installed(artifact))
        )
        image = replace(told, libc=told.libc or self.libc)
        return _Visit(
            place=artifact.place,
            image=image,
            format=named(artifact.format),
            chain=(Loaded(image=image, folder=folder), *chain),
        )

    def _loaded(self, link: Link) -> Artifact | None:
        match link.provider:
            case InWheel(path=path):
                return self.members[path]
            case OnHost(real=real):
                return self.libraries[real]
            case _:
                return None

    def _link(self, visit: _Visit, needed: Needed, scope: dict[str, Provider]) -> Link:
        key = (visit.place, visit.image.arch, needed.name)
        known = self.links.get(key)
        if known is not None and not isinstance(known.provider, Missing):
            return known
        found = self._resolve(visit, needed, scope)
        if known is None or not isinstance(found.provider, Missing):
            self.links[key] = found
        return self.links[key]

    def _resolve(self, visit: _Visit, needed: Needed, scope: dict[str, Provider]) -> Link:
        link = Link(
            user=visit.place,
            arch=visit.image.arch,
            needed=needed.name,
            kind=needed.kind,
            provider=Missing(),
        )
        given = self._without_search(visit, needed.name)
        if given is not None:
            return replace(link, provider=given)
        if visit.format.name == "macho":
            return self._as_dyld(visit, link, scope)
        if needed.name in scope:
            return replace(link, provider=scope[needed.name], via="already loaded")
        return self._search(visit, link)

    def _as_dyld(self, visit: _Visit, link: Link, scope: dict[str, Provider]) -> Link:
        """Search first; what leads nowhere is loaded already, and becomes a path to rely on."""
        found = self._search(visit, link)
        lost = found.beyond_search or isinstance(found.provider, Missing)
        given = None if link.needed.startswith("@loader_path/") else scope.get(link.needed)
        if not lost or given is None:
            return found
        inside = isinstance(given, InWheel)
        return replace(link, provider=given, via="already loaded", beyond_search=inside)

    def _without_search(self, visit: _Visit, name: str) -> Provider | None:
        pattern = self._excluding(name) or self._excluding(posixpath.basename(name))
        if pattern is not None:
            return Excluded(pattern=pattern)
        if is_python_library(name):
            return FromPython()
        if visit.format.name == "macho":
            return OnSystem() if apple_provides(name) else None
        family = family_of(visit.image.libc, self.wheel.platforms)
        return OnSystem() if name in self._provided(family, visit.image.arch) else None

    def _provided(self, family: str, machine: str) -> frozenset[str]:
        if (family, machine) not in self.provided:
            arch = arch_of(family, machine)
            self.provided[family, machine] = any_provides(family, arch) if arch else frozenset()
        return self.provided[family, machine]

    def _excluding(self, name: str) -> str | None:
        for pattern in self.options.exclude:
            if fnmatchcase(name, pattern):
                self.used_excludes.add(pattern)
                return pattern
        return None

    def _search(self, visit: _Visit, link: Link) -> Link:
        tried: list[Attempt] = []
        for candidate in self._candidates(visit, link.needed):
            outcome = self._take(visit, candidate)
            if not isinstance(outcome, str):
                return replace(link, provider=outcome, via=candidate.where, tried=tuple(tried))
            tried.append(Attempt(where=candidate.where, outcome=outcome))
        link = replace(link, tried=tuple(dict.fromkeys(tried)))
        elsewhere = self._elsewhere_in_wheel(visit, link.needed)
        if elsewhere is None:
            return link
        return replace(link, provider=elsewhere, via="elsewhere in the wheel", beyond_search=True)

    def _candidates(self, visit: _Visit, name: str) -> Iterator[Candidate]:
        if not name.startswith("@loader_path/"):  # one file and no other is meant
            yield from self._lib_paths(name)
        key = (visit.format.name, visit.image.arch, visit.image.libc)
        if key not in self.defaults:
            known = visit.format.defaults(self.host, visit.image)
            self.defaults[key] = replace(known, program=self.options.executable_path)
        yield from visit.format.candidates(name, visit.chain, self.defaults[key])
        if name.startswith("@loader_path/"):
            yield from self._lib_paths(name)

    def _lib_paths(self, name: str) -> Iterator[Candidate]:
        last = posixpath.basename(name)
        for folder in self.options.lib_paths:
            yield Candidate(file=folder / last, where=f"{folder} (--lib-path)")

    def _take(self, visit: _Visit, candidate: Candidate) -> Provider | str:
        """Give the provider, or why the loader passes this candidate over."""
        if candidate.file is None:
            return candidate.why_not
        if isinstance(candidate.file, Path):
            return self._take_from_host(visit, candidate.file)
        artifact = self.by_installed.get(candidate.file)
        if artifact is None:
            return "no such member"
        misfit = _misfit(visit, artifact)
        assert isinstance(artifact.place, str)
        return misfit or InWheel(path=artifact.place)

    def _take_from_host(self, visit: _Visit, file: Path) -> Provider | str:
        real = self.host.real(file)
        if real is None:
            return "not there"
        pattern = self._excluding(str(file)) or self._excluding(str(real))
        if pattern is not None:
            return Excluded(pattern=pattern)
        if real not in self.read:
            self.read[real] = _read_library(self.host, real, self.watch)
        artifact = self.read[real]
        if isinstance(artifact, str):
            return artifact
        misfit = _misfit(visit, artifact)
        if misfit:
            return misfit
        self.libraries[real] = artifact
        return OnHost(found=file, real=real)

    def _elsewhere_in_wheel(self, visit: _Visit, name: str) -> Provider | None:
        """Give the nearest member of that file name, else of that own name; None without one."""
        name = posixpath.basename(name)
        here = visit.chain[0].folder if isinstance(visit.chain[0].folder, str) else ""
        ranked = (
            (posixpath.basename(path) != name, _steps(here, path), path, artifact.place)
            for path, artifact in self.by_name.get(name, ())
            if isinstance(artifact.place, str)
            and not path.startswith(OUTSIDE)
            and not _misfit(visit, artifact)
        )
        best = min(ranked, default=None)
        return None if best is None else InWheel(path=best[3])

    def sorted_links(self) -> tuple[Link, ...]:
        """Give all links by user, each user's in file order (the order they were made in)."""
        return tuple(sorted(self.links.values(), key=lambda link: (str(link.user), link.arch)))


OUTSIDE = "//"
"""Root of what pip puts beside site-packages: no path below site-packages leads there or back."""


def _installed(artifact: Artifact) -> InstalledPath | None:
    """Give where a member ends up, `//data/…` for the data scheme, which stays together too."""
    assert isinstance(artifact.place, str)
    _, _, inner = artifact.place.partition("/")
    path = installed_path(artifact.place)
    return InstalledPath(OUTSIDE + inner) if path is None and inner.startswith("data/") else path


def _folder(path: InstalledPath | None) -> InstalledPath | None:
    return None if path is None else InstalledPath(posixpath.dirname(path))


def _steps(here: str, path: str) -> int:
    """Count the folders between two places, as a measure of how near they are."""
    # Absolute, since posixpath asks for the current folder else, which may be gone.
    return posixpath.relpath(f"/{posixpath.dirname(path)}", f"/{here}").count("/")


def _own_names(artifact: Artifact, visit: _Visit) -> Iterable[str]:
    """Give the other names of what is loaded: musl only knows what was asked for."""
    if visit.image.libc == "musl":
        return ()
    return (image.own_name for image in artifact.images if image.own_name)


def _fitting(visit: _Visit, artifact: Artifact) -> Image:
    """Give the slice that the visitor would load."""
    fits = (i for i in artifact.images if visit.format.misfit(visit.image, i) is None)
    return next(fits, artifact.images[0])


def _misfit(visit: _Visit, artifact: Artifact) -> str | None:
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
                losses=found.losses(source),
            )
    except BadBinary as error:
        return f"damaged: {error.problem}"
    except OSError as error:
        return f"not readable: {error.strerror}"
