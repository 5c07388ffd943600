"""The structures of a Mach-O file, for both widths and both byte orders (<mach-o/loader.h>)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from struct import Struct

from wheelfix.typed import TypeVar
from wheelfix.value import Value


class Header(Value):
    """mach_header or mach_header_64, without the word that the latter reserves."""

    magic: int
    cputype: int
    cpusubtype: int
    filetype: int
    ncmds: int
    sizeofcmds: int
    flags: int


class Segment(Value):
    """segment_command or segment_command_64; sizes and offsets in bytes, offsets in the slice."""

    cmd: int
    cmdsize: int
    segname: bytes
    vmaddr: int
    vmsize: int
    fileoff: int
    filesize: int
    maxprot: int
    initprot: int
    nsects: int
    flags: int


class Section(Value):
    """section or section_64: what is asked of one, as there are many. They are never written."""

    sectname: bytes
    segname: bytes
    size: int
    offset: int
    flags: int


class FatArch(Value):
    """fat_arch or fat_arch_64: one slice; `align` is a power of two."""

    cputype: int
    cpusubtype: int
    offset: int
    size: int
    align: int


R = TypeVar("R", Header, Segment, Section, FatArch)
W = TypeVar("W", Header, Segment, FatArch)

# Fields in file order with their width: i is 4 bytes, a is as wide as an address, n a 16-byte name.
# Those without a name are passed over.
_SHAPES: Mapping[str, str] = {
    "Header": "i:magic i:cputype i:cpusubtype i:filetype i:ncmds i:sizeofcmds i:flags",
    "Segment": "i:cmd i:cmdsize n:segname a:vmaddr a:vmsize a:fileoff a:filesize i:maxprot "
    "i:initprot i:nsects i:flags",
    "Section": "n:sectname n:segname a: a:size i:offset i: i: i: i:flags i: i:",
    "FatArch": "i:cputype i:cpusubtype a:offset a:size i:align",
}
_RESERVED: Mapping[str, int] = {"Header": 4, "Section": 4, "FatArch": 4}
"""Bytes at the end that only the 64-bit form has, and that nobody uses."""


class Codec(Value):
    """One width and byte order: packs and unpacks the records above."""

    bits: int
    """32 or 64."""
    order: str
    """`<` or `>`, as `struct` spells it."""

    @property
    def align(self) -> int:
        """Bytes to which a load command's size is rounded up."""
        return self.bits // 8

    def size(self, kind: type[R]) -> int:
        """Bytes that one record of `kind` takes, reserved ones included."""
        return _shape(self.bits, self.order, kind.__name__)[0].size

    def unpack(self, kind: type[R], data: bytes, offset: int = 0) -> R:
        """Read one record; `data` must be long enough."""
        form, names = _shape(self.bits, self.order, kind.__name__)
        return kind(**dict(zip(names, form.unpack_from(data, offset), strict=True)))

    def pack(self, record: W) -> bytes:
        """Write one record, reserved bytes zero. Raises struct.error for too wide a value."""
        form, names = _shape(self.bits, self.order, type(record).__name__)
        return form.pack(*(getattr(record, name) for name in names))

    def words(self, data: bytes, offset: int, count: int) -> tuple[int, ...]:
        """Read `count` 4-byte numbers; `data` must be long enough."""
        return _words(self.order, count).unpack_from(data, offset)

    def word_bytes(self, *values: int) -> bytes:
        """Write 4-byte numbers."""
        return _words(self.order, len(values)).pack(*values)


@cache
def _words(order: str, count: int) -> Struct:
    return Struct(f"{order}{count}I")


@cache
def _shape(bits: int, order: str, kind: str) -> tuple[Struct, tuple[str, ...]]:
    pairs = [item.split(":") for item in _SHAPES[kind].split()]
    wide = "Q" if bits == 64 else "I"
    read = {"i": "I", "a": wide, "n": "16s"}
    passed = {"i": "4x", "a": f"{bits // 8}x"}
    codes = "".join((read if name else passed)[width] for width, name in pairs)
    reserved = f"{_RESERVED.get(kind, 0)}x" if bits == 64 else ""
    return Struct(order + codes + reserved), tuple(name for _, name in pairs if name)
