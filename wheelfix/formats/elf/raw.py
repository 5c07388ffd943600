"""An ELF file as it stands: header, segments, dynamic array. No meaning yet.

Everything is found as a loader finds it, through program headers and addresses; section headers
are looked at only where a tool other than the loader is concerned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wheelfix.errors import BadBinary
from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf.layout import Codec, Dyn, Header, Section, Segment
from wheelfix.formats.window import Window
from wheelfix.typed import Any, TypeVar
from wheelfix.value import Value

T = TypeVar("T")

IDENT = 16
_DYNAMIC_CHUNK = 4096
_MOST_DYNAMIC = 1 << 20
"""Bytes after which a dynamic array without end is called broken."""


class Head(Value):
    """What stands in front of a file."""

    codec: Codec
    osabi: int
    header: Header


class Raw(Value):
    """The parsed headers, and the window for whatever else is needed."""

    window: Window
    codec: Codec
    osabi: int
    header: Header
    segments: tuple[Segment, ...]
    by_type: Mapping[int, tuple[Segment, ...]]
    """The segments by p_type, in file order."""
    dynamic: tuple[Dyn, ...] | None
    """Up to, and without, the first DT_NULL; None when there is no dynamic segment."""
    dynamic_offset: int
    """Where the loader finds the dynamic array in the file; 0 without one."""
    values: Mapping[int, tuple[int, ...]]
    """Of the dynamic array by tag, in order."""
    strings: tuple[int, int] | None
    """Where DT_STRTAB begins and ends in the file; None when that tells no place."""

    @property
    def loads(self) -> tuple[Segment, ...]:
        """The PT_LOADs in file order."""
        return self.by_type.get(c.PT_LOAD, ())

    def of_type(self, kind: int) -> tuple[Segment, ...]:
        """All segments of one p_type, in file order."""
        return self.by_type.get(kind, ())

    def tag(self, tag: int) -> int | None:
        """Value of the last entry with this tag (loaders let later ones win), None without one."""
        values = self.values.get(tag)
        return values[-1] if values else None

    def tags(self, tag: int) -> tuple[int, ...]:
        """Values of all entries with this tag, in order."""
        return self.values.get(tag, ())

    def extent(self, vaddr: int, what: str) -> tuple[int, int]:
        """Give the file offset of an address and where its segment's file bytes end."""
        found = locate(self.loads, vaddr)
        if found is None:
            raise _outside(vaddr, what)
        return found

    def string(self, offset: int) -> bytes:
        """Read from DT_STRTAB, within DT_STRSZ."""
        if self.strings is None:
            raise self._without_strings()
        start, end = self.strings
        return self.window.string(start + offset, end, "a name")

    def texts(self, tag: int) -> tuple[str, ...]:
        """Read what the values of all entries with this tag stand for in DT_STRTAB, in order."""
        offsets = self.tags(tag)
        if not offsets:
            return ()
        if self.strings is None:
            raise self._without_strings()
        start, end = self.strings
        string = self.window.string
        names = [string(start + offset, end, "a name") for offset in offsets]
        return tuple([name.decode("utf-8", "surrogateescape") for name in names])

    def _without_strings(self) -> BadBinary:
        table = self.tag(c.DT_STRTAB)
        if table is None:
            return BadBinary(problem="it has no dynamic string table", offset=self.dynamic_offset)
        return _outside(table, "dynamic string table")

    @property
    def table_end(self) -> int:
        """File offset behind the program headers."""
        return self.header.phoff + len(self.segments) * self.header.phentsize


def _outside(vaddr: int, what: str) -> BadBinary:
    return BadBinary(problem=f"its {what} lies outside of every segment", offset=vaddr)


def locate(loads: tuple[Segment, ...], vaddr: int) -> tuple[int, int] | None:
    """Give file offset and end of the file bytes of the segment that maps `vaddr`."""
    for _, _, offset, start, _, filesz, _, _ in loads:
        if start <= vaddr < start + filesz:
            return vaddr - start + offset, offset + filesz
    return None


def parse(window: Window, head: Head | None = None) -> Raw:
    """Read what of `head` is not read yet, program headers and dynamic array.

    Raises `errors.BadBinary`.
    """
    head = head or peek(window)
    codec, header = head.codec, head.header
    segments = program_headers(window, codec, header)
    start, dynamic = 0, None
    by_type = _grouped([(segment[0], segment) for segment in segments])
    found, loads = by_type.get(c.PT_DYNAMIC), by_type.get(c.PT_LOAD, ())
    if found and loads:
        start, dynamic = _dynamic(window, codec, loads, found[-1])
    values = _grouped(dynamic or ())
    return Raw(
        window=window,
        codec=codec,
        osabi=head.osabi,
        header=header,
        segments=segments,
        by_type=by_type,
        dynamic=dynamic,
        dynamic_offset=start,
        values=values,
        strings=_strings(loads, values),
    )


def _grouped(pairs: Iterable[tuple[int, T]]) -> dict[int, tuple[T, ...]]:
    groups: dict[int, list[T]] = {}
    for key, each in pairs:
        if key in groups:
            groups[key].append(each)
        else:
            groups[key] = [each]
    return {key: tuple(found) for key, found in groups.items()}


def _strings(
    loads: tuple[Segment, ...], values: Mapping[int, tuple[int, ...]]
) -> tuple[int, int] | None:
    tables, sizes = values.get(c.DT_STRTAB), values.get(c.DT_STRSZ)
    found = locate(loads, tables[-1]) if tables else None
    if found is None or sizes is None:
        return found
    start, end = found
    return start, min(end, start + sizes[-1])


def peek(window: Window) -> Head:
    """Read the file header alone. Raises `errors.BadBinary`."""
    ident = window.read(0, IDENT, "ELF header")
    if ident[:4] != c.MAGIC:
        raise BadBinary(problem="it does not begin with the ELF magic", offset=0)
    bits, order = {1: 32, 2: 64}.get(ident[4]), {1: "<", 2: ">"}.get(ident[5])
    if bits is None or order is None:
        offset = 4 if bits is None else 5
        raise BadBinary(problem=f"unknown ELF class or byte order {ident[offset]}", offset=offset)
    codec = Codec(bits=bits, order=order)
    data = window.read(IDENT, codec.size(Header), "ELF header")
    return Head(codec=codec, osabi=ident[7], header=codec.unpack(Header, data))


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
    form, entries = codec.dyn, list[Any]()
    for chunk in range(start, min(end, start + _MOST_DYNAMIC), _DYNAMIC_CHUNK):
        size = min(_DYNAMIC_CHUNK, end - chunk)
        size -= size % form.size
        more: list[Any] = list(form.iter_unpack(window.read(chunk, size, "dynamic array")))
        tags = [tag for tag, _ in more]
        if c.DT_NULL in tags:
            return start, (*entries, *more[: tags.index(c.DT_NULL)])
        entries += more
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
