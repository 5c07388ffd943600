"""What the plan has to say about a wheel: what is wrong with it, and what forbids a repair."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from wheelfix.findings import finding
from wheelfix.model import (
    Artifact,
    Finding,
    FromPython,
    Graft,
    InWheel,
    Link,
    OnHost,
    Patch,
    Provider,
    Report,
    SetSearchPath,
    Shape,
)
from wheelfix.plan.graph import Graph
from wheelfix.plan.layout import is_program
from wheelfix.plan.rules import rules_of
from wheelfix.plan.setting import Rules, Setting
from wheelfix.plan.target import Target
from wheelfix.policy.tags import is_python_library
from wheelfix.typed import TypedDict
from wheelfix.value import replace


def observations(
    report: Report, setting: Setting, target: Target, patches: tuple[Patch, ...]
) -> Iterator[Finding]:
    """Give what is wrong with the wheel as it stands and what a repair mends."""
    yield from _outside(setting, target)
    yield from _leaving(setting, patches)
    yield from signed_anew(setting.graph, patches)
    lost = _grouped(_lost(setting))
    for (name, _), links in lost.items():
        yield _not_where_looked(name, links, setting)
    pythons = _grouped(link for link in report.links if _is_libpython(link))
    for (name, _), links in pythons.items():
        yield from _libpython(name, links, setting)


def _is_libpython(link: Link) -> bool:
    """Tell the interpreter itself from the C runtime that it brings on Windows."""
    return isinstance(link.provider, FromPython) and is_python_library(link.needed)


def _lost(setting: Setting) -> Iterator[Link]:
    """Give the links to libraries of the wheel that those who need them do not find."""
    for place, links in setting.graph.links.items():
        user = setting.graph.artifacts[place]
        rules = rules_of(user)
        lost = [link for link in links if rules.is_lost(setting.graph, link)]
        if lost and not rules.finds_anyway(user, setting):
            yield from lost


def _grouped(links: Iterable[Link]) -> dict[tuple[str, Provider], list[Link]]:
    """Gather links to one library, in order, so that hundreds of users make one finding."""
    found: dict[tuple[str, Provider], list[Link]] = {}
    for link in links:
        found.setdefault((link.needed, link.provider), []).append(link)
    return found


def _outside(setting: Setting, target: Target) -> Iterator[Finding]:
    """One finding for each library that has to come along."""
    users: dict[Path, list[Link]] = {}
    for links in setting.graph.links.values():
        for link in links:
            if isinstance(link.provider, OnHost):
                users.setdefault(link.provider.real, []).append(link)
    for real in target.closure.libraries:
        found = users.get(real)
        if not found:  # included by the user's word
            continue
        alone = setting.report.wheel.shape is Shape.BINARY
        where = "needed, and no target system has it" if alone else "outside the wheel"
        yield finding(
            "WF102",
            f"`{found[0].needed}` is {where}",
            **_where(found),
            details=(f"found at {real}", *_needed_by(found)),
            hint="wheelfix repair brings it into the wheel",
        )


def _where(links: list[Link]) -> _Where:
    """Give the members that need a library: none when only libraries outside the wheel do."""
    users = tuple(dict.fromkeys(link.user for link in links if isinstance(link.user, str)))
    return {"path": users[0] if users else "", "also": users[1:]}


class _Where(TypedDict):
    path: str
    also: tuple[str, ...]


NAMED_USERS = 5
"""So many users of one library are named; the rest are counted."""


def _needed_by(links: list[Link]) -> tuple[str, ...]:
    return _listed("needed by", list(dict.fromkeys(str(link.user) for link in links)))


def _listed(how: str, users: list[str]) -> tuple[str, ...]:
    shown = tuple(f"{how} {user}" for user in users[:NAMED_USERS])
    more = len(users) - NAMED_USERS
    return (*shown, f"{how} {more} more") if more > 0 else shown


def _leaving(setting: Setting, patches: tuple[Patch, ...]) -> Iterator[Finding]:
    """Give the search path entries that patches take out: one finding for the same entries."""
    found: dict[tuple[str, ...], list[str]] = {}
    for patch in patches:
        artifact = setting.graph.artifacts[patch.path]
        for edit in patch.edits:
            if not isinstance(edit, SetSearchPath):
                continue
            gone = _gone(artifact, edit, alone=setting.report.wheel.shape is Shape.BINARY)
            if gone and patch.path not in found.setdefault(gone, []):
                found[gone].append(patch.path)
    for lines, paths in found.items():
        yield finding(
            "WF201",
            f"the search path of {_and_more(paths)} leads out of the wheel",
            path=paths[0],
            also=tuple(paths[1:]),
            details=(*lines, *_listed("also", paths[1:])),
            hint="wheelfix repair takes them out",
        )


def _gone(artifact: Artifact, edit: SetSearchPath, *, alone: bool) -> tuple[str, ...]:
    """Give the search path entries that an edit takes out, in words.

    Of a binary that is looked at alone none that is relative to it: nobody knows what is there.
    """
    search = next(i.search for i in artifact.images if edit.arch in (None, i.arch))
    gone = (entry for entry in (*search.entries, *search.shadowed) if entry not in edit.entries)
    gone = (entry for entry in gone if not (alone and entry.startswith(("$", "@"))))
    return tuple(dict.fromkeys(f"{search.kind.upper()} {entry or '(empty)'}" for entry in gone))


def signed_anew(graph: Graph, patches: tuple[Patch, ...]) -> Iterator[Finding]:
    """Name what loses something of its signature by being edited."""
    for patch in patches:
        artifact = graph.artifacts[patch.path]
        if artifact.losses:
            anew = any(image.signature != "authenticode" for image in artifact.images)
            yield finding(
                "WF205",
                f"`{patch.path}` is {'signed anew, ad hoc' if anew else 'no longer signed'}: "
                "its old signature ends with the edit",
                path=patch.path,
                details=artifact.losses,
                hint="sign the repaired wheel's files again where a certificate is wanted",
            )


def _and_more(users: list[str]) -> str:
    return f"`{users[0]}`" + (f" and {len(users) - 1} more" if len(users) > 1 else "")


def _not_where_looked(name: str, links: list[Link], setting: Setting) -> Finding:
    users = tuple(setting.graph.artifacts[link.user] for link in links)
    where = links[0].provider.path if isinstance(links[0].provider, InWheel) else ""
    return finding(
        "WF204",
        f"`{name}` is in the wheel, but not where it is looked for",
        path=where,
        details=(f"it is {where}", *_needed_by(links), *_tried(links[0])),
        hint=rules_of(users[0]).how_to_find(users, setting),
    )


def _libpython(name: str, links: list[Link], setting: Setting) -> Iterator[Finding]:
    artifacts = setting.graph.artifacts
    dropping = [
        link for link in links if rules_of(artifacts[link.user]).drops_python(artifacts[link.user])
    ]
    programs = [link for link in links if is_program(artifacts[link.user].images)]
    for users, hint in (
        (dropping, "wheelfix repair takes it out: the interpreter that loads them has its symbols"),
        (programs, "a program that embeds Python runs only where this very library is installed"),
    ):
        if users:
            paths = [str(link.user) for link in users]
            found = finding(
                "WF108",
                f"link to `{name}` in {_and_more(paths)}",
                path=paths[0],
                also=tuple(paths[1:]),
                details=_listed("also", paths[1:]),
                hint=hint,
            )
            yield replace(found, mended=users is dropping)


def obstacles(
    setting: Setting, target: Target, patches: tuple[Patch, ...], grafts: tuple[Graft, ...]
) -> Iterator[Finding]:
    """Give what forbids a repair: all of it at once."""
    by_name: dict[str, list[Link]] = {}
    for link in target.closure.missing:
        by_name.setdefault(link.needed, []).append(link)
    for name, links in by_name.items():
        yield missing(name, links, rules_of(setting.graph.artifacts[links[0].user]))
    for patch in patches:
        artifact = setting.graph.artifacts[patch.path]
        if _lock(artifact):
            yield locked(patch.path, artifact)
    for artifact in setting.graph.members:
        if not _lock(artifact) and _homeless(artifact, setting):
            yield _outside_site_packages(str(artifact.place))
    for graft in grafts:
        artifact = setting.graph.artifacts[graft.source]
        if graft.edits and _lock(artifact):
            yield locked(str(graft.source), artifact)


def missing(name: str, links: list[Link], rules: Rules) -> Finding:
    """Say who needs a library that is nowhere, and where it was looked for."""
    place = rules.where_to_get(name, links[0].arch)
    return finding(
        "WF101",
        f"cannot find `{name}`",
        **_where(links),
        details=(*_needed_by(links), *_tried(links[0])),
        hint=f"{place or f'add the folder that holds `{name}` with `--lib-path DIR`'}, or leave it "
        f"to the user's system with `--exclude '{name}'`",
    )


def _tried(link: Link) -> tuple[str, ...]:
    """Lay out the places tried as two columns."""
    if not link.tried:
        return ("looked in no folder: it names none, and none is given",)
    width = min(36, max(len(attempt.where) for attempt in link.tried))
    rows = [f"{attempt.where:{width}}  {attempt.outcome}" for attempt in link.tried]
    return (f"looked in {rows[0]}", *(f"          {row}" for row in rows[1:]))


def _lock(artifact: Artifact) -> str | None:
    return next((image.locked for image in artifact.images if image.locked), None)


def locked(path: str, artifact: Artifact) -> Finding:
    """Say why a binary that would have to be edited must not be."""
    return finding(
        "WF202",
        f"`{path}` would have to be edited, but {_lock(artifact)}",
        path=path if isinstance(artifact.place, str) else "",
        hint="link it so that it needs no library outside the wheel and has no search path",
    )


def _homeless(artifact: Artifact, setting: Setting) -> bool:
    """Tell whether a binary needs libraries where nobody knows what it is relative to."""
    homeless = setting.layout.folder(artifact.place) is None
    return homeless and rules_of(artifact).needs_home(artifact, setting)


def _outside_site_packages(path: str) -> Finding:
    start = (
        ", and start it from an entry point (`[project.scripts]`)"
        if ".data/scripts/" in path
        else ""
    )
    return finding(
        "WF203",
        f"`{path}` needs libraries of the wheel, but pip installs it outside site-packages",
        path=path,
        hint=f"move it into a package, where its place relative to the libraries is known{start}",
    )
