"""A Mach-O slice as it stands: header and load commands. No meaning yet, none of them dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from wheelfix.errors import BadBinary
from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho import fat
from wheelfix.formats.macho.layout import Codec, FatArch, Header, Section, Segment
from wheelfix.formats.macho.window import Window
from wheelfix.value import replace, value

_CODECS: Mapping[bytes, Codec] = {
    b"\xce\xfa\xed\xfe": Codec(bits=32, order="<"),
    b"\xcf\xfa\xed\xfe": Codec(bits=64, order="<"),
    b"\xfe\xed\xfa\xce": Codec(bits=32, order=">"),
    b"\xfe\xed\xfa\xcf": Codec(bits=64, order=">"),
}
_NO_IMAGES = (b"!<ar", b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
"""What else a universal file may hold: archives, bitcode and bitcode in a wrapper."""
_ZERO_FILLED = frozenset({c.S_ZEROFILL, c.S_GB_ZEROFILL, c.S_THREAD_LOCAL_ZEROFILL})


@value
class Command:
    """A load command, whole."""

    cmd: int
    offset: int
    """Where it began in its slice, which tells it from others; 0 for one that is new."""
    data: bytes
    """All `cmdsize` bytes, `cmd` and `cmdsize` included."""


@value
class Raw:
    """One slice: the parsed header and commands, and the window for whatever else is needed."""

    window: Window
    codec: Codec
    header: Header
    commands: tuple[Command, ...]

    @property
    def start(self) -> int:
        """Where the load commands begin in the slice."""
        return self.codec.size(Header)

    @property
    def end(self) -> int:
        """Where they end."""
        return self.start + self.header.sizeofcmds

    def of(self, *cmds: int) -> Iterator[Command]:
        """Give the commands of these kinds, in file order."""
        return (command for command in self.commands if command.cmd in cmds)

    def words(self, command: Command, count: int) -> tuple[int, ...]:
        """Read 4-byte numbers behind `cmd` and `cmdsize`. Raises `errors.BadBinary`."""
        if len(command.data) < 8 + 4 * count:
            raise self.window.bad("a load command is too short for its kind", command.offset)
        return self.codec.words(command.data, 8, count)

    def segments(self) -> tuple[Segment, ...]:
        """Give all segments in file order. Raises `errors.BadBinary`."""
        return tuple(self._segment(command) for command in self.of(self._segment_cmd))

    def sections(self) -> tuple[Section, ...]:
        """Give all sections in file order. Raises `errors.BadBinary`."""
        found: list[Section] = []
        for command in self.of(self._segment_cmd):
            self._segment(command)
            sections = _sections(self.codec.bits, self.codec.order, command.data)
            if sections is None:
                raise self.window.bad("a segment has more sections than room", command.offset)
            found += sections
        return tuple(found)

    @property
    def _segment_cmd(self) -> int:
        return c.LC_SEGMENT_64 if self.codec.bits == 64 else c.LC_SEGMENT

    def _segment(self, command: Command) -> Segment:
        if len(command.data) < self.codec.size(Segment):
            raise self.window.bad("a segment command is too short", command.offset)
        return self.codec.unpack(Segment, command.data)


@lru_cache(maxsize=256)
def _sections(bits: int, order: str, segment: bytes) -> tuple[Section, ...] | None:
    """Read what stands in a segment's command; None where there is no room for all.

    Cached, as a file is parsed for each thing that is asked about it.
    """
    codec = Codec(bits=bits, order=order)
    at, step = codec.size(Segment), codec.size(Section)
    end = at + codec.unpack(Segment, segment).nsects * step
    if end > len(segment):
        return None
    return tuple(codec.unpack(Section, segment, place) for place in range(at, end, step))


def with_commands(raw: Raw, commands: tuple[Command, ...]) -> Raw:
    """Give `raw` with other load commands, and a header that counts them."""
    size = sum(len(command.data) for command in commands)
    header = replace(raw.header, ncmds=len(commands), sizeofcmds=size)
    return replace(raw, header=header, commands=commands)


def has_bytes(section: Section) -> bool:
    """Tell whether a section takes room in the file."""
    return bool(section.size) and section.flags & c.SECTION_TYPE not in _ZERO_FILLED


def is_thin(head: bytes) -> bool:
    """Tell by the first 4 bytes whether they begin a slice."""
    return head[:4] in _CODECS


def slices(window: Window) -> tuple[tuple[FatArch | None, Raw], ...]:
    """Parse every slice that is an image, in file order; None beside that of a thin file.

    Raises `errors.BadBinary`.
    """
    table = fat.parse(window)
    if table is None:
        raw = parse(window)
        return () if raw is None else ((None, raw),)
    found = [(arch, parse(window.part(arch.offset, arch.size))) for arch in table.archs]
    return tuple((arch, raw) for arch, raw in found if raw is not None)


def parse(window: Window) -> Raw | None:
    """Read header and commands; None for what no loader loads. Raises `errors.BadBinary`."""
    magic = window.read(0, 4, "magic")
    if magic in _NO_IMAGES and window.start:
        return None
    codec, header = header_of(window)
    if header.filetype not in {c.MH_EXECUTE, c.MH_DYLIB, c.MH_BUNDLE}:
        return None
    commands = tuple(_commands(window, codec, header))
    raw = Raw(window=window, codec=codec, header=header, commands=commands)
    _check_whole(raw)
    return raw


def header_of(window: Window) -> tuple[Codec, Header]:
    """Read the header of a thin file of any type. Raises `errors.BadBinary`."""
    codec = _CODECS.get(window.read(0, 4, "magic"))
    if codec is None:
        raise window.bad("it does not begin with a Mach-O magic")
    return codec, codec.unpack(Header, window.read(0, codec.size(Header), "header"))


def _commands(window: Window, codec: Codec, header: Header) -> Iterator[Command]:
    start = codec.size(Header)
    if header.ncmds * 8 > header.sizeofcmds:
        raise window.bad("more load commands than there is room for", 16)
    data = window.read(start, header.sizeofcmds, "load commands")
    at = 0
    for _ in range(header.ncmds):
        if at + 8 > len(data):
            raise window.bad("fewer load commands than the header says", start + at)
        cmd, size = codec.words(data, at, 2)
        if size < 8 or size % 4 or at + size > len(data):
            raise window.bad(f"a load command of {size} bytes", start + at)
        yield Command(cmd=cmd, offset=start + at, data=data[at : at + size])
        at += size


def _check_whole(raw: Raw) -> None:
    segments = raw.segments()
    if not segments:
        raise raw.window.bad("it has nothing to load", raw.start)
    end = max(segment.fileoff + segment.filesize for segment in segments)
    if end > raw.window.size:
        size = raw.window.size
        raise raw.window.bad(f"the file is cut short: {size} of {end} bytes", size)
    for section in raw.sections():
        if has_bytes(section) and section.offset + section.size > raw.window.size:
            raise raw.window.bad("a section lies outside of the file", raw.start)


def text(raw: Raw, command: Command, field: int = 8) -> str:
    """Give the string of a command, to which the number at byte `field` of it points.

    Raises `errors.BadBinary`.
    """
    return text_bytes(raw, command, field).decode("utf-8", "surrogateescape")


def text_bytes(raw: Raw, command: Command, field: int = 8) -> bytes:
    """Give the same as `text`, undecoded."""
    if len(command.data) < field + 4:
        raise raw.window.bad("a load command is too short for its kind", command.offset)
    (offset,) = raw.codec.words(command.data, field, 1)
    value, nul, _ = command.data[offset:].partition(b"\0")
    if offset < field + 4 or not nul:
        raise BadBinary(
            problem="a name does not lie inside its load command",
            offset=raw.window.start + command.offset,
        )
    return value
