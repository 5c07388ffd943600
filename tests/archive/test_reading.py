"""What an open wheel gives: facts, whole members, and any part of them."""

from __future__ import annotations

import hashlib
import os
import random
import sys
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from support import zips
from support.zips import FILES, Part, build, changed, parts, record_of, save

from wheelfix.archive import OpenWheel, open_wheel
from wheelfix.archive import handle as handle_module
from wheelfix.archive.source import read_head
from wheelfix.errors import BadWheel, CannotWrite, SourceChanged
from wheelfix.model import WheelPath

CORE = WheelPath("pkg/_core.so")
BIG = WheelPath("pkg/big.so")


def words(size: int, seed: int = 7) -> bytes:
    """Pseudo-random text that deflates about as well as code."""
    source = random.Random(seed)
    vocabulary = [source.randbytes(source.randint(2, 9)) for _ in range(400)]
    return b"".join(source.choices(vocabulary, k=size // 5))[:size].ljust(size, b".")


@pytest.fixture(scope="module")
def large() -> bytes:
    return words(24 << 20)


@pytest.fixture(scope="module")
def large_wheel(tmp_path_factory: pytest.TempPathFactory, large: bytes) -> Path:
    return zips.wheel(tmp_path_factory.mktemp("large"), {**FILES, BIG: large})


def test_facts(tmp_path: Path) -> None:
    files = {
        **FILES,
        "a.py": b"",
        "pkg-1.0.data/platlib/pkg2/x.so": b"",
        "pkg-1.0.data/scripts/tool": b"",
        "zlib_.py": b"",
    }
    path = save(tmp_path, build(list(reversed(parts(files)))))
    with open_wheel(path) as wheel:
        assert wheel.path == path
        assert wheel.info.tags == ("cp312-cp312-linux_x86_64",)
        assert not wheel.info.root_is_purelib
        assert wheel.info.packages == ("pkg",)
        assert wheel.fingerprint.size == path.stat().st_size
        assert [member.path for member in wheel.members] == [
            "a.py",
            "pkg/__init__.py",
            "pkg/_core.so",
            "pkg-1.0.data/platlib/pkg2/x.so",
            "pkg-1.0.data/scripts/tool",
            "zlib_.py",
            "pkg-1.0.dist-info/METADATA",
            "pkg-1.0.dist-info/WHEEL",
            "pkg-1.0.dist-info/RECORD",
        ]
        member = next(m for m in wheel.members if m.path == CORE)
        assert (member.size, member.mode, member.method) == (len(FILES[CORE]), 0o100644, 8)


@pytest.mark.parametrize("method", [0, 8, 12, 14])
def test_whole_and_in_parts_by_every_method(tmp_path: Path, method: int) -> None:
    data = words(300_000)
    members = changed(parts({CORE: data}), CORE, method=method)
    with open_wheel(save(tmp_path, build(members))) as wheel:
        assert wheel.read(CORE) == data
        wheel.check_carried(CORE)
        wheel.extract(CORE, tmp_path / "out.so")
        assert (tmp_path / "out.so").read_bytes() == data
        source = wheel.source(CORE)
        assert source.size == len(data)
        for offset, size in [(0, 64), (299_990, 64), (70_000, 150_000), (5, 0), (300_000, 1)]:
            assert source.read(offset, size) == data[offset : offset + size]


def test_empty_members(tmp_path: Path) -> None:
    members = changed(parts({"pkg/a": b"", "pkg/b": b""}), "pkg/b", method=0)
    with open_wheel(save(tmp_path, build(members))) as wheel:
        for path in (WheelPath("pkg/a"), WheelPath("pkg/b")):
            assert wheel.read(path) == b""
            assert wheel.source(path).read(0, 9) == b""


def test_random_reads(large_wheel: Path, large: bytes) -> None:
    order = random.Random(3)
    with open_wheel(large_wheel) as wheel:
        source = wheel.source(BIG)
        for _ in range(60):
            offset, size = order.randrange(len(large)), order.choice([1, 100, 70_000, 3_000_000])
            assert source.read(offset, size) == large[offset : offset + size]


def bytes_read(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> int:
    total = 0
    real = handle_module.Handle.read

    def counting(self: handle_module.Handle, offset: int, size: int) -> bytes:
        nonlocal total
        total += size
        return real(self, offset, size)

    with monkeypatch.context() as patch:
        patch.setattr(handle_module.Handle, "read", counting)
        work()
    return total


def test_small_things_beside_each_other_are_read_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = {f"pkg/{number:04}.py": f"answer = {number}\n".encode() for number in range(1000)}
    path = save(tmp_path, build(parts(files)))
    reads = []
    real = os.pread

    def counting(descriptor: int, size: int, offset: int) -> bytes:
        reads.append(size)
        return real(descriptor, size, offset)

    monkeypatch.setattr("os.pread", counting)
    with open_wheel(path) as wheel:
        heads = {member.path: head for member, head in wheel.may_begin((b"answer",), 16)}
    assert heads == {name: content[:16] for name, content in files.items()}
    assert len(reads) < 30
    assert sum(reads) < 5 * path.stat().st_size


@pytest.mark.parametrize("zlib_ng", [True, False])
def test_only_what_is_needed_is_inflated(
    monkeypatch: pytest.MonkeyPatch, large_wheel: Path, large: bytes, *, zlib_ng: bool
) -> None:
    if not zlib_ng:
        monkeypatch.setitem(sys.modules, "zlib_ng.zlib_ng", None)
    monkeypatch.setattr("wheelfix.archive.source.END", 0)  # see test_leap.py
    with open_wheel(large_wheel) as wheel:
        packed = wheel.entries[BIG].member.compressed_size
        source = wheel.source(BIG)
        head = bytes_read(monkeypatch, lambda: source.read(0, 1 << 16))
        assert head < packed // 100
        end = len(large) - 200_000
        forward = bytes_read(monkeypatch, lambda: source.read(end, 1 << 16))
        assert forward < 1.2 * packed  # a little is read again where the output's end cuts
        assert bytes_read(monkeypatch, lambda: source.read(0, 1 << 16)) == 0
        back = bytes_read(monkeypatch, lambda: source.read(12 << 20, 1 << 16))
        assert back < packed // 10


def test_of_a_damaged_large_member_what_is_whole_can_be_read(
    large_wheel: Path, large: bytes, tmp_path: Path
) -> None:
    with open_wheel(large_wheel) as wheel:
        member = wheel.entries[BIG].member
    data = bytearray(large_wheel.read_bytes())
    place = member.data_offset + member.compressed_size * 2 // 3
    data[place : place + 64] = b"\xff" * 64
    damaged = tmp_path / large_wheel.name
    damaged.write_bytes(data)
    with open_wheel(damaged) as wheel:
        source = wheel.source(BIG)
        assert source.read(9 << 20, 4096) == large[9 << 20 : (9 << 20) + 4096]
        with pytest.raises(BadWheel, match="its compressed data"):
            source.read(len(large) - 4096, 4096)
        assert source.read(9 << 20, 4096) == large[9 << 20 : (9 << 20) + 4096]
        with pytest.raises(BadWheel, match="its compressed data is damaged"):
            wheel.check_carried(BIG)


def test_sources_keep_little_of_a_large_member(large_wheel: Path, large: bytes) -> None:
    with open_wheel(large_wheel) as wheel:
        tracemalloc.start()
        try:
            source = wheel.source(BIG)
            for offset in range(0, len(large), 100_000):
                source.read(offset, 4096)
            source.read(0, 4096)
            kept, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept < 8 << 20
        assert peak < 9 << 20


def test_inflating_takes_little_memory(tmp_path: Path, large_wheel: Path) -> None:
    with open_wheel(large_wheel) as wheel:
        tracemalloc.start()
        try:
            wheel.extract(BIG, tmp_path / "big.so")
            wheel.check_carried(BIG)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 6 << 20


def test_several_threads_with_sources_of_their_own(large_wheel: Path, large: bytes) -> None:
    wrong: list[int] = []

    def reader(wheel: OpenWheel, seed: int) -> None:
        order, source = random.Random(seed), wheel.source(BIG)
        for _ in range(20):
            offset = order.randrange(4 << 20)
            if source.read(offset, 5000) != large[offset : offset + 5000]:
                wrong.append(offset)

    with open_wheel(large_wheel) as wheel:
        threads = [threading.Thread(target=reader, args=(wheel, seed)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def lying(data: bytes, **fields: object) -> list[Part]:
    return changed(parts({CORE: data}), CORE, **fields)


DATA = words(200_000)
DEFLATED = zips.deflate(DATA)
LARGER, SMALLER = {"size": len(DATA) + 1}, {"size": len(DATA) - 1}


def recorded(size: int) -> bytes:
    """Give a RECORD whose size agrees with headers that lie about the member's."""
    contents = {part.name.decode(): part.data for part in parts({CORE: DATA}, record=None)}
    return record_of(contents).replace(f",{len(DATA)}\n".encode(), f",{size}\n".encode())


DAMAGED = {
    "claims more": (
        changed(
            parts({CORE: DATA}, record=recorded(len(DATA) + 1)), CORE, local=LARGER, central=LARGER
        ),
        f"inflates to {len(DATA)} bytes and claims {len(DATA) + 1}",
    ),
    "claims less": (
        changed(
            parts({CORE: DATA}, record=recorded(len(DATA) - 1)),
            CORE,
            local=SMALLER,
            central=SMALLER,
        ),
        f"more than the {len(DATA) - 1} bytes it claims",
    ),
    "wrong CRC": (lying(DATA, local={"crc": 5}, central={"crc": 5}), "its CRC is wrong"),
    "ends too early": (lying(DATA, payload=DEFLATED[:-9]), "data ends too early"),
    "garbage": (lying(DATA, payload=b"\xff" * len(DEFLATED)), "data is damaged"),
    "hidden bytes": (lying(DATA, payload=DEFLATED + b"hidden"), "bytes behind its compressed"),
    "bzip2 garbage": (lying(DATA, method=12, payload=b"BZh9" + bytes(9999)), "data is damaged"),
    "lzma garbage": (lying(DATA, method=14, payload=b"\xff" * 9999), "data is damaged"),
    "lzma bomb": (
        lying(DATA, method=14, payload=b"\x09\x14\x05\x00\x5d\xff\xff\xff\xff" + bytes(9999)),
        "data is damaged",
    ),
}


@pytest.mark.parametrize(("members", "text"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damage_is_found_when_inflating(tmp_path: Path, members: list[Part], text: str) -> None:
    target = tmp_path / "out.so"
    with open_wheel(save(tmp_path, build(members))) as wheel:
        for work in (wheel.read, wheel.check_carried, lambda path: wheel.extract(path, target)):
            with pytest.raises(BadWheel) as caught:
                work(CORE)
            assert text in str(caught.value)
            assert str(caught.value).startswith(f"{zips.FILENAME}: pkg/_core.so: ")
            assert caught.value.hint
    assert not target.exists()


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512", "md5", "sha1"])
def test_every_hash_in_record_is_checked(tmp_path: Path, algorithm: str) -> None:
    right, wrong = zips.hash_of(DATA), zips.hash_of(b"other", algorithm)
    record = recorded(len(DATA)).replace(right.encode(), wrong.encode())
    with (
        open_wheel(save(tmp_path, build(parts({CORE: DATA}, record=record)))) as wheel,
        pytest.raises(BadWheel, match="do not have the hash that RECORD tells"),
    ):
        wheel.read(CORE)


@pytest.mark.parametrize("name", ["ends too early", "garbage", "bzip2 garbage", "lzma garbage"])
def test_damage_met_by_random_access(tmp_path: Path, name: str) -> None:
    with open_wheel(save(tmp_path, build(DAMAGED[name][0]))) as wheel:
        source = wheel.source(CORE)
        for _ in range(2):
            with pytest.raises(BadWheel, match=r"pkg/_core\.so: its compressed data"):
                source.read(len(DATA) - 100, 100)


def test_inflate_makes_a_private_new_file(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(victim)
    with open_wheel(zips.wheel(tmp_path)) as wheel:
        wheel.extract(CORE, tmp_path / "new")
        for name in ("link", "victim"):
            with pytest.raises(CannotWrite, match="cannot be written: File exists"):
                wheel.extract(CORE, tmp_path / name)
    assert victim.read_bytes() == b"precious"
    if os.name == "posix":
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_a_wheel_that_changes(tmp_path: Path) -> None:
    path = zips.wheel(tmp_path)
    with open_wheel(path) as wheel:
        wheel.check_unchanged()
        os.utime(path, ns=(1, 1))
        with pytest.raises(SourceChanged, match="changed while it was being read"):
            wheel.check_unchanged()


def test_a_wheel_that_is_replaced_or_removed(tmp_path: Path) -> None:
    path = zips.wheel(tmp_path)
    content, status = path.read_bytes(), path.stat()
    with open_wheel(path) as wheel:
        (tmp_path / "other").write_bytes(content)
        (tmp_path / "other").replace(path)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(SourceChanged, match="changed while it was being read"):
            wheel.check_unchanged()
        path.unlink()
        with pytest.raises(SourceChanged, match="is gone"):
            wheel.check_unchanged()


def test_reading_leaves_the_wheel_as_it_is(tmp_path: Path) -> None:
    path = zips.wheel(tmp_path)
    path.chmod(0o444)
    before = (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns)
    with open_wheel(path) as wheel:
        for member in wheel.members:
            wheel.read(member.path)
    assert (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns) == before


def head_of(wheel: OpenWheel, path: WheelPath, size: int) -> bytes:
    return read_head(wheel.handle, wheel.entries[path], "w", size)


def test_a_head_is_what_a_source_begins_with(tmp_path: Path, large_wheel: Path) -> None:
    rare = [
        Part(name=f"pkg/{method}.so".encode(), data=words(3000), method=method)
        for method in (0, 8, 12)
    ]
    for path in (large_wheel, save(tmp_path, build(parts({**FILES, "pkg/empty": b""}) + rare))):
        with open_wheel(path) as wheel:
            for member in wheel.members:
                for size in (1, 16, 700, 70_000):
                    expected = wheel.source(member.path).read(0, size)
                    assert head_of(wheel, member.path, size) == expected, (member.path, size)


def test_a_head_of_damaged_data(tmp_path: Path) -> None:
    members = changed(parts(FILES), CORE, payload=b"\xff" * 99)
    with (
        open_wheel(save(tmp_path, build(members))) as wheel,
        pytest.raises(BadWheel, match=r"pkg/_core\.so: its compressed data is damaged"),
    ):
        head_of(wheel, CORE, 16)
