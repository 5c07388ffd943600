"""Private copies: extents shared where the file system can, one copy where not, never a link."""

from __future__ import annotations

import errno
import os
import re
import sys
from pathlib import Path

import pytest
from support import needs, repairs, spies
from support.repairs import Job

from wheelfix.clone import CANNOT, clone
from wheelfix.errors import CannotWrite
from wheelfix.model import StagedBy

pytestmark = repairs.linux_only

CLONE = (
    "import sys; from pathlib import Path; from wheelfix.clone import clone\n"
    "print(clone(Path(sys.argv[1]), Path(sys.argv[2])))"
)


def _refuse(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def ioctl(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.ioctl", ioctl)


@pytest.mark.parametrize("number", sorted(CANNOT), ids=lambda number: errno.errorcode[number])
def test_inv09_a_refused_reflink_is_one_copy_and_other_errors_surface(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(3 << 20))
    _refuse(monkeypatch, number)
    assert clone(source, target) is StagedBy.COPIED
    assert target.read_bytes() == source.read_bytes()
    for other in (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES, errno.EROFS):
        _refuse(monkeypatch, other)
        with pytest.raises(OSError, match=re.escape(os.strerror(other))):
            clone(source, tmp_path / errno.errorcode[other])


def test_inv09_a_full_disk_while_cloning_is_told_as_such(
    either: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    _refuse(monkeypatch, errno.ENOSPC)
    with pytest.raises(CannotWrite, match="No space left on device"):
        either.in_files().repair()
    assert list(either.out.iterdir()) == []


@pytest.mark.parametrize("place", ["here", "/dev/shm"])
def test_inv09_what_the_kernel_refuses_is_written_once(tmp_path: Path, place: str) -> None:
    """As the kernel saw it: from the disk to itself, and across to a tmpfs."""
    source = tmp_path / "source"
    source.write_bytes(os.urandom(2 << 20))
    folder = tmp_path if place == "here" else Path(place)
    target, log = folder / f"target-{os.getpid()}", tmp_path / "strace"
    watch = [needs.tool("strace", "strace"), "-f", "-y", "-qq", "-s", "0", "-o", str(log)]
    try:
        command: list[str | Path] = [*watch, sys.executable, "-c", CLONE, source, target]
        how = repairs.run(*command, env=repairs.environment()).strip()
        assert target.read_bytes() == source.read_bytes()
    finally:
        target.unlink(missing_ok=True)
    calls = [line for line in log.read_text().splitlines() if f"<{target}>" in line]
    written = [line for line in calls if re.search(r"\b(write|sendfile|copy_file_range)\(", line)]
    sizes = [int(size) for line in written if (size := line.rpartition("= ")[2]).isdecimal()]
    assert sum(sizes) == (0 if how == StagedBy.REFLINKED else source.stat().st_size)


def test_inv09_extents_are_shared_where_the_file_system_can(reflinks: Path) -> None:
    source, target = reflinks / "source", reflinks / "target"
    source.write_bytes(os.urandom(1 << 20))
    try:
        assert clone(source, target) is StagedBy.REFLINKED
        before = repairs.state(source)
        with target.open("r+b") as file:
            file.write(b"edited")
        assert repairs.state(source) == before
        assert target.read_bytes() == b"edited" + source.read_bytes()[6:]
    finally:
        source.unlink()
        target.unlink(missing_ok=True)


def test_inv12_a_reflinked_library_is_not_changed_by_the_edit(
    on_reflinks: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nor is the wheel that a wheel with nothing to do shares its extents with."""
    before = repairs.state(on_reflinks.libs, on_reflinks.wheel)
    seen = []
    spies.before_stage(
        monkeypatch,
        "verify",
        lambda: seen.append(repairs.state(on_reflinks.libs, on_reflinks.wheel)),
    )
    outcome = on_reflinks.in_files().repair()
    assert seen == [before]
    assert [how for _, how in outcome.staged if how is StagedBy.REFLINKED] == [
        StagedBy.REFLINKED,
        StagedBy.REFLINKED,
    ]
    expected = on_reflinks.again(tmp_path / "copied").repair().output
    assert outcome.output.read_bytes() == expected.read_bytes()


def test_inv10_a_clone_never_replaces_or_follows_what_is_there(tmp_path: Path) -> None:
    source, precious = tmp_path / "source", tmp_path / "precious"
    source.write_bytes(b"new")
    precious.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(precious)
    before = repairs.state(tmp_path)
    for target in (source, precious, link):
        with pytest.raises(FileExistsError):
            clone(source, target)
    assert repairs.state(tmp_path) == before


def test_inv10_a_clone_of_a_link_is_a_file_of_its_own(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"bytes")
    source.chmod(0o444)
    (tmp_path / "link").symlink_to("source")
    clone(tmp_path / "link", tmp_path / "copy")
    status = (tmp_path / "copy").lstat()
    assert (status.st_nlink, status.st_mode & 0o777) == (1, 0o644)
    assert status.st_ino != source.stat().st_ino
