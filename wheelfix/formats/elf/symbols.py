"""The dynamic symbol table: read only when somebody asks for a name, and then at C speed."""

from __future__ import annotations

from array import array

from wheelfix.errors import BadBinary
from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf.layout import struct_of
from wheelfix.formats.elf.raw import Raw, sections

_MOST_CHAIN = 1 << 16
"""Bytes of one hash chain after which it is called broken; a good one has a few words."""


def undefined(raw: Raw, names: frozenset[str]) -> tuple[str, ...]:
    """Give those of `names` that are undefined and not weak, sorted."""
    table = raw.tag(c.DT_STRTAB)
    if not names or table is None or raw.tag(c.DT_SYMTAB) is None:
        return ()
    start, end = raw.extent(table, "dynamic string table")
    size = min(raw.tag(c.DT_STRSZ) or end - start, end - start)
    strings = raw.window.read(start, size, "dynamic string table")
    places = {place: name for name in names for place in _places(strings, name)}
    if not places:
        return ()
    return tuple(sorted(_undefined(raw, places)))


def _places(strings: bytes, name: str) -> list[int]:
    # Linkers let a name share the end of a longer one, so what stands before it says nothing.
    wanted = name.encode("utf-8", "surrogateescape") + b"\0"
    found, place = [], strings.find(wanted)
    while place >= 0:
        found.append(place)
        place = strings.find(wanted, place + 1)
    return found


def _undefined(raw: Raw, places: dict[int, str]) -> set[str]:
    wide = raw.codec.bits == 64
    found = set()
    for symbol in raw.codec.symbol.iter_unpack(table(raw)):
        name = places.get(symbol[0])
        if name is None:
            continue
        info, index = (symbol[1], symbol[3]) if wide else (symbol[3], symbol[5])
        if index == c.SHN_UNDEF and info >> 4 != c.STB_WEAK:
            found.add(name)
    return found


def table(raw: Raw) -> bytes:
    """Read .dynsym whole. Raises `errors.BadBinary`."""
    address = raw.tag(c.DT_SYMTAB)
    if address is None:
        return b""
    start, end = raw.extent(address, "dynamic symbols")
    size = count(raw) * raw.codec.symbol.size
    if start + size > end:
        raise BadBinary(problem="its dynamic symbols do not end in their segment", offset=start)
    return raw.window.read(start, size, "dynamic symbols")


def column(raw: Raw, data: bytes, field: str) -> array[int]:
    """Give one field (`name`, `size` or `shndx`) of every symbol in `data`."""
    wide = raw.codec.bits == 64
    code, first, step = {
        "name": ("I", 0, 6 if wide else 4),
        "size": ("Q", 2, 3) if wide else ("I", 2, 4),
        "shndx": ("H", 3, 12) if wide else ("H", 7, 8),
    }[field]
    values = array(code, data)[first::step]
    if raw.codec.foreign:
        values.byteswap()
    return values


def count(raw: Raw) -> int:
    """Count the dynamic symbols: from DT_GNU_HASH, section headers, DT_HASH, or the gap behind."""
    by_gnu_hash = raw.tag(c.DT_GNU_HASH)
    last = None if by_gnu_hash is None else gnu_hash_end(raw, by_gnu_hash)[1]
    if last is not None:
        return last
    for section in sections(raw.window, raw.codec, raw.header):
        if section.type == c.SHT_DYNSYM and section.addr == raw.tag(c.DT_SYMTAB):
            return section.size // raw.codec.symbol.size
    by_hash = raw.tag(c.DT_HASH)
    if by_hash is not None:
        return hash_words(raw, by_hash)[1]
    return _room(raw) // raw.codec.symbol.size


def _room(raw: Raw) -> int:
    start = raw.tag(c.DT_SYMTAB) or 0
    pointers = (c.DT_STRTAB, c.DT_VERSYM, c.DT_VERNEED, c.DT_VERDEF, c.DT_GNU_HASH)
    behind = [value for tag in pointers for value in raw.tags(tag) if value > start]
    return min(behind) - start if behind else 0


def hash_words(raw: Raw, address: int) -> tuple[int, int]:
    """Give bytes and symbol count of DT_HASH.

    Its words are 8 bytes wide on s390x and Alpha, except where LLVM's linker wrote them.
    """
    start, end = raw.extent(address, "symbol hash table")
    wide = raw.codec.bits == 64 and raw.header.machine in {c.EM_S390, c.EM_ALPHA}
    for code in ("QQ", "II") if wide else ("II",):
        form = struct_of(raw.codec.order + code)
        buckets, chains = form.unpack(raw.window.read(start, form.size, "symbol hash table"))
        size = form.size // 2 * (2 + buckets + chains)
        if start + size <= end:
            return size, chains
    raise BadBinary(problem="its symbol hash table does not end in its segment", offset=start)


def gnu_hash_end(raw: Raw, address: int) -> tuple[int, int | None]:
    """Give bytes and symbol count of DT_GNU_HASH; no count (None) where it holds no symbol."""
    start, _ = raw.extent(address, "GNU hash table")
    order = raw.codec.order
    head = raw.window.read(start, 16, "GNU hash table")
    buckets, first, blooms, _ = struct_of(order + "IIII").unpack(head)
    begin = start + 16 + blooms * raw.codec.word
    data = raw.window.read(begin, buckets * 4, "GNU hash table")
    firsts = array("I", data)
    if raw.codec.foreign:
        firsts.byteswap()
    highest = max(firsts, default=0)
    chains = begin + buckets * 4
    if highest < first or highest == 0:
        return chains - start, None
    end = _chain_end(raw, chains + (highest - first) * 4)
    return end - start, first + (end - chains) // 4


def _chain_end(raw: Raw, place: int) -> int:
    form = struct_of(raw.codec.order + "I")
    for end in range(place + 4, place + _MOST_CHAIN, 4):
        (value,) = form.unpack(raw.window.read(end - 4, 4, "GNU hash table"))
        if value & 1:
            return end
    raise BadBinary(problem="its GNU hash table has no end", offset=place)
