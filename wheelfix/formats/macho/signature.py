"""Reading a code signature: the SuperBlob's index and what its first CodeDirectory says."""

from __future__ import annotations

import struct
from functools import lru_cache

from wheelfix.errors import BadBinary
from wheelfix.formats.macho import codedirectory
from wheelfix.formats.macho import codesign as cs
from wheelfix.formats.macho.codedirectory import CodeDirectory
from wheelfix.formats.macho.signable import Extent, Signable, signable
from wheelfix.formats.macho.window import Ahead, Alone, Beyond
from wheelfix.model import ByteSource
from wheelfix.value import Value

_INDEX_LIMIT = 64
"""More blobs than this no signature has; the kernel's slots are about twenty."""

_AHEAD = 1024
"""Bytes of a signature that are read at once: its index, what it says and its first hashes."""

_BLOB = struct.Struct(">2I")
EMPTY_CMS = 8
"""Bytes of the wrapper around no CMS message, as ad-hoc signatures carry it."""


class Blob(Value):
    """One entry of a SuperBlob's index."""

    slot: int
    magic: int
    extent: Extent
    """Where it lies in the source, its 8 bytes of magic and length included."""


class Signature(Value):
    """An embedded signature, but for its hashes: nothing in it is proved by reading it."""

    length: int
    """Bytes of the SuperBlob, which may be less than its load command reserves."""
    blobs: tuple[Blob, ...]
    directories: tuple[tuple[Blob, CodeDirectory], ...]
    """The CodeDirectory, then the alternates, in slot order."""

    @property
    def first(self) -> CodeDirectory:
        """The CodeDirectory in slot 0, from which names and flags are taken."""
        return self.directories[0][1]

    def blob(self, slot: int) -> Blob | None:
        """Give the blob in `slot`."""
        return next((blob for blob in self.blobs if blob.slot == slot), None)

    @property
    def kind(self) -> str:
        """`linker`, `adhoc`, or `identity` where a certificate was used."""
        if self.first.flags & cs.CS_LINKER_SIGNED:
            return "linker"
        return "adhoc" if self.first.flags & cs.CS_ADHOC or not self.cms_size else "identity"

    @property
    def identifier(self) -> str:
        """The name that the signer gave the code; undecodable bytes are replaced."""
        return self.first.identifier.decode(errors="replace")

    @property
    def team(self) -> str | None:
        """The team identifier of the certificate; None without one."""
        return None if self.first.team is None else self.first.team.decode(errors="replace")

    @property
    def hash_types(self) -> tuple[int, ...]:
        """The CS_HASHTYPE_* of the CodeDirectories, in their order."""
        return tuple(directory.hash_type for _, directory in self.directories)

    @property
    def has_requirements(self) -> bool:
        """Whether the set of requirements holds any: an empty one takes 12 bytes."""
        blob = self.blob(cs.CSSLOT_REQUIREMENTS)
        return blob is not None and blob.extent.size > len(EMPTY_REQUIREMENTS)

    @property
    def cms_size(self) -> int:
        """Bytes of the CMS message; 0 for signatures without a certificate."""
        blob = self.blob(cs.CSSLOT_SIGNATURESLOT)
        return 0 if blob is None else max(0, blob.extent.size - EMPTY_CMS)


EMPTY_REQUIREMENTS = struct.pack(">3I", cs.CSMAGIC_REQUIREMENTS, 12, 0)


def signature_of(source: ByteSource, start: int = 0, size: int | None = None) -> Signature | None:
    """Read the signature of the thin image of `size` bytes at `start`; None for an unsigned one.

    Reads headers only. Raises `errors.BadBinary` for a signature that is none.
    """
    return signature_in(signable(source, start, size))


def signature_in(image: Signable) -> Signature | None:
    """Give the same for an image whose header was read."""
    window = image.raw.window
    if image.signature is None:
        return None
    if image.signature.end > image.size:
        raise window.bad("the code signature ends behind the image", image.signature.offset)
    place = window.start + image.signature.offset
    return signature_at(window.source, place, image.signature.size)


def signature_at(source: ByteSource, start: int, size: int) -> Signature:
    """Read the signature that LC_CODE_SIGNATURE reserves `size` bytes for at `start`."""
    first = source.read(start, min(size, _AHEAD))
    return _told(first, start, size) or _signature(Ahead(source, start, first), start, size)


@lru_cache(maxsize=512)
def _told(first: bytes, start: int, size: int) -> Signature | None:
    """Give what its first bytes say of a signature; None where more of it must be read.

    Every step asks again, the first for all files before the next begins.
    """
    try:
        return _signature(Alone(start, first), start, size)
    except Beyond:
        return None


def _signature(source: ByteSource, start: int, size: int) -> Signature:
    head = source.read(start, min(size, 12 + 8 * _INDEX_LIMIT))
    if len(head) < 12:
        raise BadBinary(problem="the code signature is cut off", offset=start)
    magic, length, count = struct.unpack_from(">3I", head)
    if magic != cs.CSMAGIC_EMBEDDED_SIGNATURE or length > size:
        raise BadBinary(problem="the code signature is no SuperBlob that fits", offset=start)
    if not 0 < count <= _INDEX_LIMIT or 12 + 8 * count > min(length, len(head)):
        raise BadBinary(problem=f"the code signature lists {count} blobs", offset=start + 8)
    slots = struct.iter_unpack(">2I", head[12 : 12 + 8 * count])
    blobs = tuple(_blob(source, start, length, slot, offset) for slot, offset in slots)
    directories = tuple(
        (blob, codedirectory.read(source, blob.extent.offset, blob.extent.size))
        for blob in sorted(blobs, key=lambda blob: blob.slot)
        if _is_directory(blob.slot)
    )
    if not directories or directories[0][0].slot != cs.CSSLOT_CODEDIRECTORY:
        raise BadBinary(problem="the code signature has no CodeDirectory", offset=start)
    return Signature(length=length, blobs=blobs, directories=directories)


def _is_directory(slot: int) -> bool:
    first, end = cs.CSSLOT_ALTERNATE_CODEDIRECTORIES, cs.CSSLOT_ALTERNATE_CODEDIRECTORY_LIMIT
    return slot == cs.CSSLOT_CODEDIRECTORY or first <= slot < end


def _blob(source: ByteSource, start: int, length: int, slot: int, offset: int) -> Blob:
    head = source.read(start + offset, _BLOB.size) if offset + _BLOB.size <= length else b""
    if len(head) < _BLOB.size:
        raise BadBinary(problem="a signature's blob lies outside of it", offset=start + offset)
    magic, size = _BLOB.unpack(head)
    if not _BLOB.size <= size <= length - offset:
        raise BadBinary(problem="a signature's blob is cut off", offset=start + offset)
    return Blob(slot=slot, magic=magic, extent=Extent(offset=start + offset, size=size))
