"""What a terminal sees of long work, and that nobody else sees any of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import repairs

from wheelfix import Options, repair
from wheelfix.render.progress import progress_text

LINE = re.compile(r"\r[0-9.]+ [kM]?B of [0-9.]+ MB, [0-9.]+ [kM]?B/s, [0-9]+ s left")
posix = pytest.mark.skipif(os.name != "posix", reason="needs a pseudo-terminal")


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a wheel of members that must be compressed anew, 2 MB each."""
    folder = tmp_path_factory.mktemp("slow")
    text = "\n".join(f"{row} {row * row % 9973} {row * 7 % 991:x}" for row in range(130_000))
    files = {f"slow/{n}.txt": f"{n}\n{text}".encode() for n in range(16)}
    plain = repairs.make_wheel(folder, files, "slow-1.0-py3-none-any", purelib=True)
    odd = folder / "odd" / plain.name
    odd.parent.mkdir()
    with (
        zipfile.ZipFile(plain) as old,
        zipfile.ZipFile(odd, "w", zipfile.ZIP_BZIP2, compresslevel=1) as new,
    ):
        for member in old.namelist():
            new.writestr(member, old.read(member))
    return odd


def on_terminal(*words: str | Path, columns: int = 80) -> str:
    """Give what a terminal that is stderr gets to see of a repair."""
    import pty
    import termios

    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    command = [sys.executable, "-m", "wheelfix", "repair", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while piece := _read(ours):
            seen += piece
    os.close(ours)
    assert process.returncode == 0
    return seen.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # how Linux says that nobody writes any more
        return b""


@posix
def test_long_work_says_how_far_it_is_and_leaves_no_trace(slow: Path, tmp_path: Path) -> None:
    seen = on_terminal("-j1", "-z12", "-w", tmp_path, slow)
    assert LINE.search(seen)
    last_drawn = seen.rindex(" left")
    assert "slow-1.0-py3-none-any.whl" in seen[last_drawn:]
    for line in seen[last_drawn:].replace("\r", "\n").splitlines()[1:]:
        assert " left" not in line
    assert re.search(r" left\r +\r[^\r]", seen)


@posix
def test_the_line_is_no_longer_than_the_terminal_is_wide(slow: Path, tmp_path: Path) -> None:
    seen = on_terminal("-j1", "-z12", "-w", tmp_path, slow, columns=24)
    drawn = [line for line in re.split(r"[\r\n]", seen) if " of " in line and "MB" in line]
    assert drawn
    assert max(map(len, drawn)) < 24


@posix
def test_quiet_is_quiet(slow: Path, tmp_path: Path) -> None:
    assert not on_terminal("-q", "-j1", "-z12", "-w", tmp_path, slow)


@posix
def test_short_work_says_nothing_of_it(tmp_path: Path) -> None:
    seen = on_terminal("-w", tmp_path, "-l", repairs.SAMPLE_LIBS, repairs.SAMPLE)
    assert seen
    assert "\r" not in seen


def test_a_log_gets_nothing_of_it(slow: Path, tmp_path: Path) -> None:
    words = ("-j1", "-z12", "-w", str(tmp_path), str(slow))
    command = [sys.executable, "-m", "wheelfix", "repair", *words]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "\r" not in done.stdout + done.stderr
    assert " left" not in done.stdout + done.stderr


def test_the_library_tells_whoever_asks(slow: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    repair(slow, tmp_path, Options(level=1), progress=lambda *bytes_: told.append(bytes_))
    (total,) = {every for _, every in told}
    assert total > 16 * 1_900_000
    assert max(done for done, _ in told) == total
    assert len({done for done, _ in told}) > 16


def test_it_is_told_of_a_large_librarys_parts_too(tmp_path: Path) -> None:
    """One library of gigabytes would say nothing of itself until it is done."""
    large = repairs.large_library(tmp_path / "libs" / "liblarge.so", 20)
    user = repairs.build_library(
        tmp_path / "user.so", "int large(void); int user(void) { return large(); }", large
    )
    wheel = repairs.make_wheel(tmp_path, {"pkg/user.so": user.read_bytes()})
    told: list[tuple[int, int]] = []
    options = Options(lib_paths=(large.parent,), level=1)
    repair(wheel, tmp_path / "out", options, progress=lambda *bytes_: told.append(bytes_))
    size = large.stat().st_size
    assert len({done // 1_000_000 for done, _ in told if size // 4 < done < size}) >= 2


@pytest.mark.parametrize(
    ("work", "wheels", "seconds", "text"),
    [
        ([(50_000_000, 200_000_000)], 1, 5.0, "50.0 MB of 200.0 MB, 10.0 MB/s, 15 s left"),
        ([(1_000, 241_000)], 1, 1.0, "1.0 kB of 241.0 kB, 1.0 kB/s, 4 min 0 s left"),
        (
            [(10, 10), (5, 10), (0, 0)],
            4,
            3.0,
            "1 of 4 wheels, 15 B of 20 B, 5 B/s, 5 s left",
        ),
    ],
)
def test_the_line(work: list[tuple[int, int]], wheels: int, seconds: float, text: str) -> None:
    assert progress_text(work, wheels, seconds) == text
