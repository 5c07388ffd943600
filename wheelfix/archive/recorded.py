"""What RECORD says, compared with the files that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wheelfix.archive.oddities import Oddities, Oddity
from wheelfix.archive.record import ALTERED, Row, Rows, read_record
from wheelfix.errors import BadRecord
from wheelfix.model import WheelPath

_MARK = ",sha256="
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_DIGEST = 43
"""Letters of a digest of 32 bytes. The last one stands for four bits and two that are none."""
_LAST = frozenset("048AEIMQUYcgkosw")


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
        digests = _perfect(content, names, lengths, record)
        if digests is not None:
            return _usual_rows(names, lengths, digests)
    rows = read_record(content, oddities)
    check_rows(rows, dict(zip(paths, sizes, strict=True)), record=record, oddities=oddities)
    return rows.without(record)


def _perfect(
    content: bytes, paths: list[WheelPath], sizes: list[int], record: WheelPath
) -> str | None:
    """Give the digests, one behind the other, where RECORD is as most build backends write it.

    It lists the files in the order in which they lie, and itself behind them, so that it can be
    compared with what it ought to be. None where it differs: that is nothing bad yet.
    """
    own = f"{record},,\n"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if not text.endswith(own) or '"' in text or text.count(",") != 2 * len(paths) + 2:
        return None
    first, *rest = text.removesuffix(own).split(_MARK)
    if [first] != paths[:1] or len(rest) != len(paths):
        return None
    wanted = [f",{size}\n{after}" for size, after in zip(sizes, [*paths[1:], ""], strict=True)]
    if [piece[_DIGEST:] for piece in rest] != wanted:
        return None
    digests = "".join([piece[:_DIGEST] for piece in rest])
    return digests if _are_digests(digests, len(paths)) else None


def _usual_rows(paths: list[WheelPath], sizes: list[int], digests: str) -> Rows:
    """Give rows with the paths that the archive has: who looks for one finds it sooner."""

    def told() -> tuple[dict[WheelPath, str], dict[WheelPath, str]]:
        fields = [f"sha256={digests[at : at + _DIGEST]}" for at in range(0, len(digests), _DIGEST)]
        return (
            dict(zip(paths, fields, strict=True)),
            dict(zip(paths, map(str, sizes), strict=True)),
        )

    return Rows(told, usual=True)


def _are_digests(text: str, count: int) -> bool:
    return (
        len(text) == count * _DIGEST
        and not text.encode().translate(None, _LETTERS)
        and _LAST.issuperset(text[_DIGEST - 1 :: _DIGEST])
    )


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
