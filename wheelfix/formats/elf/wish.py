"""Edits → the dynamic array and version needs as they shall be, names still as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wheelfix.errors import CannotEdit
from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf.raw import Raw
from wheelfix.formats.elf.versions import Need, needs
from wheelfix.model import (
    DropNeeded,
    Edit,
    SearchKind,
    SetMinimumSystem,
    SetOwnName,
    SetSearchPath,
)
from wheelfix.model.edits import OtherEdit, composed, in_steps
from wheelfix.typed import Final, TypeAlias, assert_never
from wheelfix.value import Value, replace

_NAMED: Final = frozenset({c.DT_NEEDED, c.DT_SONAME, c.DT_RPATH, c.DT_RUNPATH})
_SEARCH: Final = {SearchKind.RPATH: c.DT_RPATH, SearchKind.RUNPATH: c.DT_RUNPATH}


Entry: TypeAlias = tuple[int, int, bytes | None]
"""One dynamic entry: tag, value, and what the value, an offset into the string table, shall stand
for; None: no name of ours. No class, as with `Dyn`."""


class Wanted(Value):
    """A version need that stays, under its own file name or a new one."""

    need: Need
    library: bytes


class Wish(Value):
    """All that the edits change, and what stays."""

    dynamic: tuple[Entry, ...]
    """Without the final DT_NULL."""
    needs: tuple[Wanted, ...]
    dropped: tuple[Need, ...] = ()

    @property
    def needed(self) -> tuple[str, ...]:
        """Give the names of DT_NEEDED in order."""
        found = [text for tag, _, text in self.dynamic if text is not None and tag == c.DT_NEEDED]
        return tuple([name.decode("utf-8", "surrogateescape") for name in found])

    @property
    def names(self) -> tuple[tuple[int, bytes], ...]:
        """Names that must stand in the string table, each with its offset so far."""
        entries = [(value, text) for _, value, text in self.dynamic if text is not None]
        return (*entries, *[(n.need.record.file, n.library) for n in self.needs])


def current(raw: Raw) -> Wish:
    """Give the wish that changes nothing."""
    entries = tuple(
        [
            (tag, value, raw.string(value) if tag in _NAMED else None)
            for tag, value in raw.dynamic or ()
        ]
    )
    kept = tuple(Wanted(need=n, library=raw.string(n.record.file)) for n in needs(raw))
    return Wish(dynamic=entries, needs=kept)


def wished(wish: Wish, edits: Iterable[Edit]) -> Wish:
    """Apply edits in order. Raises `errors.CannotEdit` for what ELF cannot say."""
    for step in in_steps(edits):
        if isinstance(step, tuple):
            wish = _renamed(wish, composed((_bytes(e.old), _name(e.new)) for e in step))
        else:
            wish = _wished(wish, step)
    return wish


def _wished(wish: Wish, edit: OtherEdit) -> Wish:
    match edit:
        case SetOwnName():
            return replace(wish, dynamic=_set(wish, (c.DT_SONAME,), c.DT_SONAME, _name(edit.name)))
        case DropNeeded():
            return _without(wish, _bytes(edit.name))
        case SetSearchPath():
            text = _path(edit.entries) if edit.entries else None
            tags = tuple(_SEARCH.values())
            return replace(wish, dynamic=_set(wish, tags, _SEARCH[edit.kind], text))
        case SetMinimumSystem():
            raise CannotEdit(problem="an ELF file does not say which system it needs")
        case _:
            assert_never(edit)


def _set(wish: Wish, tags: tuple[int, ...], tag: int, text: bytes | None) -> tuple[Entry, ...]:
    """Put one entry in place of the first of `tags` (else behind DT_NEEDED); drop the others."""
    entries = wish.dynamic
    held = [place for place, entry in enumerate(entries) if entry[0] in tags]
    needed = [place + 1 for place, entry in enumerate(entries) if entry[0] == c.DT_NEEDED]
    place = held[0] if held else max(needed, default=0)
    before = entries[held[-1]][1] if held else 0
    new = () if text is None else ((tag, before, text),)
    return (
        *entries[:place],
        *new,
        *(entry for entry in entries[place:] if entry[0] not in tags),
    )


def _renamed(wish: Wish, names: Mapping[bytes, bytes]) -> Wish:
    dynamic = [
        (tag, value, names.get(text, text) if text is not None and tag == c.DT_NEEDED else text)
        for tag, value, text in wish.dynamic
    ]
    return Wish(
        dynamic=tuple(dynamic),
        needs=tuple(
            [Wanted(need=n.need, library=names.get(n.library, n.library)) for n in wish.needs]
        ),
        dropped=wish.dropped,
    )


def _without(wish: Wish, name: bytes) -> Wish:
    return Wish(
        dynamic=tuple(e for e in wish.dynamic if e[2] != name or e[0] != c.DT_NEEDED),
        needs=tuple(n for n in wish.needs if n.library != name),
        dropped=(*wish.dropped, *(n.need for n in wish.needs if n.library == name)),
    )


def _bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise CannotEdit(problem=f"the name {text!a} cannot be written as bytes") from error


def _name(text: str) -> bytes:
    if not text or "\0" in text:
        raise CannotEdit(problem=f"an ELF file cannot hold the name {text!a}")
    return _bytes(text)


def _path(entries: tuple[str, ...]) -> bytes:
    for entry in entries:
        if ":" in entry or "\0" in entry:
            raise CannotEdit(problem=f"an ELF search path cannot hold the entry {entry!a}")
    return _name(":".join(entries))
