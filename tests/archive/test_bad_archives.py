"""Archives that are refused, one defect each."""

from __future__ import annotations

import os
import stat
import struct
import time
import zlib
from pathlib import Path

import pytest
from support import zips
from support.zips import Part, build, changed, parts, save

from wheelfix.archive import open_wheel
from wheelfix.errors import BadWheel, UsageError

CORE = "pkg/_core.so"
GOOD = parts()
ZIP = build(GOOD)


def zip64(*numbers: int) -> bytes:
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


def unicode_path(name: bytes, other: bytes) -> bytes:
    data = b"\x01" + struct.pack("<L", zlib.crc32(name)) + other
    return struct.pack("<2H", 0x7075, len(data)) + data


def with_member(name: str, **fields: object) -> bytes:
    part = Part(name=name.encode(), data=b"x")
    return build(changed([*GOOD, part], name, **fields))


def with_core(**fields: object) -> bytes:
    return build(changed(GOOD, CORE, **fields))


def overlapping() -> bytes:
    """Two entries of the directory that share one local header's data, as zip bombs do."""
    inner = Part(name=b"pkg/b.py", data=b"bbbb", method=0)
    hidden = build([inner])[: 30 + 8 + 4]
    outer = Part(name=b"pkg/a.py", data=hidden, method=0)
    start = build(GOOD).index(b"PK\1\2")
    again = Part(name=b"pkg/b.py", data=b"bbbb", method=0, central={"offset": start + 30 + 8})
    return build([*GOOD, outer, again])


SIZES = {"packed": 1, "size": 1}
CUT_OFF = Part(name=b"pkg/z", data=b"z", method=0, payload=b"", local=SIZES, central=SIZES)

BAD = {
    "empty file": (b"", "is empty"),
    "text": (b"<html>404</html>" * 9, "is not a zip archive"),
    "truncated before the directory": (ZIP[: len(ZIP) // 2], "is truncated"),
    "truncated in the end record": (ZIP[:-3], "is truncated"),
    "head cut off": (ZIP[100:], "is truncated, or"),
    "middle cut out": (ZIP[:200] + ZIP[300:], "is truncated, or"),
    "comment cut off": (build(GOOD, comment=b"hello")[:-2], "is truncated"),
    "prepended program": (build(GOOD, prefix=b"#!/bin/sh\n"), "has 10 bytes before the archive"),
    "prepended, offsets fixed": (
        build(changed(GOOD, "pkg/__init__.py", before=b"#!/bin/sh\n")),
        "has 10 bytes before the archive",
    ),
    "several disks": (build(GOOD, end={"disk": 1}), "on several disks"),
    "counts differ": (build(GOOD, end={"here": 1}), "on several disks"),
    "wrong count": (build(GOOD, end={"here": 9, "count": 9}), "has 5 members and says 9"),
    "damaged directory": (build(GOOD, end={"size": 50}), "its directory is damaged"),
    "member on another disk": (with_core(central={"disk": 1}), "lies on another disk"),
    "other name": (with_core(local_name=b"pkg/_evil.so"), "headers disagree about its name"),
    "other method": (with_core(local={"method": 0}), "headers disagree about its method"),
    "other flags": (with_core(local={"flags": 2}), "headers disagree about its flags"),
    "other CRC": (with_core(local={"crc": 7}), "headers disagree about its CRC"),
    "other size": (with_core(local={"size": 7}), "headers disagree about its size"),
    "other compressed size": (
        with_core(local={"packed": 7}),
        "headers disagree about its compressed size",
    ),
    "header elsewhere": (with_core(central={"offset": 3}), "header is not where the directory"),
    "header behind the end": (
        with_core(central={"offset": 1 << 30}),
        "header is not where the directory",
    ),
    "overlap": (overlapping(), "overlap"),
    "same data twice": (
        build([GOOD[0], Part(name=GOOD[0].name, data=GOOD[0].data, central={"offset": 0})]),
        "overlap",
    ),
    "data over the directory": (
        build([*GOOD, CUT_OFF]),
        "'pkg/z' overlaps the directory",
    ),
    "encrypted": (with_core(flags=0x1), "is encrypted"),
    "strongly encrypted": (with_core(flags=0x41), "is encrypted"),
    "masked headers": (with_core(flags=0x2000), "is encrypted"),
    "patch data": (with_core(flags=0x20), "is patched data"),
    "unknown method": (with_core(method=97), "method 97, which cannot be read"),
    "deflate64": (with_core(method=9), "method 9, which cannot be read"),
    "impossible ratio": (
        with_core(local={"size": 1 << 31}, central={"size": 1 << 31}),
        "cannot inflate to 2147483648",
    ),
    "stored with two sizes": (
        with_core(method=0, local={"size": 9}, central={"size": 9}),
        "bytes cannot inflate to 9",
    ),
    "symlink": (with_core(mode=stat.S_IFLNK | 0o777), "is a symbolic link"),
    "symlink not made on Unix": (
        with_core(mode=stat.S_IFLNK | 0o777, system=0),
        "is a symbolic link",
    ),
    "device": (with_core(mode=stat.S_IFCHR | 0o600), "is a special file"),
    "folder without slash": (with_core(mode=stat.S_IFDIR | 0o755), "is a special file"),
    "folder with content": (with_member("pkg/sub/"), "folder 'pkg/sub/' has content"),
    "escape": (with_member("pkg/../../x"), "leads out of the wheel"),
    "escape by folder": (with_member("../", data=b""), "leads out of the wheel"),
    "absolute": (with_member("/etc/passwd"), "is absolute"),
    "drive": (with_member("C:/x"), "begins with a drive letter"),
    "drive without slash": (with_member("c:x"), "begins with a drive letter"),
    "backslash": (with_member("pkg\\x.py"), "has a backslash"),
    "NUL": (with_member("pkg/x\0.py"), "has a control character"),
    "escape sequence": (with_member("pkg/\x1b[2J"), "has a control character"),
    "empty part": (with_member("pkg//x"), "a part of it is empty"),
    "dot": (with_member("pkg/./x"), "a part of it is empty"),
    "empty name": (with_member(""), "it is empty"),
    "not UTF-8": (build([*GOOD, Part(name=b"pkg/\xff.so")]), "is not UTF-8"),
    "duplicate": (build([*GOOD, GOOD[0]]), "'pkg/__init__.py' is there twice"),
    "file and folder": (with_member("pkg/_core.so/x"), "is a file and a folder at once"),
    "file and folder entry": (
        build([*GOOD, Part(name=b"pkg/_core.so/", method=0, mode=0o40755)]),
        "is a file and a folder at once",
    ),
    "lying descriptor": (
        with_core(flags=8, descriptor=b"PK\7\x08" + bytes(12)),
        "data descriptor disagrees",
    ),
    "zip64 number missing": (
        with_core(central={"size": 0xFFFFFFFF}),
        "zip64 field is missing",
    ),
    "zip64 fields disagree": (
        with_core(central={"size": 0xFFFFFFFF}, central_extra=zip64(3) + zip64(4)),
        "several zip64 fields, which disagree",
    ),
    "header where no file reaches": (
        with_core(central={"offset": 0xFFFFFFFF}, central_extra=zip64((1 << 64) - 1)),
        "header is not where the directory",
    ),
    "data longer than any file": (
        with_core(
            method=0,
            local={"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF},
            central={"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF},
            local_extra=zip64(1 << 63, 1 << 63),
            central_extra=zip64(1 << 63, 1 << 63),
        ),
        "overlap",
    ),
    "second name in an extra field": (
        with_core(central_extra=unicode_path(CORE.encode(), b"pkg/evil.so")),
        "second name",
    ),
}


CLASHES = {
    "case": with_member("pkg/_CORE.so"),
    "Unicode case": build([*GOOD, Part(name="pkg/straße".encode()), Part(name=b"pkg/STRASSE")]),
    "NFC": build(
        [
            *GOOD,
            Part(name="pkg/é".encode(), data=b"x", flags=0x800),
            Part(name="pkg/e\u0301".encode(), data=b"x", flags=0x800),
        ]
    ),
}


@pytest.mark.parametrize("platform", ["any", "win_amd64", "macosx_11_0_arm64"])
@pytest.mark.parametrize("content", CLASHES.values(), ids=CLASHES.keys())
def test_names_that_are_one_file_somewhere(tmp_path: Path, content: bytes, platform: str) -> None:
    path = save(tmp_path, content, f"pkg-1.0-cp312-cp312-{platform}.whl")
    with pytest.raises(BadWheel, match="clash"):
        open_wheel(path)


@pytest.mark.parametrize("content", CLASHES.values(), ids=CLASHES.keys())
def test_names_that_differ_on_linux(tmp_path: Path, content: bytes) -> None:
    with open_wheel(save(tmp_path, content)) as wheel:
        assert len(wheel.members) > len(GOOD)


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD.keys())
def test_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = save(tmp_path, content)
    with pytest.raises(BadWheel) as caught:
        open_wheel(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(zips.FILENAME)
    assert "\nhint: " in str(caught.value)
    assert path.read_bytes() == content


def test_the_same_without_a_defect_is_taken(tmp_path: Path) -> None:
    with open_wheel(save(tmp_path, ZIP)) as wheel:
        assert wheel.notes == ()
        assert wheel.notes == ()


@pytest.mark.parametrize("cut", range(0, len(ZIP), 37))
def test_no_truncation_is_taken(tmp_path: Path, cut: int) -> None:
    with pytest.raises(BadWheel, match=r"truncated|is empty|is not a zip|damaged"):
        open_wheel(save(tmp_path, ZIP[:cut]))


def test_end_record_that_disagrees_with_its_zip64_kin(tmp_path: Path) -> None:
    directory, end = ZIP.index(b"PK\1\2"), ZIP.index(b"PK\5\6")
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 4, 4, end - directory, directory)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    with pytest.raises(BadWheel, match="its two end records disagree"):
        open_wheel(save(tmp_path, ZIP[:end] + wide + locator + ZIP[end:]))


@pytest.mark.parametrize(("record_at", "size"), [(0, 44), (None, 9), (None, 500)])
def test_damaged_zip64_end(tmp_path: Path, record_at: int | None, size: int) -> None:
    directory, end = ZIP.index(b"PK\1\2"), ZIP.index(b"PK\5\6")
    numbers = (len(GOOD), len(GOOD), end - directory, directory)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", size, 45, 45, 0, 0, *numbers)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end if record_at is None else record_at, 1)
    with pytest.raises(BadWheel, match="zip64 end record"):
        open_wheel(save(tmp_path, ZIP[:end] + wide + locator + ZIP[end:]))


def test_a_wheel_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        open_wheel(tmp_path / zips.FILENAME)


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a file"):
        open_wheel(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a system with named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / zips.FILENAME)
    with pytest.raises(UsageError, match="is not a file"):
        open_wheel(tmp_path / zips.FILENAME)


def test_thirteen_thousand_members_open_quickly(tmp_path: Path) -> None:
    files = {f"pkg/data/{number:05}.bin": b"x" * 9 for number in range(13_000)}
    path = zips.wheel(tmp_path, files)
    begin = time.perf_counter()
    with open_wheel(path) as wheel:
        assert len(wheel.members) == 13_003
    assert time.perf_counter() - begin < 10  # about 0.5 s where nothing else runs
