"""Sound archives that are no wheels, or whose metadata lies."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from support import zips
from support.zips import DIST_INFO, FILES, Part, build, changed, parts, record_of, save

from wheelfix.archive import open_wheel
from wheelfix.errors import BadWheel

CORE = "pkg/_core.so"
TAG = b"Tag: cp312-cp312-linux_x86_64\n"
RECORD = next(part.data for part in parts() if part.name.endswith(b"RECORD"))
CORE_HASH = zips.hash_of(FILES[CORE]).encode()


def with_record(old: bytes, new: bytes) -> bytes:
    assert old in RECORD
    return build(parts(record=RECORD.replace(old, new)))


BAD = {
    "no dist-info": (build([Part(name=b"pkg/x.py")]), "without a .dist-info folder"),
    "no members": (build([]), "without a .dist-info folder"),
    "two dist-infos": (
        build([*parts(), Part(name=b"other-2.dist-info/METADATA")]),
        "several .dist-info folders\n  other-2.dist-info\n  pkg-1.0.dist-info",
    ),
    "another project": (build(parts(dist_info="other-1.0.dist-info")), "another project"),
    "another version": (build(parts(dist_info="pkg-1.1.dist-info")), "another project or version"),
    "no WHEEL": (build(parts(wheel=None)), "has no 'pkg-1.0.dist-info/WHEEL'"),
    "empty WHEEL": (build(parts(wheel=b"")), "does not have one Wheel-Version"),
    "WHEEL not UTF-8": (build(parts(wheel=b"\xff")), "WHEEL is not UTF-8"),
    "no tags": (build(parts(wheel=b"Wheel-Version: 1.0\n")), "no Tag line"),
    "tags behind the head": (
        build(parts(wheel=b"Wheel-Version: 1.0\n\n" + TAG)),
        "no Tag line",
    ),
    "empty tag": (build(parts(wheel=b"Wheel-Version: 1.0\nTag:\n")), "no Tag line"),
    "version 2": (build(parts(wheel=b"Wheel-Version: 2.0\n" + TAG)), "version 2.0 of the wheel"),
    "version 12": (build(parts(wheel=b"Wheel-Version: 12.1\n" + TAG)), "version 12.1 of the wheel"),
    "version no number": (build(parts(wheel=b"Wheel-Version: new\n" + TAG)), "malformed"),
    "two versions": (
        build(parts(wheel=b"Wheel-Version: 1.0\nWheel-Version: 1.0\n" + TAG)),
        "does not have one Wheel-Version",
    ),
    "row of a lost file": (
        with_record(b"pkg/__init__.py,", b"pkg/__main__.py,,\npkg/__init__.py,"),
        "RECORD lists files that are not in the wheel\n  pkg/__main__.py",
    ),
    "many lost files": (
        with_record(
            b"pkg/__init__.py,", b"".join(b"x%d,,\n" % n for n in range(30)) + b"pkg/__init__.py,"
        ),
        "and 10 more",
    ),
    "wrong size": (with_record(b",10244\n", b",10245\n"), "has 10245 bytes; it has 10244"),
    "size no number": (with_record(b",10244\n", b",many\n"), "no number as size"),
    "size in other digits": (with_record(b",10244\n", ",١٢\n".encode()), "no number as size"),
    "row twice": (with_record(b"pkg/_core.so,", b"pkg/_core.so,,\npkg/_core.so,"), "twice"),
    "two fields": (with_record(b",10244\n", b"\n"), "row 2 of RECORD has 2 fields"),
    "no CSV": (with_record(b"pkg/_core.so,", b'"pkg/_core.so,'), "RECORD is not CSV"),
    "RECORD not UTF-8": (with_record(b"pkg/_core.so,", b"\xff,"), "RECORD is not UTF-8"),
    "hash too short": (with_record(CORE_HASH, b"sha256=abcd"), "is malformed"),
    "hash not base64": (with_record(CORE_HASH, b"sha256=" + b"!" * 43), "is malformed"),
    "hash without algorithm": (with_record(CORE_HASH, b"abcd"), "is malformed"),
    "hash in hex": (
        with_record(CORE_HASH, b"sha256=" + hashlib.sha256(b"").hexdigest().encode()),
        "is malformed",
    ),
    "damaged WHEEL": (
        build(changed(parts(), f"{DIST_INFO}/WHEEL", payload=b"\xff" * 90)),
        "pkg-1.0.dist-info/WHEEL: its compressed data is damaged",
    ),
    "wrong CRC of RECORD": (
        build(changed(parts(), f"{DIST_INFO}/RECORD", local={"crc": 1}, central={"crc": 1})),
        "pkg-1.0.dist-info/RECORD: its CRC is wrong",
    ),
    "absurdly large RECORD": (
        build(parts(record=b" " * (65 << 20))),
        "'pkg-1.0.dist-info/RECORD' is absurdly large",
    ),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD.keys())
def test_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(BadWheel) as caught:
        open_wheel(save(tmp_path, content))
    assert words in str(caught.value)
    assert str(caught.value).startswith(zips.FILENAME)
    assert "\nhint: " in str(caught.value)


NOT_WHEEL_NAMES = [
    "pkg-1.0.zip",
    "pkg.whl",
    "pkg-1.0-linux_x86_64.whl",
    "pkg-1.0-py3-none-any-v1-v2.whl",
    "pkg-1.0-1-py3-none-any-v1-v2.whl",
    "pkg-1.0-py3..py2-none-any.whl",
    "pkg-1.0-py3--any.whl",
    "-1.0-py3-none-any.whl",
    "pkg--py3-none-any.whl",
    "pk g-1.0-py3-none-any.whl",
    "pkg-1.0-py3-none-any.whl.part",
]


@pytest.mark.parametrize("filename", NOT_WHEEL_NAMES)
def test_not_a_file_name_of_a_wheel(tmp_path: Path, filename: str) -> None:
    with pytest.raises(BadWheel, match="is not the file name of a wheel") as caught:
        open_wheel(save(tmp_path, build(parts()), filename))
    assert "name-version-python-abi-platform.whl" in caught.value.hint


@pytest.mark.parametrize(
    ("filename", "dist_info"),
    [
        ("PyDist-1.0-py3-none-any.whl", "pydist-1.0.dist-info"),
        ("py_dist-1.0-py3-none-any.whl", "Py.Dist-1.0.0.dist-info"),
        ("pkg-1.0rc1-py3-none-any.whl", "pkg-1.0.RC1.dist-info"),
        ("pkg-1.0+abc.1-py3-none-any.whl", "pkg-1.0+abc_1.dist-info"),
        ("pkg-2004d-py3-none-any.whl", "pkg-2004d.dist-info"),
    ],
)
def test_delvewheel_dist_info_in_other_spelling(
    tmp_path: Path, filename: str, dist_info: str
) -> None:
    path = save(tmp_path, build(parts(dist_info=dist_info)), filename)
    with open_wheel(path) as wheel:
        assert wheel.info.dist_info == dist_info


def test_auditwheel_vendored_dist_info_is_not_the_wheels_own(tmp_path: Path) -> None:
    files = {**FILES, "pkg/_vendor/six-1.0.dist-info/METADATA": b""}
    with open_wheel(zips.wheel(tmp_path, files)) as wheel:
        assert wheel.info.dist_info == DIST_INFO


def test_rows_may_lack_size_and_have_other_strong_hashes(tmp_path: Path) -> None:
    record = record_of({}) + b"".join(
        f"{part.name.decode()},{zips.hash_of(part.data, 'sha512')},\n".encode()
        for part in parts(record=None)
    )
    with open_wheel(save(tmp_path, build(parts(record=record)))) as wheel:
        assert wheel.notes == ()
        assert wheel.read(wheel.members[0].path) == FILES["pkg/__init__.py"]
