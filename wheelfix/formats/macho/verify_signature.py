"""Proving a code signature: every hash of every CodeDirectory is computed again.

What a certificate vouches for is not looked at, only whether the file is what was signed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from wheelfix.formats.macho import codesign as cs
from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.codedirectory import HASHES, CodeDirectory, page_hashes, special_hashes
from wheelfix.formats.macho.signable import Signable, each_slice, signable
from wheelfix.formats.macho.signature import Blob, Signature, signature_in
from wheelfix.model import ByteSource

_WORTH_NAMING = 5
"""Pages named one by one; what more are wrong is counted."""

_PAGE_SHIFTS = frozenset({0, *range(9, 21)})

_INSIDE = frozenset(
    {
        cs.CSSLOT_REQUIREMENTS,
        cs.CSSLOT_ENTITLEMENTS,
        cs.CSSLOT_DER_ENTITLEMENTS,
        *range(cs.CSSLOT_LAUNCH_CONSTRAINT_SELF, cs.CSSLOT_LIBRARY_CONSTRAINT + 1),
    }
)
"""Slots whose content is embedded in the signature; the others' is in a bundle's files."""


def problems(source: ByteSource) -> tuple[str, ...]:
    """List what is wrong with the signatures of a whole file, slice by slice, as `verify` does."""
    return each_slice(source, _problems)


def verify(source: ByteSource, start: int = 0, size: int | None = None) -> tuple[str, ...]:
    """List what is wrong with the signature of the thin image of `size` bytes at `start`.

    Nothing is wrong with an unsigned image that its machine runs unsigned. Raises
    `errors.BadBinary` for what is no image or no signature at all.
    """
    return _problems(signable(source, start, size))


def _problems(image: Signable) -> tuple[str, ...]:
    source, start = image.raw.window.source, image.raw.window.start
    signature = signature_in(image)
    if signature is None:
        needed = image.raw.header.cputype == c.CPU_TYPE_ARM64
        return ("it is not signed, and arm64 Macs load nothing unsigned",) if needed else ()
    problems = [*_layout(image)]
    for _, directory in signature.directories:
        problems += _header(image, directory)
    if problems:
        return tuple(problems)
    for blob, directory in signature.directories:
        problems += _special(source, image, signature, (blob, directory))
    return (*problems, *_pages(source, start, signature))


def _layout(image: Signable) -> Iterator[str]:
    _, linkedit = image.segment(b"__LINKEDIT") or (0, None)
    if linkedit is None or image.signature is None:
        yield "it has no __LINKEDIT segment"
        return
    if image.signature.offset % 16:
        yield f"the code signature at 0x{image.signature.offset:x} is not aligned to 16 bytes"
    end = linkedit.fileoff + linkedit.filesize
    if image.signature.end != end:
        yield "the code signature does not end __LINKEDIT"
    if end != image.size:
        yield "__LINKEDIT does not end the image"
    if linkedit.vmsize < linkedit.filesize:
        yield "__LINKEDIT is larger in the file than in memory"


def _header(image: Signable, directory: CodeDirectory) -> Iterator[str]:
    known = HASHES.get(directory.hash_type)
    if known is None or known.size != directory.hash_size:
        yield f"its hash type {directory.hash_type} of {directory.hash_size} bytes is not known"
        return
    if directory.scattered or directory.page_shift not in _PAGE_SHIFTS:
        yield "its pages are cut in a way that no present system signs"
        return
    if image.signature and directory.code_limit != image.signature.offset:
        yield (
            f"the {known.name} CodeDirectory covers 0x{directory.code_limit:x} bytes,"
            f" and the code signature is at 0x{image.signature.offset:x}"
        )
    if directory.code_slots != directory.pages:
        yield f"the {known.name} CodeDirectory has not one hash for each page"


def _special(
    source: ByteSource,
    image: Signable,
    signature: Signature,
    pair: tuple[Blob, CodeDirectory],
) -> Iterator[str]:
    blob, directory = pair
    known = HASHES[directory.hash_type]
    contents = {b.slot: b.extent for b in signature.blobs if b.slot in _INSIDE}
    sealed = special_hashes(source, blob.extent.offset, directory)
    for slot in sorted(_INSIDE & (contents.keys() | sealed.keys())):
        content = contents.get(slot)
        data = source.read(content.offset, content.size) if content else b""
        if not content or known.of(data) != sealed.get(slot):
            yield f"the {known.name} hash of special slot {slot} does not match"
    wanted = sealed.get(cs.CSSLOT_INFOSLOT)
    plist = image.info_plist()
    in_bundle = cs.CSSLOT_RESOURCEDIR in sealed  # then slot 1 is about the bundle's own list
    if wanted and plist and not in_bundle and known.of(plist) != wanted:
        yield f"the {known.name} hash of __TEXT,__info_plist does not match"


def _pages(source: ByteSource, start: int, signature: Signature) -> Iterator[str]:
    groups: dict[tuple[int, int], list[tuple[Blob, CodeDirectory]]] = defaultdict(list)
    for blob, directory in signature.directories:
        groups[directory.page_shift, directory.code_limit].append((blob, directory))
    for (shift, limit), pairs in groups.items():
        kinds = tuple(directory.hash_type for _, directory in pairs)
        hashes = page_hashes(source, start, limit, shift, kinds)
        for blob, directory in pairs:
            yield from _differing(source, blob, directory, hashes[directory.hash_type])


def _differing(
    source: ByteSource, blob: Blob, directory: CodeDirectory, found: bytes
) -> Iterator[str]:
    """Name the pages whose hashes are not those in the CodeDirectory."""
    size = directory.hash_size
    told = source.read(blob.extent.offset + directory.hash_offset, directory.code_slots * size)
    if told == found:
        return
    places = range(0, max(len(told), len(found)), size)
    wrong = [at // size for at in places if told[at : at + size] != found[at : at + size]]
    name = HASHES[directory.hash_type].name
    for page in wrong[:_WORTH_NAMING]:
        first = page * directory.page_size
        yield f"page {page} at 0x{first:x} does not match its {name} hash"
    if len(wrong) > _WORTH_NAMING:
        yield f"{len(wrong) - _WORTH_NAMING} further pages do not match their {name} hashes"
