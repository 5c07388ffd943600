"""What must be edited in Mach-O files: install names, ids and search paths, slice by slice."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from wheelfix.model import (
    Artifact,
    DropNeeded,
    Edit,
    FromPython,
    Image,
    InWheel,
    Link,
    OnHost,
    Options,
    ReplaceNeeded,
    Report,
    SetOwnName,
    SetSearchPath,
)
from wheelfix.plan.apple import choose
from wheelfix.plan.dlopen import opens, opens_included, remarks
from wheelfix.plan.graph import Graph
from wheelfix.plan.layout import Homes, is_program, relative, stays_inside
from wheelfix.plan.plain import (
    finds_anyway,
    how_to_find,
    inserts,
    is_lost,
    kept_names,
    link_inserts,
    moves_programs,
    spelled,
    where_to_get,
)
from wheelfix.plan.setting import Setting
from wheelfix.policy.apple import apple_has_folder

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
    """Name the grafts' folder: inside the package where there is one, else beside the modules."""
    del graph
    wheel, end = report.wheel, options.lib_sdir or ".dylibs"
    if not wheel.packages:
        return Homes(folders=(f"{wheel.name}{end}",))
    package = wheel.name if wheel.name in wheel.packages else wheel.packages[0]
    return Homes(folders=(f"{package}/{end}",))


def marks(libs: str) -> tuple[str, ...]:
    """Give the folder: it is part of every graft's id."""
    return (f"in {libs}",)


def member_edits(artifact: Artifact, setting: Setting) -> tuple[Edit, ...]:
    """Give what a binary of the wheel needs, each edit for one slice; () when it is right."""
    folder = setting.layout.folder(artifact.place)
    edits: list[Edit] = []
    for image in artifact.images:
        edits += _renames(artifact, image, folder, setting, moved=False)
        edits += _search(image, folder, setting)
    return tuple(edits)


def graft_edits(artifact: Artifact, name: str, setting: Setting) -> tuple[Edit, ...]:
    """Give what a host library needs to live among the grafts under `name`.

    Its id names the wheel's own folder: no other copy in the process can be taken for it.
    """
    own_name = f"/DLC/{setting.layout.libs}/{name}"
    edits: list[Edit] = []
    for image in artifact.images:
        if image.own_name != own_name:
            edits.append(SetOwnName(name=own_name, arch=image.arch))
        edits += _renames(artifact, image, setting.layout.libs, setting, moved=True)
        kept = tuple(dict.fromkeys(e for e in image.search.entries if apple_has_folder(e)))
        if kept != image.search.entries:
            edits.append(SetSearchPath(entries=kept, arch=image.arch))
    return tuple(edits)


def link_edits(artifact: Artifact, links: tuple[Link, ...]) -> tuple[Edit, ...]:
    """Give each slice the entries that lead to what it asks for by @rpath, behind what it has.

    dyld refuses an entry that stands twice.
    """
    edits: list[Edit] = []
    for image in artifact.images:
        folders = (
            str(link.provider.found.parent)
            for link in links
            if isinstance(link.provider, OnHost)
            and link.arch == image.arch
            and link.needed.startswith("@rpath/")
        )
        new = [folder for folder in folders if folder not in image.search.entries]
        if new:
            entries = tuple(dict.fromkeys((*image.search.entries, *new)))
            edits.append(SetSearchPath(entries=entries, arch=image.arch))
    return tuple(edits)


def needs_home(artifact: Artifact, setting: Setting) -> bool:
    """Tell whether a binary of the wheel asks for something by its place in the wheel."""
    links = setting.graph.links.get(artifact.place, ())
    asks = any(_target(link, setting, moved=False) is not None for link in links)
    return asks or opens_included(artifact, setting)


def drops_python(artifact: Artifact) -> bool:
    """Tell whether libpython goes: the interpreter that loads an extension has its symbols."""
    return not is_program(artifact.images)


def _renames(
    artifact: Artifact, image: Image, folder: str | None, setting: Setting, *, moved: bool
) -> Iterator[Edit]:
    names = {need.name for need in image.needed}
    links = setting.graph.links.get(artifact.place, ())
    for link in {link.needed: link for link in links if link.arch == image.arch}.values():
        if isinstance(link.provider, FromPython) and drops_python(artifact):
            yield DropNeeded(name=link.needed, arch=image.arch)
            continue
        target = _target(link, setting, moved=moved)
        if target is not None:
            new = posixpath.join("@loader_path", relative(folder or "", posixpath.dirname(target)))
            new = f"{new.rstrip('/')}/{posixpath.basename(target)}"
            if new != link.needed:
                new = _apart(new, names)
                names.add(new)
                yield ReplaceNeeded(old=link.needed, new=new, arch=image.arch)


def _apart(path: str, names: set[str]) -> str:
    """Spell a path as no other dependency does: dyld refuses two of one name since macOS 15.

    A library that was needed under two names is one file afterwards.
    """
    while path in names:
        folder, _, last = path.rpartition("/")
        path = f"{folder}/./{last}"
    return path


def _target(link: Link, setting: Setting, *, moved: bool) -> str | None:
    """Give the installed path to ask for; None when the link is left as it is.

    A library of the wheel is asked for anew only where its user has `moved` or does not find it.
    """
    match link.provider:
        case OnHost(real=real) if real in setting.names.by_source:
            return posixpath.join(setting.layout.libs, setting.names.by_source[real])
        case InWheel(path=path) if link.beyond_search or moved:
            return setting.layout.installed.get(path)
        case _:
            return None


def _search(image: Image, folder: str | None, setting: Setting) -> Iterator[Edit]:
    """Keep the system's entries and those that stay in the wheel, each once.

    Who may load what the user included gets an entry for it. macOS 15.4 refuses one that stands
    twice.
    """
    entries = tuple(dict.fromkeys(e for e in image.search.entries if _stays(e, folder)))
    libs = setting.layout.libs
    if folder is not None and opens(image, setting) and libs not in _folders(entries, folder):
        entries = (*entries, posixpath.join("@loader_path", relative(folder, libs)).rstrip("/"))
    if entries != image.search.entries:
        yield SetSearchPath(entries=entries, arch=image.arch)


def _folders(entries: tuple[str, ...], folder: str) -> frozenset[str]:
    """Give the folders of the wheel that search entries lead to."""
    inside = (e.partition("/")[2] for e in entries if e.partition("/")[0] == "@loader_path")
    return frozenset(posixpath.normpath(posixpath.join(folder, path)) for path in inside)


def _stays(entry: str, folder: str | None) -> bool:
    anchor, _, rest = entry.partition("/")
    if anchor == "@executable_path" or apple_has_folder(entry):
        return True
    if anchor != "@loader_path":
        return False
    return folder is None or stays_inside(folder, rest.lstrip("/"))
