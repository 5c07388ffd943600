"""What the packages' Python files say so that Windows finds the wheel's DLLs."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

from wheelfix.archive import installed_path
from wheelfix.formats.pe import shim
from wheelfix.model import (
    Artifact,
    Insert,
    InWheel,
    Link,
    OnHost,
    Place,
    Report,
    Skip,
    Starter,
    WheelInfo,
    WheelPath,
)
from wheelfix.plan.graph import graph_of
from wheelfix.plan.homes import BY_NAME, edges, is_lost, starter_of, starters_by_folder
from wheelfix.plan.layout import relative
from wheelfix.plan.setting import Setting
from wheelfix.value import Value

FOLDERS_COUNT = 10
"""From this Python 3 on folders that a program adds count everywhere, in Anaconda's too."""


class _Wish(Value):
    """What one package's file has to make findable."""

    folders: dict[str, None]
    """Installed folders, in the order in which they are needed."""
    preload: dict[str, None]
    """Installed paths of what is loaded by name later."""
    inert: dict[str, None]
    """Installed paths of everything, dependencies first."""


def inserts(setting: Setting) -> Iterator[Insert]:
    """Give the shims that are missing or old, by path."""
    for starter, users in sorted(_users(setting).items(), key=lambda pair: pair[0].path):
        wish = _wish(users, setting)
        if wish.folders:
            yield _insert(starter, wish, setting.report.wheel)


def link_inserts(
    links: Mapping[Place, tuple[Link, ...]], report: Report
) -> Iterator[Insert | Skip]:
    """Give the shims that name a build's link directories, which are absolute."""
    by_folder = starters_by_folder(report, graph_of(report))
    found: dict[Starter, dict[Link, None]] = {}
    for artifact in report.artifacts:
        needs = links.get(artifact.place, ())
        starter = starter_of(artifact, by_folder)
        if needs and starter is None:
            yield Skip(path=str(artifact.place), reason=_NO_STARTER)
        elif starter is not None and needs:
            found.setdefault(starter, {}).update(dict.fromkeys(needs))
    for starter, wanted in sorted(found.items(), key=lambda pair: pair[0].path):
        yield _link_insert(starter, tuple(wanted))


_NO_STARTER = "its DLLs are in link directories, and no `__init__.py` runs before it to say so"


def _link_insert(starter: Starter, links: tuple[Link, ...]) -> Insert:
    places = {link: link.provider.found for link in links if isinstance(link.provider, OnHost)}
    folders = dict.fromkeys(place.parent.as_posix() for place in places.values())
    preload = dict.fromkeys(p.as_posix() for link, p in places.items() if link.kind in BY_NAME)
    text = shim.text(tuple(folders), tuple(preload))
    return Insert(
        path=starter.path,
        at=starter.at,
        until=starter.until,
        text=text.replace("\n", starter.newline),
    )


def finds_anyway(artifact: Artifact, setting: Setting) -> bool:
    """Tell whether a binary's package sees to it that its DLLs are found."""
    starter = starter_of(artifact, setting.homes.by_folder)
    return starter is not None and (starter.helped or bool(starter.shim))


def how_to_find(users: tuple[Artifact, ...], setting: Setting) -> str:
    """Say what helps binaries to find a DLL that lies elsewhere in the wheel."""
    by_folder = setting.homes.by_folder
    alone = [user.place for user in users if starter_of(user, by_folder) is None]
    if not alone:
        return "wheelfix repair makes the package's `__init__.py` tell Windows where it is"
    return (
        f"put it beside `{alone[0]}`: no `__init__.py` runs before that, which could tell Windows "
        "where it is"
    )


def _users(setting: Setting) -> dict[Starter, list[Artifact]]:
    """Give the binaries that need help, by the file that can give it."""
    found: dict[Starter, list[Artifact]] = {}
    for artifact in setting.graph.members:
        starter = setting.homes.starters.get(WheelPath(str(artifact.place)))
        if starter is None and _loses_one(artifact, setting):
            starter = starter_of(artifact, setting.homes.by_folder)
            if starter is not None and (starter.helped or starter.shim):
                continue
        if starter is not None:
            found.setdefault(starter, []).append(artifact)
    return found


def _loses_one(artifact: Artifact, setting: Setting) -> bool:
    return any(is_lost(setting.graph, x) for x in setting.graph.links.get(artifact.place, ()))


def _wish(users: list[Artifact], setting: Setting) -> _Wish:
    wish = _Wish(folders={}, preload={}, inert={})
    links = edges(setting.graph, *(user.place for user in users))
    for link in sorted(links, key=lambda link: (str(link.user), link.needed)):
        target = _target(link, setting)
        if target is not None:
            wish.folders[posixpath.dirname(target)] = None
            if link.kind in BY_NAME:
                wish.preload[target] = None
    for real in setting.graph.included:
        wish.folders[setting.homes.folders[0]] = None
        wish.preload[_graft(setting, setting.names.by_source[real])] = None
    for name in setting.names.in_order:
        wish.inert[_graft(setting, name)] = None
    return wish


def _target(link: Link, setting: Setting) -> str | None:
    """Give the installed path of a DLL that is not found without help; None for all others."""
    match link.provider:
        case OnHost(real=real) if real in setting.names.by_source:
            return _graft(setting, setting.names.by_source[real])
        case InWheel(path=path) if is_lost(setting.graph, link):
            return installed_path(path)
        case _:
            return None


def _graft(setting: Setting, name: str) -> str:
    return posixpath.join(setting.homes.folders[0], name)


def _insert(starter: Starter, wish: _Wish, wheel: WheelInfo) -> Insert:
    here = posixpath.dirname(str(installed_path(starter.path)))

    def seen(paths: Mapping[str, None]) -> tuple[str, ...]:
        return tuple(relative(here, path) or "." for path in paths)

    text = shim.text(
        seen(wish.folders), seen(wish.preload), inert=seen(wish.inert) if _is_old(wheel) else ()
    )
    return Insert(
        path=starter.path,
        at=starter.at,
        until=starter.until,
        text=text.replace("\n", starter.newline),
    )


def _is_old(wheel: WheelInfo) -> bool:
    """Tell whether a Python that the wheel is for may not heed added folders."""
    minors = [re.fullmatch(r"(?:cp|pp)3(\d+)", tag) for tag in wheel.pythons]
    return any(match is None or int(match[1]) < FOLDERS_COUNT for match in minors)
