"""What is written: canonical bytes, carried payloads, RECORD and WHEEL that fit."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import stat
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from support import zips
from support.zips import DIST_INFO, FILES, build, changed, parts, save

from wheelfix.archive import NewFile, OpenWheel, Written, open_wheel, write_wheel
from wheelfix.archive.zipwriter import Limits
from wheelfix.errors import BadWheel
from wheelfix.model import Options, WheelPath

CORE = WheelPath("pkg/_core.so")
INIT = WheelPath("pkg/__init__.py")
GRAFT = WheelPath("pkg.libs/libz-1a2b.so.1")
RECORD = WheelPath(f"{DIST_INFO}/RECORD")
TAG = "cp312-cp312-manylinux_2_17_x86_64"
BULK = os.urandom(64) * 40_000


def write(wheel: OpenWheel, output: Path, **options: Any) -> Written:
    plain = {"files": (), "tags": wheel.info.tags, "root_is_purelib": wheel.info.root_is_purelib}
    return write_wheel(wheel, output, **{**plain, **options})


def rewritten(source: Path, output: Path, **options: Any) -> Path:
    with open_wheel(source) as wheel:
        write(wheel, output, **options)
    return output


def rows(wheel: Path) -> list[list[str]]:
    with zipfile.ZipFile(wheel) as archive:
        return list(csv.reader(io.StringIO(archive.read(RECORD).decode())))


def test_replace_add_and_remove(tmp_path: Path) -> None:
    staged = tmp_path / "staged"
    staged.write_bytes(BULK)
    files = (
        NewFile(path=GRAFT, content=staged, mode=0o755),
        NewFile(path=CORE, content=b"patched", mode=0o755),
    )
    source, output = zips.wheel(tmp_path / "in"), tmp_path / zips.FILENAME
    with open_wheel(source) as wheel:
        carried = wheel.entries[WheelPath(f"{DIST_INFO}/WHEEL")].member.compressed_size
        carried += wheel.entries[WheelPath(f"{DIST_INFO}/METADATA")].member.compressed_size
        written = write(wheel, output, files=files, removed=frozenset({INIT}))
    with zipfile.ZipFile(output) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [
            CORE,
            GRAFT,
            f"{DIST_INFO}/METADATA",
            f"{DIST_INFO}/WHEEL",
            RECORD,
        ]
        assert archive.read(GRAFT) == BULK
        assert archive.read(CORE) == b"patched"
        new = [archive.getinfo(path).compress_size for path in (GRAFT, CORE, RECORD)]
    assert written == Written(carried_bytes=carried, compressed_bytes=sum(new), notes=())


def test_headers_are_canonical(tmp_path: Path) -> None:
    files = {**FILES, "pkg/é.py": b"x = 1\n" * 9, "pkg/empty": b"", "pkg/noise": os.urandom(99)}
    output = rewritten(
        zips.wheel(tmp_path / "in", files),
        tmp_path / zips.FILENAME,
        files=(
            NewFile(path=WheelPath("pkg/noise"), content=os.urandom(99), mode=0o644),
            NewFile(path=WheelPath("pkg/empty"), content=b"", mode=0o644),
        ),
    )
    with zipfile.ZipFile(output) as archive:
        assert archive.comment == b""
        methods = {info.filename: info.compress_type for info in archive.infolist()}
        assert methods["pkg/noise"] == methods["pkg/empty"] == zipfile.ZIP_STORED
        assert methods[CORE] == zipfile.ZIP_DEFLATED
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.flag_bits == (0x800 if "é" in info.filename else 0)
            assert (info.create_system, info.create_version, info.extract_version) == (3, 20, 20)
            assert (info.extra, info.comment, info.internal_attr) == (b"", b"", 0)
            assert info.external_attr == (stat.S_IFREG | 0o644) << 16


def test_a_file_that_was_made_to_be_packed_is_gone_when_it_is(tmp_path: Path) -> None:
    """The disk has to hold no more of them than are being packed; what is given is not ours."""
    given, made, noise = (tmp_path / name for name in ("given", "made", "noise"))
    contents = {given: BULK, made: BULK, noise: os.urandom(5000)}
    for file, content in contents.items():
        file.write_bytes(content)
    output = rewritten(
        zips.wheel(tmp_path / "in"),
        tmp_path / zips.FILENAME,
        files=(
            NewFile(path=WheelPath("pkg/given"), content=given, mode=0o644),
            NewFile(path=WheelPath("pkg/made"), content=lambda: made, mode=0o644),
            NewFile(path=WheelPath("pkg/noise"), content=lambda: noise, mode=0o644),
        ),
    )
    assert given.read_bytes() == BULK
    assert not made.exists()
    with zipfile.ZipFile(output) as archive:
        for file, content in contents.items():
            assert archive.read(f"pkg/{file.name}") == content


def test_a_reader_that_streams_sees_the_same_members(tmp_path: Path) -> None:
    """Invariant 25: no gaps, no descriptors, nothing behind the end."""
    new = NewFile(path=GRAFT, content=BULK, mode=0o755)
    output = rewritten(zips.wheel(tmp_path / "in"), tmp_path / zips.FILENAME, files=(new,), jobs=4)
    data, at, names = output.read_bytes(), 0, []
    while data.startswith(b"PK\3\4", at):
        packed, _, name_size, extra_size = struct.unpack_from("<2L2H", data, at + 18)
        assert data[at + 6 : at + 8] == b"\0\0"
        names.append(data[at + 30 : at + 30 + name_size].decode())
        at += 30 + name_size + extra_size + packed
    begin = at
    for name in names:
        assert data.startswith(b"PK\1\2", at)
        sizes = struct.unpack_from("<3H", data, at + 28)
        assert data[at + 46 : at + 46 + len(name)] == name.encode()
        assert sizes == (len(name), 0, 0)
        at += 46 + len(name)
    count = len(names)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, at - begin, begin, 0)
    assert data[at:] == end


@pytest.mark.parametrize(
    ("system", "mode", "expected"),
    [
        (3, 0o100755, 0o100755),
        (3, 0o100664, 0o100664),
        (3, 0o100600, 0o100600),
        (3, 0o755, 0o100755),
        (3, 0, 0o100644),
        (3, 0o104755, 0o100755),
        (3, 0o100000, 0o100644),
        (0, 0, 0o100644),
        (0, 0o100775, 0o100755),
        (0, 0o100664, 0o100644),
    ],
)
def test_delvewheel_permission_bits_survive(
    tmp_path: Path, system: int, mode: int, expected: int
) -> None:
    members = changed(parts(), CORE, system=system, mode=mode)
    output = rewritten(save(tmp_path / "in", build(members)), tmp_path / zips.FILENAME)
    with zipfile.ZipFile(output) as archive:
        info = archive.getinfo(CORE)
    assert (info.create_system, info.external_attr) == (3, expected << 16)


def test_untouched_payloads_are_carried_byte_for_byte(tmp_path: Path) -> None:
    """Invariant 4, with payloads that no deflater here would make again."""
    data = os.urandom(3000) * 2000
    payload = _unusual(data)
    members = changed(parts({**FILES, CORE: data}), CORE, payload=payload)
    output = rewritten(
        save(tmp_path / "in", build(members)),
        tmp_path / zips.FILENAME,
        files=(NewFile(path=GRAFT, content=b"z" * 99, mode=0o755),),
    )
    with open_wheel(output) as wheel:
        member = wheel.entries[CORE].member
        assert wheel.handle.read(member.data_offset, member.compressed_size) == payload
        assert wheel.read(CORE) == data


def _unusual(data: bytes) -> bytes:
    stream = zlib.compressobj(1, zlib.DEFLATED, -15, 1, zlib.Z_RLE)
    pieces = [
        stream.compress(data[at : at + 777]) + stream.flush(zlib.Z_SYNC_FLUSH)
        for at in range(0, len(data), 777)
    ]
    return b"".join([*pieces, stream.flush()])


def test_record(tmp_path: Path) -> None:
    files = {**FILES, 'pkg/a "b", c.txt': b"odd name", "pkg/z.py": b"z"}
    old = parts(files)
    sha512 = zips.hash_of(b"z", "sha512")
    record = old[-1].data.replace(zips.hash_of(b"z").encode(), sha512.encode())
    quoted = record.replace(b'pkg/a "b", c.txt', b'"pkg/a ""b"", c.txt"').replace(b"\n", b"\r\n")
    output = rewritten(
        save(tmp_path / "in", build(parts(files, record=quoted))),
        tmp_path / zips.FILENAME,
        files=(NewFile(path=GRAFT, content=BULK, mode=0o755),),
    )
    with zipfile.ZipFile(output) as archive:
        text = archive.read(RECORD)
        contents = {name: archive.read(name) for name in archive.namelist()}
    assert b"\r" not in text
    assert text.endswith(f"\n{RECORD},,\n".encode())
    listed = rows(output)
    assert [row[0] for row in listed] == list(contents)
    assert [row for row in listed if row[0] == "pkg/z.py"] == [["pkg/z.py", sha512, "1"]]
    for path, digest, size in listed[:-1]:
        algorithm, _, encoded = digest.partition("=")
        wanted = hashlib.new(algorithm, contents[path]).digest()
        assert base64.urlsafe_b64decode(encoded + "==") == wanted
        assert int(size) == len(contents[path])
    assert b'\n"pkg/a ""b"", c.txt",sha256=' in text


def test_wheel_file_keeps_all_but_tags_and_purelib(tmp_path: Path) -> None:
    text = (
        b"Wheel-Version: 1.0\r\nGenerator: x (1.2)\r\nRoot-is-purelib: True\r\nTag: a-b-c\r\n"
        b"tag: d-e-f\r\nBuild: 7\r\n"
    )
    output = rewritten(
        save(tmp_path / "in", build(parts(wheel=text))),
        tmp_path / zips.FILENAME,
        tags=(TAG, "cp312-cp312-manylinux2014_x86_64"),
        root_is_purelib=False,
    )
    with zipfile.ZipFile(output) as archive:
        assert archive.read(f"{DIST_INFO}/WHEEL").decode() == (
            "Wheel-Version: 1.0\nGenerator: x (1.2)\nRoot-Is-Purelib: false\n"
            f"Tag: {TAG}\nTag: cp312-cp312-manylinux2014_x86_64\nBuild: 7\n"
        )
    with open_wheel(output) as wheel:
        assert wheel.info.tags == (TAG, "cp312-cp312-manylinux2014_x86_64")


def test_purelib_is_told_where_it_was_not(tmp_path: Path) -> None:
    text = b"Wheel-Version: 1.0\nTag: a-b-c\n\nbody\n"
    output = rewritten(
        save(tmp_path / "in", build(parts(wheel=text))),
        tmp_path / zips.FILENAME,
        root_is_purelib=True,
    )
    with zipfile.ZipFile(output) as archive:
        assert archive.read(f"{DIST_INFO}/WHEEL") == (
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: a-b-c\n\nbody\n"
        )


def test_an_equal_wheel_file_is_carried(tmp_path: Path) -> None:
    text = zips.WHEEL_TEXT.replace(b"\n", b"\r\n")
    output = rewritten(save(tmp_path / "in", build(parts(wheel=text))), tmp_path / zips.FILENAME)
    with zipfile.ZipFile(output) as archive:
        assert archive.read(f"{DIST_INFO}/WHEEL") == text


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    """Invariant 2, as far as the archive goes."""
    files = (NewFile(path=GRAFT, content=BULK, mode=0o755),)
    first = rewritten(zips.wheel(tmp_path / "in"), tmp_path / zips.FILENAME, files=files)
    (tmp_path / "again").mkdir()
    second = rewritten(first, tmp_path / "again" / zips.FILENAME)
    assert first.read_bytes() == second.read_bytes()


def many(folder: Path) -> tuple[NewFile, ...]:
    staged = folder / "staged"
    staged.write_bytes(zips.deflate(bytes(3 << 20)) * 900)
    contents = [b"%d" % n * (n * 997 % 300_000) for n in range(40)]
    small = (
        NewFile(path=WheelPath(f"pkg/{n}.bin"), content=data, mode=0o644)
        for n, data in enumerate(contents)
    )
    return (NewFile(path=GRAFT, content=staged, mode=0o755), *small)


def test_jobs_do_not_change_the_result(tmp_path: Path) -> None:
    """Invariant 21: -j1 against -j8."""
    source = save(tmp_path / "in", build(parts(record=None)))
    results = [
        rewritten(source, tmp_path / f"{jobs}.whl", jobs=jobs, files=many(tmp_path), **options)
        for jobs, options in [(1, {}), (8, {}), (3, {"verify_full": True}), (0, {})]
    ]
    assert len({result.read_bytes() for result in results}) == 1


SCRIPT = """
import os, sys
from pathlib import Path
from wheelfix.archive import NewFile, open_wheel, write_wheel
os.umask(int(sys.argv[3], 8))
with open_wheel(Path(sys.argv[1])) as wheel:
    new = NewFile(path="pkg.libs/x.so", content=b"x" * 99999, mode=0o755)
    write_wheel(wheel, Path(sys.argv[2]), files=(new,), tags=("a-b-c",), root_is_purelib=False)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs a system with a umask and TZ")
def test_surroundings_do_not_change_the_result(tmp_path: Path) -> None:
    """Invariant 21: umask, time zone, hash seed, locale, and the time."""
    source = zips.wheel(tmp_path / "in")
    results = []
    for number, (umask, zone, seed, locale) in enumerate(
        [
            ("022", "UTC", "0", "C"),
            ("077", "Asia/Kathmandu", "1", "tr_TR.UTF-8"),
            ("0", "", "9", ""),
        ]
    ):
        output = tmp_path / f"{number}.whl"
        environ = {**os.environ, "TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": locale}
        environ["PYTHONPATH"] = str(Path(__file__).parents[2])
        command = [sys.executable, "-c", SCRIPT, str(source), str(output), umask]
        subprocess.run(command, check=True, env=environ)
        results.append((output.read_bytes(), output.stat().st_mode & 0o777))
        os.utime(source, (time.time() + number, 1_000_000_000 + number))
    assert results[0] == results[1] == results[2]
    assert results[0][1] == 0o644


GOLDEN = "8e6e554a0cc88a765cf4472747be63a523353947b975203b7499efc829063b9f"


def test_golden_digest_of_libdeflate() -> None:
    """A changed digest means that all outputs change: a release note, never an accident."""
    from deflate import deflate_compress

    state, text = 1, bytearray()
    while len(text) < 1 << 20:
        state = state * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        text += b"%x " % (state >> 44)
    compressed = bytes(deflate_compress(bytes(text[: 1 << 20]), Options().level))
    assert hashlib.sha256(compressed).hexdigest() == GOLDEN


def test_without_libdeflate_zlib_does_it_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deflate", None)
    new = NewFile(path=GRAFT, content=BULK, mode=0o755)
    with open_wheel(zips.wheel(tmp_path / "in")) as wheel:
        written = write(wheel, tmp_path / zips.FILENAME, files=(new,), level=12)
    assert "other machines may make other bytes" in written.notes[0]
    with open_wheel(tmp_path / zips.FILENAME) as wheel:
        assert wheel.read(GRAFT) == BULK


def test_every_level(tmp_path: Path) -> None:
    new = NewFile(path=GRAFT, content=BULK[:99999], mode=0o755)
    source = zips.wheel(tmp_path / "in")
    for level in range(13):
        output = rewritten(
            source, tmp_path / f"pkg-1.0-{level}-cp312-cp312-any.whl", files=(new,), level=level
        )
        with open_wheel(output) as wheel:
            assert wheel.read(GRAFT) == BULK[:99999]


def test_zip64_by_size_and_offset(tmp_path: Path) -> None:
    files = {**FILES, "pkg/z.so": bytes(5000)}
    output = rewritten(
        zips.wheel(tmp_path / "in", files), tmp_path / zips.FILENAME, limits=Limits(size=400)
    )
    with zipfile.ZipFile(output) as archive:
        assert archive.testzip() is None
        versions = {info.filename: info.extract_version for info in archive.infolist()}
        assert versions[INIT] == 20  # small, and at the beginning
        assert versions["pkg/z.so"] == 45
        assert versions[f"{DIST_INFO}/METADATA"] == 45  # small, but far from the beginning
        assert archive.read("pkg/z.so") == bytes(5000)
    with open_wheel(output) as wheel:
        assert wheel.notes == ()
        assert {m.path for m in wheel.members} >= files.keys()
        assert wheel.read(WheelPath("pkg/z.so")) == bytes(5000)
        again = tmp_path / "again.whl"
        write(wheel, again)
    assert (
        again.read_bytes()
        == rewritten(zips.wheel(tmp_path / "in", files), tmp_path / "plain.whl").read_bytes()
    )


def test_zip64_by_count(tmp_path: Path) -> None:
    output = rewritten(
        zips.wheel(tmp_path / "in"), tmp_path / zips.FILENAME, limits=Limits(count=5)
    )
    assert b"PK\6\6" in output.read_bytes()
    with zipfile.ZipFile(output) as archive:
        assert len(archive.namelist()) == 5
    with open_wheel(output) as wheel:
        assert len(wheel.members) == 5


@pytest.mark.slow
def test_zip64_for_real(tmp_path: Path) -> None:
    """More than 4 GiB of zeros deflate to 4 MiB; the size alone needs zip64."""
    size = (4 << 30) + 12345
    staged = tmp_path / "staged"
    with staged.open("wb") as file:
        file.truncate(size)
    new = NewFile(path=GRAFT, content=staged, mode=0o755)
    output = rewritten(zips.wheel(tmp_path / "in"), tmp_path / zips.FILENAME, files=(new,), level=1)
    with open_wheel(output) as wheel:
        assert wheel.notes == ()
        assert wheel.entries[GRAFT].member.size == size
        wheel.check_carried(GRAFT)
    with zipfile.ZipFile(output) as archive:
        assert archive.getinfo(GRAFT).file_size == size


def test_full_verification_finds_a_bad_carried_member(tmp_path: Path) -> None:
    members = changed(parts(), CORE, local={"crc": 5}, central={"crc": 5})
    source = save(tmp_path / "in", build(members))
    rewritten(source, tmp_path / "carried.whl")
    with pytest.raises(BadWheel, match=r"pkg/_core\.so: its CRC is wrong"):
        rewritten(source, tmp_path / "verified.whl", verify_full=True)
    assert not (tmp_path / "verified.whl").exists()


def test_new_members_obey_the_rules_for_names(tmp_path: Path) -> None:
    source = zips.wheel(tmp_path / "in")
    for path, words in [("../x", "leads out"), (CORE + "/x", "once")]:
        new = NewFile(path=WheelPath(path), content=b"", mode=0o644)
        with pytest.raises(BadWheel, match=words):
            rewritten(source, tmp_path / zips.FILENAME, files=(new,))


def test_a_wheel_made_by_zipfile_survives(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / zips.FILENAME
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts():
            archive.writestr(part.name.decode(), part.data)
    output = rewritten(source, tmp_path / zips.FILENAME)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(output) as new:
        assert sorted(old.namelist()) == sorted(new.namelist())
        for name in old.namelist():
            if name != RECORD:
                assert old.read(name) == new.read(name)
