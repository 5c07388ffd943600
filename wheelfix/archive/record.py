"""RECORD: read strictly, written canonically (PyPA's "Recording installed projects")."""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
from collections.abc import Iterable, Mapping
from typing import Protocol

from wheelfix.archive.oddities import Oddities, Oddity
from wheelfix.errors import BadRecord
from wheelfix.model import MemberFacts, WheelPath
from wheelfix.value import replace, value

STRONG = ("sha256", "sha384", "sha512")
"""The hashes that may stay."""

_AGAIN = "build the wheel again; something changed it after its RECORD was written"


class Hash(Protocol):
    """The part of a `hashlib` object that is used here."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes."""
        ...

    def digest(self) -> bytes:
        """Give the digest of the bytes so far."""
        ...


@value
class Row:
    """One row of RECORD."""

    path: WheelPath
    algorithm: str = ""
    """As `hashlib` names it; empty when the row has no hash."""
    digest: bytes = b""
    size: int | None = None
    """None when the row does not tell."""

    def hasher(self) -> Hash | None:
        """Give what computes this row's hash; None when there is none that could be checked."""
        if not self.algorithm or self.algorithm not in hashlib.algorithms_available:
            return None
        return hashlib.new(self.algorithm, usedforsecurity=False)

    @property
    def strong(self) -> bool:
        """Tell whether the hash may stay as it is."""
        return self.algorithm in STRONG


def read_record(content: bytes, oddities: Oddities) -> dict[WheelPath, Row]:
    """Parse RECORD; rows for folders are left out. Raises `BadWheel`."""
    rows: dict[WheelPath, Row] = {}
    for fields in _fields(content):
        if fields[0].endswith("/"):
            oddities.add(Oddity.FOLDER_ROW, fields[0])
            continue
        row = _row(fields)
        if row.path in rows:
            raise BadRecord(problem=f"RECORD lists {row.path!r} twice", hint=_AGAIN)
        rows[row.path] = row
    return rows


def _fields(content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except UnicodeDecodeError as error:
        raise BadRecord(problem="RECORD is not UTF-8", hint=_AGAIN) from error
    except csv.Error as error:
        raise BadRecord(problem=f"RECORD is not CSV: {error}", hint=_AGAIN) from error
    for number, row in enumerate(rows, 1):
        if len(row) != 3:
            raise BadRecord(
                problem=f"row {number} of RECORD has {len(row)} fields instead of 3",
                details=(",".join(row)[:200],),
                hint=_AGAIN,
            )
    return rows


def _row(fields: list[str]) -> Row:
    path, digest, size = fields
    row = Row(path=WheelPath(path))
    if size:
        if not (size.isascii() and size.isdigit() and len(size) < 20):
            raise BadRecord(problem=f"RECORD has no number as size of {path!r}: {size!r}")
        row = replace(row, size=int(size))
    if digest:
        algorithm, _, encoded = digest.partition("=")
        row = replace(row, algorithm=algorithm.lower(), digest=_unpacked(path, digest, encoded))
    return row


def _unpacked(path: str, field: str, encoded: str) -> bytes:
    algorithm = field.partition("=")[0].lower()
    plain = encoded.rstrip("=")
    try:
        digest = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    known = algorithm in hashlib.algorithms_guaranteed and not algorithm.startswith("shake")
    wrong = known and len(digest) != hashlib.new(algorithm, usedforsecurity=False).digest_size
    if wrong or not digest:
        raise BadRecord(problem=f"RECORD's hash of {path!r} is malformed: {field!r}", hint=_AGAIN)
    return digest


def check_rows(
    rows: Mapping[WheelPath, Row],
    members: Mapping[WheelPath, MemberFacts],
    *,
    record: WheelPath,
    oddities: Oddities,
) -> None:
    """Compare RECORD with the archive; raises `BadWheel` for lost files and lying sizes."""
    lost = sorted(rows.keys() - members.keys() - signatures(record) - {record})
    if lost:
        raise BadRecord(
            problem="RECORD lists files that are not in the wheel",
            details=(*lost[:20], *([f"and {len(lost) - 20} more"] if len(lost) > 20 else [])),
            hint=_AGAIN,
        )
    for path in members.keys() - signatures(record):
        if path not in rows:
            oddities.add(Oddity.UNRECORDED, path)
        elif path != record:
            _check_row(rows[path], members[path], oddities)


def signatures(record: WheelPath) -> frozenset[WheelPath]:
    """Give the files that sign RECORD; they are not listed in it."""
    return frozenset({WheelPath(f"{record}.jws"), WheelPath(f"{record}.p7s")})


def _check_row(row: Row, member: MemberFacts, oddities: Oddities) -> None:
    if row.size not in (None, member.size):
        raise BadRecord(
            problem=f"RECORD says that {row.path!r} has {row.size} bytes; it has {member.size}",
            hint=_AGAIN,
        )
    if not row.algorithm:
        oddities.add(Oddity.NO_HASH, row.path)
    elif not row.strong:
        oddities.add(Oddity.WEAK_HASH, row.path)


def write_record(rows: Iterable[Row], record: WheelPath) -> bytes:
    """Give RECORD for `rows`, in their order, and for itself."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for row in rows:
        encoded = base64.urlsafe_b64encode(row.digest).rstrip(b"=").decode("ascii")
        writer.writerow((row.path, f"{row.algorithm}={encoded}", row.size))
    writer.writerow((record, "", ""))
    return text.getvalue().encode()
