"""Edits → load commands. What no edit speaks of stays byte for byte, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce

from wheelfix.errors import CannotEdit
from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho import dylibs, system
from wheelfix.formats.macho.raw import Command, Raw, text_bytes, with_commands
from wheelfix.model import (
    DropNeeded,
    Edit,
    ReplaceNeeded,
    SearchKind,
    SetMinimumSystem,
    SetOwnName,
    SetSearchPath,
)
from wheelfix.model.edits import OtherEdit, composed, in_steps
from wheelfix.typed import assert_never
from wheelfix.value import replace

_RPATH_HEAD = 12
"""Bytes of an rpath_command before its string."""


def rewritten(raw: Raw, edits: Iterable[Edit]) -> Raw:
    """Give `raw` with the commands that it shall have; nothing is written.

    Raises `errors.CannotEdit` for what a slice of this kind cannot say.
    """
    return reduce(_rewritten, in_steps(edits), raw)


def _rewritten(raw: Raw, step: tuple[ReplaceNeeded, ...] | OtherEdit) -> Raw:
    if isinstance(step, tuple):
        return _needed(raw, composed((_encoded(edit.old), _encoded(edit.new)) for edit in step))
    return _changed(raw, step)


def _changed(raw: Raw, edit: OtherEdit) -> Raw:
    match edit:
        case SetOwnName():
            return _own_name(raw, _encoded(edit.name))
        case DropNeeded():
            return _dropped(raw, edit.name)
        case SetSearchPath():
            return _search(raw, edit)
        case SetMinimumSystem():
            return _minimum(raw, edit.version)
        case _:
            assert_never(edit)


def _encoded(name: str) -> bytes:
    data = name.encode("utf-8", "surrogateescape")
    if not data or b"\0" in data:
        raise CannotEdit(problem=f"{name!r} cannot stand in a load command")
    return data


def _own_name(raw: Raw, name: bytes) -> Raw:
    if not any(raw.of(c.LC_ID_DYLIB)):
        problem = "it has no install name that could be changed (LC_ID_DYLIB)"
        raise CannotEdit(problem=problem)
    return _renamed(raw, lambda command: name if command.cmd == c.LC_ID_DYLIB else None)


def _needed(raw: Raw, names: Mapping[bytes, bytes]) -> Raw:
    """Rename the libraries that are needed, by their old names."""
    return _renamed(
        raw, lambda k: names.get(text_bytes(raw, k)) if k.cmd in dylibs.NEEDING else None
    )


def _renamed(raw: Raw, renamed: Callable[[Command], bytes | None]) -> Raw:
    """Give commands the names that `renamed` has for them; None for those that stay."""
    told = ((command, renamed(command)) for command in raw.commands)
    return with_commands(
        raw, tuple(k if name is None else _named(raw, k, name) for k, name in told)
    )


def _named(raw: Raw, command: Command, name: bytes) -> Command:
    if text_bytes(raw, command) == name:
        return command
    (offset,) = raw.words(command, 1)
    made = _made(raw, command.cmd, command.data[8:offset], name)
    return replace(command, data=made.data)


def _made(raw: Raw, cmd: int, head: bytes, name: bytes = b"") -> Command:
    """Make a command of the fields behind `cmdsize`, and a string if there is any."""
    body = head + name + b"\0" * bool(name)
    body += b"\0" * (-len(body) % raw.codec.align)
    return Command(cmd=cmd, offset=0, data=raw.codec.word_bytes(cmd, 8 + len(body)) + body)


def _dropped(raw: Raw, name: str) -> Raw:
    """Drop commands; `ordinals.puts` makes up for it in the tables of symbols."""
    wanted = _encoded(name)
    gone = [k for k in raw.of(*dylibs.NEEDING) if text_bytes(raw, k) == wanted]
    return with_commands(raw, tuple(command for command in raw.commands if command not in gone))


def _search(raw: Raw, edit: SetSearchPath) -> Raw:
    if edit.kind is not SearchKind.RPATH and edit.entries:
        raise CannotEdit(problem=f"Mach-O has no {edit.kind.value}")
    head = raw.codec.word_bytes(_RPATH_HEAD)
    new = [_made(raw, c.LC_RPATH, head, _encoded(entry)) for entry in edit.entries]
    kept = [command for command in raw.commands if command.cmd != c.LC_RPATH]
    cmds = [command.cmd for command in raw.commands]
    at = cmds.index(c.LC_RPATH) if c.LC_RPATH in cmds else len(kept)
    return with_commands(raw, (*kept[:at], *new, *kept[at:]))


def _minimum(raw: Raw, version: str) -> Raw:
    wanted = system.parse(version)
    if wanted is None:
        raise CannotEdit(problem=f"`{version}` is no system version such as `macos 11.0`")
    chosen = system.chosen(raw)
    if chosen is None:
        return with_commands(raw, (*raw.commands, _build_version(raw, wanted)))
    command, found = chosen
    if found.platform != wanted.platform:
        raise CannotEdit(problem=f"it is for {found.platform}, and cannot be for {wanted.platform}")
    at = 12 if command.cmd == c.LC_BUILD_VERSION else 8
    word = raw.codec.word_bytes(wanted.version)
    changed = replace(command, data=command.data[:at] + word + command.data[at + 4 :])
    return with_commands(raw, tuple(changed if k is command else k for k in raw.commands))


def _build_version(raw: Raw, wanted: system.System) -> Command:
    number = system.number(wanted.platform)
    if number is None:
        raise CannotEdit(problem=f"`{wanted.platform}` is no platform of Apple's")
    no_tools = 0
    head = raw.codec.word_bytes(number, wanted.version, wanted.version, no_tools)
    return _made(raw, c.LC_BUILD_VERSION, head)
