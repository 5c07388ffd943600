"""Private copies: never a link, one copy where no reflink can be had, and real errors surface."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import pytest

from wheelfix.clone import CANNOT, clone
from wheelfix.model import StagedBy

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's FICLONE")


def source_in(folder: Path, content: bytes = b"x" * 100_000, mode: int = 0o755) -> Path:
    file = folder / "source"
    file.write_bytes(content)
    file.chmod(mode)
    return file


@pytest.mark.parametrize("mode", [0o755, 0o444, 0o640, 0o4755])
def test_a_copy_has_the_bytes_and_the_permissions_and_can_be_written(
    tmp_path: Path, mode: int
) -> None:
    source, target = source_in(tmp_path, mode=mode), tmp_path / "target"
    assert clone(source, target) in (StagedBy.COPIED, StagedBy.REFLINKED)
    assert target.read_bytes() == source.read_bytes()
    if os.name == "posix":
        assert stat.S_IMODE(target.stat().st_mode) == mode & 0o777 | 0o600
    assert not target.samefile(source)
    target.write_bytes(b"edited")
    assert source.read_bytes() == b"x" * 100_000


def test_an_existing_target_is_never_written_through(tmp_path: Path) -> None:
    source, victim = source_in(tmp_path), tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(victim)
    for target in (victim, tmp_path / "link", source):
        with pytest.raises(FileExistsError):
            clone(source, target)
    assert victim.read_bytes() == b"precious"


def refusing(monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    """Let every reflink fail with this error; give the list of the attempts."""
    import fcntl

    attempts: list[int] = []

    def ioctl(_target: int, request: int, _source: int) -> int:
        attempts.append(request)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    return attempts


@LINUX
@pytest.mark.parametrize("number", sorted(CANNOT), ids=errno.errorcode.__getitem__)
def test_a_file_system_that_cannot_share_costs_one_attempt_and_one_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    attempts = refusing(monkeypatch, number)
    source, target = source_in(tmp_path), tmp_path / "target"
    assert clone(source, target) is StagedBy.COPIED
    assert target.read_bytes() == source.read_bytes()
    assert attempts == [0x40049409]


@LINUX
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES])
def test_every_other_error_surfaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refusing(monkeypatch, number)
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        clone(source_in(tmp_path), tmp_path / "target")
    assert caught.value.errno == number


def test_a_file_system_that_can_share_does(sharing: Path) -> None:
    source = source_in(sharing)
    target = source.with_name("target")
    target.unlink(missing_ok=True)
    assert clone(source, target) is StagedBy.REFLINKED
    target.write_bytes(b"edited")
    assert source.read_bytes() == b"x" * 100_000


def test_an_empty_file(tmp_path: Path) -> None:
    target = tmp_path / "target"
    clone(source_in(tmp_path, b""), target)
    assert target.read_bytes() == b""
