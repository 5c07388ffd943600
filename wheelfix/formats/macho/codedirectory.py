"""The CodeDirectory: what a signature promises about an image, and the hashes that prove it."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from functools import partial

from wheelfix.errors import BadBinary
from wheelfix.formats.macho import codesign as cs
from wheelfix.model import ByteSource
from wheelfix.typed import TYPE_CHECKING
from wheelfix.value import Value

if TYPE_CHECKING:
    from hashlib import _Hash

_HEADER = struct.Struct(">9I4BI")
_SCATTER_TEAM = struct.Struct(">2I")
_EXECSEG = struct.Struct(">I4Q")
_SIZE = _HEADER.size + _SCATTER_TEAM.size + _EXECSEG.size
"""Bytes of a header of version 0x20400: 88."""

_USUAL_NAME, _LONGEST_NAME = 128, 4096
"""Bytes that are read for a name, and if it has no end there."""

_STEP = 1 << 16
"""How much of an image is read at a time, in bytes."""


class Hash(Value):
    """One of the hash types that cs_blobs.h numbers."""

    name: str
    size: int
    """Bytes of it that a CodeDirectory keeps."""
    new: Callable[..., _Hash]

    def of(self, data: bytes | memoryview) -> bytes:
        """Hash `data`."""
        return self.new(data).digest()[: self.size]


HASHES: Mapping[int, Hash] = {
    cs.CS_HASHTYPE_SHA1: Hash(
        name="SHA-1", size=20, new=partial(hashlib.sha1, usedforsecurity=False)
    ),
    cs.CS_HASHTYPE_SHA256: Hash(name="SHA-256", size=32, new=hashlib.sha256),
    cs.CS_HASHTYPE_SHA256_TRUNCATED: Hash(name="SHA-256/160", size=20, new=hashlib.sha256),
    cs.CS_HASHTYPE_SHA384: Hash(name="SHA-384", size=48, new=hashlib.sha384),
}


class CodeDirectory(Value):
    """The header of a CodeDirectory with the two names it points at."""

    flags: int
    identifier: bytes
    code_limit: int
    """Bytes of the image, from its start, that pages are hashed of."""
    hash_type: int
    page_shift: int
    """Binary logarithm of the page size; 0 is one page, however long."""
    special_slots: int
    exec_base: int = 0
    exec_limit: int = 0
    exec_flags: int = 0
    team: bytes | None = None
    length: int = 0
    """Bytes of the whole blob as it stands in a file."""
    version: int = cs.CS_SUPPORTSEXECSEG
    hash_offset: int = 0
    """Where the hash of the first page stands, from the blob's start; the special ones precede."""
    hash_size: int = 0
    code_slots: int = 0
    scattered: bool = False

    @property
    def page_size(self) -> int:
        """Bytes of a page; the whole code limit where pages have no size."""
        return 1 << self.page_shift if self.page_shift else max(self.code_limit, 1)

    @property
    def pages(self) -> int:
        """How many pages the code limit makes."""
        return -(-self.code_limit // self.page_size)


def packed_size(directory: CodeDirectory) -> int:
    """Tell how many bytes `pack` will make."""
    size = HASHES[directory.hash_type].size
    names = len(directory.identifier) + 1
    return _SIZE + names + (directory.special_slots + directory.pages) * size


def pack(directory: CodeDirectory, special: dict[int, bytes], pages: bytes) -> bytes:
    """Make the blob, version 0x20400, without a team; slots not in `special` stay zero."""
    size = HASHES[directory.hash_type].size
    hash_offset = _SIZE + len(directory.identifier) + 1 + directory.special_slots * size
    header = _HEADER.pack(
        cs.CSMAGIC_CODEDIRECTORY,
        packed_size(directory),
        cs.CS_SUPPORTSEXECSEG,
        directory.flags,
        hash_offset,
        _SIZE,
        directory.special_slots,
        directory.pages,
        directory.code_limit,
        size,
        directory.hash_type,
        0,
        directory.page_shift,
        0,
    )
    execseg = (directory.exec_base, directory.exec_limit, directory.exec_flags)
    slots = (special.get(slot, bytes(size)) for slot in range(directory.special_slots, 0, -1))
    rest = _SCATTER_TEAM.pack(0, 0) + _EXECSEG.pack(0, 0, *execseg)
    return b"".join((header, rest, directory.identifier, b"\0", *slots, pages))


def read(source: ByteSource, start: int, limit: int) -> CodeDirectory:
    """Read the header of the CodeDirectory at `start`, of at most `limit` bytes.

    Raises `errors.BadBinary`.
    """
    data = source.read(start, min(limit, _SIZE))
    if len(data) < _HEADER.size:
        raise BadBinary(problem="the CodeDirectory is cut off", offset=start)
    magic, length, version, flags, hashes, name, special, code, code_limit, *rest = _HEADER.unpack(
        data[: _HEADER.size]
    )
    hash_size, hash_type, _, page_shift, _ = rest
    if magic != cs.CSMAGIC_CODEDIRECTORY or not _HEADER.size <= length <= limit:
        raise BadBinary(problem="this is no CodeDirectory", offset=start)
    data = data[:length].ljust(_SIZE, b"\0")
    scatter, team = _SCATTER_TEAM.unpack_from(data, _HEADER.size)
    _, limit64, *execseg = _EXECSEG.unpack_from(data, _HEADER.size + _SCATTER_TEAM.size)
    execseg = execseg if version >= cs.CS_SUPPORTSEXECSEG else [0, 0, 0]
    if hashes < special * hash_size or hashes + code * hash_size > length:
        raise BadBinary(problem="hashes lie outside of the CodeDirectory", offset=start)
    blob = (source, start, length)
    return CodeDirectory(
        flags=flags,
        identifier=_name(*blob, name),
        code_limit=(version >= cs.CS_SUPPORTSCODELIMIT64 and limit64) or code_limit,
        hash_type=hash_type,
        page_shift=page_shift,
        special_slots=special,
        exec_base=execseg[0],
        exec_limit=execseg[1],
        exec_flags=execseg[2],
        team=_name(*blob, team) if team and version >= cs.CS_SUPPORTSTEAMID else None,
        length=length,
        version=version,
        hash_offset=hashes,
        hash_size=hash_size,
        code_slots=code,
        scattered=bool(scatter) and version >= cs.CS_SUPPORTSSCATTER,
    )


def _name(source: ByteSource, start: int, length: int, offset: int) -> bytes:
    """Read the NUL-terminated string at `offset` of the blob."""
    for longest in (_USUAL_NAME, _LONGEST_NAME):
        data = source.read(start + offset, max(0, min(longest, length - offset)))
        name, terminator, _ = data.partition(b"\0")
        if terminator:
            return name
    raise BadBinary(problem="a name in the CodeDirectory has no end", offset=start + offset)


def special_hashes(source: ByteSource, start: int, directory: CodeDirectory) -> dict[int, bytes]:
    """Read the hashes of the special slots of the CodeDirectory at `start`, the zero ones not."""
    size, count = directory.hash_size, directory.special_slots
    data = source.read(start + directory.hash_offset - count * size, count * size)
    digests = (data[at : at + size] for at in range((count - 1) * size, -1, -size))
    return {slot: digest for slot, digest in enumerate(digests, 1) if any(digest)}


def page_hashes(
    source: ByteSource, start: int, limit: int, page_shift: int, hash_types: tuple[int, ...]
) -> dict[int, bytes]:
    """Hash the pages of `limit` bytes at `start` with every type at once, one read of each byte.

    The source must hold `limit` bytes, of which none is read where there is no type. The memory
    used does not depend on it, but for the hashes.
    """
    if not hash_types:
        return {}
    if not page_shift:
        return _monolith(source, start, limit, hash_types)
    page = 1 << page_shift
    found = {kind: bytearray() for kind in hash_types}
    step = max(_STEP, page)
    for offset in range(0, limit, step):
        chunk = memoryview(source.read(start + offset, min(step, limit - offset)))
        for kind, digests in found.items():
            new, size = HASHES[kind].new, HASHES[kind].size
            parts = range(0, len(chunk), page)
            digests.extend(b"".join([new(chunk[a : a + page]).digest()[:size] for a in parts]))
    return {kind: bytes(digests) for kind, digests in found.items()}


def _monolith(
    source: ByteSource, start: int, limit: int, hash_types: tuple[int, ...]
) -> dict[int, bytes]:
    """Hash everything as one page."""
    running = {kind: HASHES[kind].new() for kind in hash_types}
    for offset in range(0, limit, _STEP):
        chunk = source.read(start + offset, min(_STEP, limit - offset))
        for digest in running.values():
            digest.update(chunk)
    return {kind: digest.digest()[: HASHES[kind].size] for kind, digest in running.items()}
