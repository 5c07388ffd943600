"""Composing an ad-hoc signature: what goes into it, how large it gets, and its bytes.

To the byte as Apple's codesign does it. Of an old signature stay the identifier, unless a linker
made it, the page size, the seals of files beside the image and the entitlements that need no
certificate.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from wheelfix.formats.macho import codesign as cs
from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.codedirectory import (
    HASHES,
    CodeDirectory,
    pack,
    packed_size,
    special_hashes,
)
from wheelfix.formats.macho.entitlements import Entitlements, permitted
from wheelfix.formats.macho.identifier import recommended
from wheelfix.formats.macho.signable import Signable
from wheelfix.formats.macho.signature import EMPTY_REQUIREMENTS, Signature
from wheelfix.model import ByteSource
from wheelfix.value import Value, replace

_PAGE_SHIFT = 12
_PAGE_SHIFTS = frozenset({12, 14})
"""Page sizes that are taken over from an old signature: 4 and 16 KiB."""

_SHA256_SINCE: Mapping[str, int] = {
    "macos": 0x000A0B04,
    "ios": 0x000B0000,
    "tvos": 0x000B0000,
    "watchos": 1 << 32,
}
"""First version, packed, of a platform that understands SHA-256 alone: macOS 10.11.4, iOS 11.

From MachORep::prepareForSigning in Apple's Security framework: never for watchOS and where no
platform is named, always for all that are not listed.
"""

_EMPTY_CMS = struct.pack(">2I", cs.CSMAGIC_BLOBWRAPPER, 8)

_SPARE = 18000
"""What Apple's codesign reserves for a CMS message, even where there will be none, in bytes."""

_BESIDE = frozenset(
    {
        cs.CSSLOT_INFOSLOT,
        cs.CSSLOT_RESOURCEDIR,
        cs.CSSLOT_APPLICATION,
        cs.CSSLOT_REP_SPECIFIC,
    }
)
"""Slots that seal files of a bundle, which lie beside the image."""


class Draft(Value):
    """A signature without the hashes of the pages."""

    directories: tuple[tuple[CodeDirectory, dict[int, bytes]], ...]
    """The CodeDirectories, SHA-1 before SHA-256, and the hashes of their special slots."""
    blobs: dict[int, bytes]
    """Slot → what is embedded beside them."""

    @property
    def hash_types(self) -> tuple[int, ...]:
        """The CS_HASHTYPE_* of the CodeDirectories."""
        return tuple(directory.hash_type for directory, _ in self.directories)

    @property
    def page_shift(self) -> int:
        """Binary logarithm of the page size, the same in all CodeDirectories."""
        return self.directories[0][0].page_shift


def hash_types(image: Signable) -> tuple[int, ...]:
    """Choose the hashes that the oldest system it runs on understands, the weakest first."""
    oldest = image.minimum()
    if oldest is not None and oldest.version >= _SHA256_SINCE.get(oldest.platform, 0):
        return (cs.CS_HASHTYPE_SHA256,)
    return (cs.CS_HASHTYPE_SHA1, cs.CS_HASHTYPE_SHA256)


def claims(source: ByteSource, old: Signature | None) -> Entitlements:
    """Tell which entitlements of the old signature stay; raises `errors.CannotEdit`."""
    if old is None:
        return Entitlements()
    blob = old.blob(cs.CSSLOT_ENTITLEMENTS)
    if blob is not None:
        return permitted(source.read(blob.extent.offset, blob.extent.size))
    if old.blob(cs.CSSLOT_DER_ENTITLEMENTS):
        return Entitlements(dropped=("all, as they are there in DER only",))
    return Entitlements()


class Subject(Value):
    """What is to be signed."""

    source: ByteSource
    image: Signable
    old: Signature | None
    """The signature it had; None for none that can be read."""
    filename: str
    code_limit: int
    """Where the new signature begins, from the image's start."""


def draft(subject: Subject) -> Draft:
    """Decide what the signature will say; raises `errors.CannotEdit` for unreadable claims."""
    entitlements = claims(subject.source, subject.old)
    blobs = {
        cs.CSSLOT_REQUIREMENTS: EMPTY_REQUIREMENTS,
        cs.CSSLOT_ENTITLEMENTS: entitlements.xml,
        cs.CSSLOT_DER_ENTITLEMENTS: entitlements.der,
    }
    blobs = {slot: blob for slot, blob in blobs.items() if blob}
    plist = subject.image.info_plist()
    directories = []
    for kind in hash_types(subject.image):
        of = HASHES[kind].of
        special = _seals(subject.source, subject.old, kind)
        if plist and cs.CSSLOT_RESOURCEDIR not in special:
            # Not the property list of a bundle, whose resources would be sealed as well.
            special[cs.CSSLOT_INFOSLOT] = of(plist)
        special |= {slot: of(blob) for slot, blob in blobs.items()}
        header = _header(subject, entitlements, kind)
        directories.append((replace(header, special_slots=max(special)), special))
    return Draft(
        directories=tuple(directories), blobs=blobs | {cs.CSSLOT_SIGNATURESLOT: _EMPTY_CMS}
    )


def _header(subject: Subject, entitlements: Entitlements, kind: int) -> CodeDirectory:
    _, text = subject.image.segment(b"__TEXT") or (0, None)
    old = subject.old
    shift = old.first.page_shift if old else _PAGE_SHIFT
    exec_flags = 0
    if subject.image.raw.header.filetype == c.MH_EXECUTE:
        exec_flags |= cs.CS_EXECSEG_MAIN_BINARY
    if old and entitlements.debuggable:
        exec_flags |= old.first.exec_flags & cs.CS_EXECSEG_ALLOW_UNSIGNED
    return CodeDirectory(
        flags=cs.CS_ADHOC | (old.first.flags & cs.CS_KEPT if old else 0),
        identifier=_identifier(subject.image, old, subject.filename),
        code_limit=subject.code_limit,
        hash_type=kind,
        page_shift=shift if shift in _PAGE_SHIFTS else _PAGE_SHIFT,
        special_slots=0,
        exec_base=text.fileoff if text else 0,
        exec_limit=text.filesize if text else 0,
        exec_flags=exec_flags,
    )


def _identifier(image: Signable, old: Signature | None, filename: str) -> bytes:
    # A linker only knows what its output was called then, as it signs without being asked to.
    if old is not None and old.first.identifier and old.kind != "linker":
        return old.first.identifier
    return recommended(filename, image.unique()).encode(errors="surrogateescape")


def _seals(source: ByteSource, old: Signature | None, kind: int) -> dict[int, bytes]:
    """Take the seals of files beside the image from the old CodeDirectory of the same hash."""
    for blob, directory in old.directories if old else ():
        if (directory.hash_type, directory.hash_size) == (kind, HASHES[kind].size):
            found = special_hashes(source, blob.extent.offset, directory)
            return {slot: digest for slot, digest in found.items() if slot in _BESIDE}
    return {}


def reserved(draft: Draft) -> int:
    """Tell how many bytes LC_CODE_SIGNATURE reserves, by the rule of Apple's codesign."""
    alternates = len(draft.directories) - 1
    return -(-(_size(draft) + 8 * alternates + _SPARE) // 16) * 16


def _size(draft: Draft) -> int:
    sizes = [packed_size(directory) for directory, _ in draft.directories]
    sizes += [len(blob) for blob in draft.blobs.values()]
    return 12 + 8 * len(sizes) + sum(sizes)


def superblob(draft: Draft, pages: dict[int, bytes]) -> bytes:
    """Make the signature; `pages` holds the hashes of all pages by hash type."""
    blobs = dict(draft.blobs)
    for number, (directory, special) in enumerate(draft.directories):
        slot = cs.CSSLOT_ALTERNATE_CODEDIRECTORIES + number - 1 if number else 0
        blobs[slot] = pack(directory, special, pages[directory.hash_type])
    ordered = sorted(blobs.items())
    index = b""
    offset = 12 + 8 * len(ordered)
    for slot, blob in ordered:
        index += struct.pack(">2I", slot, offset)
        offset += len(blob)
    head = struct.pack(">3I", cs.CSMAGIC_EMBEDDED_SIGNATURE, offset, len(ordered))
    return b"".join((head, index, *(blob for _, blob in ordered)))
