"""The compressor: libdeflate by way of `deflate`, else the standard library's zlib."""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Callable, Sequence

from wheelfix.typed import TYPE_CHECKING, TypeAlias, TypeVar
from wheelfix.value import Value

if TYPE_CHECKING:
    from wheelfix.workers import Workers

T = TypeVar("T")

Data: TypeAlias = bytes | bytearray | memoryview | mmap.mmap
"""Content to be deflated, where it lies."""

HIGHEST_ZLIB = 9

PIECE = 1 << 20
"""Bytes that zlib is fed at once."""

NOT_REPRODUCIBLE = (
    "compressed by zlib, since the `deflate` package is not installed here:"
    " other machines may make other bytes of the same input"
)


def reproducible() -> bool:
    """Tell whether the compressor is here whose output is the same on all machines."""
    try:
        import deflate  # noqa: F401
    except ImportError:
        return False
    return True


class Coder(Value):
    """Makes raw deflate streams; thread-safe, and works off the interpreter's lock."""

    level: int
    crew: Workers | None = None
    """Threads that share a large content; its stream is the same with any number, and without."""
    tell: Callable[[int], None] | None = None
    """Told how many bytes of a large content are done, as one part after the other is."""

    def together(self, jobs: Sequence[Callable[[], T]]) -> list[T]:
        """Do what makes the parts of one stream; gives the results in their order."""
        return self.crew.together(jobs) if self.crew else [job() for job in jobs]

    def deflated(self, content: Data) -> bytes | bytearray:
        """Give the stream of `content`."""
        try:
            from deflate import deflate_compress
        except ImportError:
            return _by_zlib(content, self.level)
        stream: bytes | bytearray = deflate_compress(content, self.level)
        return stream

    def inflates_to(self, content: Data, stream: bytearray) -> bool:
        """Tell whether a stream is that of `content`; False too where it is none."""
        try:
            from deflate import DeflateError, deflate_decompress
        except ImportError:
            return _inflated(stream) == content
        try:
            found: bytearray = deflate_decompress(stream, len(content))
        except DeflateError:
            return False
        return found == content


def _inflated(stream: bytearray) -> bytes | None:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        found = inflater.decompress(stream)
    except zlib.error:
        return None
    return found if inflater.eof else None


def _by_zlib(content: Data, level: int) -> bytes:
    stream = zlib.compressobj(min(level, HIGHEST_ZLIB), zlib.DEFLATED, -zlib.MAX_WBITS)
    pieces = [stream.compress(content[at : at + PIECE]) for at in range(0, len(content), PIECE)]
    return b"".join([*pieces, stream.flush()])
