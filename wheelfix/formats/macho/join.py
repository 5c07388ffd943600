"""Thin files to a universal one, as `lipo` does it: slices keep their bytes and signatures.

What can be a slice: an image of any type, an object file among them, and a static archive of
object files. Universal files give the slices that they have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from wheelfix.errors import BadBinary
from wheelfix.formats.files import blank, put
from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho import fat
from wheelfix.formats.macho.layout import Codec, FatArch, Header
from wheelfix.formats.macho.machine import arch, page_shift
from wheelfix.formats.macho.raw import header_of, is_thin
from wheelfix.formats.macho.window import Window
from wheelfix.model import ByteSource
from wheelfix.value import Value, replace

_ARCHIVE = b"!<arch>\n"
_MEMBER = 60
"""Bytes of a member's header in an archive (<ar.h>)."""
_SIZE = slice(48, 58)
_LONG_NAME = b"#1/"
"""Begins the name of a member whose real name, of the length that follows, precedes its data."""
_CHUNK = 1 << 20


class Part(Value):
    """A slice, and where its bytes are."""

    source: ByteSource
    entry: FatArch
    """Its place in `source`, and the alignment that it wants."""

    @property
    def arch(self) -> str:
        """Name the machine."""
        return arch(self.entry)

    @property
    def machine(self) -> tuple[int, int]:
        """Give what no two slices of a file may have in common."""
        return self.entry.cputype, self.entry.cpusubtype & ~c.CPU_SUBTYPE_MASK

    def pieces(self) -> Iterator[bytes]:
        """Give its bytes in pieces of at most 1 MiB; raises `errors.BadBinary`."""
        window = Window(self.source, self.entry.offset, self.entry.size)
        for done in range(0, self.entry.size, _CHUNK):
            yield window.read(done, min(_CHUNK, self.entry.size - done), "slice")


def parts(source: ByteSource) -> tuple[Part, ...]:
    """Give the slices of a file, in file order; () for one that cannot be part of a universal one.

    Raises `errors.BadBinary` for a file that only begins like one.
    """
    head = source.read(0, fat.HEAD)
    if fat.is_universal(head):
        table = fat.parse(Window(source))
        archs = table.archs if table else ()
        return tuple(Part(source=source, entry=entry) for entry in archs)
    if is_thin(head):
        _, header = header_of(Window(source))
        return (_whole(source, header, page_shift(header.cputype)),)
    return _archive_parts(source) if head == _ARCHIVE else ()


def _whole(source: ByteSource, header: Header, align: int) -> Part:
    entry = FatArch(
        cputype=header.cputype,
        cpusubtype=header.cpusubtype,
        offset=0,
        size=source.size,
        align=align,
    )
    return Part(source=source, entry=entry)


def _archive_parts(source: ByteSource) -> tuple[Part, ...]:
    """Give the archive as one slice; () when its objects are not of one machine or no Mach-O."""
    found = {(h.cputype, h.cpusubtype): (codec, h) for codec, h in _objects(Window(source))}
    if len(found) != 1:
        return ()
    ((codec, header),) = found.values()
    return (_whole(source, header, 3 if codec.bits == 64 else 2),)


def _objects(window: Window) -> Iterator[tuple[Codec, Header]]:
    at = len(_ARCHIVE)
    while at + _MEMBER <= window.size:
        head = window.read(at, _MEMBER, "archive")
        size, skipped = _number(head[_SIZE], window, at), 0
        if head.startswith(_LONG_NAME):
            skipped = _number(head[len(_LONG_NAME) : 16], window, at)
        start = at + _MEMBER + skipped
        if skipped > size or at + _MEMBER + size > window.size:
            raise window.bad("a member of the archive is longer than it", at)
        member = window.part(start, size - skipped)
        if size - skipped >= 4 and is_thin(member.read(0, 4, "member")):
            yield header_of(member)
        at += _MEMBER + size + size % 2


def _number(text: bytes, window: Window, at: int) -> int:
    if not text.strip().isdigit():
        raise window.bad("a member of the archive has no size", at)
    return int(text)


def clashes(first: ByteSource, second: ByteSource) -> tuple[str, ...]:
    """Name the machines that both files have a slice for, but not the same one."""
    mine = {part.machine: part for part in parts(first)}
    return tuple(
        part.arch
        for part in parts(second)
        if part.machine in mine and not _equal(mine[part.machine], part)
    )


def _equal(left: Part, right: Part) -> bool:
    same_size = left.entry.size == right.entry.size
    return same_size and all(a == b for a, b in zip(left.pieces(), right.pieces(), strict=True))


def join(sources: Sequence[ByteSource], target: Path) -> None:
    """Write all slices of `sources` to a new file; of equal ones the first.

    The sources have no `clashes`. Raises OSError, and `errors.BadBinary` for a source that ends
    early; the target is then garbage.
    """
    chosen = _chosen(sources)
    table = placed(chosen)
    magic = c.FAT_MAGIC if table.codec.bits == 32 else c.FAT_MAGIC_64
    with target.open("xb") as handle:
        head = table.codec.word_bytes(magic, len(table.archs)) + table.table
        put(handle, 0, head)
        end = len(head)
        for part, entry in zip(chosen, table.archs, strict=True):
            blank(handle, end, entry.offset)
            handle.writelines(part.pieces())
            end = entry.offset + entry.size


def _chosen(sources: Sequence[ByteSource]) -> list[Part]:
    """Give the slices in `lipo`'s order: arm64 last, the others by alignment."""
    found: dict[tuple[int, int], Part] = {}
    for part in (part for source in sources for part in parts(source)):
        found.setdefault(part.machine, part)

    def key(part: Part) -> tuple[bool, int, tuple[int, int]]:
        return part.entry.cputype == c.CPU_TYPE_ARM64, part.entry.align, part.machine

    return sorted(found.values(), key=key)


def placed(chosen: Sequence[Part], bits: int = 32) -> fat.Fat:
    """Give the slices their places, in numbers of 64 bits from 4 GiB on."""
    codec = Codec(bits=bits, order=">")
    end = fat.HEAD + len(chosen) * codec.size(FatArch)
    entries = []
    for part in chosen:
        step = 1 << part.entry.align
        entry = replace(part.entry, offset=-(-end // step) * step)
        entries.append(entry)
        end = entry.offset + entry.size
    return placed(chosen, 64) if end >> bits else fat.Fat(codec=codec, archs=tuple(entries))


def damage(joined: ByteSource, sources: Sequence[ByteSource]) -> str | None:
    """Say what is wrong with a file that `join` wrote; None when every slice is as it went in."""
    wanted = {part.machine: part for part in _chosen(sources)}
    try:
        found = {part.machine: part for part in parts(joined)}
    except BadBinary as error:
        return str(error)
    if found.keys() != wanted.keys():
        return "it has other slices than went in"
    for machine, part in found.items():
        if not _equal(part, wanted[machine]):
            return f"its {part.arch} slice has changed"
    return None
