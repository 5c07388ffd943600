"""Edits: the closed union of what can be done to an image, and `after()`, which predicts it."""

from __future__ import annotations

from wheelfix.model.facts import Image, Needed, NeededKind, SearchKind, SearchPath
from wheelfix.typed import TypeAlias, assert_never
from wheelfix.value import replace, value


@value
class SetOwnName:
    """Give the image this SONAME, install name or export name."""

    name: str
    arch: str | None = None
    """The slice it is for; None for all of them. The same in every edit."""


@value
class ReplaceNeeded:
    """Ask for `new` wherever the image asks for `old`, symbol versions included."""

    old: str
    new: str
    arch: str | None = None


@value
class DropNeeded:
    """Ask for `name` no more, nor for symbol versions of it."""

    name: str
    arch: str | None = None


@value
class SetSearchPath:
    """Make this the image's whole search path; no entries means none at all."""

    entries: tuple[str, ...]
    kind: SearchKind = SearchKind.RPATH
    arch: str | None = None


@value
class SetMinimumSystem:
    """Say that the image runs on this system version and later."""

    version: str
    arch: str | None = None


Edit: TypeAlias = SetOwnName | ReplaceNeeded | DropNeeded | SetSearchPath | SetMinimumSystem


def after(image: Image, edits: tuple[Edit, ...]) -> Image:
    """Give the image as it must read once `edits` were applied in order. Pure.

    Every format obeys the law `read(apply(file, edits)) == after(read(file), edits)`.
    """
    edited = image
    for edit in edits:
        if edit.arch is None or edit.arch == image.arch:
            edited = _after_one(edited, edit)
    return image if edited == image else _signed_again(_without_voided(edited))


_VOIDED = frozenset({"bound-imports", "dependent-load-flags"})
"""Traits of what every edit takes away: notes on DLLs as they were, and where they may lie."""


def _without_voided(image: Image) -> Image:
    return replace(image, traits=tuple(each for each in image.traits if each not in _VOIDED))


def _signed_again(image: Image) -> Image:
    """Sign what an edit left with a broken signature, or with none where one must be."""
    if image.signature == "authenticode":
        return replace(image, signature=None)
    if image.signature is None and not image.sealed:
        return image
    return replace(image, signature="adhoc")


def _after_one(image: Image, edit: Edit) -> Image:
    match edit:
        case SetOwnName():
            return replace(image, own_name=edit.name)
        case ReplaceNeeded():
            return _renamed(image, edit.old, edit.new)
        case DropNeeded():
            return _without(image, edit.name)
        case SetSearchPath():
            kind = edit.kind if edit.entries else SearchKind.RPATH
            return replace(image, search=SearchPath(kind=kind, entries=edit.entries))
        case SetMinimumSystem():
            return replace(image, minimum_system=edit.version)
        case _:
            assert_never(edit)


def _renamed(image: Image, old: str, new: str) -> Image:
    needed = [Needed(name=new, kind=n.kind) if n.name == old else n for n in image.needed]
    needs = image.version_needs
    if any(each.library == old for each in needs):
        needs = tuple(replace(v, library=new) if v.library == old else v for v in needs)
    return replace(image, needed=_once(needed), version_needs=needs)


def _once(needed: list[Needed]) -> tuple[Needed, ...]:
    """Keep the first of those that exports are passed on to under one name."""
    forward = NeededKind.FORWARD
    if not [each for each in needed if each.kind is forward]:
        return tuple(needed)
    found: list[Needed] = []
    for each in needed:
        if each.kind is not forward or each not in found:
            found.append(each)
    return tuple(found)


def _without(image: Image, name: str) -> Image:
    needed = tuple(n for n in image.needed if n.name != name)
    needs = tuple(v for v in image.version_needs if v.library != name)
    return replace(image, needed=needed, version_needs=needs)
