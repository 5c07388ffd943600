"""The structures of an ELF file, for both classes and both byte orders (gABI chapters 4 and 5)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import cache
from itertools import starmap
from operator import attrgetter
from struct import Struct
from types import MappingProxyType

from wheelfix.typed import Any, Final, TypeAlias, TypeVar
from wheelfix.value import value


@value
class Header:
    """Elf_Ehdr without e_ident."""

    type: int
    machine: int
    version: int
    entry: int
    phoff: int
    shoff: int
    flags: int
    ehsize: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int


@value
class Segment:
    """Elf_Phdr; sizes and offsets in bytes."""

    type: int
    flags: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int
    align: int

    @property
    def end(self) -> int:
        """File offset behind the last byte."""
        return self.offset + self.filesz


@value
class Section:
    """Elf_Shdr; sizes and offsets in bytes."""

    name: int
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    addralign: int
    entsize: int


Dyn: TypeAlias = tuple[int, int]
"""Elf_Dyn: tag and value. No class, for there are many and most are looked at once."""


@value
class Verneed:
    """Elf_Verneed: one needed library; `aux` and `next` are bytes from this record's start."""

    version: int
    cnt: int
    file: int
    aux: int
    next: int


@value
class Vernaux:
    """Elf_Vernaux: one needed version; `next` is bytes from this record's start."""

    hash: int
    flags: int
    other: int
    name: int
    next: int


R = TypeVar("R", Header, Segment, Section, Verneed, Vernaux)

_FEW: Final[Mapping[str, type[Any]]] = MappingProxyType(
    {"Header": Header, "Verneed": Verneed, "Vernaux": Vernaux}
)

# Fields in file order with their width: h and i are 2 and 4 bytes, a is as wide as an address.
_COMMON: Final = {
    "Header": "h:type h:machine i:version a:entry a:phoff a:shoff i:flags h:ehsize h:phentsize "
    "h:phnum h:shentsize h:shnum h:shstrndx",
    "Section": "i:name i:type a:flags a:addr a:offset a:size i:link i:info a:addralign a:entsize",
    "Verneed": "h:version h:cnt i:file i:aux i:next",
    "Vernaux": "i:hash h:flags h:other i:name i:next",
}
_SEGMENT: Final = {
    32: "i:type a:offset a:vaddr a:paddr a:filesz a:memsz i:flags a:align",
    64: "i:type i:flags a:offset a:vaddr a:paddr a:filesz a:memsz a:align",
}


@value
class Codec:
    """One class and byte order: packs and unpacks the records above."""

    bits: int
    """32 or 64."""
    order: str
    """`<` or `>`, as `struct` spells it."""

    @property
    def word(self) -> int:
        """Bytes in an address."""
        return self.bits // 8

    @property
    def foreign(self) -> bool:
        """Whether numbers stand in the other byte order than this machine's."""
        return (self.order == "<") != (sys.byteorder == "little")

    @property
    def symbol(self) -> Struct:
        """Elf_Sym; its fields come in another order in each class (see `symbols`)."""
        return Struct(self.order + ("IBBHQQ" if self.bits == 64 else "IIIBBH"))

    @property
    def dyn(self) -> Struct:
        """Elf_Dyn."""
        return Struct(self.order + ("QQ" if self.bits == 64 else "II"))

    def size(self, kind: type[R]) -> int:
        """Bytes that one record of `kind` takes."""
        return _shape(self.bits, self.order, kind.__name__)[0].size

    def unpack(self, kind: type[R], data: bytes, offset: int = 0) -> R:
        """Read one record; `data` must be long enough."""
        form, _ = _shape(self.bits, self.order, kind.__name__)
        made: R = _maker(self.bits, kind.__name__)(*form.unpack_from(data, offset))
        return made

    def unpack_all(self, kind: type[R], data: bytes) -> tuple[R, ...]:
        """Read a table of records; `data` must be whole records."""
        form, _ = _shape(self.bits, self.order, kind.__name__)
        return tuple(starmap(_maker(self.bits, kind.__name__), form.iter_unpack(data)))

    def pack(self, record: R) -> bytes:
        """Write one record. Raises struct.error for a value that is too wide."""
        form, fields = _shape(self.bits, self.order, type(record).__name__)
        return form.pack(*fields(record))


@cache
def _maker(bits: int, kind: str) -> Callable[..., Any]:
    """Give what makes a record of its fields in file order; those of a table have a fast one."""
    if kind == "Section":
        return _section
    if kind == "Segment":
        return _segment_64 if bits == 64 else _segment_32
    names, record = _names(bits, kind), _FEW[kind]
    return lambda *row: record(**dict(zip(names, row, strict=True)))


def _names(bits: int, kind: str) -> list[str]:
    return [item.partition(":")[2] for item in _layout(bits, kind)]


def _section(name: int, *row: int) -> Section:
    kind, flags, addr, offset, size, link, info, align, entsize = row
    return Section(
        name=name,
        type=kind,
        flags=flags,
        addr=addr,
        offset=offset,
        size=size,
        link=link,
        info=info,
        addralign=align,
        entsize=entsize,
    )


def _segment_64(kind: int, flags: int, offset: int, *row: int) -> Segment:
    vaddr, paddr, filesz, memsz, align = row
    return Segment(
        type=kind,
        flags=flags,
        offset=offset,
        vaddr=vaddr,
        paddr=paddr,
        filesz=filesz,
        memsz=memsz,
        align=align,
    )


def _segment_32(kind: int, *row: int) -> Segment:
    *places, flags, align = row
    return _segment_64(kind, flags, *places, align)


@cache
def _shape(bits: int, order: str, kind: str) -> tuple[Struct, Callable[[Any], tuple[int, ...]]]:
    """Give how a record is packed, and what gives its fields in file order."""
    widths = {"h": "H", "i": "I", "a": "Q" if bits == 64 else "I"}
    codes = "".join(widths[item[0]] for item in _layout(bits, kind))
    return Struct(order + codes), attrgetter(*_names(bits, kind))


def _layout(bits: int, kind: str) -> list[str]:
    return (_SEGMENT[bits] if kind == "Segment" else _COMMON[kind]).split()
