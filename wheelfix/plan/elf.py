"""What must be edited in ELF files: needed names and search paths."""

from __future__ import annotations

import posixpath
from collections.abc import Callable

from wheelfix.formats.elf.search import origin_relative
from wheelfix.model import (
    Artifact,
    DropNeeded,
    Edit,
    FromPython,
    Image,
    InWheel,
    Link,
    NeededKind,
    OnHost,
    Options,
    Place,
    ReplaceNeeded,
    Report,
    SearchKind,
    SearchPath,
    SetOwnName,
    SetSearchPath,
)
from wheelfix.plan.dlopen import kept_names, opens_included, remarks
from wheelfix.plan.grafts import Names
from wheelfix.plan.graph import Graph
from wheelfix.plan.layout import Homes, Layout, is_program, relative, stays_inside
from wheelfix.plan.plain import (
    finds_anyway,
    how_to_find,
    inserts,
    is_lost,
    link_inserts,
    moves_programs,
    spelled,
    where_to_get,
)
from wheelfix.plan.setting import Setting
from wheelfix.plan.tags import choose

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


def homes(report: Report, graph: Graph, options: Options) -> Homes:
    """Name the grafts' folder: beside the packages."""
    del graph
    return Homes(folders=(f"{report.wheel.name}{options.lib_sdir or '.libs'}",))


def marks(libs: str) -> tuple[str, ...]:
    """Say that the folder's name is in no graft: they ask for each other by file name."""
    del libs
    return ()


def member_edits(artifact: Artifact, setting: Setting) -> tuple[Edit, ...]:
    """Give what a binary of the wheel needs: graft names, search path; () when it is right."""
    image = artifact.images[0]
    links = setting.graph.links.get(artifact.place, ())
    folder = setting.layout.folder(artifact.place)
    wanted = _member_wants(artifact, setting)
    moves = artifact.place in setting.layout.moved and bool(wanted)
    kept = () if moves else kept_entries(image.search, _stays(artifact.place, setting.layout))
    return (*_renames(artifact, links, setting), *_search_edit(image, kept, folder, wanted))


def graft_edits(artifact: Artifact, name: str, setting: Setting) -> tuple[Edit, ...]:
    """Give what a host library needs to live among the grafts under `name`."""
    image = artifact.images[0]
    links = setting.graph.links.get(artifact.place, ())
    own: tuple[Edit, ...] = () if image.own_name == name else (SetOwnName(name=name),)
    if image.own_name is None and name == posixpath.basename(str(artifact.place)):
        own = ()
    wanted = _wanted_folders(links, setting, inside=True)
    search = _search_edit(image, (), setting.layout.libs, wanted)
    return (*own, *_renames(artifact, links, setting), *search)


def link_edits(artifact: Artifact, links: tuple[Link, ...]) -> tuple[Edit, ...]:
    """Give the search path that leads to a build's libraries too, behind what it has."""
    image = artifact.images[0]
    entries = _with_folders(image.search.entries, links)
    if entries == image.search.entries:
        return ()
    return (SetSearchPath(entries=entries, kind=_kind(image, added=True)),)


def _with_folders(entries: tuple[str, ...], links: tuple[Link, ...]) -> tuple[str, ...]:
    folders = (
        str(link.provider.found.parent)
        for link in links
        if isinstance(link.provider, OnHost) and "/" not in link.needed
    )
    return (*entries, *(folder for folder in dict.fromkeys(folders) if folder not in entries))


def needs_home(artifact: Artifact, setting: Setting) -> bool:
    """Tell whether a binary of the wheel must know its place relative to other folders."""
    return bool(_member_wants(artifact, setting))


def _member_wants(artifact: Artifact, setting: Setting) -> tuple[str, ...]:
    links = setting.graph.links.get(artifact.place, ())
    folders = _wanted_folders(links, setting, inside=False)
    if not opens_included(artifact, setting) or setting.layout.libs in folders:
        return folders
    return (*folders, setting.layout.libs)


def _renames(artifact: Artifact, links: tuple[Link, ...], setting: Setting) -> tuple[Edit, ...]:
    edits: dict[tuple[str, str | None], Edit] = {}
    for link in links:
        if link.kind is NeededKind.DLOPEN:  # it stands in code
            continue
        match link.provider:
            case FromPython() if drops_python(artifact):
                edits[link.needed, None] = DropNeeded(name=link.needed)
            case OnHost() | InWheel():
                name = _new_name(link, setting.names)
                if name is not None and name != link.needed:
                    edits[link.needed, name] = ReplaceNeeded(old=link.needed, new=name)
            case _:
                pass
    return tuple(edits.values())


def drops_python(artifact: Artifact) -> bool:
    """Tell whether libpython goes: an extension has its symbols, save on Android (PEP 738)."""
    android = any(image.libc == "bionic" for image in artifact.images)
    return not android and not is_program(artifact.images)


def _new_name(link: Link, names: Names) -> str | None:
    """Give the name to ask for; None when the link is left as it is."""
    match link.provider:
        case OnHost(real=real):
            return names.by_source.get(real)
        case InWheel(path=path) if link.beyond_search:
            return posixpath.basename(path)
        case _:
            return None


def _wanted_folders(links: tuple[Link, ...], setting: Setting, *, inside: bool) -> tuple[str, ...]:
    """Give the installed folders that must be searched; `inside`: for a graft, which has moved."""
    folders: dict[str, None] = {}
    for link in links:
        match link.provider:
            case OnHost(real=real) if real in setting.names.by_source:
                folders[setting.layout.libs] = None
            case InWheel(path=path) if link.beyond_search or inside:
                folder = setting.layout.folder(path)
                if folder is not None:
                    folders[folder] = None
            case _:
                pass
    return tuple(folders)


def _stays(place: Place, layout: Layout) -> Callable[[str], bool]:
    """Make the test whether an entry of the binary at `place` stays below site-packages."""
    folder = None if place in layout.moved else layout.folder(place)

    def stays(entry: str) -> bool:
        rest = origin_relative(entry)
        return rest is not None and (folder is None or stays_inside(folder, rest))

    return stays


def kept_entries(search: SearchPath, stays: Callable[[str], bool]) -> tuple[str, ...]:
    """Give the entries that are relative to the binary and lead nowhere outside, each once."""
    return tuple(dict.fromkeys(entry for entry in search.entries if stays(entry)))


def _search_edit(
    image: Image, kept: tuple[str, ...], folder: str | None, wanted: tuple[str, ...]
) -> tuple[Edit, ...]:
    """Give the edit, if any, that makes `wanted` installed folders findable from `folder`."""
    covered = {posixpath.normpath(origin_relative(entry) or ".") for entry in kept}
    added = tuple(
        _entry(path)
        for path in (relative(folder or "", target) for target in wanted)
        if (path or ".") not in covered
    )
    entries = (*kept, *added)
    kind = _kind(image, added=bool(added))
    if not entries:
        kind = SearchKind.RPATH
    if SearchPath(kind=kind, entries=entries) == image.search:
        return ()
    return (SetSearchPath(entries=entries, kind=kind),)


def _entry(path: str) -> str:
    return f"$ORIGIN/{path}" if path else "$ORIGIN"


def _kind(image: Image, *, added: bool) -> SearchKind:
    """RUNPATH for bionic, which knows nothing else; RPATH for what we add; else as it was."""
    if image.libc == "bionic":
        return SearchKind.RUNPATH
    return SearchKind.RPATH if added else image.search.kind
