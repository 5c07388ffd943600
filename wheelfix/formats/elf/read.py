"""Headers of an ELF file → its one image, as the loader would see it."""

from __future__ import annotations

from wheelfix.errors import BadBinary
from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf import notes, symbols, versions
from wheelfix.formats.elf.locks import locked
from wheelfix.formats.elf.machine import arch
from wheelfix.formats.elf.raw import Head, Raw, parse, peek, program_headers, sections
from wheelfix.formats.window import Window
from wheelfix.model import (
    ByteSource,
    Image,
    ImageKind,
    Needed,
    SearchKind,
    SearchPath,
    VersionNeed,
    Watch,
)


def read(source: ByteSource, *, watch: Watch) -> tuple[Image, ...]:
    """Read the one image; none for objects, cores and files with debug information only.

    Raises `errors.BadBinary` with the offset, never anything else, on any bytes whatever.
    """
    window = Window(source)
    head = peek(window)
    if head.header.type not in {c.ET_EXEC, c.ET_DYN}:
        return ()
    try:
        raw = parse(window, head)
        _check_whole(raw)
        return (image_of(raw, watch),)
    except BadBinary:
        if _debug_only(window, head):
            return ()
        raise


def ballast(source: ByteSource) -> int:
    """Count the bytes between and behind the loaded segments.

    What fills up a page does not count, nor does the table of sections.
    """
    window = Window(source)
    head = peek(window)
    codec, header = head.codec, head.header
    loads = sorted(
        (offset, offset + filesz, align)
        for kind, _, offset, _, _, filesz, _, align in program_headers(window, codec, header)
        if kind == c.PT_LOAD
    )
    starts = [*((start, align) for start, _, align in loads[1:]), (source.size, 1)]
    gaps = ((start - end, align) for (_, end, _), (start, align) in zip(loads, starts, strict=True))
    table = header.shnum * header.shentsize
    return max(0, sum(gap for gap, align in gaps if gap >= align) - table)


def misfit(user: Image, candidate: Image) -> str | None:
    """Say why a loader passes over `candidate` when `user` needs it; None when it fits."""
    if user.arch != candidate.arch:
        return f"wrong machine: {candidate.arch}, needed by {user.arch}"
    if user.libc and candidate.libc and user.libc != candidate.libc:
        return f"wrong C library: {candidate.libc}, needed by {user.libc}"
    return None


def image_of(raw: Raw, watch: Watch) -> Image:
    """Give the facts of a parsed file. Raises `errors.BadBinary`."""
    names = raw.texts(c.DT_NEEDED)
    needed = tuple([Needed(name=name) for name in names])
    noted = tuple(notes.notes(raw))
    interpreter = _interpreter(raw)
    called = own_name(raw)
    needs = version_needs(raw)
    return Image(
        arch=arch(raw.codec, raw.header, raw.osabi),
        kind=_kind(raw),
        own_name=called,
        needed=needed,
        search=_search(raw),
        version_needs=needs,
        libc="bionic" if notes.is_android(noted) else _libc(interpreter, names, needs),
        interpreter=interpreter,
        undefined=symbols.undefined(raw, _watched(watch, names)),
        isa=notes.isa(raw, noted),
        locked=locked(raw, called),
        traits=_traits(raw),
        opens=notes.opens(noted),
    )


def own_name(raw: Raw) -> str | None:
    """Give the SONAME. Raises `errors.BadBinary`."""
    soname = raw.tag(c.DT_SONAME)
    return None if soname is None else _text(raw, soname)


def is_bionic(raw: Raw, needed: tuple[str, ...]) -> bool:
    """Tell by the rules for `Image` whether Android's C library is meant."""
    if notes.is_android(notes.notes(raw)):
        return True
    interpreter = _interpreter(raw)
    named = interpreter is not None or "libc.so" in needed
    return named and _libc(interpreter, needed, version_needs(raw)) == "bionic"


def version_needs(raw: Raw) -> tuple[VersionNeed, ...]:
    """Give the needed symbol versions in file order."""
    return tuple(
        VersionNeed(
            library=_text(raw, need.record.file),
            versions=tuple(_text(raw, aux.name) for aux in need.aux),
        )
        for need in versions.needs(raw)
    )


def _text(raw: Raw, offset: int) -> str:
    return raw.string(offset).decode("utf-8", "surrogateescape")


def _watched(watch: Watch, needed: tuple[str, ...]) -> frozenset[str]:
    return frozenset().union(*[watch.get(name, ()) for name in ("", *needed)])


def _check_whole(raw: Raw) -> None:
    if not raw.loads:
        raise BadBinary(problem="it has nothing to load", offset=raw.header.phoff)
    end = max(load.end for load in raw.loads)
    if end > raw.window.size:
        size = raw.window.size
        raise BadBinary(problem=f"the file is cut short: {size} of {end} bytes", offset=size)


def _debug_only(window: Window, head: Head) -> bool:
    # What eu-strip and objcopy split off keeps its program headers, but nothing behind them.
    table = [s for s in sections(window, head.codec, head.header) if s.flags & c.SHF_ALLOC]
    kept = {c.SHT_NOBITS, c.SHT_NOTE}
    return bool(table) and all(s.type in kept for s in table)


def _kind(raw: Raw) -> ImageKind:
    if raw.header.type == c.ET_EXEC or (raw.tag(c.DT_FLAGS_1) or 0) & c.DF_1_PIE:
        return ImageKind.PROGRAM
    # libc.so.6 and libQt5Core name an interpreter too, but only programs get a debugger's slot.
    if raw.of_type(c.PT_INTERP) and raw.tags(c.DT_DEBUG):
        return ImageKind.PROGRAM
    return ImageKind.LIBRARY


def _interpreter(raw: Raw) -> str | None:
    for segment in raw.of_type(c.PT_INTERP):
        path = raw.window.string(segment.offset, segment.end, "the interpreter's path")
        return path.decode("utf-8", "surrogateescape")
    return None


def _search(raw: Raw) -> SearchPath:
    rpath, runpath = (_entries(raw, tag) for tag in (c.DT_RPATH, c.DT_RUNPATH))
    if runpath is None:
        return SearchPath(kind=SearchKind.RPATH, entries=rpath or ())
    if not runpath and not rpath:
        return SearchPath()
    return SearchPath(kind=SearchKind.RUNPATH, entries=runpath, shadowed=rpath or ())


def _entries(raw: Raw, tag: int) -> tuple[str, ...] | None:
    value = raw.tag(tag)
    if value is None:
        return None
    text = _text(raw, value)
    return tuple(text.split(":")) if text else ()


_OF_MUSL = ("ld-musl-", "libc.musl-")
_OF_GLIBC = ("ld-linux", "ld64.so", "libc.so.6")


def _libc(
    interpreter: str | None, needed: tuple[str, ...], needs: tuple[VersionNeed, ...]
) -> str | None:
    if (interpreter or "").startswith("/system/bin/linker"):
        return "bionic"
    names = ((interpreter or "").rpartition("/")[2], *needed)
    if [name for name in names if name.startswith(_OF_MUSL)]:
        return "musl"
    used = [version for need in needs for version in need.versions if version.startswith("GLIBC_")]
    if used or [name for name in names if name.startswith(_OF_GLIBC)]:
        return "glibc"
    if "libc.so" not in needed:
        return None
    return "bionic" if {"liblog.so", "libdl.so"} & set(needed) else "musl"


def _traits(raw: Raw) -> tuple[str, ...]:
    found = {f"load-align-{min((s.align for s in raw.loads), default=0)}"}
    if any(s.flags & c.PF_X for s in raw.of_type(c.PT_GNU_STACK)):
        found.add("executable-stack")
    if raw.tags(c.DT_TEXTREL) or (raw.tag(c.DT_FLAGS) or 0) & c.DF_TEXTREL:
        found.add("text-relocations")
    return tuple(sorted(found))
