"""Bytes that are no good Mach-O: a clear refusal with the offset, or a sound answer."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.macho_files import Bytes
from support.samples import Malformed, macho, malformed

from wheelfix.errors import BadBinary, WheelfixError
from wheelfix.formats import macho as format_
from wheelfix.model import (
    DropNeeded,
    Edit,
    Image,
    ReplaceNeeded,
    SetMinimumSystem,
    SetOwnName,
    SetSearchPath,
    after,
)

DEFECTS = malformed("macho")
DROPPED = "/usr/lib/libSystem.B.dylib"
EDITS: tuple[Edit, ...] = (
    DropNeeded(name=DROPPED),
    SetOwnName(name="@rpath/libaltogether-another-and-longer-name.dylib"),
    ReplaceNeeded(old="/opt/build/lib/libinner.2.dylib", new="@rpath/libinner.dylib"),
    SetSearchPath(entries=("@loader_path/../some.dylibs",)),
    SetMinimumSystem(version="macos 12.0"),
)
BASES = [
    macho(name)
    for name in (
        "lld-x86_64-macos-lib-outer.dylib",
        "lld-arm64-macos-lib-outer.dylib",
        "made-universal2-macos-lib-outer.dylib",
        "made-ppc-macos-lib-old.dylib",
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


def edit_or_refuse(data: bytes, edits: tuple[Edit, ...] = EDITS) -> str | None:
    """Edit these bytes; give what is said against it, None when it was done as the law says."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "copy")
        file.write_bytes(data)
        try:
            format_.apply(file, edits)
        except WheelfixError as error:
            return error.problem
        assert read(file.read_bytes()) == tuple(after(image, edits) for image in read(data) or ())
    return None


@pytest.mark.parametrize("each", DEFECTS, ids=lambda each: each.path.name)
def test_each_defect_gets_its_verdict(each: Malformed) -> None:
    found = read(each.path.read_bytes())
    match each.verdict:
        case "refuse":
            assert found is None
        case "locked":
            assert found
            assert all(image.locked for image in found)
        case _:
            assert each.verdict == "any"


@pytest.mark.parametrize(
    "each", [e for e in DEFECTS if e.verdict != "any"], ids=lambda each: each.path.name
)
def test_a_defective_file_is_not_edited(each: Malformed) -> None:
    assert edit_or_refuse(each.path.read_bytes())


def test_commands_that_reach_into_code_are_left_alone() -> None:
    (spoilt,) = [e.path for e in DEFECTS if e.path.name == "macho-section-in-commands.dylib"]
    assert edit_or_refuse(spoilt.read_bytes()) == "its load commands reach into what follows them"


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_no_bytes_whatever_raise_anything_else(data: st.DataObject) -> None:
    content = bytearray(data.draw(st.sampled_from(BASES)).read_bytes())
    start = data.draw(st.sampled_from([0, 0, 0, 4096, 16384]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = min(start + data.draw(st.integers(0, 1600)), len(content) - 1)
        content[at : at + 4] = data.draw(
            st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from([b"\0" * 4, b"\xff" * 4]))
        )
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(4, len(content))) :]
    read(bytes(content))
    few = st.lists(st.sampled_from(EDITS), min_size=1, max_size=2, unique=True)
    edit_or_refuse(bytes(content), tuple(data.draw(few)))
