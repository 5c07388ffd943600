"""Archives that break the upload rules and are written anew: payloads stay, headers do not."""

from __future__ import annotations

import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from support import zips
from support.zips import DIST_INFO, FILES, Part, build, changed, parts, record_of, save

from wheelfix.archive import open_wheel, write_wheel
from wheelfix.model import WheelPath

CORE = "pkg/_core.so"
GOOD = parts()
DATA = FILES[CORE]
RECORD = f"{DIST_INFO}/RECORD"
PACKED = zips.deflate(DATA)
NUMBERS = struct.pack("<3L", zlib.crc32(DATA), len(PACKED), len(DATA))
WIDE_NUMBERS = struct.pack("<L2Q", zlib.crc32(DATA), len(PACKED), len(DATA))
ZERO = {"crc": 0, "packed": 0, "size": 0}
TIMES = struct.pack("<2HBL", 0x5455, 5, 1, 0)


def core(**fields: object) -> bytes:
    return build(changed(GOOD, CORE, **fields))


def with_hash(algorithm: str) -> bytes:
    old = zips.hash_of(DATA).encode()
    new = zips.hash_of(DATA, algorithm).encode() if algorithm else b""
    record = next(part.data for part in GOOD if part.name.decode() == RECORD)
    return build(parts(record=record.replace(old, new)))


def with_zip64_end() -> bytes:
    plain = build(GOOD)
    directory, end = plain.index(b"PK\1\2"), plain.index(b"PK\5\6")
    count = len(GOOD)
    wide = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, end - directory, directory
    )
    return plain[:end] + wide + struct.pack("<4sLQL", b"PK\6\7", 0, end, 1) + plain[end:]


UNLISTED = record_of(
    {part.name.decode(): part.data for part in GOOD if part.name.decode() not in (RECORD, CORE)}
)

ODD = {
    "data descriptor": (
        core(flags=8, local=ZERO, descriptor=b"PK\7\x08" + NUMBERS),
        "data descriptors are replaced",
    ),
    "data descriptor without signature": (
        core(flags=8, local=ZERO, descriptor=NUMBERS),
        "data descriptors are replaced",
    ),
    "wide data descriptor": (
        core(flags=8, local=ZERO, descriptor=b"PK\7\x08" + WIDE_NUMBERS),
        "data descriptors are replaced",
    ),
    "archive comment": (build(GOOD, comment=b"hello"), "the archive's comment is dropped"),
    "member comment": (core(comment=b"hello"), "comments on members are dropped (pkg/_core.so)"),
    "gap": (core(before=b"PK\3\4 deleted member"), "bytes that belong to no member"),
    "gap before the directory": (build(GOOD, gap=b"signature"), "bytes that belong to no member"),
    "trailing bytes": (build(GOOD, tail=b"\0" * 9), "bytes behind the end of the archive"),
    "duplicate extra": (core(central_extra=TIMES * 2), "duplicate or malformed extra fields"),
    "malformed extra": (core(local_extra=b"\0\0\0"), "duplicate or malformed extra fields"),
    "cut extra": (core(central_extra=TIMES[:-1]), "duplicate or malformed extra fields"),
    "bzip2": (core(method=12), "members compressed by rare methods are deflated"),
    "lzma": (core(method=14, flags=2), "members compressed by rare methods are deflated"),
    "UTF-8 unmarked": (
        build(parts({**FILES, "pkg/é.py": b"x"})),
        "names in UTF-8 are marked as such (pkg/é.py)",
    ),
    "no RECORD": (build(parts(record=None)), "RECORD is missing and is made"),
    "not in RECORD": (build(parts(record=UNLISTED)), "are added to it (pkg/_core.so)"),
    "RECORD not in RECORD": (
        build(parts(record=record_of({p.name.decode(): p.data for p in GOOD[:-1]}).replace(
            f"{RECORD},,\n".encode(), b""))),
        f"are added to it ({RECORD})",
    ),
    "folder in RECORD": (
        build(parts(record=GOOD[-1].data + b"pkg/,,\n")),
        "rows for folders are dropped from RECORD (pkg/)",
    ),
    "no hash": (with_hash(""), "missing hashes are added to RECORD (pkg/_core.so)"),
    "md5": (with_hash("md5"), "weak hashes in RECORD are replaced by SHA-256"),
    "sha1": (with_hash("sha1"), "weak hashes in RECORD are replaced by SHA-256"),
    "signed": (
        build([*GOOD, Part(name=f"{RECORD}.jws".encode(), data=b"{}")]),
        "RECORD's signature no longer holds and is dropped",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "note"), ODD.values(), ids=ODD.keys())
def test_mended(tmp_path: Path, content: bytes, note: str) -> None:
    output = tmp_path / zips.FILENAME
    with open_wheel(save(tmp_path / "in", content)) as wheel:
        assert [n for n in wheel.notes if note in n], wheel.notes
        assert len(wheel.notes) == 1
        contents = {m.path: wheel.read(m.path) for m in wheel.members if m.path != RECORD}
        write_wheel(wheel, output, files=(), tags=wheel.info.tags, root_is_purelib=False)
    contents.pop(WheelPath(f"{RECORD}.jws"), None)
    with open_wheel(output) as wheel:
        assert wheel.notes == ()
        assert {m.path: wheel.read(m.path) for m in wheel.members if m.path != RECORD} == contents
        expected = record_of(
            {path: contents[path] for path in [m.path for m in wheel.members][:-1]}
        )
        assert wheel.read(WheelPath(RECORD)) == expected
    with zipfile.ZipFile(output) as archive:
        assert archive.testzip() is None


NOT_ODD = {
    "times": core(local_extra=TIMES, central_extra=TIMES[:9]),
    "zip64 field with both sizes": core(
        local={"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF},
        local_extra=struct.pack("<2H2Q", 1, 16, len(DATA), len(PACKED)),
    ),
    "folder": build([Part(name=b"pkg/", method=0, mode=0o40755), *GOOD]),
    "ASCII marked": core(flags=0x800),
    "zip64 not needed": with_zip64_end(),
    "made on Windows": core(system=0, mode=0),
    "deflate level hints": core(flags=2),
    "other order": build(list(reversed(GOOD))),
    "CRLF": build(parts(record=GOOD[-1].data.replace(b"\n", b"\r\n"))),
    "quoted": build(parts(record=GOOD[-1].data.replace(b"pkg/_core.so", b'"pkg/_core.so"'))),
}


@pytest.mark.parametrize("content", NOT_ODD.values(), ids=NOT_ODD.keys())
def test_merely_different(tmp_path: Path, content: bytes) -> None:
    output = tmp_path / zips.FILENAME
    with open_wheel(save(tmp_path / "in", content)) as wheel:
        assert wheel.notes == ()
        assert wheel.notes == ()
        write_wheel(wheel, output, files=(), tags=wheel.info.tags, root_is_purelib=False)
    with open_wheel(zips.wheel(tmp_path / "plain")) as wheel:
        plain = tmp_path / "plain.whl"
        write_wheel(wheel, plain, files=(), tags=wheel.info.tags, root_is_purelib=False)
    assert output.read_bytes() == plain.read_bytes()


def test_a_note_names_one_member_and_counts_the_others(tmp_path: Path) -> None:
    marked = [replace(part, comment=b"hello") for part in GOOD[:3]]
    with open_wheel(save(tmp_path, build([*marked, *GOOD[3:]]))) as wheel:
        first = min(part.name.decode() for part in marked)
        assert wheel.notes == (f"comments on members are dropped ({first} and 2 more)",)
