"""The binary formats, and which one a file is of, decided by its first bytes alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from wheelfix.model import ByteSource, Image
from wheelfix.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from wheelfix.formats.interface import Format

FORMATS: Mapping[str, tuple[bytes, ...]] = MappingProxyType(
    {
        "elf": (b"\x7fELF",),
        "macho": (
            *(b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"),
            *(b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"),
        ),
        "pe": (b"MZ",),
    }
)
"""Each format's package, and the magic numbers with which its files may begin.

A package is imported when the first such file turns up: most wheels have files of one format.
"""

MAGICS = tuple(magic for magics in FORMATS.values() for magic in magics)

HEAD = 16
"""How many bytes `identify` wants to see."""


def identify(head: bytes) -> Format | None:
    """Give the format of a file that begins with `head`; None for anything else."""
    if not head.startswith(MAGICS):
        return None
    for name, magics in FORMATS.items():
        if head.startswith(magics) and named(name).matches(head):
            return named(name)
    return None


@cache
def named(name: str) -> Format:
    """Give the format that calls itself `name`; raises KeyError for none of `FORMATS`."""
    match name:
        case "elf":
            from wheelfix.formats import elf

            return elf
        case "macho":
            from wheelfix.formats import macho

            return macho
        case "pe":
            from wheelfix.formats import pe

            return pe
        case unknown:
            raise KeyError(unknown)


def losses(found: Format, source: ByteSource, images: tuple[Image, ...]) -> tuple[str, ...]:
    """Say what a file that was read loses when it is edited: only a signed one is read for it."""
    return found.losses(source) if any(image.signature for image in images) else ()
