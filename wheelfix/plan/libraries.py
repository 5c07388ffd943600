"""What is to be said of the libraries in a wheel: whose they are, and what else they are."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from wheelfix.archive import installed_path
from wheelfix.findings import finding
from wheelfix.formats import named
from wheelfix.model import (
    Artifact,
    Dlopen,
    Excluded,
    Finding,
    InWheel,
    Link,
    NeededKind,
    Report,
    WheelInfo,
    WheelPath,
)
from wheelfix.plan.grafts import plain_name
from wheelfix.plan.graph import Graph
from wheelfix.policy.tags import is_python_library

SHOWN = 5
"""So many files are named; the rest are counted."""

RUNTIMES = frozenset(
    {
        *("libgomp", "libomp", "libiomp5", "libiomp5md", "vcomp140"),
        *("libstdc++", "libc++", "msvcp140", "concrt140"),
        *("libgfortran", "libquadmath"),
    }
)
"""Runtimes that many packages bundle; those for threads and C++ keep state of which a process
should have one."""


CPU_FOLDERS = frozenset(
    {
        *("glibc-hwcaps", "haswell", "xeon_phi", "avx512_1", "avx2"),
        *("x86-64-v2", "x86-64-v3", "x86-64-v4", "power9", "power10", "z13", "z14", "z15", "z16"),
    }
)
"""Names of folders that a loader searches on some machines only.

Source: glibc, sysdeps/*/dl-hwcaps_subdirs.c and, until 2.37, sysdeps/x86/dl-hwcap.h.
"""
ANCHORS = ("$ORIGIN/", "${ORIGIN}/", "@loader_path/")


def of_libraries(report: Report, graph: Graph, coming: list[Artifact]) -> Iterator[Finding]:
    """Give what there is to say; `coming` are those that will be brought in."""
    yield from _bundles(report, graph)
    yield from _runtimes([*graph.members, *coming])
    yield from _interpreters(graph.members)
    yield from _for_some_cpus(coming)
    yield from _two_under_one_name(graph)
    yield from _not_there_to_open(graph)
    yield from _called_by_a_path(graph.members)
    yield from _of_other_wheels(report, graph)


def about(code: str, found: list[Artifact], what: str, hint: str) -> Finding:
    """Make one finding for all files that it is true of."""
    names = [str(artifact.place) for artifact in found]
    inside = [str(artifact.place) for artifact in found if isinstance(artifact.place, str)]
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return finding(
        code,
        f"`{names[0]}` {what}{more}",
        path=inside[0] if inside else "",
        also=tuple(inside[1:]),
        details=_also(names[1:]),
        hint=hint,
    )


def _also(names: list[str]) -> tuple[str, ...]:
    shown = tuple(f"also {name}" for name in names[:SHOWN])
    more = len(names) - SHOWN
    return (*shown, f"also {more} more") if more > 0 else shown


def _bundles(report: Report, graph: Graph) -> Iterator[Finding]:
    """Name the libraries beside the packages that nothing needs, and those that are there twice."""
    needed = {link.provider.path for link in report.links if isinstance(link.provider, InWheel)}
    bundled = [a for a in graph.members if is_bundled(a, report.wheel)]
    idle = [artifact for artifact in bundled if artifact.place not in needed]
    if idle:
        what = "was brought into the wheel, and no binary in it needs it"
        hint = "leave it out, unless code loads it by name (`ctypes`, `dlopen`)"
        yield about("WF213", idle, what, hint)
    by_name: dict[tuple[str, ...], list[Artifact]] = {}
    for artifact in graph.members:
        if artifact.place in needed:
            archs = tuple(sorted(image.arch for image in artifact.images))
            by_name.setdefault((_plain(artifact), *archs), []).append(artifact)
    for same in by_name.values():
        if len(same) > 1 and not _is_one_to_windows(same):
            what = "is in the wheel more than once, so that a process may load it twice"
            yield about("WF214", same, what, "build against one copy of the library")


def _is_one_to_windows(same: list[Artifact]) -> bool:
    """Tell whether copies have one name, so that Windows loads the first and no other.

    Where a namespace has no Python file of its own, each of its folders gets them on purpose.
    """
    names = {str(artifact.place).rpartition("/")[2].lower() for artifact in same}
    return same[0].format == "pe" and len(names) == 1


def is_bundled(member: Artifact, wheel: WheelInfo) -> bool:
    """Tell whether a member lies where repair tools put what they bring in."""
    folder = str(member.place).rpartition("/")[0]
    return folder.endswith((".libs", ".dylibs")) and folder.partition("/")[0] != wheel.dist_info


def _plain(artifact: Artifact) -> str:
    name = plain_name(str(artifact.place).replace("\\", "/").rpartition("/")[2])
    return name.lower() if artifact.format == "pe" else name


def _runtimes(artifacts: Iterable[Artifact]) -> Iterator[Finding]:
    found = [a for a in artifacts if _plain(a).lower().partition(".")[0] in RUNTIMES]
    if found:
        what = "is a runtime that other packages bundle too: one process may have several of it"
        hint = "nothing is wrong as long as they share no threads, streams or exceptions"
        yield about("WF118", found, what, hint)


def _interpreters(members: Iterable[Artifact]) -> Iterator[Finding]:
    found = [artifact for artifact in members if is_python_library(_plain(artifact))]
    if found:
        what = "is a Python interpreter: an extension that loads it has two of them, and crashes"
        hint = "leave it out, and do not link extensions to it; only a program may need its own"
        yield about("WF119", found, what, hint)


def _for_some_cpus(coming: Iterable[Artifact]) -> Iterator[Finding]:
    found = [a for a in coming if CPU_FOLDERS.intersection(Path(a.place).parts[:-1])]
    if found:
        what = "is from a folder for some CPUs: on others it may crash"
        hint = "give the folder of the plain build first, with `--lib-path DIR`"
        yield about("WF121", found, what, hint)


def _two_under_one_name(graph: Graph) -> Iterator[Finding]:
    """Name what binaries mean different members by, where the loader goes by the name alone.

    What comes from the host gets a name of its own.
    """
    meant: dict[tuple[str, str], dict[WheelPath, Link]] = {}
    for links in graph.links.values():
        for link in links:
            if isinstance(link.provider, InWheel) and _by_name_alone(link, graph):
                key = named(graph.artifacts[link.user].format).key(link.needed)
                found = meant.setdefault((key, link.arch), {})
                found.setdefault(link.provider.path, link)
    for found in meant.values():
        if len({_identity(graph.artifacts[path]) for path in found}) > 1:
            places = sorted(found)
            name = found[places[0]].needed
            inside = [str(found[p].user) for p in places if isinstance(found[p].user, str)]
            yield finding(
                "WF216",
                f"`{name}` is {len(places)} different libraries to the binaries that need it",
                path=inside[0] if inside else "",
                also=tuple(inside[1:]),
                details=tuple(f"{place}, needed by {found[place].user}" for place in places),
                hint="a process gets the one that is loaded first: build against one of them",
            )


def _by_name_alone(link: Link, graph: Graph) -> bool:
    """Tell whether the loader would take another library of the same name."""
    return graph.artifacts[link.user].format != "macho" and link.kind is NeededKind.NORMAL


def _identity(member: Artifact) -> tuple[object, ...]:
    """Tell members apart by what is known of them without reading them whole."""
    return (member.size, *((image.needed, image.version_needs) for image in member.images))


def _not_there_to_open(graph: Graph) -> Iterator[Finding]:
    """Name what notes say is loaded by name and that no link has led to."""
    members = {posixpath.basename(str(artifact.place)) for artifact in graph.members}
    for artifact in graph.members:
        known = members | {link.needed for link in graph.links.get(artifact.place, ())}
        for opened in (opened for image in artifact.images for opened in image.opens):
            if known.isdisjoint(opened.names):
                names = " or ".join(f"`{name}`" for name in opened.names)
                level = Dlopen.ALL if opened.priority == "suggested" else opened.priority
                yield finding(
                    "WF217",
                    f"`{artifact.place}` may load {names} by name, which the wheel does not have",
                    path=str(artifact.place),
                    details=(f"its note says: {opened.priority}",),
                    hint=f"`--dlopen {level}` brings it in, where it is found",
                )


def _called_by_a_path(members: Iterable[Artifact]) -> Iterator[Finding]:
    found: dict[str, list[Artifact]] = {}
    for artifact in members:
        if any(_is_of_the_build(image.own_name or "") for image in artifact.images):
            found.setdefault(artifact.format, []).append(artifact)
    for format_name, libraries in found.items():
        word, option = _CALLING[format_name]
        what = f"has {word} that is a path of the machine it was built on"
        hint = f"link it with `{option}`; what is linked against it needs its path"
        yield about("WF218", libraries, what, hint)


_CALLING: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "elf": ("a SONAME", "-Wl,-soname,NAME"),
        "macho": ("an install name", "-install_name @rpath/NAME"),
        "pe": ("a name", "-out:NAME"),
    }
)
"""What a library's own name is called, and what gives it one."""


def _is_of_the_build(name: str) -> bool:
    return name.startswith("/") and not name.startswith(("/DLC/", "/usr/lib/", "/System/"))


def _of_other_wheels(report: Report, graph: Graph) -> Iterator[Finding]:
    """Name folders of other wheels that are searched for what the user said is there."""
    if report.requires is None:
        return
    known = tuple(_normal(name) for name in (report.wheel.name, *report.requires))
    found: dict[str, list[Artifact]] = {}
    for artifact in graph.members:
        for folder in _beyond(artifact, graph):
            if not any(name.startswith(_owner(folder)) for name in known):
                found.setdefault(folder, []).append(artifact)
    for folder, users in found.items():
        hint = "add the distribution that has it to `dependencies` in pyproject.toml"
        what = f"searches `{folder}`, which neither this wheel nor a required one has"
        yield about("WF313", users, what, hint)


def _beyond(artifact: Artifact, graph: Graph) -> Iterator[str]:
    """Give the folders of site-packages that a binary searches for what the user said is there.

    None that a member lies in.
    """
    path = _installed(artifact)
    links = graph.links.get(artifact.place, ())
    if path is None or not any(isinstance(link.provider, Excluded) for link in links):
        return
    own = [posixpath.dirname(_installed(member) or "") for member in graph.members]
    for entry in dict.fromkeys(e for image in artifact.images for e in image.search.entries):
        rest = next((entry[len(a) :] for a in ANCHORS if entry.startswith(a)), None)
        folder = posixpath.normpath(posixpath.join(posixpath.dirname(path), rest or ""))
        if rest and not folder.startswith("..") and not any(_is_in(f, folder) for f in own):
            yield folder


def _installed(artifact: Artifact) -> str | None:
    return installed_path(artifact.place) if isinstance(artifact.place, str) else None


def _is_in(folder: str, other: str) -> bool:
    return other == "." or f"{folder}/".startswith(f"{other}/")


def _owner(folder: str) -> str:
    """Give how the name of the distribution begins that has an installed folder."""
    return _normal(re.sub(r"\.(libs|dylibs)$", "", folder.partition("/")[0]))


def _normal(name: str) -> str:
    """Spell a distribution's name as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", name).lower()
