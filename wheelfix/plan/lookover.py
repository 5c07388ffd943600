"""What is to be said of binaries as they are, whatever is done to the wheel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import MappingProxyType

from wheelfix.findings import finding
from wheelfix.model import Artifact, Finding, Image, InWheel, Report, WheelInfo
from wheelfix.plan.grafts import without_digests
from wheelfix.plan.graph import Graph

SHOWN = 5
"""So many files are named; the rest are counted."""

PAGES = MappingProxyType({"aarch64": 1 << 16, "ppc64le": 1 << 16, "ppc64": 1 << 16})
"""The largest memory page of a machine's Linux kernels in bytes, where one is larger than what
everybody has: the kernels' `CONFIG_ARM64_64K_PAGES` and `CONFIG_PPC_64K_PAGES`."""
ANDROID_PAGE = 1 << 14
"""What Android asks of 64-bit code since version 15 ("Support 16 KB page sizes")."""
ALIGN = "load-align-"

RUNTIMES = frozenset(
    {
        *("libgomp", "libomp", "libiomp5", "libiomp5md", "vcomp140"),
        *("libstdc++", "libc++", "msvcp140", "concrt140"),
        *("libgfortran", "libquadmath"),
    }
)
"""Runtimes that many packages bundle; those for threads and C++ keep state of which a process
should have one."""


def lookover(report: Report, graph: Graph, libraries: tuple[Path, ...]) -> Iterator[Finding]:
    """Give what there is to say; `libraries` are those that will come along."""
    coming = [graph.artifacts[real] for real in libraries]
    yield from _traits([*graph.members, *coming])
    yield from _twice_searched(graph.members)
    yield from _bundles(report, graph)
    yield from _runtimes([*graph.members, *coming])
    yield from _pure(report.wheel)


def _traits(artifacts: Iterable[Artifact]) -> Iterator[Finding]:
    artifacts = tuple(artifacts)
    for code, holds, what, hint in (
        (
            "WF215",
            _has("executable-stack"),
            "asks for an executable stack, and newer systems refuse to load it",
            "assemble with `-Wa,--noexecstack` or link with `-Wl,-z,noexecstack`",
        ),
        (
            "WF210",
            _has("text-relocations"),
            "has code that must be changed when it is loaded, which hardened systems forbid",
            "compile everything with `-fPIC`; `-Wl,-z,text` finds the object at fault",
        ),
        (
            "WF211",
            _on_small_pages,
            "cannot be loaded where memory pages are larger, as on some systems",
            "link with `-Wl,-z,max-page-size=65536` (Android: 16384)",
        ),
    ):
        found = [artifact for artifact in artifacts if any(map(holds, artifact.images))]
        if found:
            yield _about(code, found, what, hint)


def _about(code: str, found: list[Artifact], what: str, hint: str) -> Finding:
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


def _has(trait: str) -> Callable[[Image], bool]:
    return lambda image: trait in image.traits


def _on_small_pages(image: Image) -> bool:
    """Tell whether a kernel with larger pages than the file is aligned to would refuse it."""
    page = PAGES.get(image.arch, 1)
    if image.libc == "bionic":
        page = ANDROID_PAGE if image.arch in ("aarch64", "x86_64") else 1
    aligned = [int(t.removeprefix(ALIGN)) for t in image.traits if t.startswith(ALIGN)]
    return any(align < page for align in aligned)


def _twice_searched(members: Iterable[Artifact]) -> Iterator[Finding]:
    """Name Mach-O files with an LC_RPATH that stands twice."""
    found = [
        artifact
        for artifact in members
        if artifact.format == "macho"
        and any(len(set(i.search.entries)) < len(i.search.entries) for i in artifact.images)
    ]
    if found:
        what = "has the same LC_RPATH twice, which macOS 15.4 and later refuse to load"
        yield _about("WF212", found, what, "wheelfix repair takes the second one out")


def _bundles(report: Report, graph: Graph) -> Iterator[Finding]:
    """Name the libraries beside the packages that nothing needs, and those that are there twice."""
    needed = {link.provider.path for link in report.links if isinstance(link.provider, InWheel)}
    bundled = [a for a in graph.members if _is_bundled(str(a.place), report.wheel)]
    idle = [artifact for artifact in bundled if artifact.place not in needed]
    if idle:
        what = "was brought into the wheel, and no binary in it needs it"
        hint = "leave it out, unless code loads it by name (`ctypes`, `dlopen`)"
        yield _about("WF213", idle, what, hint)
    by_name: dict[tuple[str, ...], list[Artifact]] = {}
    for artifact in graph.members:
        if artifact.place in needed:
            archs = tuple(sorted(image.arch for image in artifact.images))
            by_name.setdefault((_plain(artifact), *archs), []).append(artifact)
    for same in by_name.values():
        if len(same) > 1 and not _is_one_to_windows(same):
            what = "is in the wheel more than once, so that a process may load it twice"
            yield _about("WF214", same, what, "build against one copy of the library")


def _is_one_to_windows(same: list[Artifact]) -> bool:
    """Tell whether copies have one name, so that Windows loads the first and no other.

    Where a namespace has no Python file of its own, each of its folders gets them on purpose.
    """
    names = {str(artifact.place).rpartition("/")[2].lower() for artifact in same}
    return same[0].format == "pe" and len(names) == 1


def _is_bundled(path: str, wheel: WheelInfo) -> bool:
    """Tell whether a member lies where repair tools put what they bring in."""
    folder = path.rpartition("/")[0]
    return folder.endswith((".libs", ".dylibs")) and folder.partition("/")[0] != wheel.dist_info


def _plain(artifact: Artifact) -> str:
    """Give a library's file name as it was before a tool put a digest into it."""
    stem, dot, rest = str(artifact.place).replace("\\", "/").rpartition("/")[2].partition(".")
    name = f"{without_digests(stem)}{dot}{rest}"
    return name.lower() if artifact.format == "pe" else name


def _runtimes(artifacts: Iterable[Artifact]) -> Iterator[Finding]:
    found = [a for a in artifacts if _plain(a).lower().partition(".")[0] in RUNTIMES]
    if found:
        what = "is a runtime that other packages bundle too: one process may have several of it"
        hint = "nothing is wrong as long as they share no threads, streams or exceptions"
        yield _about("WF118", found, what, hint)


def _pure(wheel: WheelInfo) -> Iterator[Finding]:
    if wheel.root_is_purelib:
        yield finding(
            "WF307",
            "WHEEL says `Root-Is-Purelib: true`, and the wheel holds binaries",
            hint="wheelfix repair corrects it; some systems keep pure packages apart",
        )
