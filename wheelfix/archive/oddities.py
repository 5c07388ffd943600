"""What is wrong with an archive but can be mended by writing it anew.

What is merely different from how we would write it (entries for folders, zip64 records and UTF-8
marks that are not needed, order, times) is no oddity: an archive with nothing worse is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Oddity(StrEnum):
    """One kind of it; the value is what will be done about it."""

    DESCRIPTOR = "data descriptors are replaced by complete headers"
    ARCHIVE_COMMENT = "the archive's comment is dropped"
    MEMBER_COMMENT = "comments on members are dropped"
    GAP = "bytes that belong to no member are dropped"
    TRAILING = "bytes behind the end of the archive are dropped"
    EXTRAS = "duplicate or malformed extra fields are dropped"
    METHOD = "members compressed by rare methods are deflated"
    UTF8_MISSING = "names in UTF-8 are marked as such"
    NO_RECORD = "RECORD is missing and is made"
    UNRECORDED = "members that RECORD does not list are added to it"
    FOLDER_ROW = "rows for folders are dropped from RECORD"
    NO_HASH = "missing hashes are added to RECORD"
    WEAK_HASH = "weak hashes in RECORD are replaced by SHA-256"
    SIGNATURE = "RECORD's signature no longer holds and is dropped"


OF_RECORD = (
    Oddity.NO_RECORD,
    Oddity.UNRECORDED,
    Oddity.FOLDER_ROW,
    Oddity.NO_HASH,
    Oddity.WEAK_HASH,
    Oddity.SIGNATURE,
)
"""Those about RECORD, and not about the archive."""


class Oddities:
    """Collects oddities while an archive is read."""

    def __init__(self) -> None:
        self._where: dict[Oddity, list[str]] = {}

    def add(self, oddity: Oddity, where: str = "") -> None:
        """Note that `oddity` was met, at member `where` or in the archive as a whole."""
        self._where.setdefault(oddity, []).append(where)

    def notes(self, kinds: Iterable[Oddity] = Oddity) -> tuple[str, ...]:
        """Give one sentence for each of these kinds that was met."""
        return tuple(_sentence(kind, self._where[kind]) for kind in kinds if kind in self._where)


def _sentence(kind: Oddity, where: list[str]) -> str:
    first = min(where)
    if not first:
        return str(kind)
    more = f" and {len(where) - 1} more" if len(where) > 1 else ""
    return f"{kind} ({first}{more})"
