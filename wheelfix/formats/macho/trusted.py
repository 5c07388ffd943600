"""Hashes of pages that an old signature has, for the pages to which nothing was written since.

They are its signer's word. Who takes them over has every page of the file proved afterwards
(`verify_signature`), and then they vouch for what went through our hands as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wheelfix.formats.macho.codedirectory import HASHES, page_hashes
from wheelfix.formats.macho.signature import Signature
from wheelfix.model import ByteSource
from wheelfix.value import Value


class Trusted(Value):
    """What is known of an image's first pages, which are whole ones."""

    page_shift: int
    count: int
    hashes: Mapping[int, bytes]
    """By hash type: those of `count` pages, in file order."""
    others: tuple[int, ...]
    """Hash types that are wanted too, and of which nothing is known."""


def trusted(
    source: ByteSource, old: Signature | None, page_shift: int, hash_types: tuple[int, ...]
) -> Trusted:
    """Read which of these hashes `old` has; none where it is None, or cuts pages otherwise."""
    found: dict[int, bytes] = {}
    for blob, directory in old.directories if old else ():
        kind = HASHES.get(directory.hash_type)
        alike = directory.page_shift == page_shift and not directory.scattered
        wanted = directory.hash_type in hash_types and alike
        if kind and kind.size == directory.hash_size and wanted:
            whole = min(directory.code_slots, directory.code_limit >> page_shift)
            place = blob.extent.offset + directory.hash_offset
            found[directory.hash_type] = source.read(place, whole * kind.size)
    return Trusted(
        page_shift=page_shift,
        count=min((len(table) // HASHES[kind].size for kind, table in found.items()), default=0),
        hashes=found,
        others=tuple(kind for kind in hash_types if kind not in found),
    )


def renewed(
    known: Trusted, source: ByteSource, start: int, limit: int, written: Iterable[range]
) -> dict[int, bytes]:
    """Give the hashes of all pages of `limit` bytes at `start`, as `page_hashes` does.

    Only pages that `written`, in offsets of the image, reaches are hashed, and those not known.
    """
    shift, kinds = known.page_shift, tuple(known.hashes)
    page = 1 << shift
    count = min(known.count, limit >> shift)
    tables = {kind: bytearray(known.hashes[kind][: count * HASHES[kind].size]) for kind in kinds}
    reached = {at >> shift for stretch in written for at in (*stretch[::page], *stretch[-1:])}
    for number in sorted(number for number in reached if number < count):
        for kind, made in page_hashes(source, start + number * page, page, shift, kinds).items():
            at = number * len(made)
            tables[kind][at : at + len(made)] = made
    rest = page_hashes(source, start + count * page, limit - count * page, shift, kinds)
    found = {kind: bytes(tables[kind]) + rest[kind] for kind in kinds}
    return found | page_hashes(source, start, limit, shift, known.others)
