"""Edits → changed bytes of a Mach-O file, in place.

Load commands are written anew inside the room that the linker left behind them; nothing else of
an unsigned slice is touched. What was signed, or must be, is signed again afterwards, and a
universal file gets its slices back, each moved only if the one before it grew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from wheelfix.errors import CannotEdit
from wheelfix.formats.files import Opened, OpenFile, Put, editing, put
from wheelfix.formats.macho import dylibs, headroom
from wheelfix.formats.macho.layout import FatArch
from wheelfix.formats.macho.raw import Raw, slices
from wheelfix.formats.macho.read import image_of
from wheelfix.formats.macho.rewrite import rewritten
from wheelfix.formats.macho.sign import resign
from wheelfix.formats.macho.window import Window
from wheelfix.model import Edit, Private, after
from wheelfix.value import Value


def apply(
    file: Private, edits: tuple[Edit, ...], *, filename: str | None = None, trusting: bool = False
) -> None:
    """Edit `file`, our private copy, in place; nothing is written when nothing changes.

    `filename` is what the file will be called, which signatures may name; None for as it is
    called now, which bytes in memory are not. With `trusting` a new signature takes over the old
    one's hashes of pages that no edit reaches, which the caller has proved afterwards. Raises
    `errors.CannotEdit`, `errors.BadBinary`, or `errors.CannotWrite` when the disk refuses.
    """
    folder, name = (file.parent, file.name) if isinstance(file, Path) else (None, "")
    with editing(file) as handle:
        changes = _changes(Window(Opened(handle)), edits)
        _write(handle, changes)
        sign = partial(_resigned, filename=filename or name, trusting=trusting)
        _sign(handle, [c for c in changes if c.signed], folder, sign)


class Change(Value):
    """What becomes of one slice."""

    entry: FatArch | None
    """Its place in a universal file; None in a thin one."""
    start: int
    size: int
    puts: tuple[Put, ...]
    """What to write where in the slice."""
    signed: bool
    """True when it must be signed afterwards."""


def _changes(window: Window, edits: tuple[Edit, ...]) -> list[Change]:
    changes = [_change(entry, raw, edits) for entry, raw in slices(window)]
    return [change for change in changes if change is not None]


def _change(entry: FatArch | None, raw: Raw, edits: tuple[Edit, ...]) -> Change | None:
    image = image_of(raw)
    predicted = after(image, edits)
    if predicted == image:
        return None
    if image.locked is not None:
        raise CannotEdit(problem=f"it must not be edited: {image.locked}")
    mine = [edit for edit in edits if edit.arch in {None, image.arch}]
    signed = predicted.signature is not None
    wanted = rewritten(raw, mine)
    return Change(
        entry=entry,
        start=raw.window.start,
        size=raw.window.size,
        puts=((0, headroom.head(raw, wanted, signed=signed)), *_renumbered(raw, wanted)),
        signed=signed,
    )


def _renumbered(raw: Raw, wanted: Raw) -> tuple[Put, ...]:
    """Tell what to write where libraries are counted otherwise, as one was dropped."""
    needed, kept = ({command.offset for command in r.of(*dylibs.NEEDING)} for r in (raw, wanted))
    if needed <= kept:
        return ()
    from wheelfix.formats.macho import ordinals

    return ordinals.puts(raw, wanted)


def _write(handle: OpenFile, changes: list[Change]) -> None:
    for change in changes:
        for offset, data in change.puts:
            put(handle, change.start + offset, data)


def _resigned(handle: OpenFile, change: Change, *, filename: str, trusting: bool) -> int:
    written = change.puts if trusting else None
    return resign(handle, 0, change.size, filename, written=written)


def _sign(
    handle: OpenFile,
    changes: list[Change],
    folder: Path | None,
    sign: Callable[[OpenFile, Change], int],
) -> None:
    """Sign a thin file where it stands, slices of a universal one apart, as they may grow."""
    if all(change.entry is None for change in changes):
        for change in changes:
            sign(handle, change)
        return
    from wheelfix.formats.macho.universal import Apart, put_back, taken_out

    with ExitStack() as stack:
        parts = []
        for change in changes:
            assert change.entry is not None
            apart = stack.enter_context(taken_out(handle, change.entry, folder))
            parts.append(Apart(entry=change.entry, file=apart, size=sign(apart, change)))
        put_back(handle, tuple(parts))
