"""The output appears whole or not at all, and nothing else changes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support import zips

from wheelfix.archive import NewFile, OpenWheel, copy_wheel, open_wheel, write_wheel
from wheelfix.archive.output import replacing
from wheelfix.archive.record import write_record
from wheelfix.errors import CannotWrite, SourceChanged, UsageError
from wheelfix.model import WheelPath

GRAFT = WheelPath("pkg.libs/libz.so")
ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.fixture
def wheel(tmp_path: Path) -> Iterator[OpenWheel]:
    with open_wheel(zips.wheel(tmp_path / "in")) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def write(wheel: OpenWheel, output: Path, *new: NewFile, **options: Any) -> None:
    write_wheel(wheel, output, files=new, tags=wheel.info.tags, root_is_purelib=False, **options)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def new_file(content: bytes | Path) -> NewFile:
    return NewFile(path=GRAFT, content=content, mode=0o755)


def test_an_equal_output_is_left_alone(wheel: OpenWheel, folder: Path) -> None:
    output = folder / "x.whl"
    write(wheel, output)
    before = output.stat()
    write(wheel, output)
    assert (output.stat().st_ino, output.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert names(folder) == ["x.whl"]


def test_another_output_is_kept_unless_told(wheel: OpenWheel, folder: Path) -> None:
    output = folder / "x.whl"
    output.write_bytes(b"other")
    with pytest.raises(CannotWrite, match="is there already, with other content") as caught:
        write(wheel, output)
    assert "--overwrite" in caught.value.hint
    assert output.read_bytes() == b"other"
    assert names(folder) == ["x.whl"]
    write(wheel, output, overwrite=True)
    with open_wheel(output.rename(folder / zips.FILENAME)) as again:
        assert again.notes == ()


@pytest.mark.parametrize(
    ("alike", "links"),
    [(True, True), (False, True), (True, False)],  # without links nobody can ask and name at once
)
def test_neighbours_write_the_same_name_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, alike: bool, links: bool
) -> None:
    """Alike they are all content; else one wins, and the others say so and take nothing away."""
    if not links:
        monkeypatch.setattr(os, "link", refuse)
    for number in range(100):
        output = folder / f"{number}.whl"
        told = at_once(4, partial(put, output, alike=alike))
        assert told.count("done") == (4 if alike else 1)
        winner = b"x" if alike else b"%d" % told.index("done")
        assert output.read_bytes() == winner
        assert output.stat().st_nlink == 1
    assert len(names(folder)) == 100


def refuse(*_: object) -> None:
    raise PermissionError


def put(output: Path, number: int, *, alike: bool) -> str:
    try:
        with replacing(output, overwrite=False) as temporary:
            temporary.write_bytes(b"x" if alike else b"%d" % number)
    except CannotWrite as error:
        return error.problem
    return "done"


def at_once(count: int, job: Callable[[int], str]) -> list[str]:
    barrier = threading.Barrier(count)

    def run(number: int) -> str:
        barrier.wait()
        return job(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_a_folder_in_the_way(wheel: OpenWheel, folder: Path) -> None:
    (folder / "x.whl" / "precious").mkdir(parents=True)
    for overwrite in (False, True):
        with pytest.raises(CannotWrite):
            write(wheel, folder / "x.whl", overwrite=overwrite)
    assert names(folder) == ["x.whl"]


def test_a_link_is_replaced_and_not_followed(wheel: OpenWheel, folder: Path) -> None:
    """Invariant 10."""
    victim = folder / "victim"
    victim.write_bytes(b"precious")
    (folder / "x.whl").symlink_to(victim)
    write(wheel, folder / "x.whl", overwrite=True)
    assert victim.read_bytes() == b"precious"
    assert not (folder / "x.whl").is_symlink()


@pytest.mark.parametrize("via_link", [False, True])
def test_the_wheel_itself_is_never_written(
    wheel: OpenWheel, folder: Path, *, via_link: bool
) -> None:
    output = wheel.path
    if via_link:
        output = folder / "x.whl"
        output.symlink_to(wheel.path)
    before = wheel.path.read_bytes()
    with pytest.raises(CannotWrite, match="never written over") as caught:
        write(wheel, output, overwrite=True)
    assert "another folder" in caught.value.hint
    assert wheel.path.read_bytes() == before


def test_no_folder(wheel: OpenWheel, folder: Path) -> None:
    with pytest.raises(CannotWrite, match="No such file or directory") as caught:
        write(wheel, folder / "no" / "x.whl")
    assert "mkdir -p" in caught.value.hint


def test_a_file_instead_of_a_folder(wheel: OpenWheel, folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(CannotWrite, match="cannot be written"):
        write(wheel, folder / "file" / "x.whl")


@pytest.mark.skipif(os.name != "posix", reason="needs permission bits")
def test_a_folder_that_may_not_be_written(wheel: OpenWheel, folder: Path) -> None:
    if ROOT:
        folder = Path("/proc")  # which refuses even root
    else:
        folder.chmod(0o555)
    with pytest.raises(CannotWrite, match="cannot be written"):
        write(wheel, folder / "x.whl")
    with pytest.raises(CannotWrite, match="cannot be written"):
        copy_wheel(wheel, folder / "x.whl")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if not (ROOT and sys.platform == "linux"):
        pytest.skip("needs root on Linux, to mount a small tmpfs")
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("needs a system where root may mount a tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(tmp_path: Path, wheel: OpenWheel, small_disk: Path) -> None:
    bulk = tmp_path / "bulk"
    bulk.write_bytes(os.urandom(3 << 20))
    with pytest.raises(CannotWrite, match="No space left on device") as caught:
        write(wheel, small_disk / "x.whl", new_file(bulk))
    assert "make room" in caught.value.hint
    assert names(small_disk) == []
    bulky = tmp_path / zips.FILENAME
    write(wheel, bulky, new_file(bulk))
    with open_wheel(bulky) as large:
        for work in (copy_wheel, write):
            with pytest.raises(CannotWrite, match="No space left on device"):
                work(large, small_disk / "x.whl")
        with pytest.raises(CannotWrite, match="No space left on device"):
            large.extract(GRAFT, small_disk / "inflated")
    assert names(small_disk) == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_nothing_is_left_behind(
    wheel: OpenWheel, folder: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    """Invariant 22."""

    def broken(*_: object) -> None:
        assert len(names(folder)) == 1
        assert not names(folder)[0].endswith(".whl")
        raise kind

    monkeypatch.setattr("wheelfix.archive.write.write_record", broken)
    with pytest.raises(kind):
        write(wheel, folder / "x.whl", new_file(b"x" * 9999), jobs=4)
    assert names(folder) == []


def test_a_failing_job_ends_it(wheel: OpenWheel, folder: Path) -> None:
    with pytest.raises(UsageError, match="gone: No such file"):
        write(wheel, folder / "x.whl", new_file(folder / "gone"), jobs=4)
    assert names(folder) == []


def test_a_source_that_changes_before(wheel: OpenWheel, folder: Path) -> None:
    """Invariant 14."""
    os.utime(wheel.path, ns=(1, 1))
    for work in (write, copy_wheel):
        with pytest.raises(SourceChanged):
            work(wheel, folder / "x.whl")
    assert names(folder) == []


def test_a_source_that_changes_meanwhile(
    wheel: OpenWheel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invariant 14."""

    def touching(*arguments: Any) -> bytes:
        os.utime(wheel.path, ns=(1, 1))
        return write_record(*arguments)

    monkeypatch.setattr("wheelfix.archive.write.write_record", touching)
    with pytest.raises(SourceChanged):
        write(wheel, folder / "x.whl")
    assert names(folder) == []


SCRIPT = """
import sys
from pathlib import Path
from wheelfix.archive import NewFile, open_wheel, write_wheel
with open_wheel(Path(sys.argv[1])) as wheel:
    files = tuple(NewFile(path=f"x/{n}", content=Path(sys.argv[3]), mode=0o644) for n in range(99))
    print("ready", flush=True)
    write_wheel(wheel, Path(sys.argv[2]), files=files, tags=("a-b-c",), root_is_purelib=False)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and SIGINT")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_leaves_no_wheel(
    tmp_path: Path, wheel: OpenWheel, folder: Path, number: signal.Signals
) -> None:
    """Invariant 22."""
    bulk = tmp_path / "bulk"
    bulk.write_bytes(os.urandom(2 << 20))
    before = wheel.path.read_bytes()
    command = [sys.executable, "-c", SCRIPT, str(wheel.path), str(folder / "x.whl"), str(bulk)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 30
        while not names(folder) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        process.wait(30)
    left = names(folder)
    assert process.returncode != 0
    assert left == [] if number == signal.SIGINT else len(left) == 1
    assert not [name for name in left if name.endswith(".whl")]
    assert wheel.path.read_bytes() == before


def test_copy(wheel: OpenWheel, folder: Path) -> None:
    """Invariant 15."""
    output = folder / "x.whl"
    copy_wheel(wheel, output)
    assert output.read_bytes() == wheel.path.read_bytes()
    assert output.stat().st_ino != wheel.path.stat().st_ino
    assert output.stat().st_nlink == 1
    if os.name == "posix":
        assert output.stat().st_mode & 0o777 == 0o644
    before = output.stat().st_mtime_ns
    copy_wheel(wheel, output)
    assert output.stat().st_mtime_ns == before
    assert names(folder) == ["x.whl"]


def test_copy_onto_itself_does_nothing(wheel: OpenWheel) -> None:
    before = wheel.path.stat()
    copy_wheel(wheel, wheel.path)
    assert wheel.path.stat() == before


def test_copy_keeps_another_output_unless_told(wheel: OpenWheel, folder: Path) -> None:
    output = folder / "x.whl"
    output.write_bytes(b"other")
    with pytest.raises(CannotWrite, match="is there already"):
        copy_wheel(wheel, output)
    assert output.read_bytes() == b"other"
    copy_wheel(wheel, output, overwrite=True)
    assert output.read_bytes() == wheel.path.read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="needs permission bits")
def test_copy_of_a_read_only_wheel(tmp_path: Path, folder: Path) -> None:
    path = zips.wheel(tmp_path / "read-only")
    path.chmod(0o400)
    with open_wheel(path) as wheel:
        copy_wheel(wheel, folder / "x.whl")
    assert (folder / "x.whl").stat().st_mode & 0o777 == 0o644
    assert path.stat().st_mode & 0o777 == 0o400
