"""Bytes that are no good PE: a clear refusal with the offset, or a sound answer. Nothing else."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.macho_files import Bytes
from support.samples import Malformed, malformed, pe, pe_samples

from wheelfix.errors import BadBinary, WheelfixError
from wheelfix.formats import pe as format_
from wheelfix.model import Image, ReplaceNeeded, SetOwnName, after

DEFECTS = malformed("pe")
EDITS = (
    SetOwnName(name="altogether-another-and-longer-name.dll"),
    ReplaceNeeded(old="inner.dll", new="inner-0123456789abcdef.dll"),
    ReplaceNeeded(old="another.dll", new="short.dll"),
)
BASES = [
    pe(name)
    for name in (
        "lld-amd64-lib-outer.dll",
        "lld-x86-lib-delay.dll",
        "lld-arm64-lib-flags.dll",
        "lld-amd64-lib-forward.dll",
        "lld-amd64-lib-tight.dll",
        "mingw-x86-lib-symbols.dll",
        "made-amd64-lib-bound.dll",
        "made-amd64-lib-signed.dll",
    )
]


def read(data: bytes) -> tuple[Image, ...] | None:
    """None for a refusal, which must say where."""
    try:
        return format_.read(Bytes(data), watch={})
    except BadBinary as error:
        refusal = error
    assert refusal.offset is not None
    assert refusal.problem
    return None


def edit_or_refuse(data: bytes) -> str | None:
    """Edit these bytes; give what is said against it, None when it was done."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "copy")
        file.write_bytes(data)
        try:
            format_.apply(file, EDITS)
        except WheelfixError as error:
            return error.problem
        assert file.stat().st_size < 1 << 20
    return None


@pytest.mark.parametrize("each", DEFECTS, ids=lambda each: each.path.name)
def test_each_defect_gets_its_verdict(each: Malformed) -> None:
    found = read(each.path.read_bytes())
    match each.verdict:
        case "refuse":
            assert found is None
        case "read":
            assert found
        case "locked":
            assert found
            assert all(image.locked for image in found)
        case _:
            assert each.verdict == "any"


def test_there_are_samples_of_each_verdict() -> None:
    assert {each.verdict for each in DEFECTS} == {"refuse", "read", "locked", "any"}


@pytest.mark.parametrize(
    "each", [e for e in DEFECTS if e.verdict != "any"], ids=lambda each: each.path.name
)
def test_a_defective_file_is_not_edited(each: Malformed) -> None:
    assert edit_or_refuse(each.path.read_bytes())


@pytest.mark.parametrize(
    "each", [e for e in pe_samples() if e.kind != "dos"], ids=lambda each: each.path.name
)
def test_a_truncated_file_is_never_taken_for_a_whole_one(
    each: Malformed,
) -> None:
    """delvewheel: truncated DLLs pass silently."""
    data = each.path.read_bytes()
    whole = read(data)
    for size in range(2, len(data), 7):
        found = read(data[:size])
        if found == whole and whole:
            assert size > sections_end(data), size


def sections_end(data: bytes) -> int:
    head = int.from_bytes(data[60:64], "little")
    count = int.from_bytes(data[head + 6 : head + 8], "little")
    table = head + 24 + int.from_bytes(data[head + 20 : head + 22], "little")
    ends = []
    for at in range(table, table + 40 * count, 40):
        size, start = (int.from_bytes(data[at + f : at + f + 4], "little") for f in (16, 20))
        ends.append(start + size)
    return max(ends) - 1


def test_texts_and_programs_for_dos_are_left_in_peace() -> None:
    assert not format_.matches(b"MZ is what this file is about\n")
    assert not format_.matches(b"MZ")
    assert read(pe("made-x86-dos-program.exe").read_bytes()) == ()
    assert read(pe("made-amd64-efi-program.efi").read_bytes()) == ()


def test_a_table_without_an_end_is_refused_soon() -> None:
    """Every descriptor and text is a page of its own: time and memory must stay bounded."""
    data = bytearray(pe("lld-amd64-lib-forward.dll").read_bytes())
    start = time.monotonic()
    for at in range(512, len(data), 4):
        data[at : at + 4] = (0x2000).to_bytes(4, "little")
    read(bytes(data))
    assert time.monotonic() - start < 1


MUTATIONS = st.lists(
    st.tuples(
        st.integers(0, 1 << 13),
        st.one_of(
            st.binary(min_size=1, max_size=8),
            st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\0" * 8, b"\xff\xff\xff\x7f"]),
            st.integers(0, 0x6000).map(lambda number: number.to_bytes(4, "little")),
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
def test_any_bytes_are_edited_as_predicted_or_refused(
    base: Path, changes: list[tuple[int, bytes]]
) -> None:
    data = mutated(base, changes)
    before = read(data)
    edits = EDITS if before and before[0].own_name else EDITS[1:]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "copy")
        file.write_bytes(data)
        try:
            format_.apply(file, edits)
        except WheelfixError:
            return
        assert before is not None
        assert read(file.read_bytes()) == tuple(after(image, edits) for image in before)
