"""Edits → the names that are to stand in the file. What PE cannot say is refused here."""

from __future__ import annotations

from wheelfix.errors import CannotEdit
from wheelfix.formats.pe.exports import Forward, dll_name, spelt
from wheelfix.formats.pe.tables import Tables, text
from wheelfix.model import Edit, Image, ReplaceNeeded, SetOwnName, after
from wheelfix.value import Value


class Wish(Value):
    """New names, beside what `Tables` holds."""

    imports: tuple[bytes, ...]
    delays: tuple[bytes, ...]
    forwards: tuple[bytes, ...]
    """Whole texts, `DLL.name`."""
    own_name: bytes | None


def wish(image: Image, found: Tables, edits: tuple[Edit, ...]) -> Wish:
    """Say what every name becomes. Raises `errors.CannotEdit`."""
    _check(image, edits)
    forwards = () if found.exports is None else found.exports.forwards
    own_name = None if found.exports is None else found.exports.own_name
    for edit in edits:
        if isinstance(edit, SetOwnName):
            own_name = encoded(edit.name)
    return Wish(
        imports=tuple(_renamed(each.text, edits) for each in found.imports),
        delays=tuple(_renamed(each.text, edits) for each in found.delays),
        forwards=tuple(_forwarded(each, edits) for each in forwards),
        own_name=own_name,
    )


def encoded(name: str) -> bytes:
    """Encode a name. Raises `errors.CannotEdit` for one that no table can hold."""
    try:
        data = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        data = b""
    if not data or b"\0" in data:
        raise CannotEdit(problem=f"{name!r} is no name for a DLL")
    return data


def _check(image: Image, edits: tuple[Edit, ...]) -> None:
    """Refuse what would change the image in a way that the format has no words for."""
    for number, edit in enumerate(edits):
        problem = _problem(image, edit)
        if problem is None:
            continue
        before = after(image, edits[:number])
        if after(before, (edit,)) != before:
            raise CannotEdit(problem=problem)


def _problem(image: Image, edit: Edit) -> str | None:
    """Say why an edit that changes anything cannot be made; None when it can be."""
    if isinstance(edit, SetOwnName):
        nameless = image.own_name is None
        return "it exports nothing that would have a name of its own" if nameless else None
    if isinstance(edit, ReplaceNeeded):
        return None
    return f"a Windows binary cannot be told this: {edit}"


def _renamed(name: bytes, edits: tuple[Edit, ...]) -> bytes:
    shown = text(name)
    for edit in edits:
        if isinstance(edit, ReplaceNeeded) and shown == edit.old:
            name = encoded(edit.new)
            shown = text(name)
    return name


def _forwarded(each: Forward, edits: tuple[Edit, ...]) -> bytes:
    if not each.module:
        return each.text
    old = dll_name(each.module)
    new = _renamed(old, edits)
    if new == old:
        return each.text
    module = spelt(new)
    if module is None:
        shown = text(new)
        raise CannotEdit(problem=f"exports cannot be passed on to `{shown}`, a name without a dot")
    return module + each.text[len(each.module) :]
