"""The structures of an ELF file, for both classes and both byte orders (gABI chapters 4 and 5)."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from itertools import starmap
from operator import itemgetter
from struct import Struct

from wheelfix.typed import Any, ClassVar, Final, Self, TypeAlias, TypeVar
from wheelfix.value import Value


class Row(tuple[int, ...]):
    """A tuple of the fields that its class names, in their order: `Segment((1, 5, 0, ...))`.

    No `Value`, for a repair makes hundreds of thousands and looks at most of them once: rows are
    made, compared and hashed at C speed.
    """

    __slots__ = ()
    names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.names = tuple(cls.__annotations__)
        for place, name in enumerate(cls.names):
            setattr(cls, name, property(itemgetter(place)))

    def but(self, **changes: int) -> Self:
        """Give a row that differs in the named fields."""
        fields = list(self)
        for name, number in changes.items():
            fields[self.names.index(name)] = number
        return type(self)(fields)


class Header(Row):
    """Elf_Ehdr without e_ident."""

    __slots__ = ()
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


class Segment(Row):
    """Elf_Phdr, in the order of 64 bits; sizes and offsets in bytes."""

    __slots__ = ()
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


class Section(Row):
    """Elf_Shdr; sizes and offsets in bytes."""

    __slots__ = ()
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


class Verneed(Row):
    """Elf_Verneed: one needed library; `aux` and `next` are bytes from this record's start."""

    __slots__ = ()
    version: int
    cnt: int
    file: int
    aux: int
    next: int


class Vernaux(Row):
    """Elf_Vernaux: one needed version; `next` is bytes from this record's start."""

    __slots__ = ()
    hash: int
    flags: int
    other: int
    name: int
    next: int


R = TypeVar("R", Header, Segment, Section, Verneed, Vernaux)

# Widths of the fields in file order: h and i are 2 and 4 bytes, a is as wide as an address.
_WIDTHS: Final = {
    "Header": "hhiaaaihhhhhh",
    "Section": "iiaaaaiiaa",
    "Verneed": "hhiii",
    "Vernaux": "ihhii",
    "Segment": "iiaaaaaa",
    "Dyn": "aa",
}
_WIDTHS_32: Final = {"Segment": "iaaaaaia"}
_TO_64 = itemgetter(0, 6, 1, 2, 3, 4, 5, 7)
"""From the order of a segment's fields in 32 bits to that in 64."""
_TO_32 = itemgetter(0, 2, 3, 4, 5, 6, 1, 7)


class Codec(Value):
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
        return struct_of(self.order + ("IBBHQQ" if self.bits == 64 else "IIIBBH"))

    @property
    def dyn(self) -> Struct:
        """Elf_Dyn."""
        return _form(self.bits, self.order, "Dyn")

    def size(self, kind: type[R]) -> int:
        """Bytes that one record of `kind` takes."""
        return _form(self.bits, self.order, kind.__name__).size

    def unpack(self, kind: type[R], data: bytes, offset: int = 0) -> R:
        """Read one record, no segment; `data` must be long enough."""
        return kind(_form(self.bits, self.order, kind.__name__).unpack_from(data, offset))

    def unpack_all(self, kind: type[R], data: bytes) -> tuple[R, ...]:
        """Read a table of records; `data` must be whole records."""
        rows: Any = _form(self.bits, self.order, kind.__name__).iter_unpack(data)
        if kind is Segment and self.bits == 32:
            rows = map(_TO_64, rows)
        return tuple(map(kind, rows))

    def pack(self, record: R) -> bytes:
        """Write one record. Raises struct.error for a value that is too wide."""
        form = _form(self.bits, self.order, type(record).__name__)
        if self.bits == 32 and isinstance(record, Segment):
            return form.pack(*_TO_32(record))
        return form.pack(*record)

    def pack_all(self, kind: type[R], records: Iterable[R]) -> bytes:
        """Write a table of records of one kind. Raises struct.error as `pack` does."""
        rows: Any = records
        if kind is Segment and self.bits == 32:
            rows = map(_TO_32, rows)
        return b"".join(starmap(_form(self.bits, self.order, kind.__name__).pack, rows))


@cache
def _form(bits: int, order: str, kind: str) -> Struct:
    widths = _WIDTHS if bits == 64 else _WIDTHS | _WIDTHS_32
    codes = {"h": "H", "i": "I", "a": "Q" if bits == 64 else "I"}
    return struct_of(order + "".join(codes[width] for width in widths[kind]))


struct_of = cache(Struct)
"""Gives each `Struct` once: to make one takes longer than most of its uses."""
