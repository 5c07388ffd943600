"""Universal files: which slices there are, and where (<mach-o/fat.h>). Always big-endian."""

from __future__ import annotations

from collections.abc import Mapping
from struct import Struct

from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.layout import Codec, FatArch
from wheelfix.formats.macho.window import Window
from wheelfix.value import Value

HEAD = 8
"""Bytes before the table of slices: the magic and their number."""
JAVA = 45
"""The lowest version of a Java class file, which has the same magic and its version there."""
_MAGICS: Mapping[int, int] = {c.FAT_MAGIC: 32, c.FAT_MAGIC_64: 64}
_PAIR = Struct(">II")


class Fat(Value):
    """The table of a universal file."""

    codec: Codec
    """64 bits for fat_arch_64."""
    archs: tuple[FatArch, ...]
    """In file order."""

    @property
    def table(self) -> bytes:
        """The bytes of the table, to be written at `HEAD`."""
        return b"".join(self.codec.pack(arch) for arch in self.archs)


def is_universal(head: bytes) -> bool:
    """Tell a universal file by its first 8 bytes; a Java class file is none."""
    if len(head) < HEAD:
        return False
    magic, count = map(int, _PAIR.unpack_from(head))
    return magic == c.FAT_MAGIC_64 or (magic == c.FAT_MAGIC and count < JAVA)


def parse(window: Window) -> Fat | None:
    """Read the table; None for a thin file. Raises `errors.BadBinary`."""
    if not is_universal(window.read(0, min(HEAD, window.size), "header")):
        return None
    magic, count = _PAIR.unpack(window.read(0, HEAD, "universal header"))
    codec = Codec(bits=_MAGICS[magic], order=">")
    step = codec.size(FatArch)
    data = window.read(HEAD, count * step, "table of slices")
    archs = tuple(codec.unpack(FatArch, data, at) for at in range(0, count * step, step))
    if not archs:
        raise window.bad("a universal file without slices", 4)
    end = HEAD + count * step
    for number, arch in enumerate(archs):
        _check(window, arch, HEAD + number * step)
    for arch in sorted(archs, key=lambda a: a.offset):
        if arch.offset < end:
            raise window.bad("slices overlap", arch.offset)
        end = arch.offset + arch.size
    return Fat(codec=codec, archs=archs)


def _check(window: Window, arch: FatArch, at: int) -> None:
    if arch.offset + arch.size > window.size:
        raise window.bad("a slice reaches behind the end of the file", at)
    if arch.align > 32 or arch.offset % (1 << arch.align):
        raise window.bad("a slice does not begin at a multiple of its alignment", at)
