"""A Mach-O slice as it stands: header and load commands. No meaning yet, none of them dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from wheelfix.errors import BadBinary
from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho import fat
from wheelfix.formats.macho.layout import Codec, FatArch, Header, Section, Segment
from wheelfix.formats.macho.window import Window
from wheelfix.value import Value, replace

_CODECS: Mapping[bytes, Codec] = {
    b"\xce\xfa\xed\xfe": Codec(bits=32, order="<"),
    b"\xcf\xfa\xed\xfe": Codec(bits=64, order="<"),
    b"\xfe\xed\xfa\xce": Codec(bits=32, order=">"),
    b"\xfe\xed\xfa\xcf": Codec(bits=64, order=">"),
}
_SEGMENT: Mapping[int, int] = {32: c.LC_SEGMENT, 64: c.LC_SEGMENT_64}
_NO_IMAGES = (b"!<ar", b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
"""What else a universal file may hold: archives, bitcode and bitcode in a wrapper."""
_REMEMBERED = 1 << 16
"""Bytes of load commands, beyond which nobody has any, that are worth remembering."""
_ZERO_FILLED = frozenset({c.S_ZEROFILL, c.S_GB_ZEROFILL, c.S_THREAD_LOCAL_ZEROFILL})


class Command(Value):
    """A load command, whole."""

    cmd: int
    offset: int
    """Where it began in its slice, which tells it from others; 0 for one that is new."""
    data: bytes
    """All `cmdsize` bytes, `cmd` and `cmdsize` included."""


class Raw(Value):
    """One slice: the parsed header and commands, and the window for whatever else is needed."""

    window: Window
    codec: Codec
    header: Header
    commands: tuple[Command, ...]
    segments: tuple[Segment, ...]
    """All of them in file order; no edit changes one."""
    sections: tuple[Section, ...]

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

    def segment_commands(self) -> Iterator[Command]:
        """Give those that `segments` were read from."""
        return self.of(_SEGMENT[self.codec.bits])

    def words(self, command: Command, count: int) -> tuple[int, ...]:
        """Read 4-byte numbers behind `cmd` and `cmdsize`. Raises `errors.BadBinary`."""
        if len(command.data) < 8 + 4 * count:
            raise self.window.bad("a load command is too short for its kind", command.offset)
        return self.codec.words(command.data, 8, count)


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
    if window.start and window.read(0, 4, "magic") in _NO_IMAGES:
        return None
    head = _head(window)
    codec, header = _header(head)
    if header.filetype not in {c.MH_EXECUTE, c.MH_DYLIB, c.MH_BUNDLE}:
        return None
    if header.ncmds * 8 > header.sizeofcmds:
        raise window.bad("more load commands than there is room for", 16)
    data = window.read(len(head), header.sizeofcmds, "load commands")
    told = _told if len(data) <= _REMEMBERED else _told.__wrapped__
    try:
        commands, segments, sections = told(head, data, window.size)
    except BadBinary as error:
        raise window.bad(error.problem, error.offset or 0) from None
    return Raw(
        window=window,
        codec=codec,
        header=header,
        commands=commands,
        segments=segments,
        sections=sections,
    )


def header_of(window: Window) -> tuple[Codec, Header]:
    """Read the header of a thin file of any type. Raises `errors.BadBinary`."""
    return _header(_head(window))


def _head(window: Window) -> bytes:
    codec = _CODECS.get(window.read(0, 4, "magic"))
    if codec is None:
        raise window.bad("it does not begin with a Mach-O magic")
    return window.read(0, codec.size(Header), "header")


@lru_cache(maxsize=64)
def _header(data: bytes) -> tuple[Codec, Header]:
    codec = _CODECS[data[:4]]
    return codec, codec.unpack(Header, data)


@lru_cache(maxsize=512)
def _told(
    head: bytes, data: bytes, size: int
) -> tuple[tuple[Command, ...], tuple[Segment, ...], tuple[Section, ...]]:
    """Give what header and load commands say of a slice that has `size` bytes in all.

    Every step asks for it again, the first for all files before the next begins; that is 10 KB for
    each. Raises `errors.BadBinary`, its offsets those in the slice.
    """
    codec, header = _header(head)
    start = len(head)
    commands = tuple(_commands(codec, header.ncmds, data))
    found = [command for command in commands if command.cmd == _SEGMENT[codec.bits]]
    pairs = [_segment(codec, command) for command in found]
    segments = tuple(segment for segment, _ in pairs)
    if not segments:
        raise BadBinary(problem="it has nothing to load", offset=start)
    end = max(segment.fileoff + segment.filesize for segment in segments)
    if end > size:
        raise BadBinary(problem=f"the file is cut short: {size} of {end} bytes", offset=size)
    for command, (segment, mine) in zip(found, pairs, strict=True):
        if segment.nsects > len(mine):
            problem = "a segment has more sections than room"
            raise BadBinary(problem=problem, offset=command.offset)
    sections = tuple(section for _, mine in pairs for section in mine)
    for section in sections:
        if has_bytes(section) and section.offset + section.size > size:
            raise BadBinary(problem="a section lies outside of the file", offset=start)
    return commands, segments, sections


def _commands(codec: Codec, count: int, data: bytes) -> Iterator[Command]:
    start, at = codec.size(Header), 0
    for _ in range(count):
        if at + 8 > len(data):
            problem = "fewer load commands than the header says"
            raise BadBinary(problem=problem, offset=start + at)
        cmd, size = codec.words(data, at, 2)
        if size < 8 or size % 4 or at + size > len(data):
            raise BadBinary(problem=f"a load command of {size} bytes", offset=start + at)
        yield Command(cmd=cmd, offset=start + at, data=data[at : at + size])
        at += size


def _segment(codec: Codec, command: Command) -> tuple[Segment, tuple[Section, ...]]:
    if len(command.data) < codec.size(Segment):
        raise BadBinary(problem="a segment command is too short", offset=command.offset)
    return _segment_in(codec, command.data)


@lru_cache(maxsize=1024)
def _segment_in(codec: Codec, data: bytes) -> tuple[Segment, tuple[Section, ...]]:
    """Read a segment command, and as many of its sections as it has room for.

    Edits leave nearly all of them as they are.
    """
    segment = codec.unpack(Segment, data)
    begin, step = codec.size(Segment), codec.size(Section)
    count = min(segment.nsects, (len(data) - begin) // step)
    places = range(begin, begin + count * step, step)
    return segment, tuple(codec.unpack(Section, data, place) for place in places)


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
