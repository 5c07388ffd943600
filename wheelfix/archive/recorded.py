"""What RECORD says, compared with the files that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wheelfix.archive.oddities import Oddities, Oddity
from wheelfix.archive.record import ALTERED, Row, Rows, read_record
from wheelfix.errors import BadRecord
from wheelfix.model import WheelPath

_FIELD = "sha256="
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_DIGEST = 43
"""Letters of a digest of 32 bytes. The last one stands for four bits and two that are none."""
_LAST = frozenset("048AEIMQUYcgkosw")
_OTHERS = bytes(set(range(256)) - set(b",\n"))
"""All bytes but those between the cells of CSV in which nothing is quoted."""
_BLOCK = 1 << 16
"""Bytes of RECORD that are compared at once: the next ones have their memory again."""


def rows_of(
    content: bytes,
    paths: Sequence[WheelPath],
    sizes: Sequence[int],
    *,
    record: WheelPath,
    oddities: Oddities,
) -> Rows:
    """Read RECORD, which must be right about these files; give all rows but its own.

    Raises `BadWheel` as `read_record` and `check_rows` do.
    """
    if record in paths:
        at = paths.index(record)
        names, lengths = [*paths[:at], *paths[at + 1 :]], [*sizes[:at], *sizes[at + 1 :]]
        if _is_perfect(content, names, lengths, record):
            return _usual_rows(content, names, lengths)
    rows = read_record(content, oddities)
    check_rows(rows, dict(zip(paths, sizes, strict=True)), record=record, oddities=oddities)
    return rows.without(record)


def _is_perfect(
    content: bytes, paths: list[WheelPath], sizes: list[int], record: WheelPath
) -> bool:
    """Tell whether RECORD is as most build backends write it.

    It lists the files in the order in which they lie, and itself behind them, so that it can be
    compared column by column with what it ought to be. Nothing is bad yet where it differs.
    """
    own = f"{record},,\n".encode()
    begin, end, row = 0, len(content) - len(own), 0
    if content[max(end, 0) :] != own:
        return False
    while begin < end:
        stop = content.rfind(b"\n", begin, min(begin + _BLOCK, end)) + 1
        lines = content[begin:stop]
        count = lines.count(b"\n")
        rows = slice(row, row + count)
        if not count or not _are_rows(lines, paths[rows], sizes[rows]):
            return False
        begin, row = stop, row + count
    return row == len(paths)


def _are_rows(lines: bytes, paths: list[WheelPath], sizes: list[int]) -> bool:
    """Tell whether these lines, in which nothing is quoted, are the rows of these files."""
    try:
        text = lines.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if '"' in text or lines.translate(None, _OTHERS) != b",,\n" * len(paths):
        return False
    cells = text.replace("\n", ",").split(",")
    told_paths, fields, told_sizes = cells[:-1:3], cells[1::3], cells[2::3]
    return told_paths == paths and told_sizes == [*map(str, sizes)] and _are_digests(fields)


def _usual_rows(content: bytes, paths: list[WheelPath], sizes: list[int]) -> Rows:
    """Give rows with the paths that the archive has: who looks for one finds it sooner."""

    def told() -> tuple[dict[WheelPath, str], dict[WheelPath, str]]:
        fields = content.decode("utf-8").replace("\n", ",").split(",")[1::3]
        return (
            dict(zip(paths, fields, strict=False)),
            dict(zip(paths, map(str, sizes), strict=True)),
        )

    return Rows(told, usual=True)


def _are_digests(fields: list[str]) -> bool:
    """Tell whether all cells are digests by SHA-256."""
    count, length = len(fields), len(_FIELD) + _DIGEST
    text = "".join(fields)
    if len(text) != count * length or not text.isascii():
        return False
    if any(text[at::length] != letter * count for at, letter in enumerate(_FIELD)):
        return False
    rest = text.encode().translate(None, _LETTERS)
    return rest == b"=" * count and _LAST.issuperset(text[length - 1 :: length])


def check_rows(
    rows: Rows,
    sizes: Mapping[WheelPath, int],
    *,
    record: WheelPath,
    oddities: Oddities,
) -> None:
    """Compare RECORD with the files' sizes; raises `BadWheel` for lost files and lying sizes."""
    others = dict(zip(sizes, map(str, sizes.values()), strict=True))
    others.pop(record, None)
    if record in rows and rows.without(record).are_plain(others):
        return
    lost = sorted(rows.keys() - sizes.keys() - signatures(record) - {record})
    if lost:
        raise BadRecord(
            problem="RECORD lists files that are not in the wheel",
            details=(*lost[:20], *([f"and {len(lost) - 20} more"] if len(lost) > 20 else [])),
            hint=ALTERED,
        )
    unlisted = signatures(record)
    for path, size in sizes.items():
        if rows.is_plain(path, size) or path in unlisted:
            continue
        if path not in rows:
            oddities.add(Oddity.UNRECORDED, path)
        elif path != record:
            _check_row(rows[path], size, oddities)


def signatures(record: WheelPath) -> frozenset[WheelPath]:
    """Give the files that sign RECORD; they are not listed in it."""
    return frozenset({WheelPath(f"{record}.jws"), WheelPath(f"{record}.p7s")})


def _check_row(row: Row, size: int, oddities: Oddities) -> None:
    if row.size not in (None, size):
        raise BadRecord(
            problem=f"RECORD says that {row.path!r} has {row.size} bytes; it has {size}",
            hint=ALTERED,
        )
    if not row.algorithm:
        oddities.add(Oddity.NO_HASH, row.path)
    elif not row.strong:
        oddities.add(Oddity.WEAK_HASH, row.path)
