"""Laws of the archive, for any members and any bytes."""

from __future__ import annotations

import tempfile
import unicodedata
import zipfile
from contextlib import suppress
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support import zips
from support.zips import DIST_INFO, build, parts, save

from wheelfix.archive import NewFile, open_wheel, write_wheel
from wheelfix.errors import BadWheel
from wheelfix.model import WheelPath

RECORD = WheelPath(f"{DIST_INFO}/RECORD")

LETTERS = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/\\:")
NAMES = st.lists(
    st.text(LETTERS, min_size=1, max_size=9).filter(lambda part: part not in (".", "..")),
    min_size=1,
    max_size=3,
).map("/".join)
CONTENTS = st.binary(max_size=99) | st.builds(
    lambda data, times: data * times, st.binary(max_size=9), st.integers(1, 30_000)
)
MEMBERS = st.dictionaries(NAMES.map(lambda name: f"pkg/{name}"), CONTENTS, max_size=6)


def folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def without_clashes(names: list[str]) -> bool:
    keys = [folded(name) for name in names]
    folders = {"/".join(key.split("/")[:depth]) for key in keys for depth in range(1, 4)}
    folders = {folder for folder in folders if any(key.startswith(folder + "/") for key in keys)}
    return len(set(keys)) == len(keys) and not folders & set(keys)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(old=MEMBERS, new=MEMBERS, executable=st.booleans(), jobs=st.integers(1, 3))
def test_what_is_written_is_read(
    old: dict[str, bytes], new: dict[str, bytes], *, executable: bool, jobs: int
) -> None:
    expected = {**old, **new}
    assume(without_clashes(list(expected)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "in"
        source.mkdir()
        with zipfile.ZipFile(source / zips.FILENAME, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in parts(old, record=None):
                archive.writestr(part.name.decode(), part.data)
        mode = 0o755 if executable else 0o644
        files = tuple(
            NewFile(path=WheelPath(path), content=data, mode=mode) for path, data in new.items()
        )
        output = folder / zips.FILENAME
        with open_wheel(source / zips.FILENAME) as wheel:
            write_wheel(
                wheel, output, files=files, tags=("a-b-c",), root_is_purelib=False, jobs=jobs
            )
        with open_wheel(output) as wheel:
            assert wheel.notes == ()
            paths = [member.path for member in wheel.members]
            assert paths == [
                *sorted(expected, key=lambda path: path.split("/")),
                *paths[len(expected) :],
            ]
            for path, data in expected.items():
                assert wheel.read(WheelPath(path)) == data
                assert wheel.source(WheelPath(path)).read(0, len(data) + 1) == data
            assert wheel.rows.keys() == set(paths) - {RECORD}
            for path in paths:
                wheel.check_carried(path)
        with zipfile.ZipFile(output) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == paths


GOOD = build(parts())


@settings(max_examples=300, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4
    )
)
def test_any_changed_bytes_are_refused_or_read_without_a_traceback(
    changes: list[tuple[int, int]],
) -> None:
    content = bytearray(GOOD)
    for at, value in changes:
        content[at] = value
    with (
        tempfile.TemporaryDirectory() as name,
        suppress(BadWheel),
        open_wheel(save(Path(name), bytes(content))) as wheel,
    ):
        for member in wheel.members:
            with suppress(BadWheel):
                wheel.read(member.path)
            with suppress(BadWheel):
                wheel.source(member.path).read(0, 1 << 20)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_record_is_refused_or_read_without_a_traceback(content: bytes) -> None:
    for record in (content, parts()[-1].data + content):
        with (
            tempfile.TemporaryDirectory() as name,
            suppress(BadWheel),
            open_wheel(save(Path(name), build(parts(record=record)))) as wheel,
        ):
            wheel.read(wheel.members[0].path)


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200))
def test_any_wheel_file_is_refused_or_edited_without_a_traceback(content: bytes) -> None:
    for text in (content, zips.WHEEL_TEXT + content):
        with tempfile.TemporaryDirectory() as name, suppress(BadWheel):
            folder = Path(name)
            with open_wheel(save(folder / "in", build(parts(wheel=text)))) as wheel:
                output = folder / zips.FILENAME
                write_wheel(wheel, output, files=(), tags=("a-b-c",), root_is_purelib=True)
            with open_wheel(output) as wheel:
                assert wheel.info.tags == ("a-b-c",)
                assert wheel.info.root_is_purelib
