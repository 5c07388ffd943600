"""The signatures of all slices of a file: what is wrong with them, what an edit takes from them."""

from __future__ import annotations

from wheelfix.formats.macho import sign
from wheelfix.formats.macho.raw import slices
from wheelfix.formats.macho.verify_signature import verify
from wheelfix.formats.macho.window import Window
from wheelfix.model import ByteSource


def flaws(source: ByteSource) -> tuple[str, ...]:
    """Recompute every page hash of every slice; one sentence for each that is wrong.

    Raises `errors.BadBinary`.
    """
    return tuple(flaw for start, size in _extents(source) for flaw in verify(source, start, size))


def losses(source: ByteSource) -> tuple[str, ...]:
    """Say what signing anew ad hoc takes from the signatures; each phrase once.

    Raises `errors.BadBinary` and `errors.CannotEdit`.
    """
    phrases: dict[str, None] = {}
    for start, size in _extents(source):
        phrases.update(dict.fromkeys(_phrases(sign.losses(source, start, size))))
    return tuple(phrases)


def _phrases(lost: sign.Losses) -> list[str]:
    found = []
    if lost.identity:
        team = f" of team {lost.team}" if lost.team else ""
        found.append(f"the signature by a certificate{team}")
    if lost.flags:
        found.append(f"the flags {', '.join(lost.flags)}")
    if lost.entitlements:
        found.append(f"the entitlements {', '.join(lost.entitlements)}")
    if lost.requirements:
        found.append("its own requirements")
    if lost.constraints:
        found.append("its launch constraints")
    return found


def _extents(source: ByteSource) -> list[tuple[int, int | None]]:
    return [
        (0, None) if entry is None else (entry.offset, entry.size)
        for entry, _ in slices(Window(source))
    ]
