"""Files that are edited in place, small ones in memory."""

from pathlib import Path

import pytest

from wheelfix.errors import BadBinary
from wheelfix.formats.files import Opened, editing, put
from wheelfix.formats.window import PAGE, Window

SMALL, LARGE = 1000, 1 << 17


@pytest.mark.parametrize("size", [0, SMALL, 1 << 16, (1 << 16) + 1, LARGE])
@pytest.mark.parametrize("end", [10, 1 << 16, 1 << 18])
def test_small_and_large_files_are_edited_alike(tmp_path: Path, size: int, end: int) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x" * size)
    with editing(file) as handle:
        assert Opened(handle).size == size
        put(handle, 5, b"new")
        put(handle, end - 1, b"!")
        handle.truncate(end)
    wanted = bytearray(b"x" * size).ljust(end, b"\0")
    wanted[5:8] = b"new"
    wanted[end - 1 :] = b"!"
    assert file.read_bytes() == wanted


def test_a_small_file_is_written_in_the_end_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")

    def spoil() -> None:
        with editing(file) as handle:
            put(handle, 0, b"new")
            raise KeyError

    with pytest.raises(KeyError):
        spoil()
    assert file.read_bytes() == b"old"


def test_a_file_that_stays_the_same_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"old")
    before = file.stat()
    with editing(file) as handle:
        put(handle, 0, b"old")
    assert file.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("start", [0, PAGE - 3, PAGE, 2 * PAGE - 1])
def test_a_text_ends_at_its_nul_and_before_the_end(tmp_path: Path, start: int) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"y" * start + b"text\0" + b"z" * 3 * PAGE)
    with file.open("rb") as handle:
        window = Window(Opened(handle))
        assert window.string(start, window.size, "a name") == b"text"
        assert window.string(start, start + 5, "a name") == b"text"
        for short in (start, start + 4):
            with pytest.raises(BadBinary, match="a name does not end inside its table"):
                window.string(start, short, "a name")
