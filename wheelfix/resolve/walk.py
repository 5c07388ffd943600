"""The walk over a wheel's binaries, as a loader would load them."""

from __future__ import annotations

import os
import posixpath
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from wheelfix.formats import named
from wheelfix.formats.interface import Candidate, Defaults, Loaded, Reuse
from wheelfix.host import Host
from wheelfix.model import (
    Artifact,
    Attempt,
    Beside,
    Dlopen,
    Image,
    InstalledPath,
    InWheel,
    Link,
    Missing,
    Needed,
    NeededKind,
    OnDisk,
    OnHost,
    OnSystem,
    Opened,
    Options,
    Place,
    Provider,
    Watch,
    WheelInfo,
)
from wheelfix.policy.provider import last_resort, may_be_replaced, newest_wins, provider_of
from wheelfix.resolve.members import Members, installed
from wheelfix.resolve.resolved import NOWHERE
from wheelfix.resolve.settings import defaults_for
from wheelfix.resolve.take import Taker, Visit, fitting
from wheelfix.value import replace

_PRIORITIES: Mapping[Dlopen, tuple[str, ...]] = MappingProxyType(
    {
        Dlopen.NONE: (),
        Dlopen.REQUIRED: ("required",),
        Dlopen.RECOMMENDED: ("required", "recommended"),
        Dlopen.ALL: ("required", "recommended", "suggested"),
    }
)


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
        on_disk: OnDisk = NOWHERE,
    ) -> None:
        self._wheel = wheel
        self._standing = on_disk.standing
        self._host = host if options.sysroot is None else host.rooted(options.sysroot)
        self._options = options
        self._defaults: dict[tuple[str, str, str | None], Defaults] = {}
        self.taker = Taker(Members(artifacts, on_disk.originals), self._host, options, watch)
        self.links: dict[tuple[Place, str, str], Link] = {}
        self._searched: dict[tuple[tuple[object, ...], str], Link] = {}
        """The first link that each search gave, by what it depends on."""
        self._roots: dict[tuple[object, ...], Visit] = {}
        """The first root with these needs on this ground, by both."""
        self._lost = False
        """Whether anything was missing so far."""
        libcs = {image.libc for a in artifacts for image in a.images if image.libc}
        self._libc = libcs.pop() if len(libcs) == 1 else None
        """The only C library of the wheel, for binaries that do not tell; None when several."""

    def from_root(self, root: Artifact) -> None:
        """Load `root` and all it needs, breadth first, as a loader would: each slice by itself."""
        for image in root.images:
            visit = self._visit(root, image, None, ())
            if not self._as_another(visit):
                self._load(visit)

    def _as_another(self, visit: Visit) -> bool:
        """Link a root as the first one with the same needs on the same ground was, if there is one.

        What it loads was all met then, and has its links. Not where anything is missing: a root
        that loads more may have brought that into memory since.
        """
        image = visit.image
        keys = [(visit.place, image.arch, needed.name) for needed in image.needed]
        if self._lost or image.opens or any(key in self.links for key in keys):
            return False
        names = tuple([needed.name for needed in image.needed])
        other = self._roots.setdefault((visit.ground, image.own_name, names), visit)
        if other is visit or other.image.needed != image.needed:
            return False
        for key in keys:
            self.links[key] = replace(self.links[other.place, *key[1:]], user=visit.place)
        return True

    def include(self, word: str) -> Iterator[Path]:
        """Take what the user's word for libraries means, with all they need; give the real paths.

        A word is a file, or a glob of file names in the user's folders. Only what is for the
        wheel's machine is taken.
        """
        for user in list(self.taker.by_machine()):
            visit = self._visit(user, user.images[0], None, ())
            for file in self._meant(visit, word):
                candidate = Candidate(file=file, where="--include")
                provider = self.taker.take(visit, file.name, candidate)
                if isinstance(provider, OnHost):
                    self.taker.keep(provider)
                    library = self.taker.read[provider.real]
                    assert isinstance(library, Artifact)
                    self._load(self._visit(library, fitting(visit, library), provider, ()))
                    yield provider.real

    def _meant(self, visit: Visit, word: str) -> tuple[Path, ...]:
        file = Path(os.path.abspath(os.path.expanduser(word)))  # noqa: PTH100, PTH111 - see config
        if self._host.real(file) is not None:
            return (file,)
        wanted = visit.format.key(word)
        return tuple(
            folder / name
            for folder in self._options.lib_paths
            for name in sorted(self._host.names(folder))
            if fnmatchcase(visit.format.key(name), wanted)
        )

    def _load(self, first: Visit) -> None:
        scope: dict[str, Provider] = {}
        """What is loaded, by the keys of the names it was needed by or calls itself."""
        queue = deque([first])
        seen = {first.place}
        while queue:
            visit = queue.popleft()
            for needed in self._needs(visit, scope):
                link = self._link(visit, needed, scope)
                loaded = self.taker.artifact(link.provider)
                if isinstance(link.provider, Beside):
                    scope.setdefault(visit.format.key(needed.name), link.provider)
                if loaded is None:
                    continue
                for name in (needed.name, *_own_names(loaded, visit)):
                    scope.setdefault(visit.format.key(name), link.provider)
                if loaded.place not in seen:
                    seen.add(loaded.place)
                    image = fitting(visit, loaded)
                    queue.append(self._visit(loaded, image, link.provider, visit.chain))

    def _needs(self, visit: Visit, scope: dict[str, Provider]) -> Iterator[Needed]:
        """Give what an image asks for, and of what it loads by name what the user wants."""
        yield from visit.image.needed
        for opened in visit.image.opens:
            if opened.priority in _PRIORITIES[self._options.dlopen]:
                yield from self._opened(visit, opened, scope)

    def _opened(self, visit: Visit, opened: Opened, scope: dict[str, Provider]) -> Iterator[Needed]:
        """Give the first of the names that leads to a library; without one, what is required."""
        wanted = [Needed(name=name, kind=NeededKind.DLOPEN) for name in opened.names]
        for needed in wanted:
            if not isinstance(self._resolve(visit, needed, scope).provider, Missing):
                yield needed
                return
        if opened.priority == "required":
            yield wanted[0]

    def _visit(
        self, artifact: Artifact, told: Image, provider: Provider | None, chain: tuple[Loaded, ...]
    ) -> Visit:
        image = told if told.libc or not self._libc else replace(told, libc=self._libc)
        return Visit(
            place=artifact.place,
            image=image,
            format=named(artifact.format),
            chain=(self._loaded(artifact, image, provider), *chain),
        )

    def _loaded(self, artifact: Artifact, image: Image, provider: Provider | None) -> Loaded:
        if isinstance(provider, OnHost):
            return Loaded(image=image, folder=provider.found.parent)
        assert isinstance(artifact.place, str)
        if artifact.place in self._standing:
            folder = self._standing[artifact.place].parent
            return Loaded(image=image, folder=folder, stands=True)
        return Loaded(image=image, folder=_folder(installed(artifact)))

    def _link(self, visit: Visit, needed: Needed, scope: dict[str, Provider]) -> Link:
        key = (visit.place, visit.image.arch, needed.name)
        known = self.links.get(key)
        if known is not None and not isinstance(known.provider, Missing):
            return known
        found = self._resolve(visit, needed, scope)
        lost = isinstance(found.provider, Missing)
        self._lost = self._lost or lost
        if known is None or not lost:
            self.links[key] = found
        return self.links[key]

    def _resolve(self, visit: Visit, needed: Needed, scope: dict[str, Provider]) -> Link:
        name = needed.name
        excluded = self.taker.excluding(visit, name)
        if excluded:
            return _link(visit, needed, excluded)
        about = (visit.format.name, name, visit.image, self._wheel)
        brought = None if self.taker.lies_beside(visit, name) else provider_of(*about)
        if brought is not None:
            own = self._own(visit, needed) if isinstance(brought, OnSystem) else None
            return own or _link(visit, needed, brought)
        loaded = scope.get(visit.format.key(name))
        reuse = visit.format.reuse(name) if loaded else Reuse.NEVER
        if loaded and reuse is Reuse.FIRST:
            return _link(visit, needed, loaded, via="already loaded")
        found = self._search(visit, needed)
        lost = found.beyond_search or isinstance(found.provider, Missing)
        if loaded and lost and reuse is Reuse.LAST:
            inside = isinstance(loaded, InWheel)  # then it becomes a path to rely on
            return _link(visit, needed, loaded, via="already loaded", beyond_search=inside)
        self.taker.keep(found.provider)
        last = last_resort(*about) if isinstance(found.provider, Missing) else None
        return replace(found, provider=last) if last else found

    def _own(self, visit: Visit, needed: Needed) -> Link | None:
        """Give the link to the wheel's own copy of what the system brings, if that is loaded."""
        name = needed.name
        if not (may_be_replaced(visit.format.name, name) and self.taker.may_be_inside(visit, name)):
            return None
        for candidate in self._candidates(visit, name):
            if isinstance(candidate.file, str) or candidate.beside:
                found = self.taker.take(visit, name, candidate)
                if isinstance(found, InWheel):
                    return _link(visit, needed, found, via=candidate.where)
        return None

    def _search(self, visit: Visit, needed: Needed) -> Link:
        """Give the link to what a search leads to; the same search is made once."""
        asked = (visit.ground, needed.name)
        found = self._searched.get(asked)
        if found is None:
            found = self._searched[asked] = self._searched_for(visit, needed)
        if found.user == visit.place and found.kind is needed.kind:
            return found
        return replace(found, user=visit.place, kind=needed.kind)

    def _searched_for(self, visit: Visit, needed: Needed) -> Link:
        """Give the link to the first candidate that fits, or to the newest of all that do."""
        tried: list[Attempt] = []
        fits = self._fits(visit, needed, tried)
        found = next(fits, None)
        if found is None:
            return _link(visit, needed, Missing(), tried=tuple(dict.fromkeys(tried)))
        if newest_wins(visit.format.name, needed.name) and isinstance(found.provider, OnHost):
            found = max((found, *fits), key=lambda each: self._toolset(visit, each))
        return found

    def _fits(self, visit: Visit, needed: Needed, tried: list[Attempt]) -> Iterator[Link]:
        """Give a link to each candidate that fits; `tried` gets those that do not."""
        for candidate in self._candidates(visit, needed.name):
            outcome = self.taker.take(visit, needed.name, candidate)
            if not isinstance(outcome, str):
                yield _link(
                    visit,
                    needed,
                    outcome,
                    via=candidate.where,
                    beyond_search=candidate.anywhere or _comes_along(candidate, outcome),
                    tried=tuple(dict.fromkeys(tried)),
                )
            elif outcome:
                tried.append(Attempt(where=candidate.where, outcome=outcome))

    def _candidates(self, visit: Visit, name: str) -> Iterator[Candidate]:
        key = (visit.format.name, visit.image.arch, visit.image.libc)
        if key not in self._defaults:
            self._defaults[key] = defaults_for(visit.format, visit.image, self._host, self._options)
        yield from visit.format.candidates(name, visit.chain, self._defaults[key])

    def _toolset(self, visit: Visit, link: Link) -> tuple[int, ...]:
        """Give the linker's version of what a link leads to; () where it does not tell."""
        artifact = self.taker.artifact(link.provider)
        told = artifact and fitting(visit, artifact).toolset
        return tuple(int(part) for part in told.split(".")) if told else ()

    def sorted_links(self) -> tuple[Link, ...]:
        """Give all links by user, each user's in file order (the order they were made in)."""
        return tuple(sorted(self.links.values(), key=lambda link: (str(link.user), link.arch)))


def _link(
    visit: Visit,
    needed: Needed,
    provider: Provider,
    *,
    via: str = "",
    beyond_search: bool = False,
    tried: tuple[Attempt, ...] = (),
) -> Link:
    return Link(
        user=visit.place,
        arch=visit.image.arch,
        needed=needed.name,
        kind=needed.kind,
        provider=provider,
        via=via,
        beyond_search=beyond_search,
        tried=tried,
    )


def _folder(path: InstalledPath | None) -> InstalledPath | None:
    return None if path is None else InstalledPath(posixpath.dirname(path))


def _comes_along(candidate: Candidate, provider: Provider) -> bool:
    """Tell whether what was found on the host is on its way into the wheel, or of it by chance."""
    on_host = isinstance(candidate.file, Path) and not candidate.beside
    return on_host and isinstance(provider, InWheel)


def _own_names(artifact: Artifact, visit: Visit) -> Iterable[str]:
    """Give the other names of what is loaded: musl and Windows know what was asked for alone."""
    if visit.image.libc == "musl" or not visit.format.own_names_count:
        return ()
    return (image.own_name for image in artifact.images if image.own_name)
