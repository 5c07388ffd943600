"""What an edit left alone stays the deflated bytes that it was, and the whole is a sound stream."""

from __future__ import annotations

import mmap
import random
import sys
import tempfile
import zlib
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import Any

import lief
import pytest
from deflate import deflate_compress, deflate_decompress
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import repairs
from support.streams import by_libdeflate, by_zlib

import wheelfix
from wheelfix.archive import borders, joints, splice, trail
from wheelfix.archive.coder import Coder, Data
from wheelfix.archive.compress import CHUNK, pack
from wheelfix.archive.handle import Handle
from wheelfix.archive.zipformat import STORED
from wheelfix.archive.zipwriter import Part, Span
from wheelfix.workers import Workers

SIZE = 3 << 20


@cache
def code() -> bytes:
    """Give some megabytes of real machine code."""
    (module,) = Path(lief.__file__).parent.glob("_lief*.so")
    with module.open("rb") as file:
        file.seek(1 << 20)
        return file.read(SIZE)


def noise(size: int) -> bytes:
    return random.Random(5).randbytes(size)


WITH_BORDERS = {
    "zlib-1": by_zlib(1),
    "zlib-6": by_zlib(6),
    "zlib-9": by_zlib(9),
    "libdeflate-1": by_libdeflate(1),
    "libdeflate-6": by_libdeflate(6),
}
RARE = {
    "libdeflate-12": by_libdeflate(12),
    "filtered": by_zlib(6, zlib.Z_FILTERED),
}
"""Have blocks of hundreds of kilobytes, or of few codes: borders may be too far from an edit."""
WITHOUT = {
    "stored": by_zlib(0),
    "fixed": by_zlib(6, zlib.Z_FIXED),
    "huffman": by_zlib(6, zlib.Z_HUFFMAN_ONLY),
}


@cache
def compressed(name: str) -> bytes:
    return (WITH_BORDERS | RARE | WITHOUT)[name](code())


def joined(parts: tuple[Part, ...]) -> bytes:
    return b"".join(
        part.handle.exactly(part.offset, part.size) if isinstance(part, Span) else part
        for part in parts
    )


def kept(parts: tuple[Part, ...]) -> int:
    return sum(part.size for part in parts if isinstance(part, Span))


@pytest.fixture(params=(1 << 16, trail.SPACING))
def spacing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sections so short that most of them are not gone through, and as they are."""
    monkeypatch.setattr(trail, "SPACING", request.param)


def trail_of(old: Span) -> trail.Trail:
    """Inflate a stream, as extracting a member does."""
    tracker = trail.Tracker(SIZE)  # or about that
    for at in range(old.offset, old.offset + old.size, 1 << 15):
        data = old.handle.exactly(at, min(1 << 15, old.offset + old.size - at))
        while data or not (tracker.needs_input or tracker.eof):
            tracker.decompress(data, 1 << 18)
            data = b""
    return tracker.trail(old)


def spliced(name: str, new: bytes, folder: Path) -> tuple[Part, ...] | None:
    before, after = folder / "before", folder / "after"
    before.write_bytes(b"in front" + compressed(name) + b"behind")
    after.write_bytes(new)
    with after.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        old = Span(handle=Handle(before), offset=8, size=len(compressed(name)))
        return splice.spliced(trail_of(old), view, Coder(level=6))


def edited(*edits: tuple[int, bytes], end: int = SIZE, tail: bytes = b"") -> bytes:
    new = bytearray(code())
    for at, text in edits:
        new[at : at + len(text)] = text
    return bytes(new[:end] + tail)


EDITS: dict[str, Any] = {
    "head": edited((100, b"x" * 300)),
    "head and tail": edited((100, b"x" * 300), (SIZE - 900, b"y" * 900), tail=b"tail" * 999),
    "middle": edited((SIZE // 2, b"z")),
    "grown": edited(tail=b"tail" * 999),
    "cut": edited(end=SIZE - 5000),
    "three": edited((64, b"x"), (SIZE // 2, b"x" * 5000), (SIZE - 1, b"\0")),
}


@pytest.mark.usefixtures("spacing")
@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", WITH_BORDERS)
def test_most_of_the_old_stream_is_kept(name: str, edit: str, tmp_path: Path) -> None:
    parts = spliced(name, EDITS[edit], tmp_path)
    assert parts is not None
    stream = joined(parts)
    assert zlib.decompress(stream, -15) == EDITS[edit]
    assert deflate_decompress(stream, len(EDITS[edit])) == EDITS[edit]
    assert kept(parts) > len(compressed(name)) // 2 - 2
    anew = len(deflate_compress(EDITS[edit], 6))
    assert len(stream) < max(len(compressed(name)), anew) * 1.02


def test_borders_are_looked_for_beyond_blocks_that_cannot_be_told(tmp_path: Path) -> None:
    """As at the end of a library for macOS: after one edit there nothing of 42 MB was kept."""
    content = code() + noise(300_000)
    stream = by_zlib(6)(content)
    (tmp_path / "before").write_bytes(stream)
    (tmp_path / "after").write_bytes(content[:-9] + b"different")
    with (
        (tmp_path / "after").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view,
    ):
        old = Span(handle=Handle(tmp_path / "before"), offset=0, size=len(stream))
        parts = splice.spliced(trail_of(old), view, Coder(level=6))
    assert parts is not None
    assert kept(parts) > len(stream) * 2 // 3
    assert zlib.decompress(joined(parts), -15) == content[:-9] + b"different"


@pytest.mark.parametrize("name", WITHOUT)
def test_streams_whose_borders_nobody_sees_are_not_kept(name: str, tmp_path: Path) -> None:
    assert spliced(name, EDITS["head"], tmp_path) is None


def test_what_changed_everywhere_is_not_kept(tmp_path: Path) -> None:
    new = bytearray(code())
    new[:: splice.STEP] = bytes(len(new[:: splice.STEP]))
    assert spliced("zlib-6", bytes(new), tmp_path) is None


edits = st.lists(st.tuples(st.integers(0, SIZE - 1), st.binary(min_size=1, max_size=40000)))


@pytest.mark.usefixtures("spacing")
@given(
    name=st.sampled_from(sorted(WITH_BORDERS | RARE)),
    changes=edits,
    end=st.integers(SIZE * 2 // 3, SIZE),
    tail=st.binary(max_size=9000),
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_edit_gives_a_stream_of_the_new_bytes(
    name: str, changes: list[tuple[int, bytes]], end: int, tail: bytes
) -> None:
    new = edited(*changes, end=end, tail=tail)
    with tempfile.TemporaryDirectory() as folder:
        parts = spliced(name, new, Path(folder))
        if parts is not None:
            stream = joined(parts)
            assert zlib.decompress(stream, -15) == new
            assert deflate_decompress(stream, len(new)) == new


def test_a_kept_block_refers_to_nothing_that_changed(tmp_path: Path) -> None:
    """The far end of a window: what is copied from just in front of the edit's reach."""
    block = random.Random(3).randbytes(borders.WINDOW)
    content = block * (SIZE // len(block))
    stream = by_zlib(9)(content)
    (tmp_path / "before").write_bytes(stream)
    new = bytearray(content)
    new[splice.STEP : splice.STEP + 9] = b"different"
    (tmp_path / "after").write_bytes(new)
    with (
        (tmp_path / "after").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view,
    ):
        old = Span(handle=Handle(tmp_path / "before"), offset=0, size=len(stream))
        parts = splice.spliced(trail_of(old), view, Coder(level=6))
    assert parts is None or zlib.decompress(joined(parts), -15) == new


@pytest.mark.parametrize("phase", range(8))
def test_empty_blocks_end_at_any_bit(phase: int) -> None:
    bits, count = joints.phased(phase)
    assert count % 8 == phase
    stream = (bits | 0b11 << count).to_bytes(count // 8 + 3, "little")  # an empty last block
    inflater = zlib.decompressobj(-15)
    assert inflater.decompress(stream) == b""
    assert inflater.eof
    assert deflate_decompress(stream, 0) == b""


@pytest.mark.parametrize("count", range(8))
def test_a_byte_ends_behind_any_bit(count: int) -> None:
    bits, width = joints.phased(count)
    whole, rest = divmod(width, 8)
    stream = bits.to_bytes(whole + 1, "little")[:whole] + joints.realigned(bits >> whole * 8, rest)
    inflater = zlib.decompressobj(-15)
    assert inflater.decompress(stream + b"\x03\0") == b""
    assert inflater.eof


@pytest.mark.parametrize("size", [0, 1, 9, 5000, 100_000, SIZE])
@pytest.mark.parametrize("level", [1, 6, 12])
@pytest.mark.parametrize("zlib_alone", [False, True], ids=["libdeflate", "zlib"])
def test_open_ended_blocks_end_with_a_byte(
    size: int, level: int, monkeypatch: pytest.MonkeyPatch, *, zlib_alone: bool
) -> None:
    if zlib_alone:
        monkeypatch.setitem(sys.modules, "deflate", None)
    content = code()[:size]
    stream = b"".join(joints.open_ended(content, Coder(level=level)))
    assert zlib.decompress(stream + b"\x03\0", -15) == content


ENDINGS = {
    "all-of-noise": lambda: noise(SIZE),
    "noise": lambda: code() + noise(1 << 16),
    "a-little-noise": lambda: code() + noise(700),
    "zeros": lambda: code() + bytes(1 << 20),
    "noise-behind-zeros": lambda: bytes(SIZE) + noise(70_000),
    "digits": lambda: b" ".join(b"%d" % (byte * 3) for byte in noise(SIZE // 4)),
    "base64": lambda: b64encode(noise(SIZE)),
    "two-letters": lambda: noise(SIZE).translate(bytes(b"ab"[byte & 1] for byte in range(256))),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_content_of_any_kind_is_deflated_once_for_an_open_end(ending: str) -> None:
    """What has stored blocks, or blocks of few codes, took up to eighty times as long."""
    content = ENDINGS[ending]()
    coder = Coder(level=5)
    deflated: list[int] = []

    class Counting:
        inflates_to = coder.inflates_to

        def deflated(self, content: Data) -> bytes | bytearray:
            deflated.append(len(content))
            return coder.deflated(content)

    (stream,) = joints.open_ended(content, Counting())
    assert zlib.decompress(bytes(stream) + b"\x03\0", -15) == content
    assert deflated == [len(content)]


@pytest.mark.parametrize("size", [100, 5000, SIZE])
def test_an_open_end_that_says_anything_but_the_content_is_not_taken(size: int) -> None:
    content = code()[:size]
    coder = Coder(level=5)

    class Wrong:
        inflates_to = coder.inflates_to

        def deflated(self, given: Data) -> bytes | bytearray:
            wrong = bytes(given) == content
            return coder.deflated(content[:-1] + bytes([content[-1] ^ 1]) if wrong else given)

    first, second = joints.open_ended(content, Wrong())
    assert zlib.decompress(bytes(first + second) + b"\x03\0", -15) == content


def test_what_says_too_little_to_be_the_last_block_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bits, count = joints.phased(3)  # one empty block of dynamic codes
    last = (bits | 1).to_bytes(-(-count // 8), "little")
    content = noise(700) + last  # is stored

    def wrong_first(stream: bytearray) -> list[int]:
        return [(len(stream) - len(last)) * 8, 0]

    monkeypatch.setattr(joints, "_last_heads", wrong_first)
    (stream,) = joints.open_ended(content, Coder(level=5))
    assert zlib.decompress(bytes(stream) + b"\x03\0", -15) == content


@repairs.loads_here
def test_a_large_member_is_repaired_by_its_ends_and_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seven = repairs.build_library(tmp_path / "libs" / "libseven.so", "int seven(void){return 7;}")
    (tmp_path / "code").write_bytes(code() * 3)
    source = (
        f'__asm__(".data\\n.incbin \\"{tmp_path}/code\\"\\n.previous");\n'
        "int seven(void); int eight(void) { return seven() + 1; }\n"
    )
    large = repairs.build_library(tmp_path / "build" / "large.so", source, seven)
    wheel = repairs.make_wheel(tmp_path / "dist", {"pkg/large.so": large.read_bytes()})
    options = wheelfix.Options(lib_paths=(seven.parent,), jobs=1)
    outcome = wheelfix.repair(wheel, tmp_path / "out", options)
    before, after = (repairs.payloads(each)["pkg/large.so"] for each in (wheel, outcome.output))
    middle = len(before) // 2
    assert before[middle : middle + (1 << 17)] in after
    monkeypatch.setitem(sys.modules, "zlib_ng.zlib_ng", None)  # who inflates changes no byte
    again = wheelfix.repair(wheel, tmp_path / "again", wheelfix.Options(lib_paths=(seven.parent,)))
    assert again.output.read_bytes() == outcome.output.read_bytes()
    site = repairs.unpack(outcome.output, tmp_path / "site")
    seven.unlink()
    load = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).eight())"
    assert repairs.run(sys.executable, "-c", load, site / "pkg" / "large.so").strip() == "8"


@pytest.mark.parametrize(
    ("content", "count"),
    [(code() * 4, 1), (code() * 6, 3), (random.Random(5).randbytes(CHUNK * 2 + 1), 0)],
)
def test_a_large_file_is_deflated_by_several_threads_to_one_stream(
    content: bytes, count: int, tmp_path: Path
) -> None:
    """Whatever their number; what does not become smaller is stored."""
    (tmp_path / "large").write_bytes(content)
    with Workers(1) as one, Workers(3) as three:
        coders = [Coder(level=6, crew=crew) for crew in (None, one, three)]
        packed = [pack(tmp_path / "large", coder) for coder in coders]
    assert packed[0] == packed[1] == packed[2]
    if not count:
        assert packed[0].method == STORED
        assert packed[0].payload == tmp_path / "large"
        return
    parts = packed[0].payload
    assert isinstance(parts, tuple)
    assert len(parts) == count
    assert zlib.decompress(joined(parts), -15) == content
    assert packed[0].compressed_size < len(deflate_compress(content, 6)) * 1.001
