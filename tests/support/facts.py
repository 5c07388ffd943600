"""Builders of the facts that the stages hand on, with everything that a test does not care for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wheelfix.archive.filename import parse_filename
from wheelfix.formats import elf
from wheelfix.hostfile import HostFile
from wheelfix.model import (
    Artifact,
    Fingerprint,
    Image,
    ImageKind,
    InWheel,
    Link,
    Missing,
    Needed,
    NeededKind,
    OnHost,
    Place,
    Provider,
    Report,
    SearchKind,
    SearchPath,
    VersionNeed,
    WheelInfo,
    WheelPath,
)
from wheelfix.value import replace

LINUX = "pkg-1.0-cp311-cp311-linux_x86_64.whl"
MACOS = "pkg-1.0-cp311-cp311-macosx_11_0_arm64.whl"


def wheel_info(filename: str = LINUX, **fields: Any) -> WheelInfo:
    """Make what a wheel of this name says about itself."""
    name = parse_filename(filename)
    tags = [f"{p}-{a}-{s}" for p in name.pythons for a in name.abis for s in name.platforms]
    given = {
        "filename": filename,
        "name": name.name,
        "version": name.version,
        "build": name.build,
        "pythons": name.pythons,
        "abis": name.abis,
        "platforms": name.platforms,
        "label": name.label,
        "dist_info": f"{name.name}-{name.version}.dist-info",
        "tags": tuple(tags),
        "root_is_purelib": False,
    }
    return WheelInfo(**{**given, **fields})


def image(*needed: str, **fields: Any) -> Image:
    """Make a glibc x86-64 image that needs these names; `rpath`, `runpath`, `versions` too."""
    for kind in SearchKind:
        if kind.value in fields:
            entries = tuple(fields.pop(kind.value))
            fields["search"] = SearchPath(kind=kind, entries=entries)
    versions = fields.pop("versions", {})
    given = {
        "arch": "x86_64",
        "kind": ImageKind.LIBRARY,
        "own_name": None,
        "needed": tuple(Needed(name=name) for name in needed),
        "libc": "glibc",
        "version_needs": tuple(
            VersionNeed(library=library, versions=tuple(names))
            for library, names in versions.items()
        ),
    }
    return Image(**{**given, **fields})


def member(path: str, *needed: str, **fields: Any) -> Artifact:
    """Make a binary of the wheel; fields as in `image`."""
    only = image(*needed, **fields)
    return Artifact(place=WheelPath(path), format="elf", images=(only,), size=1000, mode=0o755)


def library(path: str, *needed: str, content: str | None = None, **fields: Any) -> Artifact:
    """Make a host library whose bytes are `content`, by default its file name."""
    place = Path(path)
    fields.setdefault("own_name", place.name)
    return Artifact(
        place=place,
        format="elf",
        images=(image(*needed, **fields),),
        size=2000,
        mode=0o644,
        sha256=hashlib.sha256(
            (content or place.name).encode("utf-8", "surrogateescape")
        ).hexdigest(),
        fingerprint=Fingerprint(size=2000, mtime_ns=1, inode=1),
    )


def mac_image(*needed: str | Needed, **fields: Any) -> Image:
    """Make an arm64 library for macOS 11; `rpaths` are its search path."""
    entries = tuple(fields.pop("rpaths", ()))
    given = {
        "arch": "arm64",
        "kind": ImageKind.LIBRARY,
        "own_name": "@rpath/lib.dylib",
        "needed": tuple(n if isinstance(n, Needed) else Needed(name=n) for n in needed),
        "search": SearchPath(entries=entries),
        "minimum_system": "macos 11.0",
    }
    return Image(**{**given, **fields})


def mac_member(path: str, *images: Image, **fields: Any) -> Artifact:
    """Make a Mach-O file of the wheel; one plain image if none are given."""
    found = images or (mac_image(),)
    given = {"format": "macho", "images": found, "size": 1000, "mode": 0o755}
    return Artifact(place=WheelPath(path), **{**given, **fields})


def mac_library(path: str, *images: Image, content: str | None = None) -> Artifact:
    """Make a host library of these images whose bytes are `content`, else its file name."""
    place = Path(path)
    found = images or (mac_image(own_name=f"/build/{place.name}", rpaths=("/build",)),)
    return replace(library(path, content=content), format="macho", images=found)


def link(user: str, needed: str, provider: Provider | str | None = None, **fields: Any) -> Link:
    """Make a link: a provider that begins with `/` is a host library, other text a member."""
    match provider:
        case None:
            provider = Missing()
        case str(path) if path.startswith("/"):
            provider = OnHost(found=Path(path), real=Path(path))
        case str(path):
            provider = InWheel(path=WheelPath(path))
        case _:
            pass
    place: Place = Path(user) if user.startswith("/") else WheelPath(user)
    return Link(
        user=place,
        **{"arch": "x86_64", "kind": NeededKind.NORMAL, **fields},
        needed=needed,
        provider=provider,
    )


def report(artifacts: Iterable[Artifact] = (), links: Iterable[Link] = (), **fields: Any) -> Report:
    """Make a report in the order that the model asks for."""
    found = sorted(artifacts, key=lambda a: (isinstance(a.place, Path), str(a.place)))
    given = {
        "wheel": wheel_info(fields.pop("filename", LINUX)),
        "arch": "x86_64",
        "artifacts": tuple(found),
        "links": tuple(links),
    }
    return Report(**{**given, **fields})


def read_member(file: Path, path: str) -> Artifact:
    """Read a real ELF file as if it were the member `path` of a wheel."""
    with HostFile(file) as source:
        images = elf.read(source, watch={})
        return Artifact(
            place=WheelPath(path), format="elf", images=images, size=source.size, mode=source.mode
        )
