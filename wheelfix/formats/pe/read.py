"""Headers of a PE file → its image, as Windows' loader would see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.bound import is_bound
from wheelfix.formats.pe.debug import pdb_path
from wheelfix.formats.pe.exports import dll_name
from wheelfix.formats.pe.loadconfig import forbids
from wheelfix.formats.pe.locks import is_packed, locked
from wheelfix.formats.pe.machine import arch, hybrid
from wheelfix.formats.pe.overlay import certificate
from wheelfix.formats.pe.raw import Raw, parse
from wheelfix.formats.pe.tables import Tables, tables, text
from wheelfix.formats.window import Window
from wheelfix.model import ByteSource, Image, ImageKind, Needed, NeededKind, Watch


def read(source: ByteSource, *, watch: Watch) -> tuple[Image, ...]:
    """Read the one image; none for what Windows' loader never loads, programs for DOS and EFI.

    `watch` is for formats whose policies name symbols. Raises `errors.BadBinary` with the offset,
    never anything else, on any bytes whatever.
    """
    del watch
    raw = parse(Window(source))
    if raw is None or raw.optional.subsystem in c.SUBSYSTEM_EFI:
        return ()
    return (image_of(raw),)


def ballast(source: ByteSource) -> int:
    """Count the COFF symbols and the sections with a long name: only those for debuggers have one.

    Long names stand behind the symbols (Microsoft, "PE Format", Section Table).
    """
    raw = parse(Window(source))
    if raw is None:
        return 0
    debugging = sum(each.raw_size for each in raw.sections if each.name.startswith(b"/"))
    return debugging + _symbols(raw)


def _symbols(raw: Raw) -> int:
    """Give the size of the COFF symbols and of their names, which stand behind them."""
    size = raw.symbol_count * c.SYMBOL
    end = raw.symbols + size
    if not raw.symbols or end + 4 > raw.window.size:
        return 0
    return size + int.from_bytes(raw.window.read(end, 4, "symbols' names"), "little")


def misfit(user: Image, candidate: Image) -> str | None:
    """Say why a loader passes over `candidate` when `user` needs it; None when it fits."""
    wanted, found = _machine(user), _machine(candidate)
    if found not in _LOADS.get(wanted, (wanted,)):
        return f"wrong machine: {found}, needed by {wanted}"
    if candidate.kind is ImageKind.PROGRAM:
        return "a program, not a library"
    if "wine-builtin" in candidate.traits:
        return "a part of Wine, not of Windows nor for it"
    return None


_LOADS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "arm64": ("arm64", "arm64x"),
        "arm64x": ("arm64", "arm64x"),
        "arm64ec": ("arm64ec", "amd64", "arm64x"),
    }
)
"""Whom else than its like an image loads.

Source: Microsoft Learn, "Arm64EC - Build and port apps for native performance on Arm" and "Arm64X
PE files": a process for ARM64EC may mix it with x64 code; an ARM64X file serves both kinds.
"""


def _machine(image: Image) -> str:
    """Give the machine, hybrids apart: an amd64 processor runs none of them."""
    for trait in image.traits:
        if trait in ("arm64ec", "arm64x"):
            return trait
    return image.arch


def image_of(raw: Raw, found: Tables | None = None) -> Image:
    """Give the facts of a parsed file. Raises `errors.BadBinary`."""
    found = found or tables(raw)
    own_name = None if found.exports is None else found.exports.own_name
    return Image(
        arch=arch(raw.machine),
        kind=ImageKind.LIBRARY if raw.characteristics & c.FILE_DLL else ImageKind.PROGRAM,
        own_name=None if own_name is None else text(own_name),
        needed=_needed(found),
        minimum_system="windows {}.{}".format(*raw.optional.subsystem_version),
        locked=locked(raw, found),
        signature=None if certificate(raw) is None else "authenticode",
        toolset="{}.{}".format(*raw.optional.linker),
        traits=tuple(sorted(_traits(raw, found))),
    )


def _needed(found: Tables) -> tuple[Needed, ...]:
    forwards = () if found.exports is None else found.exports.forwards
    onward = dict.fromkeys(dll_name(each.module) for each in forwards if each.module)
    return (
        *(Needed(name=text(each.text)) for each in found.imports),
        *(Needed(name=text(each.text), kind=NeededKind.DELAY) for each in found.delays),
        *(Needed(name=text(each), kind=NeededKind.FORWARD) for each in onward),
    )


def _traits(raw: Raw, found: Tables) -> Iterator[str]:
    if found.config.hybrid:
        yield hybrid(raw.machine)
    if is_packed(raw):
        yield "upx"
    if is_bound(raw, found.imports):
        yield "bound-imports"
    if forbids(found.config.flags):
        yield "dependent-load-flags"
    if _is_wines(raw):
        yield "wine-builtin"
    symbols = pdb_path(raw)
    if symbols is not None:
        yield f"symbols-{symbols}"


def _is_wines(raw: Raw) -> bool:
    room = min(raw.start - c.DOS_HEADER, 32)
    mark = raw.window.read(c.DOS_HEADER, room, "DOS stub") if room > 0 else b""
    return mark.startswith(c.WINE_MARKS)
