"""Headers of a Mach-O file → one image per slice, as dyld would see it."""

from __future__ import annotations

from wheelfix.errors import CannotEdit
from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho import dylibs, system
from wheelfix.formats.macho.codesign import CSSLOT_ENTITLEMENTS
from wheelfix.formats.macho.locks import locked
from wheelfix.formats.macho.machine import arch
from wheelfix.formats.macho.raw import Raw, slices, text
from wheelfix.formats.macho.signature import Signature, signature_at
from wheelfix.formats.macho.window import Window
from wheelfix.model import OPENERS, ByteSource, Image, ImageKind, Needed, SearchPath, Watch

_FITS = frozenset({("x86_64h", "x86_64"), ("arm64", "arm64v8"), ("arm64v8", "arm64")})
"""Pairs of user and candidate that differ in name only, or where the older machine will do."""
_TOGETHER = frozenset({"macos", "maccatalyst"})
"""Platforms that one process may mix: some libraries are for both and name only one first."""


def read(source: ByteSource, *, watch: Watch) -> tuple[Image, ...]:
    """Read one image per slice, in file order; none for objects, archives, debug files and cores.

    Of `watch` only `OPENERS` are looked for: no policy for Apple's systems names symbols. Raises
    `errors.BadBinary` with the offset, never anything else, on any bytes whatever.
    """
    names = OPENERS & watch.get("", frozenset())
    return tuple(image_of(raw, names) for _, raw in slices(Window(source)))


def ballast(source: ByteSource) -> int:
    """Count the local symbols of all slices, which only debuggers want, with their names' share."""
    return sum(_locals(raw) for _, raw in slices(Window(source)))


def _locals(raw: Raw) -> int:
    table, split = next(raw.of(c.LC_SYMTAB), None), next(raw.of(c.LC_DYSYMTAB), None)
    if table is None or split is None:
        return 0
    _, count, _, names = raw.words(table, 4)
    _, own = raw.words(split, 2)
    entry = 16 if raw.codec.bits == 64 else 12
    own = min(own, count)
    return own * entry + (names * own // count if count else 0)


def misfit(user: Image, candidate: Image) -> str | None:
    """Say why a loader passes over `candidate` when `user` needs it; None when it fits."""
    pair = (user.arch, candidate.arch)
    if user.arch != candidate.arch and pair not in _FITS:
        return f"wrong machine: {candidate.arch}, needed by {user.arch}"
    wanted, found = _platform(user), _platform(candidate)
    if wanted and found and wanted != found and not {wanted, found} <= _TOGETHER:
        return f"wrong platform: {found}, needed by {wanted}"
    if candidate.kind is ImageKind.PROGRAM:
        return "a program, not a library"
    if candidate.own_name is None:
        return "a bundle, which is loaded by its path alone (it has no install name)"
    return None


def image_of(raw: Raw, watched: frozenset[str] = frozenset()) -> Image:
    """Give the facts of a parsed slice. Raises `errors.BadBinary`."""
    program = raw.header.filetype == c.MH_EXECUTE
    signature = _signature(raw)
    chosen = system.chosen(raw)
    machine = arch(raw.header)
    return Image(
        arch=machine,
        kind=ImageKind.PROGRAM if program else ImageKind.LIBRARY,
        own_name=next((text(raw, command) for command in raw.of(c.LC_ID_DYLIB)), None),
        needed=tuple(
            Needed(name=text(raw, command), kind=dylibs.kind(raw, command))
            for command in raw.of(*dylibs.NEEDING)
        ),
        search=SearchPath(entries=tuple(text(raw, command) for command in raw.of(c.LC_RPATH))),
        minimum_system=None if chosen is None else str(chosen[1]),
        undefined=_undefined(raw, watched) if watched else (),
        locked=locked(raw) or _unsignable(raw, signature),
        signature=None if signature is None else signature.kind,
        sealed=machine.startswith("arm64"),
    )


def _undefined(raw: Raw, watched: frozenset[str]) -> tuple[str, ...]:
    from wheelfix.formats.macho.symbols import undefined

    return undefined(raw, watched)


def _platform(image: Image) -> str:
    return (image.minimum_system or "").partition(" ")[0]


def _signature(raw: Raw) -> Signature | None:
    for command in raw.of(c.LC_CODE_SIGNATURE):
        offset, size = raw.words(command, 2)
        if offset + size > raw.window.size:
            raise raw.window.bad("its code signature lies outside of the file", command.offset)
        return signature_at(raw.window.source, raw.window.start + offset, size)
    return None


def _unsignable(raw: Raw, signature: Signature | None) -> str | None:
    """Say why it cannot be signed anew, which every edit asks for: its claims are unreadable."""
    if signature is None or signature.blob(CSSLOT_ENTITLEMENTS) is None:
        return None
    from wheelfix.formats.macho.compose import claims

    try:
        claims(raw.window.source, signature)
    except CannotEdit as error:
        return f"{error.problem} ({'; '.join(error.details)})"
    return None
