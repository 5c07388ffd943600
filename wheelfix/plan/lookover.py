"""What is to be said of binaries as they are, whatever is done to the wheel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import MappingProxyType

from wheelfix.findings import finding
from wheelfix.model import Artifact, Finding, Image, Report, WheelInfo
from wheelfix.plan.graph import Graph
from wheelfix.plan.libraries import SHOWN, about, is_bundled, of_libraries

PAGES = MappingProxyType({"aarch64": 1 << 16, "ppc64le": 1 << 16, "ppc64": 1 << 16})
"""The largest memory page of a machine's Linux kernels in bytes, where one is larger than what
everybody has: the kernels' `CONFIG_ARM64_64K_PAGES` and `CONFIG_PPC_64K_PAGES`."""
ANDROID_PAGE = 1 << 14
"""What Android asks of 64-bit code since version 15 ("Support 16 KB page sizes")."""
ALIGN = "load-align-"


def lookover(report: Report, graph: Graph, libraries: tuple[Path, ...]) -> Iterator[Finding]:
    """Give what there is to say; `libraries` are those that will come along."""
    coming = [graph.artifacts[real] for real in libraries]
    yield from _traits([*graph.members, *coming])
    yield from _twice_searched(graph.members)
    yield from of_libraries(report, graph, coming)
    yield from _pure(report.wheel)
    yield from _named_symbols(a for a in graph.members if not is_bundled(a, report.wheel))
    yield from _heavy(graph.members)


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
            yield about(code, found, what, hint)


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
        yield about("WF212", found, what, "wheelfix repair takes the second one out")


def _pure(wheel: WheelInfo) -> Iterator[Finding]:
    if wheel.root_is_purelib:
        yield finding(
            "WF307",
            "WHEEL says `Root-Is-Purelib: true`, and the wheel holds binaries",
            hint="wheelfix repair corrects it; some systems keep pure packages apart",
        )


SYMBOLS = "symbols-"


def _named_symbols(own: Iterable[Artifact]) -> Iterator[Finding]:
    """Name what the project built and tells where it was; what others built is theirs."""
    members = tuple(own)
    paths = {
        artifact.place: trait.removeprefix(SYMBOLS)
        for artifact in members
        for image in artifact.images
        for trait in image.traits
        if trait.startswith(SYMBOLS)
    }
    found = [artifact for artifact in members if artifact.place in paths]
    if found:
        first = paths[found[0].place]
        what = f"says that its debug symbols are at `{first}`, on the machine that built it"
        yield about("WF219", found, what, "link with `/PDBALTPATH:%_PDB%`, which leaves the name")


HEAVY = 1 << 15
"""So many bytes that no loader wants are worth a word, when they are a tenth of the binaries."""


def _heavy(members: tuple[Artifact, ...]) -> Iterator[Finding]:
    """Say how much of the wheel `strip` would take off, and from which files."""
    found = [artifact for artifact in members if artifact.ballast]
    ballast = sum(artifact.ballast for artifact in found)
    whole = sum(artifact.size for artifact in members)
    if ballast >= max(HEAVY, whole // 10):
        most = sorted(found, key=lambda artifact: -artifact.ballast)
        yield finding(
            "WF314",
            f"{_kilobytes(ballast)} of the binaries' {_kilobytes(whole)} are symbols and debug "
            "information",
            path=str(most[0].place),
            also=tuple(str(artifact.place) for artifact in most[1:]),
            details=tuple(f"{_kilobytes(a.ballast)} in {a.place}" for a in most[:SHOWN]),
            hint="strip them before the wheel is made (`strip --strip-unneeded`, `-Wl,-s`)",
        )


def _kilobytes(size: int) -> str:
    return f"{size / 1000:,.0f} kB"
