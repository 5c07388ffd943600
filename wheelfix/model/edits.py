"""Edits: the closed union of what can be done to an image, and `after()`, which predicts it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from wheelfix.model.facts import Image, Needed, NeededKind, SearchKind, SearchPath
from wheelfix.typed import TypeAlias, TypeVar, assert_never
from wheelfix.value import Value, replace

T = TypeVar("T")


class SetOwnName(Value):
    """Give the image this SONAME, install name or export name."""

    name: str
    arch: str | None = None
    """The slice it is for; None for all of them. The same in every edit."""


class ReplaceNeeded(Value):
    """Ask for `new` wherever the image asks for `old`, symbol versions included."""

    old: str
    new: str
    arch: str | None = None


class DropNeeded(Value):
    """Ask for `name` no more, nor for symbol versions of it."""

    name: str
    arch: str | None = None


class SetSearchPath(Value):
    """Make this the image's whole search path; no entries means none at all."""

    entries: tuple[str, ...]
    kind: SearchKind = SearchKind.RPATH
    arch: str | None = None


class SetMinimumSystem(Value):
    """Say that the image runs on this system version and later."""

    version: str
    arch: str | None = None


OtherEdit: TypeAlias = SetOwnName | DropNeeded | SetSearchPath | SetMinimumSystem
Edit: TypeAlias = OtherEdit | ReplaceNeeded


def after(image: Image, edits: tuple[Edit, ...]) -> Image:
    """Give the image as it must read once `edits` were applied in order. Pure.

    Every format obeys the law `read(apply(file, edits)) == after(read(file), edits)`.
    """
    edited = image
    for step in in_steps(e for e in edits if e.arch is None or e.arch == image.arch):
        if isinstance(step, tuple):
            edited = _renamed(edited, composed((e.old, e.new) for e in step))
        else:
            edited = _after_one(edited, step)
    return image if edited == image else _signed_again(_without_voided(edited))


def in_steps(edits: Iterable[Edit]) -> Iterator[tuple[ReplaceNeeded, ...] | OtherEdit]:
    """Give edits one by one, but those that replace names in a row together.

    Hundreds of names are no more work than one where all are replaced at a time.
    """
    names: list[ReplaceNeeded] = []
    for edit in edits:
        if isinstance(edit, ReplaceNeeded):
            names.append(edit)
            continue
        if names:
            yield tuple(names)
            names = []
        yield edit
    if names:
        yield tuple(names)


def composed(pairs: Iterable[tuple[T, T]]) -> dict[T, T]:
    """Give what each old name becomes when these are replaced by new ones in order."""
    found: dict[T, T] = {}
    for old, new in pairs:
        if old in found.values():
            found |= {first: new for first, last in found.items() if last == old}
        found.setdefault(old, new)
    return found


_VOIDED = frozenset({"bound-imports", "dependent-load-flags"})
"""Traits of what every edit takes away: notes on DLLs as they were, and where they may lie."""


def _without_voided(image: Image) -> Image:
    if _VOIDED.isdisjoint(image.traits):
        return image
    return replace(image, traits=tuple(each for each in image.traits if each not in _VOIDED))


def _signed_again(image: Image) -> Image:
    """Sign what an edit left with a broken signature, or with none where one must be."""
    if image.signature == "authenticode":
        return replace(image, signature=None)
    if image.signature is None and not image.sealed:
        return image
    return replace(image, signature="adhoc")


def _after_one(image: Image, edit: OtherEdit) -> Image:
    match edit:
        case SetOwnName():
            return replace(image, own_name=edit.name)
        case DropNeeded():
            return _without(image, edit.name)
        case SetSearchPath():
            kind = edit.kind if edit.entries else SearchKind.RPATH
            return replace(image, search=SearchPath(kind=kind, entries=edit.entries))
        case SetMinimumSystem():
            return replace(image, minimum_system=edit.version)
        case _:
            assert_never(edit)


def _renamed(image: Image, names: Mapping[str, str]) -> Image:
    needed = [
        Needed(name=names[n.name], kind=n.kind) if n.name in names else n for n in image.needed
    ]
    needs = image.version_needs
    if any(each.library in names for each in needs):
        needs = tuple(
            replace(v, library=names[v.library]) if v.library in names else v for v in needs
        )
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
