"""An ELF file as it stands: header, segments, dynamic array. No meaning yet.

Everything is found as a loader finds it, through program headers and addresses; section headers
are looked at only where a tool other than the loader is concerned.
"""

from __future__ import annotations

from wheelfix.errors import BadBinary
from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf.layout import Codec, Dyn, Header, Section, Segment
from wheelfix.formats.window import Window
from wheelfix.value import value

IDENT = 16
_DYNAMIC_CHUNK = 4096
_MOST_DYNAMIC = 1 << 20
"""Bytes after which a dynamic array without end is called broken."""


@value
class Raw:
    """The parsed headers, and the window for whatever else is needed."""

    window: Window
    codec: Codec
    osabi: int
    header: Header
    segments: tuple[Segment, ...]
    dynamic: tuple[Dyn, ...] | None
    """Up to, and without, the first DT_NULL; None when there is no dynamic segment."""
    dynamic_offset: int
    """Where the loader finds the dynamic array in the file; 0 without one."""

    @property
    def loads(self) -> tuple[Segment, ...]:
        """The PT_LOADs in file order."""
        return self.of_type(c.PT_LOAD)

    def of_type(self, kind: int) -> tuple[Segment, ...]:
        """All segments of one p_type, in file order."""
        return tuple(s for s in self.segments if s.type == kind)

    def tag(self, tag: int) -> int | None:
        """Value of the last entry with this tag (loaders let later ones win), None without one."""
        values = self.tags(tag)
        return values[-1] if values else None

    def tags(self, tag: int) -> tuple[int, ...]:
        """Values of all entries with this tag, in order."""
        return tuple(d.value for d in self.dynamic or () if d.tag == tag)

    def extent(self, vaddr: int, what: str) -> tuple[int, int]:
        """Give the file offset of an address and where its segment's file bytes end."""
        found = locate(self.loads, vaddr)
        if found is None:
            raise BadBinary(problem=f"its {what} lies outside of every segment", offset=vaddr)
        return found

    def string(self, offset: int) -> bytes:
        """Read from DT_STRTAB, within DT_STRSZ."""
        table = self.tag(c.DT_STRTAB)
        if table is None:
            raise BadBinary(problem="it has no dynamic string table", offset=self.dynamic_offset)
        start, end = self.extent(table, "dynamic string table")
        size = self.tag(c.DT_STRSZ)
        end = end if size is None else min(end, start + size)
        return self.window.string(start + offset, end, "a name")

    @property
    def table_end(self) -> int:
        """File offset behind the program headers."""
        return self.header.phoff + len(self.segments) * self.header.phentsize


def locate(loads: tuple[Segment, ...], vaddr: int) -> tuple[int, int] | None:
    """Give file offset and end of the file bytes of the segment that maps `vaddr`."""
    for load in loads:
        if load.vaddr <= vaddr < load.vaddr + load.filesz:
            return vaddr - load.vaddr + load.offset, load.end
    return None


def parse(window: Window) -> Raw:
    """Read header, program headers and dynamic array. Raises `errors.BadBinary`."""
    codec, osabi, header = _header(window)
    segments = program_headers(window, codec, header)
    start, dynamic = 0, None
    found = [s for s in segments if s.type == c.PT_DYNAMIC]
    loads = tuple(s for s in segments if s.type == c.PT_LOAD)
    if found and loads:
        start, dynamic = _dynamic(window, codec, loads, found[-1])
    return Raw(
        window=window,
        codec=codec,
        osabi=osabi,
        header=header,
        segments=segments,
        dynamic=dynamic,
        dynamic_offset=start,
    )


def peek(window: Window) -> tuple[Codec, Header]:
    """Read the file header alone. Raises `errors.BadBinary`."""
    codec, _, header = _header(window)
    return codec, header


def _header(window: Window) -> tuple[Codec, int, Header]:
    ident = window.read(0, IDENT, "ELF header")
    if ident[:4] != c.MAGIC:
        raise BadBinary(problem="it does not begin with the ELF magic", offset=0)
    bits, order = {1: 32, 2: 64}.get(ident[4]), {1: "<", 2: ">"}.get(ident[5])
    if bits is None or order is None:
        offset = 4 if bits is None else 5
        raise BadBinary(problem=f"unknown ELF class or byte order {ident[offset]}", offset=offset)
    codec = Codec(bits=bits, order=order)
    data = window.read(IDENT, codec.size(Header), "ELF header")
    return codec, ident[7], codec.unpack(Header, data)


def program_headers(window: Window, codec: Codec, header: Header) -> tuple[Segment, ...]:
    """Read the table of segments. Raises `errors.BadBinary`."""
    count = header.phnum
    if count == c.PN_XNUM:
        first = window.read(header.shoff, codec.size(Section), "first section header")
        count = codec.unpack(Section, first).info
    if not count:
        return ()
    if header.phentsize != codec.size(Segment):
        raise BadBinary(problem=f"program headers of {header.phentsize} bytes", offset=IDENT)
    data = window.read(header.phoff, count * header.phentsize, "program headers")
    return codec.unpack_all(Segment, data)


def _dynamic(
    window: Window, codec: Codec, loads: tuple[Segment, ...], segment: Segment
) -> tuple[int, tuple[Dyn, ...]]:
    found = locate(loads, segment.vaddr)
    if found is None:
        raise BadBinary(problem="its dynamic array is not loaded", offset=segment.offset)
    start, end = found
    end = min(end, start + (segment.filesz or end))
    entries: list[Dyn] = []
    for chunk in range(start, min(end, start + _MOST_DYNAMIC), _DYNAMIC_CHUNK):
        size = min(_DYNAMIC_CHUNK, end - chunk)
        size -= size % codec.size(Dyn)
        for dyn in codec.unpack_all(Dyn, window.read(chunk, size, "dynamic array")):
            if dyn.tag == c.DT_NULL:
                return start, tuple(entries)
            entries.append(dyn)
    raise BadBinary(problem="its dynamic array has no end", offset=start)


def sections(raw_window: Window, codec: Codec, header: Header) -> tuple[Section, ...]:
    """Read the section headers; none when the table is stripped or lies outside of the file."""
    if not header.shoff or header.shentsize != codec.size(Section):
        return ()
    count = header.shnum
    if not count:  # more than fit into e_shnum: the first one's sh_size tells (gABI, "e_shnum")
        if header.shoff + codec.size(Section) > raw_window.size:
            return ()
        first = raw_window.read(header.shoff, codec.size(Section), "first section header")
        count = codec.unpack(Section, first).size
    size = count * codec.size(Section)
    if header.shoff + size > raw_window.size:
        return ()
    return codec.unpack_all(Section, raw_window.read(header.shoff, size, "section headers"))
