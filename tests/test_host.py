"""The build machine as a shelf: what cannot be read is not there, and what changes is told."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from wheelfix.errors import SourceChanged
from wheelfix.host import Host
from wheelfix.hostfile import HostFile, check_unchanged, fingerprint_of


def test_names_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"")
    (tmp_path / "a").mkdir()
    assert Host().names(tmp_path) == {"a", "b"}


@pytest.mark.parametrize("name", ["gone", "file", "nul\0", "x" * 300, "file/below"])
def test_what_is_no_folder_has_no_names(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert Host().names(tmp_path / name) == frozenset()


@pytest.mark.parametrize("name", ["gone", "folder", "nul\0", "x" * 300])
def test_what_is_no_file_has_no_content(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    assert Host().content(tmp_path / name) is None
    assert Host().text(tmp_path / name) is None


def test_text_may_hold_any_byte(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"/a\xff\n")
    assert Host().text(tmp_path / "f") == "/a\udcff\n"


def linked(folder: Path) -> Path:
    """Lay out links of every kind."""
    (folder / "real").mkdir()
    (folder / "real/lib.so.1").write_bytes(b"x")
    for name, target in {
        "lib.so": "real/lib.so.1",
        "twice.so": "lib.so",
        "broken.so": "gone",
        "loop.so": "loop.so",
        "dir.so": "real",
        "long.so": "x" * 300,
    }.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "pipe.so")
    return folder


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links and pipes")
@pytest.mark.parametrize("name", ["lib.so", "twice.so", "real/lib.so.1"])
def test_the_file_behind_all_links(tmp_path: Path, name: str) -> None:
    assert Host().real(linked(tmp_path) / name) == tmp_path / "real/lib.so.1"


@pytest.mark.parametrize(
    ("asked", "found"),
    [("Foo.DLL", "Foo.DLL"), ("foo.dll", "FOO.dll"), ("BAR.dll", "bar.DLL"), ("baz.dll", None)],
)
def test_names_are_compared_by_a_key(tmp_path: Path, asked: str, found: str | None) -> None:
    """The very name comes first, else the first by its letters."""
    for name in ("Foo.DLL", "FOO.dll", "bar.DLL"):
        (tmp_path / name).write_bytes(b"")
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("needs a file system that tells upper from lower case")
    expected = None if found is None else tmp_path / found
    assert Host().real(tmp_path / asked, str.casefold) == expected
    assert (Host().real(tmp_path / asked) is None) == (asked != found)


@pytest.mark.skipif(os.name != "posix", reason="needs symbolic links and pipes")
@pytest.mark.parametrize(
    "name", ["gone.so", "broken.so", "loop.so", "dir.so", "long.so", "pipe.so", "real/gone/x.so"]
)
def test_there_is_no_file_behind_it(tmp_path: Path, name: str) -> None:
    assert Host().real(linked(tmp_path) / name) is None


def test_a_file_is_read_at_any_place(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(bytes(range(100)))
    with HostFile(file) as source:
        assert source.size == 100
        assert source.read(90, 20) == bytes(range(90, 100))
        assert source.read(100, 1) == source.read(5, 0) == b""
        assert source.sha256() == hashlib.sha256(bytes(range(100))).hexdigest()
        assert source.read(1, 2) == b"\1\2"


@pytest.mark.parametrize("size", [1, 1 << 16, (1 << 16) + 1])
def test_small_and_large_files_are_read_alike(tmp_path: Path, size: int) -> None:
    file, content = tmp_path / "f", os.urandom(size)
    file.write_bytes(content)
    with HostFile(file) as source:
        for start, length in ((0, 16), (size // 2, 5000), (size - 1, 2), (0, size + 1), (size, 1)):
            assert source.read(start, length) == content[start : start + length]
        assert source.sha256() == hashlib.sha256(content).hexdigest()


def test_a_system_without_pread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pread", raising=False)
    test_a_file_is_read_at_any_place(tmp_path)


def test_a_file_that_changes_while_it_is_hashed(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"before")
    with HostFile(file) as source:
        file.write_bytes(b"after that")
        with pytest.raises(SourceChanged, match="changed while it was being read"):
            source.sha256()


@pytest.mark.parametrize("how", ["size", "time", "inode", "gone"])
def test_a_file_that_changed_or_went(tmp_path: Path, how: str) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"one")
    status = file.stat()
    check_unchanged(file, fingerprint_of(status))
    match how:
        case "size":
            file.write_bytes(b"longer")
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        case "time":
            os.utime(file, ns=(0, 0))
        case "inode":
            other = tmp_path / "g"
            other.write_bytes(b"two")
            os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
            other.replace(file)
        case _:
            file.unlink()
    with pytest.raises(SourceChanged):
        check_unchanged(file, fingerprint_of(status))


def test_the_environment_is_a_copy() -> None:
    given = {"LD_LIBRARY_PATH": "/a"}
    host = Host(given)
    given["LD_LIBRARY_PATH"] = "/b"
    assert host.environ["LD_LIBRARY_PATH"] == "/a"
    assert Host().environ == dict(os.environ)


def test_a_library_is_resolved_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of extensions may need the same ten libraries."""
    (tmp_path / "libz.so.1.3").touch()
    (tmp_path / "libz.so.1").symlink_to("libz.so.1.3")
    expected = tmp_path.resolve() / "libz.so.1.3"
    asked: list[object] = []
    real = os.path.realpath

    def counting(path: Path, **options: bool) -> str:
        asked.append(path)
        return real(path, **options)

    monkeypatch.setattr("os.path.realpath", counting)
    host = Host()
    assert [host.real(tmp_path / "libz.so.1") for _ in range(3)] == [expected] * 3
    assert asked == [tmp_path / "libz.so.1"]
