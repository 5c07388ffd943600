"""What the plan has to say about a wheel: what is wrong with it, and what forbids a repair."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wheelfix.findings import finding
from wheelfix.model import (
    Artifact,
    Finding,
    FromPython,
    Link,
    OnHost,
    Patch,
    Place,
    Report,
    SetSearchPath,
)
from wheelfix.plan.elf import Setting, drops_python, needs_home
from wheelfix.plan.layout import is_program
from wheelfix.plan.tags import Target


def observations(
    report: Report, setting: Setting, target: Target, patches: tuple[Patch, ...]
) -> Iterator[Finding]:
    """Give what is wrong with the wheel as it stands and what a repair mends."""
    yield from _outside(setting, target)
    for patch in patches:
        yield from _leaving_entries(setting.graph.artifacts[patch.path], patch)
    for link in report.links:
        if link.beyond_search:
            yield _not_where_looked(link)
        if isinstance(link.provider, FromPython):
            yield from _libpython(link, setting)


def remarks(report: Report) -> Iterator[Finding]:
    """Give what is to be said of any wheel, with binaries or without."""
    for pattern in report.unused_excludes:
        yield _unused_exclude(pattern)
    for note in report.archive_notes:
        yield finding("WF303", note, hint="wheelfix repair writes the archive anew")


def _outside(setting: Setting, target: Target) -> Iterator[Finding]:
    """One finding for each library that has to come along."""
    users: dict[Path, list[Link]] = {}
    for links in setting.graph.links.values():
        for link in links:
            if isinstance(link.provider, OnHost):
                users.setdefault(link.provider.real, []).append(link)
    for real in target.closure.libraries:
        found = users[real]
        yield finding(
            "WF102",
            f"`{found[0].needed}` is outside the wheel",
            path="" if isinstance(found[0].user, Path) else found[0].user,
            details=(f"found at {real}", *_needed_by(found)),
            hint="wheelfix repair brings it into the wheel",
        )


NAMED_USERS = 5
"""So many users of one library are named; the rest are counted."""


def _needed_by(links: list[Link]) -> tuple[str, ...]:
    users = tuple(dict.fromkeys(str(link.user) for link in links))
    shown = tuple(f"needed by {user}" for user in users[:NAMED_USERS])
    more = len(users) - NAMED_USERS
    return (*shown, f"needed by {more} more") if more > 0 else shown


def _leaving_entries(artifact: Artifact, patch: Patch) -> Iterator[Finding]:
    """Give the search path entries that the patch takes out."""
    search = artifact.images[0].search
    for edit in patch.edits:
        if isinstance(edit, SetSearchPath):
            gone = [e for e in (*search.entries, *search.shadowed) if e not in edit.entries]
            if gone:
                yield finding(
                    "WF201",
                    f"`{patch.path}` searches folders outside the wheel",
                    path=patch.path,
                    details=tuple(
                        f"{search.kind.upper()} entry {entry or '(empty)'}" for entry in gone
                    ),
                    hint="wheelfix repair takes them out",
                )


def _not_where_looked(link: Link) -> Finding:
    return finding(
        "WF204",
        f"`{link.user}` does not find `{link.needed}`, which is elsewhere in the wheel",
        path=str(link.user),
        details=_tried(link),
        hint="wheelfix repair adds the search path",
    )


def _libpython(link: Link, setting: Setting) -> Iterator[Finding]:
    artifact = setting.graph.artifacts[link.user]
    if drops_python(artifact):
        hint = "wheelfix repair takes the entry out: the interpreter that loads it has the symbols"
    elif is_program(artifact.images):
        hint = "a program that embeds Python runs only where this very libpython is installed"
    else:
        return
    yield finding(
        "WF108",
        f"`{link.user}` links to `{link.needed}`",
        path=str(link.user),
        hint=hint,
    )


def _unused_exclude(pattern: str) -> Finding:
    return finding(
        "WF302",
        f"`--exclude {pattern}` matches no library that is needed",
        hint="`wheelfix check` lists the names that are needed; patterns are matched whole",
    )


def obstacles(setting: Setting, target: Target, patches: tuple[Patch, ...]) -> Iterator[Finding]:
    """Give what forbids a repair: all of it at once."""
    by_name: dict[str, list[Link]] = {}
    for link in target.closure.missing:
        by_name.setdefault(link.needed, []).append(link)
    for name, links in by_name.items():
        yield _missing(name, links)
    for patch in patches:
        artifact = setting.graph.artifacts[patch.path]
        if artifact.images[0].locked:
            yield _locked(patch.path, artifact)
        elif _homeless(patch, setting):
            yield _outside_site_packages(patch)
    for source in setting.names.sources:
        artifact = setting.graph.artifacts[source]
        if artifact.images[0].locked:
            yield _locked(str(source), artifact)


def _missing(name: str, links: list[Link]) -> Finding:
    return finding(
        "WF101",
        f"cannot find `{name}`",
        path="" if isinstance(links[0].user, Path) else links[0].user,
        details=(*_needed_by(links), *_tried(links[0])),
        hint=f"add the folder that holds `{name}` with `--lib-path DIR`, or leave it to "
        f"the user's system with `--exclude '{name}'`",
    )


def _tried(link: Link) -> tuple[str, ...]:
    """Lay out the places tried as two columns."""
    if not link.tried:
        return ("looked in no folder: none is configured",)
    width = min(36, max(len(attempt.where) for attempt in link.tried))
    rows = [f"{attempt.where:{width}}  {attempt.outcome}" for attempt in link.tried]
    return (f"looked in {rows[0]}", *(f"          {row}" for row in rows[1:]))


def _locked(path: str, artifact: Artifact) -> Finding:
    return finding(
        "WF202",
        f"`{path}` would have to be edited, but {artifact.images[0].locked}",
        path=path if isinstance(artifact.place, str) else "",
        hint="link it so that it needs no library outside the wheel and has no search path",
    )


def _homeless(patch: Patch, setting: Setting) -> bool:
    """Tell whether a binary needs a search path where nobody knows what it is relative to."""
    place: Place = patch.path
    homeless = setting.layout.folder(place) is None
    return homeless and needs_home(setting.graph.artifacts[place], setting)


def _outside_site_packages(patch: Patch) -> Finding:
    return finding(
        "WF203",
        f"`{patch.path}` needs libraries of the wheel, but pip installs it outside site-packages",
        path=patch.path,
        hint="move it into a package, where its place relative to the libraries is known",
    )
