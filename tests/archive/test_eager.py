"""Members that are not large: decoded whole, and once, when more than their beginning is wanted."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import zips
from support.zips import FILES

from wheelfix.archive import handle, open_wheel
from wheelfix.archive.source import BEGINNING, WHOLE
from wheelfix.errors import BadWheel
from wheelfix.model import WheelPath

BOOK = WheelPath("pkg/book.so")
SIZE = 3 << 20


@pytest.fixture(scope="module")
def text() -> bytes:
    """Give what deflates about as well as code does."""
    source = random.Random(5)
    words = [source.randbytes(source.randint(2, 9)) for _ in range(400)]
    text = b"".join(source.choices(words, k=SIZE // 3))[:SIZE]
    assert BEGINNING < len(text) == SIZE <= WHOLE
    return text


@pytest.fixture
def book(tmp_path: Path, text: bytes) -> Path:
    return zips.wheel(tmp_path, {**FILES, BOOK: text})


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Give what tells the bytes read from the archive since it was asked before."""
    counts = [0]
    real = handle.Handle.read

    def counting(self: handle.Handle, offset: int, size: int) -> bytes:
        counts.append(size)
        return real(self, offset, size)

    def since() -> int:
        total = sum(counts)
        counts.clear()
        return total

    monkeypatch.setattr(handle.Handle, "read", counting)
    return since


def test_it_is_fetched_once_and_its_beginning_alone_costs_little(
    book: Path, text: bytes, fetched: Callable[[], int]
) -> None:
    with open_wheel(book) as wheel:
        packed = wheel.entries[BOOK].member.compressed_size
        source = wheel.source(BOOK)
        fetched()
        assert source.read(0, 4096) == text[:4096]
        assert fetched() < packed // 20
        assert source.read(SIZE - 4096, 9999) == text[-4096:]
        assert fetched() == packed
        assert source.read(1 << 20, 1 << 19) == text[1 << 20 : 3 << 19]
        assert fetched() == 0


@pytest.mark.parametrize("libdeflate", [True, False])
def test_any_part_of_it(
    book: Path, text: bytes, monkeypatch: pytest.MonkeyPatch, *, libdeflate: bool
) -> None:
    if not libdeflate:
        monkeypatch.setitem(sys.modules, "deflate", None)
    order = random.Random(3)
    with open_wheel(book) as wheel:
        source = wheel.source(BOOK)
        for _ in range(60):
            offset, size = order.randrange(SIZE), order.choice([1, 100, 70_000, 900_000])
            assert source.read(offset, size) == text[offset : offset + size]


def test_what_is_whole_before_the_damage_can_still_be_read(book: Path, text: bytes) -> None:
    with open_wheel(book) as wheel:
        member = wheel.entries[BOOK].member
    data = bytearray(book.read_bytes())
    place = member.data_offset + member.compressed_size * 2 // 3
    data[place : place + 64] = b"\xff" * 64
    book.write_bytes(data)
    with open_wheel(book) as wheel:
        source = wheel.source(BOOK)
        assert source.read(1 << 19, 1 << 19) == text[1 << 19 : 1 << 20]
        for _ in range(2):
            with pytest.raises(BadWheel, match=r"pkg/book\.so: its compressed data"):
                source.read(SIZE - 4096, 4096)
        assert source.read(1 << 19, 4096) == text[1 << 19 : (1 << 19) + 4096]
