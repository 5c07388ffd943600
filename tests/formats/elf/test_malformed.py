"""Bytes that are no good ELF: a clear refusal with the offset, or a sound answer. Nothing else."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.elf_checks import OpenFile
from support.samples import Malformed, malformed, sample

from wheelfix.errors import BadBinary, WheelfixError
from wheelfix.formats import elf
from wheelfix.model import DropNeeded, Image, ReplaceNeeded, SetOwnName, SetSearchPath

WATCH = {"": frozenset({"inner", "gone"})}
EDITS = (
    SetOwnName(name="libaltogether-another-and-longer-name.so.1"),
    ReplaceNeeded(old="libinner.so.2", new="libinner-0123456789.so.2"),
    DropNeeded(name="libc.so.6"),
    SetSearchPath(entries=("$ORIGIN/../some.libs",)),
)
BASES = [
    sample(name)
    for name in (
        "zig-x86_64-glibc-lib-outer.so",
        "zig-i686-musl-pie-hello",
        "zig-s390x-glibc-lib-outer.so",
        "made-x86_64-glibc-lib-no-sections-zig.so",
        "gcc-x86_64-glibc-lib-many-notes.so",
    )
]


class Memory:
    """Bytes as a `ByteSource`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]


def read(data: bytes) -> tuple[Image, ...] | None:
    """None for a refusal, which must say where."""
    try:
        return elf.read(Memory(data), watch=WATCH)
    except BadBinary as error:
        refusal = error
    assert refusal.offset is not None
    assert refusal.problem
    return None


@pytest.mark.parametrize("each", malformed(), ids=lambda each: each.path.name)
def test_each_defect_gets_its_verdict(each: Malformed) -> None:
    found = read(each.path.read_bytes())
    match each.verdict:
        case "refuse":
            assert found is None
        case "locked":
            assert found
            assert all(image.locked for image in found)
        case "read":
            assert found is not None
            assert not any(image.locked for image in found)
        case _:
            assert each.verdict == "any"


def test_there_are_samples_of_each_verdict() -> None:
    assert {each.verdict for each in malformed()} == {"refuse", "read", "locked", "any"}


@pytest.mark.parametrize("each", malformed(), ids=lambda each: each.path.name)
def test_each_defect_is_edited_soundly_or_refused(each: Malformed, tmp_path: Path) -> None:
    copy = Path(shutil.copyfile(each.path, tmp_path / "copy"))
    try:
        elf.apply(copy, EDITS)
    except WheelfixError:
        return
    (found,) = elf.read(OpenFile(copy), watch={})
    assert found.own_name == EDITS[0].name


def test_a_truncated_file_is_never_taken_for_a_whole_one() -> None:
    data = sample("zig-i686-musl-pie-hello").read_bytes()
    whole = read(data)
    assert whole is not None
    for size in range(len(data)):
        found = read(data[:size])
        assert found is None or found[0].locked, size


def test_the_magic_alone_is_refused_with_its_offset() -> None:
    with pytest.raises(BadBinary, match=r"ends inside its ELF header \(at byte 0x4\)"):
        elf.read(Memory(b"\x7fELF"), watch={})


MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 1 << 14),
        st.one_of(
            st.binary(min_size=1, max_size=8),
            st.sampled_from([b"\xff" * 4, b"\xff" * 8, b"\0" * 8, b"\x7f\xff\xff\xff"]),
        ),
    ),
    min_size=1,
    max_size=4,
)


def mutated(base: Path, changes: list[tuple[int, bytes]]) -> bytes:
    data = bytearray(base.read_bytes())
    for place, new in changes:
        at = place % len(data)
        data[at : at + len(new)] = new
    return bytes(data)


@given(base=st.sampled_from(BASES), changes=MUTATIONS)
@settings(max_examples=1500, deadline=2000)
def test_any_bytes_are_read_or_refused(base: Path, changes: list[tuple[int, bytes]]) -> None:
    read(mutated(base, changes))


@given(base=st.sampled_from(BASES), changes=MUTATIONS)
@settings(max_examples=700, deadline=2000)
def test_any_bytes_are_edited_or_refused(base: Path, changes: list[tuple[int, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        copy.write_bytes(mutated(base, changes))
        try:
            elf.apply(copy, EDITS)
        except WheelfixError:
            return
        assert copy.stat().st_size < 1 << 20
