"""Where the loaders of Linux and Android look for a needed name, in their own order.

Sources: ld.so(8) and glibc's elf/dl-load.c (`_dl_map_object`), musl's ldso/dynlink.c
(`load_library`), bionic's linker/linker.cpp (`open_library`).
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from wheelfix.formats.elf.ldcache import parse_cache
from wheelfix.formats.interface import (
    ANYWHERE,
    Candidate,
    Defaults,
    Loaded,
    Reuse,
    Shelf,
    in_given,
    stands_for,
)
from wheelfix.model import Image, InstalledPath, SearchKind, below

MULTIARCH: Mapping[str, str] = {
    "x86_64": "x86_64-linux-gnu",
    "i686": "i386-linux-gnu",
    "aarch64": "aarch64-linux-gnu",
    "armv7l": "arm-linux-gnueabihf",
    "ppc64le": "powerpc64le-linux-gnu",
    "s390x": "s390x-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "loongarch64": "loongarch64-linux-gnu",
}
"""Debian's name for each machine's library folder."""

MUSL_ARCH: Mapping[str, str] = {"i686": "i386", "armv7l": "armhf", "ppc64le": "powerpc64le"}
"""Where musl spells a machine differently from platform tags."""


def defaults(shelf: Shelf, image: Image) -> Defaults:
    """Gather where the loader of `image` looks on `shelf` when no binary tells it."""
    environment = shelf.environ.get("LD_LIBRARY_PATH", "")
    if image.libc == "bionic":  # never this machine's own loader, whose settings mean nothing to it
        return Defaults(root=shelf.root, cached={})
    if image.libc == "musl":
        return Defaults(
            root=shelf.root,
            environment=_environment(environment, ":\n"),
            cached={},
            folders=_below(shelf.root, _musl_folders(shelf, image)),
        )
    return Defaults(
        root=shelf.root,
        environment=_environment(environment, ":;"),
        cached=_GlibcCache(shelf),
        folders=_below(shelf.root, (*_configured(shelf), *_builtin(image))),
    )


def _below(root: Path | None, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(below(root, path) for path in paths)


def candidates(name: str, chain: tuple[Loaded, ...], defaults: Defaults) -> Iterator[Candidate]:
    """Give the places for `name` in the loader's order; `chain` runs from the user to the root."""
    yield from in_given(name, defaults)
    if "/" in name:
        yield _by_path(name, defaults.root)
    else:
        order = _ORDERS.get(chain[0].image.libc or "", _glibc_order)
        yield from order(name, chain, defaults)
        yield from _in_folders(name, defaults.folders, defaults.folders_from)
    yield ANYWHERE


def reuse(name: str) -> Reuse:
    """Take what is loaded under any name: no loader of Linux or Android searches for it again."""
    del name
    return Reuse.FIRST


def _glibc_order(name: str, chain: tuple[Loaded, ...], defaults: Defaults) -> Iterator[Candidate]:
    """RPATH of the chain unless the user has a RUNPATH, environment, own RUNPATH, cache."""
    user = chain[0]
    has_runpath = user.image.search.kind is SearchKind.RUNPATH
    if not has_runpath:
        for loaded in chain:
            if loaded.image.search.kind is SearchKind.RPATH:
                yield from _in_entries(name, loaded, defaults.root)
    yield from _in_folders(name, defaults.environment, "LD_LIBRARY_PATH")
    if has_runpath:
        yield from _in_entries(name, user, defaults.root)
    for file in defaults.cached.get(name, ()):
        yield Candidate(file=file, where=f"{file.parent} (ld.so.cache)")


def _musl_order(name: str, chain: tuple[Loaded, ...], defaults: Defaults) -> Iterator[Candidate]:
    """Environment, then the search path of the whole chain, of whatever kind."""
    yield from _in_folders(name, defaults.environment, "LD_LIBRARY_PATH")
    for loaded in chain:
        yield from _in_entries(name, loaded, defaults.root)


def _bionic_order(name: str, chain: tuple[Loaded, ...], defaults: Defaults) -> Iterator[Candidate]:
    """Own RUNPATH only: bionic does not know DT_RPATH."""
    if chain[0].image.search.kind is SearchKind.RUNPATH:
        yield from _in_entries(name, chain[0], defaults.root)


_ORDERS = MappingProxyType({"musl": _musl_order, "bionic": _bionic_order})


def _by_path(name: str, root: Path | None) -> Candidate:
    if name.startswith("/"):
        file = below(root, Path(name))
        return Candidate(file=file, where=stands_for(root, name, file))
    return Candidate(
        file=None, where=name, why_not="a path relative to the folder a program is started in"
    )


def _in_folders(name: str, folders: tuple[Path, ...], label: str) -> Iterator[Candidate]:
    for folder in folders:
        yield Candidate(file=folder / name, where=f"{folder} ({label})")


def _in_entries(name: str, loaded: Loaded, root: Path | None) -> Iterator[Candidate]:
    for entry in loaded.image.search.entries:
        for expanded in _without_machine_tokens(entry, loaded.image):
            if expanded.startswith("/"):
                folder = below(root, Path(expanded))
                yield Candidate(file=folder / name, where=stands_for(root, entry, folder))
            else:
                yield _in_entry(name, entry, expanded, loaded)


def _without_machine_tokens(entry: str, image: Image) -> tuple[str, ...]:
    """Expand $PLATFORM, and $LIB to each of the spellings that distributions build in."""
    entry = _substitute(entry, "PLATFORM", image.arch)
    libs = ["lib64", "lib"]
    if image.arch in MULTIARCH:
        libs.insert(0, f"lib/{MULTIARCH[image.arch]}")
    return tuple(dict.fromkeys(_substitute(entry, "LIB", lib) for lib in libs))


def _substitute(entry: str, token: str, value: str) -> str:
    pattern = rf"\$(\{{{token}\}}|{token}(?![A-Za-z0-9_]))"
    return re.sub(pattern, lambda _match: value, entry)


def _in_entry(name: str, entry: str, expanded: str, loaded: Loaded) -> Candidate:
    rest = origin_relative(expanded)
    folder = loaded.folder
    if rest is None:
        return Candidate(
            file=None, where=entry or '""', why_not="relative to the folder a program is started in"
        )
    if folder is None:
        return Candidate(
            file=None, where=entry, why_not="$ORIGIN is outside site-packages, nobody knows where"
        )
    if isinstance(folder, Path):
        return Candidate(
            file=folder / rest / name,
            where=f"{entry} -> {folder / rest}",
            beside=loaded.stands,
        )
    return _in_wheel(name, entry, posixpath.normpath(posixpath.join(folder, rest)))


def _in_wheel(name: str, entry: str, folder: str) -> Candidate:
    if folder == ".." or folder.startswith("../"):
        return Candidate(file=None, where=entry, why_not="leads out of site-packages")
    file = InstalledPath(posixpath.normpath(posixpath.join(folder, name)))
    return Candidate(file=file, where=f"{entry} -> {'' if folder == '.' else folder}/")


def origin_relative(entry: str) -> str | None:
    """Give what follows `$ORIGIN` in a search entry, "." for nothing; None without `$ORIGIN`."""
    for token in ("$ORIGIN", "${ORIGIN}"):
        if entry == token or entry.startswith(token + "/"):
            return entry[len(token) :].lstrip("/") or "."
    return None


def _environment(value: str, separators: str) -> tuple[Path, ...]:
    """Split LD_LIBRARY_PATH; its empty entries mean the current folder and are left out."""
    return tuple(Path(entry) for entry in re.split(f"[{separators}]", value) if entry)


def _musl_folders(shelf: Shelf, image: Image) -> tuple[Path, ...]:
    arch = MUSL_ARCH.get(image.arch, image.arch)
    text = shelf.text(Path(f"/etc/ld-musl-{arch}.path"))
    if text is None:
        text = "/lib:/usr/local/lib:/usr/lib"
    entries = text.replace("\n", ":").split(":")
    own = Path(f"/usr/lib/{arch}-linux-musl")  # where Debian keeps what its musl-tools build
    return (*(Path(entry) for entry in entries if entry), own)


class _GlibcCache(Mapping[str, tuple[Path, ...]]):
    """What ldconfig found, read when it is first asked for: most libraries are met before."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @cached_property
    def _files(self) -> Mapping[str, tuple[Path, ...]]:
        content = self._shelf.content(Path("/etc/ld.so.cache"))
        return {} if content is None else parse_cache(content)

    def __getitem__(self, name: str) -> tuple[Path, ...]:
        return _below(self._shelf.root, self._files[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _configured(shelf: Shelf) -> tuple[Path, ...]:
    """Folders of ld.so.conf: ld.so itself only knows the cache made of them, which may be old."""
    found: dict[Path, None] = {}
    seen: set[Path] = set()
    pending = [Path("/etc/ld.so.conf")]
    while pending:
        file = pending.pop(0)
        if file in seen:
            continue
        seen.add(file)
        for line in (shelf.text(file) or "").splitlines():
            text = line.partition("#")[0].strip()
            words = text.split()
            if words[:1] == ["include"]:
                pending += [m for word in words[1:] for m in _matches(shelf, file.parent / word)]
            elif text.startswith("/"):  # else a directive that ldconfig ignores
                found[Path(text.partition("=")[0])] = None
    return tuple(found)


def _matches(shelf: Shelf, pattern: Path) -> tuple[Path, ...]:
    names = sorted(fnmatch.filter(shelf.names(pattern.parent), pattern.name))
    return tuple(pattern.parent / name for name in names if not name.startswith("."))


def _builtin(image: Image) -> tuple[Path, ...]:
    triplet = MULTIARCH.get(image.arch)
    multiarch = () if triplet is None else (Path("/lib") / triplet, Path("/usr/lib") / triplet)
    return (*multiarch, Path("/lib64"), Path("/usr/lib64"), Path("/lib"), Path("/usr/lib"))
