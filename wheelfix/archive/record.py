"""RECORD: read strictly, written canonically (PyPA's "Recording installed projects")."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, KeysView, Mapping
from functools import cached_property
from types import MappingProxyType

from wheelfix.archive.oddities import Oddities, Oddity
from wheelfix.errors import BadRecord
from wheelfix.model import WheelPath
from wheelfix.typed import Protocol, TypeAlias
from wheelfix.value import Value

DIGESTS = MappingProxyType(
    {
        "md5": 16,
        "sha1": 20,
        "sha224": 28,
        "sha256": 32,
        "sha384": 48,
        "sha512": 64,
        "sha3_224": 28,
        "sha3_256": 32,
        "sha3_384": 48,
        "sha3_512": 64,
        "blake2b": 64,
        "blake2s": 32,
    }
)
"""Bytes of the digests that every Python makes; to ask `hashlib` is to load OpenSSL."""

STRONG = ("sha256", "sha384", "sha512")
"""The hashes that may stay."""

ALTERED = "build the wheel again; something changed it after its RECORD was written"


class Hash(Protocol):
    """The part of a `hashlib` object that is used here."""

    def update(self, data: bytes | bytearray, /) -> None:
        """Take more bytes."""
        ...

    def digest(self) -> bytes:
        """Give the digest of the bytes so far."""
        ...


class Row(Value):
    """One row of RECORD."""

    path: WheelPath
    algorithm: str = ""
    """As `hashlib` names it; empty when the row has no hash."""
    encoded: str = ""
    """The digest as RECORD has it: in base64 for URLs, nothing behind it."""
    size: int | None = None
    """None when the row does not tell."""

    def hasher(self) -> Hash | None:
        """Give what computes this row's hash; None when there is none that could be checked."""
        import hashlib

        if not self.algorithm or self.algorithm not in hashlib.algorithms_available:
            return None
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def is_of(self, content: bytes | bytearray) -> bool:
        """Tell whether this is the hash of `content`, as far as it can be checked."""
        hasher = self.hasher()
        if hasher is None:
            return True
        hasher.update(content)
        return hasher.digest() == self.digest

    @property
    def digest(self) -> bytes:
        """Give the hash itself."""
        return _decoded(self.encoded)

    @property
    def strong(self) -> bool:
        """Tell whether the hash may stay as it is."""
        return self.algorithm in STRONG


_Told: TypeAlias = tuple[Mapping[WheelPath, str], Mapping[WheelPath, str]]
"""Hashes and sizes by path, as RECORD has them."""


class Rows(Mapping[WheelPath, Row]):
    """RECORD by path. All of it was found well formed; a row is made when it is asked for."""

    def __init__(
        self, told: Callable[[], _Told] = lambda: ({}, {}), *, usual: bool = False
    ) -> None:
        """Make rows of what `told` gives when a row is first asked for."""
        self._tell = told
        self._usual = usual

    @cached_property
    def _told(self) -> _Told:
        return self._tell()

    @property
    def _hashes(self) -> Mapping[WheelPath, str]:
        return self._told[0]

    @property
    def _sizes(self) -> Mapping[WheelPath, str]:
        return self._told[1]

    def __getitem__(self, path: WheelPath) -> Row:
        field, size = self._hashes[path], self._sizes[path]
        if not self._usual:
            return _row([path, field, size])
        size_told = int(size) if size else None
        return Row(path=path, algorithm=field[:6], encoded=field[7:], size=size_told)

    def __contains__(self, path: object) -> bool:
        return path in self._hashes

    def __iter__(self) -> Iterator[WheelPath]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)

    def keys(self) -> KeysView[WheelPath]:
        """Give the paths."""
        return self._hashes.keys()

    def without(self, path: WheelPath) -> Rows:
        """Give all rows but one."""
        return Rows(lambda: _without(self._told, path), usual=self._usual)

    def is_plain(self, path: WheelPath, size: int) -> bool:
        """Tell whether the row of a file of `size` bytes is there and as it ought to be."""
        return self._hashes.get(path, "")[:7] == "sha256=" and self._sizes[path] == str(size)

    def complete(self, sizes: Mapping[WheelPath, int]) -> frozenset[WheelPath]:
        """Give those of files of these sizes whose rows can stay as they are."""
        if not self._usual:
            return frozenset()
        hashes, told = self._hashes.get, self._sizes.get
        files = zip(sizes, map(str, sizes.values()), strict=True)
        return frozenset([path for path, size in files if told(path) == size and hashes(path)])

    def lines(self, paths: Collection[WheelPath]) -> list[str]:
        """Give the lines of `complete` rows."""
        told = [self._hashes, self._sizes]
        hashes, sizes = (map(each.__getitem__, paths) for each in told)
        rows = zip(map(_cell, paths), hashes, sizes, strict=True)
        return [f"{cell},{field},{size}\n" for cell, field, size in rows]

    def are_plain(self, sizes: Mapping[WheelPath, str]) -> bool:
        """Tell whether the rows are those of files of these sizes, all as they ought to be."""
        return self._usual and "" not in self._hashes.values() and self._sizes == sizes


def _without(told: _Told, path: WheelPath) -> _Told:
    hashes, sizes = map(dict, told)
    hashes.pop(path, None)
    sizes.pop(path, None)
    return hashes, sizes


def read_record(content: bytes, oddities: Oddities) -> Rows:
    """Parse RECORD; rows for folders are left out. Raises `BadWheel`."""
    at_once = _at_once(content)
    if at_once is not None:
        return at_once
    rows = _fields(content)
    usual = _all_match(_HASH, [row[1] for row in rows]) and _all_match(
        _SIZE, [row[2] for row in rows]
    )
    hashes: dict[WheelPath, str] = {}
    sizes: dict[WheelPath, str] = {}
    for fields in rows:
        path = WheelPath(fields[0])
        if path.endswith("/"):
            oddities.add(Oddity.FOLDER_ROW, path)
            continue
        if not usual:
            _row(fields)
        if path in hashes:
            raise BadRecord(problem=f"RECORD lists {path!r} twice", hint=ALTERED)
        _, hashes[path], sizes[path] = fields
    return Rows(lambda: (hashes, sizes), usual=usual)


def _at_once(content: bytes) -> Rows | None:
    """Give all rows where they are usual, nothing is quoted, and none is for a folder."""
    if not re.fullmatch(_USUAL, content):
        return None
    try:
        cells = content.decode("utf-8").replace("\n", ",").split(",")[:-1]
    except UnicodeDecodeError:
        return None
    paths = map(WheelPath, cells[::3])
    hashes = dict(zip(paths, cells[1::3], strict=True))
    sizes = dict(zip(hashes, cells[2::3], strict=False))
    whole = len(hashes) * 3 == len(cells)
    return Rows(lambda: (hashes, sizes), usual=True) if whole else None


_HASH = "(?:sha256=[0-9A-Za-z_-]{42}[048AEIMQUYcgkosw])?+"
"""The last of 43 letters stands for four bits of the digest, and for two that are none."""

_SIZE = "[0-9]{0,19}+"
"""What nearly all rows say: others are looked at one by one."""

_USUAL = rf'(?:[^,"\0\r\n]++(?<!/),{_HASH},{_SIZE}\n)*+'.encode()


def _all_match(pattern: str, cells: list[str]) -> bool:
    text = "\n".join([*cells, ""])
    return text.count("\n") == len(cells) and bool(re.fullmatch(rf"(?:{pattern}\n)*+", text))


def _fields(content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRecord(problem="RECORD is not UTF-8", hint=ALTERED) from error
    rows = _quoted(text) if '"' in text or "\0" in text else _plain(text)
    for number, row in enumerate(rows, 1):
        if len(row) != 3:
            raise BadRecord(
                problem=f"row {number} of RECORD has {len(row)} fields instead of 3",
                details=(",".join(row)[:200],),
                hint=ALTERED,
            )
    return rows


def _plain(text: str) -> list[list[str]]:
    """Split CSV in which nothing is quoted."""
    lines = text.replace("\r", "\n").split("\n")
    return [line.split(",") for line in lines if line]


def _quoted(text: str) -> list[list[str]]:
    import csv
    import io

    try:
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise BadRecord(problem=f"RECORD is not CSV: {error}", hint=ALTERED) from error


def _row(fields: list[str]) -> Row:
    path, field, size = fields
    if size and not (size.isascii() and size.isdigit() and len(size) < 20):
        raise BadRecord(problem=f"RECORD has no number as size of {path!r}: {size!r}")
    algorithm, _, encoded = field.partition("=")
    algorithm = algorithm.lower()
    try:
        digest = _decoded(encoded.rstrip("="))
    except ValueError:
        digest = b""
    if field and (not digest or DIGESTS.get(algorithm, len(digest)) != len(digest)):
        raise BadRecord(problem=f"RECORD's hash of {path!r} is malformed: {field!r}", hint=ALTERED)
    return Row(
        path=WheelPath(path),
        algorithm=algorithm,
        encoded=encoded_digest(digest),
        size=int(size) if size else None,
    )


def _decoded(encoded: str) -> bytes:
    from binascii import a2b_base64

    standard = encoded.replace("-", "+").replace("_", "/")
    return a2b_base64(standard + "=" * (-len(standard) % 4), strict_mode=True)


def encoded_digest(digest: bytes) -> str:
    """Give a digest as RECORD has it."""
    from binascii import b2a_base64

    return b2a_base64(digest, newline=False).translate(_TO_URL).rstrip(b"=").decode("ascii")


_TO_URL = bytes.maketrans(b"+/", b"-_")


def line(row: Row) -> str:
    """Give the line for a row."""
    return f"{_cell(row.path)},{row.algorithm}={row.encoded},{row.size}\n"


def write_record(lines: Iterable[str], record: WheelPath) -> bytes:
    """Give RECORD of `lines`, in their order, and one for itself."""
    return "".join([*lines, f"{_cell(record)},,\n"]).encode()


def _cell(path: WheelPath) -> str:
    """Quote a path where CSV needs it; names with line ends are refused before."""
    if "," in path or '"' in path:
        return '"' + path.replace('"', '""') + '"'
    return path
