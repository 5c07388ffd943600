"""What must be edited in PE files: the names of DLLs, which are found by other means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from wheelfix.findings import finding
from wheelfix.model import (
    Artifact,
    Edit,
    Finding,
    FromPython,
    InWheel,
    Link,
    NeededKind,
    OnHost,
    OnSystem,
    Options,
    Place,
    ReplaceNeeded,
    Report,
)
from wheelfix.plan.grafts import plain_name
from wheelfix.plan.graph import Graph, closure
from wheelfix.plan.homes import edges, homes, is_late, is_lost
from wheelfix.plan.layout import is_program
from wheelfix.plan.setting import Setting
from wheelfix.plan.shims import finds_anyway, how_to_find, inserts, link_inserts
from wheelfix.plan.target import Target, no_policy, refused
from wheelfix.policy.runtimes import is_debug_crt, is_redistributable, where_to_get
from wheelfix.policy.windows import lowest_windows, parse_windows, spell_windows, windows_origin

__all__ = [
    "choose",
    "drops_python",
    "finds_anyway",
    "graft_edits",
    "homes",
    "how_to_find",
    "inserts",
    "is_lost",
    "kept_names",
    "link_edits",
    "link_inserts",
    "marks",
    "member_edits",
    "moves_programs",
    "needs_home",
    "remarks",
    "spelled",
    "where_to_get",
]

moves_programs = False
"""What stands among the scripts must be a program of its own on Windows."""


def choose(report: Report, graph: Graph, options: Options) -> Target:
    """Keep the claimed tag, which says the machine and no more; give it where none does."""
    earned = spell_windows(str(report.arch))
    if earned is None:
        return refused(report.wheel, (no_policy("Windows", str(report.arch)),))
    claimed = tuple(tag for tag in report.wheel.platforms if parse_windows(tag))
    findings: list[Finding] = []
    if options.plat not in ("auto", earned):
        findings.append(
            finding(
                "WF110",
                f"the wheel cannot have the tag {options.plat}",
                details=(f"its binaries are Windows binaries for {report.arch}",),
                hint="`--plat auto` gives the wheel the tag that it earns",
            )
        )
    if not claimed:
        findings.append(
            finding(
                "WF304",
                f"the tag {'.'.join(report.wheel.platforms)} does not say which systems the "
                "wheel's binaries run on",
                hint=f"wheelfix repair makes it {earned}",
            )
        )
    return Target(
        platforms=claimed or (earned,),
        closure=closure(graph, frozenset()),
        findings=tuple(findings),
    )


def marks(libs: str) -> tuple[str, ...]:
    """Say that the folder's name is in no graft: they ask for each other by file name."""
    del libs
    return ()


def spelled(filename: str) -> str:
    """Give a graft's name in lower case: Windows takes names that differ in it alone for one."""
    return filename.lower()


def kept_names(graph: Graph) -> frozenset[str]:
    """Give the needed names that stay as they are, as a user of theirs must not be edited."""
    locked = (
        link.needed
        for place, links in graph.links.items()
        if any(image.locked for image in graph.artifacts[place].images)
        for link in links
    )
    return frozenset(locked)


def member_edits(artifact: Artifact, setting: Setting) -> tuple[Edit, ...]:
    """Give the new names of the grafts that a binary of the wheel asks for."""
    edits: dict[Edit, None] = {}
    for link in setting.graph.links.get(artifact.place, ()):
        match link.provider:
            case OnHost(real=real) if real in setting.names.by_source:
                new = setting.names.by_source[real]
                if new.lower() != link.needed.lower():
                    edits[ReplaceNeeded(old=link.needed, new=new)] = None
            case _:
                pass
    return tuple(edits)


def graft_edits(artifact: Artifact, name: str, setting: Setting) -> tuple[Edit, ...]:
    """Give what a host library needs: new names of grafts, none of its own."""
    del name
    return member_edits(artifact, setting)


def link_edits(artifact: Artifact, links: tuple[Link, ...]) -> tuple[Edit, ...]:
    """Edit nothing: a binary has no search path, only its package's Python file can help it."""
    del artifact, links
    return ()


def needs_home(artifact: Artifact, setting: Setting) -> bool:
    """Tell whether a binary needs grafts: they are found relative to site-packages."""
    links = setting.graph.links.get(artifact.place, ())
    return any(isinstance(link.provider, OnHost) for link in links)


def drops_python(artifact: Artifact) -> bool:
    """Keep Python's DLL: an extension's names are bound to it."""
    del artifact
    return False


def remarks(setting: Setting) -> Iterator[Finding]:
    """Give what is to be said of DLLs that Windows, and not a search, decides about."""
    yield from _not_everywhere(setting)
    yield from _debug_runtimes(setting)
    yield from _older_runtimes(setting)
    yield from _names_kept(setting)
    yield from _never_found(setting)


def _links(setting: Setting) -> Iterator[Link]:
    for links in setting.graph.links.values():
        yield from links


def _not_everywhere(setting: Setting) -> Iterator[Finding]:
    """Name what belongs to Windows, but not to every one that the Python tag promises."""
    lowest = lowest_windows(setting.report.wheel.pythons)
    users: dict[str, list[str]] = {}
    for link in _links(setting):
        own = isinstance(link.provider, OnSystem) and link.kind is NeededKind.NORMAL
        if own and windows_origin(link.needed, link.arch, lowest) == "some-windows":
            users.setdefault(link.needed.lower(), []).append(str(link.user))
    for name, found in sorted(users.items()):
        yield finding(
            "WF116",
            f"`{name}` is not in every Windows from {lowest} on",
            path=found[0],
            details=tuple(f"needed by {user}" for user in dict.fromkeys(found)),
            hint="build for a newer Python alone, or load it only where it is there",
        )


def _debug_runtimes(setting: Setting) -> Iterator[Finding]:
    users: dict[str, list[str]] = {}
    for link in _links(setting):
        if is_debug_crt(plain_name(link.needed)) and not isinstance(link.provider, FromPython):
            users.setdefault(link.needed.lower(), []).append(str(link.user))
    for name, found in sorted(users.items()):
        yield finding(
            "WF117",
            f"`{name}` is Microsoft's debug runtime, which only developers have",
            path=found[0],
            details=tuple(f"needed by {user}" for user in dict.fromkeys(found)),
            hint=where_to_get(plain_name(name), ""),
        )


def _older_runtimes(setting: Setting) -> Iterator[Finding]:
    """Name Microsoft's runtimes that are older than the compiler of who will get them.

    Each build stands in for older ones only (Microsoft Learn, "C++ binary compatibility between
    Visual Studio versions"); its linker's version tells its age.
    """
    users: dict[Place, list[Place]] = {}
    for link in _links(setting):
        place = _brought(link)
        if place and is_redistributable(plain_name(link.needed)):
            ages = _toolset(setting, place), _toolset(setting, link.user)
            if _MSVC <= ages[0] < ages[1] < _LATER:
                users.setdefault(place, []).append(link.user)
    for place, found in sorted(users.items(), key=lambda item: str(item[0])):
        newest = max(_toolset(setting, user) for user in found)
        yield finding(
            "WF120",
            f"`{place}` is of toolset {_spelled(_toolset(setting, place))}, and is needed by code "
            f"of {_spelled(newest)}",
            path=next((p for p in (place, *found) if isinstance(p, str)), ""),
            details=tuple(f"needed by {user}" for user in dict.fromkeys(found)),
            hint="take the runtime of the newest compiler used: "
            + where_to_get(plain_name(PurePath(place).name.lower()), str(setting.report.arch)),
        )


_MSVC, _LATER = (14, 0), (15, 0)
"""The toolsets of one family of runtimes, from Visual Studio 2015 on."""


def _brought(link: Link) -> Place | None:
    match link.provider:
        case InWheel(path=place) | OnHost(real=place):
            return place
        case _:
            return None


def _toolset(setting: Setting, place: Place) -> tuple[int, int]:
    major, _, minor = (setting.graph.artifacts[place].images[0].toolset or "0.0").partition(".")
    return int(major), int(minor)


def _spelled(toolset: tuple[int, int]) -> str:
    return f"{toolset[0]}.{toolset[1]}"


def _names_kept(setting: Setting) -> Iterator[Finding]:
    """Name the grafts that stay as they are called because a user of theirs is not edited."""
    for link in _links(setting):
        locked = _lock(setting.graph.artifacts[link.user])
        if locked and isinstance(link.provider, OnHost):
            yield finding(
                "WF207",
                f"`{link.needed}` keeps its name: `{link.user}` cannot be edited, {locked}",
                path=str(link.user),
                hint="another wheel's DLL of that name may be taken for it in the same process",
            )


def _never_found(setting: Setting) -> Iterator[Finding]:
    """Name what is loaded by name later, by binaries that no Python file precedes."""
    for artifact in setting.graph.members:
        if artifact.place in setting.homes.starters or is_program(artifact.images):
            continue
        for link in edges(setting.graph, artifact.place):
            if isinstance(link.provider, OnHost) and is_late(setting.graph, link):
                yield finding(
                    "WF208",
                    f"`{link.needed}` is loaded by name when `{link.user}` runs, and is not found",
                    path=str(artifact.place),
                    details=("no `__init__.py` runs before it that could load it first",),
                    hint=f"put `{artifact.place}` into a package with an `__init__.py`, or link "
                    f"`{link.needed}` without delay",
                )


def _lock(artifact: Artifact) -> str | None:
    return next((image.locked for image in artifact.images if image.locked), None)
