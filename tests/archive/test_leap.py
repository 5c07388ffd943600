"""The end of a large member is read without the rest, and what is said of it is true."""

from __future__ import annotations

import random
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import lief
import pytest
from support import repairs
from support.streams import by_libdeflate, by_zlib

from wheelfix import Options, check
from wheelfix.archive import inflater, leap, open_wheel, source
from wheelfix.archive.handle import Handle
from wheelfix.archive.zipformat import DEFLATED, Entry
from wheelfix.errors import BadWheel
from wheelfix.model import Member, WheelPath
from wheelfix.value import replace

MIB = 1 << 20
PATH = WheelPath("pkg/large.so")


@cache
def library() -> bytes:
    """Give thirty megabytes of real code and data, which end as a library does."""
    (module,) = Path(lief.__file__).parent.glob("_lief*.so")
    return module.read_bytes()[-10 * MIB :] * 3


USUAL = {
    "zlib-1": by_zlib(1),
    "zlib-6": by_zlib(6),
    "zlib-9": by_zlib(9),
    "libdeflate-1": by_libdeflate(1),
    "libdeflate-5": by_libdeflate(5),
    "libdeflate-12": by_libdeflate(12),
}
WITHOUT_HEADS = {
    "stored": by_zlib(0),
    "fixed": by_zlib(6, zlib.Z_FIXED),
    "huffman": by_zlib(6, zlib.Z_HUFFMAN_ONLY),
}


def packed(folder: Path, content: bytes, stream: bytes) -> tuple[Handle, Entry]:
    """Write a stream with other bytes around it, as in an archive."""
    file = folder / "archive"
    file.write_bytes(b"in front" + stream + b"behind")
    member = Member(
        path=PATH,
        size=len(content),
        compressed_size=len(stream),
        crc=zlib.crc32(content),
        method=DEFLATED,
        data_offset=8,
        mode=0o644,
    )
    return Handle(file), Entry(member=member, flags=0, system=3, begin=0, end=8 + len(stream))


def known(tail: leap.Tail) -> list[int]:
    """Give the places in the member of the grains that are known."""
    grains = range(-(-len(tail.data) // leap.GRAIN))
    return [tail.begin + grain * leap.GRAIN for grain in grains if grain not in tail.doubtful]


@pytest.fixture
def leaps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the list that fills with the offsets for which a leap is tried."""
    offsets: list[int] = []
    real = leap.tail_from

    def spied(handle: Handle, entry: Entry, offset: int, *rest: int, **more: Any) -> Any:
        offsets.append(offset)
        return real(handle, entry, offset, *rest, **more)

    monkeypatch.setattr(leap, "tail_from", spied)
    return offsets


@pytest.mark.parametrize("name", USUAL)
def test_what_is_known_of_the_end_is_true(name: str, tmp_path: Path) -> None:
    content = library()
    handle, entry = packed(tmp_path, content, USUAL[name](content))
    for back in (100, MIB, 5 * MIB):
        offset = len(content) - back
        tail = leap.tail_from(handle, entry, offset, 100)
        assert tail is not None
        assert tail.read(offset, 100) == content[offset : offset + 100]
        assert tail.begin + len(tail.data) == len(content)
        assert len(tail.data) < back + 16 * MIB
        places = known(tail)
        assert places[0] >= tail.begin + leap.SURE
        assert all(tail.read(at, leap.GRAIN) == content[at : at + leap.GRAIN] for at in places)


@pytest.mark.parametrize("name", USUAL)
def test_it_is_not_inflated_twice_to_the_end(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a window's length comes out alike behind both windows, the rest does too."""
    content = library()
    handle, entry = packed(tmp_path, content, USUAL[name](content))
    second = [0]
    real = inflater.inflater

    class Counting:
        def __init__(self, size: int, window: bytes) -> None:
            self.decoder = real(size, window)
            self.counted = window[0] == 0xFF

        def __getattr__(self, name: str) -> Any:
            return getattr(self.decoder, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            piece: bytes = self.decoder.decompress(data, most)
            second[0] += len(piece) if self.counted else 0
            return piece

    monkeypatch.setattr(leap, "inflater", Counting)
    tail = leap.tail_from(handle, entry, len(content) - 8 * MIB, 100)
    assert tail is not None
    assert 0 < second[0] < 3 * MIB < 8 * MIB < len(tail.data)


@pytest.mark.parametrize("name", WITHOUT_HEADS)
def test_of_streams_without_heads_nothing_is_said(name: str, tmp_path: Path) -> None:
    content = library()
    handle, entry = packed(tmp_path, content, WITHOUT_HEADS[name](content))
    assert leap.tail_from(handle, entry, len(content) - MIB, 100) is None


def test_bytes_that_come_from_before_are_not_known(tmp_path: Path) -> None:
    """Zeros without end: each is copied from one before it, of which nobody knows anything."""
    content = library()[: 6 * MIB] + bytes(24 * MIB) + library()[-MIB:]
    handle, entry = packed(tmp_path, content, by_zlib(6)(content))
    assert leap.tail_from(handle, entry, len(content) - 3 * MIB, 100) is None
    wheel = open_wheel(repairs.make_wheel(tmp_path / "in", {PATH: content}))
    with wheel:
        found = wheel.source(PATH)
        for offset in (len(content) - 3 * MIB, len(content) - 100, 0, len(content) - 9 * MIB):
            assert found.read(offset, 100) == content[offset : offset + 100]


@pytest.mark.parametrize("size", [50_000, 4 * MIB])
@pytest.mark.parametrize("level", [0, 6])
def test_a_stream_inside_the_stream_is_not_taken_for_it(
    size: int, level: int, tmp_path: Path
) -> None:
    """Raw deflate at the very end of a file: to deflate that again is to store it."""
    plain = b"".join(b"%d, " % number for number in range(size * 2))[: size * 12]
    inner = by_zlib(9)(plain)
    content = library()[: 16 * MIB] + random.Random(1).randbytes(2 * MIB) + inner
    handle, entry = packed(tmp_path, content, by_zlib(level)(content))
    offset = len(content) - 100
    tail = leap.tail_from(handle, entry, offset, 100)
    assert tail is None or tail.read(offset, 100) == content[offset:]


def test_what_stands_before_the_end_is_not_inflated(tmp_path: Path) -> None:
    """Damage in the middle, of which whoever reads all of it is told."""
    wheel = repairs.make_wheel(tmp_path / "in", {PATH: library()})
    payload = repairs.payloads(wheel)[PATH]
    middle = len(payload) // 2
    damaged = payload[:middle] + bytes(64) + payload[middle + 64 :]
    wheel.write_bytes(wheel.read_bytes().replace(payload, damaged))
    size = len(library())
    with open_wheel(wheel) as opened:
        found = opened.source(PATH)
        for offset in (0, size - 100, size - 5 * MIB, 1000, size - 200):
            assert found.read(offset, 100) == library()[offset : offset + 100]
        assert found.read(size - 50, 100) == library()[-50:]
        with pytest.raises(BadWheel, match=r"damaged|inflates to"):
            opened.read(PATH)


def test_the_same_is_found_with_and_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, leaps: list[int]
) -> None:
    (tmp_path / "code").write_bytes(library())
    code = (  # in front of what a loader reads
        f'__asm__(".section .rodata\\n.incbin \\"{tmp_path}/code\\"\\n.previous");\n'
        "int eight(void) { return 8; }\n"
    )
    large = repairs.build_library(tmp_path / "build" / "large.so", code).read_bytes()
    wheel = repairs.make_wheel(tmp_path / "in", {PATH: large}, "pkg-1.0-py3-none-linux_x86_64")
    with_leaps = check(wheel, Options())
    assert leaps
    monkeypatch.setattr(source, "END", 0)
    assert check(wheel, Options()) == with_leaps
    assert len(leaps) <= source.LEAPS


@pytest.mark.parametrize("size", [9 * MIB, 20 * MIB])
def test_a_leap_is_made_where_more_would_be_inflated_before_than_behind(
    size: int, tmp_path: Path, leaps: list[int]
) -> None:
    content = library()[-size:]
    wheel = repairs.make_wheel(tmp_path / "in", {PATH: content})
    front, middle, end = len(content) // 3, len(content) * 11 // 20, len(content) - 100
    with open_wheel(wheel) as opened:
        for offsets, made in (((front,), []), ((front, middle), []), ((0, end), [end])):
            found = opened.source(PATH)
            leaps.clear()
            assert [found.read(at, 100) for at in offsets] == [
                content[at : at + 100] for at in offsets
            ]
            assert leaps == made


@pytest.mark.parametrize("name", ["zlib-6", "libdeflate-5"])
def test_what_stands_further_in_front_is_added(name: str, tmp_path: Path) -> None:
    content = library()
    handle, entry = packed(tmp_path, content, USUAL[name](content))
    later = leap.tail_from(handle, entry, len(content) - 100, 100)
    assert later is not None
    offset = later.begin - MIB
    both = leap.tail_from(handle, entry, offset, 100, later=later)
    assert both is not None
    assert both.later is later
    assert both.begin + len(both.data) == later.begin
    assert both.read(offset, 100) == content[offset : offset + 100]
    for at in range(both.begin, len(content), 99_991):
        assert both.read(at, 3000) in {None, content[at : at + 3000]}


def test_what_is_not_known_is_read_again_from_further_in_front(tmp_path: Path) -> None:
    content = library()
    handle, entry = packed(tmp_path, content, by_zlib(6)(content))
    later = leap.tail_from(handle, entry, len(content) - 100, 100)
    assert later is not None
    offset = later.begin + 100
    assert later.read(offset, 100) is None
    again = leap.tail_from(handle, entry, offset, 100, later=later)
    assert again is not None
    assert again.later is None
    assert again.read(offset, 100) == content[offset : offset + 100]


def test_what_does_not_join_is_not_added(tmp_path: Path) -> None:
    content = library()
    handle, entry = packed(tmp_path, content, by_zlib(6)(content))
    later = leap.tail_from(handle, entry, len(content) - 100, 100)
    assert later is not None
    elsewhere = replace(later, bit=later.bit + 1)
    assert leap.tail_from(handle, entry, later.begin - MIB, 100, later=elsewhere) is None
