"""Resolving against real files: what stands in the way is skipped and told, never an exception."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.facts import read_member, wheel_info
from support.samples import TESTDATA, Malformed, malformed

from wheelfix.archive import open_wheel
from wheelfix.errors import SourceChanged, UsageError
from wheelfix.host import Host
from wheelfix.hostfile import HostFile
from wheelfix.model import Missing, OnHost, Options
from wheelfix.resolve import resolve
from wheelfix.resolve.closure import version_uses
from wheelfix.resolve.resolved import Resolved

EXT = TESTDATA / "elf/zig-x86_64-glibc-ext-chain.so"
OUTER = TESTDATA / "elf/zig-x86_64-glibc-lib-outer.so"
INNER = TESTDATA / "elf/zig-x86_64-glibc-lib-inner.so"


def resolved(*folders: Path, host: Host | None = None, exclude: tuple[str, ...] = ()) -> Resolved:
    return resolve(
        wheel_info(),
        (read_member(EXT, "chain/_ext.so"),),
        host or Host({}),
        Options(lib_paths=folders, exclude=exclude),
        watch={},
    )


def shelf(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    shutil.copy(OUTER, folder / "libouter.so.1")
    shutil.copy(INNER, folder / "libinner.so.2")
    return folder


def test_the_closure_with_digests(tmp_path: Path) -> None:
    found = resolved(shelf(tmp_path / "l"))
    assert [(a.place, a.sha256) for a in found.libraries] == [
        (tmp_path / "l" / name, hashlib.sha256(sample.read_bytes()).hexdigest())
        for name, sample in (("libinner.so.2", INNER), ("libouter.so.1", OUTER))
    ]
    assert all(a.fingerprint is not None for a in found.libraries)


def test_there_is_time_while_digests_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, begun = HostFile.sha256, threading.Event()

    def waiting(file: HostFile) -> str:
        assert begun.wait(60)
        return asked(file)

    monkeypatch.setattr("wheelfix.hostfile.HostFile.sha256", waiting)
    found = resolve(
        wheel_info(),
        (read_member(EXT, "chain/_ext.so"),),
        Host({}),
        Options(lib_paths=(shelf(tmp_path / "l"),)),
        watch={},
        meanwhile=begun.set,
    )
    assert len(found.libraries) == 2


def cut(path: Path) -> None:
    path.write_bytes(INNER.read_bytes()[:500])


def folder(path: Path) -> None:
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def copied(sample: str) -> Callable[[Path], object]:
    return lambda path: shutil.copy(TESTDATA / "elf" / sample, path)


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        (copied("zig-i686-glibc-lib-inner.so"), "wrong machine: i686, needed by x86_64"),
        (copied("zig-aarch64_be-musl-lib-inner.so"), "wrong machine: aarch64_be, needed by x86_64"),
        (copied("zig-x86_64-musl-lib-inner.so"), "wrong C library: musl, needed by glibc"),
        (copied("made-x86_64-none-script-libscript.so"), "not a binary (a linker script, perhaps)"),
        (copied("gcc-x86_64-none-obj-alone.o"), "an object file or archive"),
        (copied("gcc-x86_64-none-ar-alone.a"), "not a binary (a linker script, perhaps)"),
        (cut, "damaged: "),
        (empty, "not a binary (a linker script, perhaps)"),
        (folder, "not there"),
    ],
)
def test_what_stands_in_the_way_is_skipped_and_told(
    tmp_path: Path, put: Callable[[Path], object], reason: str
) -> None:
    bad, good = tmp_path / "bad", shelf(tmp_path / "good")
    bad.mkdir()
    put(bad / "libinner.so.2")
    found = resolved(bad, good)
    link = next(x for x in found.links if x.needed == "libinner.so.2")
    assert isinstance(link.provider, OnHost)
    assert link.provider.real == good / "libinner.so.2"
    assert link.tried[0].where == f"{bad} (--lib-path)"
    assert link.tried[0].outcome.startswith(reason)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs not to be root")
def test_what_must_not_be_read_is_skipped_and_told(tmp_path: Path) -> None:
    bad, good = shelf(tmp_path / "bad"), shelf(tmp_path / "good")
    (bad / "libouter.so.1").chmod(0)
    found = resolved(bad, good)
    link = next(x for x in found.links if x.needed == "libouter.so.1")
    assert link.tried[0].outcome == "not readable: Permission denied"


def test_symbolic_links_lead_to_one_library(tmp_path: Path) -> None:
    shelf(tmp_path / "real")
    other = tmp_path / "links"
    other.mkdir()
    for name in ("libouter.so.1", "libinner.so.2"):
        (other / name).symlink_to(tmp_path / "real" / name)
    assert [a.place for a in resolved(other, tmp_path / "real").libraries] == [
        tmp_path / "real/libinner.so.2",
        tmp_path / "real/libouter.so.1",
    ]


def test_patterns_that_match_nothing(tmp_path: Path) -> None:
    found = resolved(shelf(tmp_path / "l"), exclude=("libno*", "libinner*", "/no/*"))
    assert found.unused_excludes == ("libno*", "/no/*")


class Restless(Host):
    """A machine on which a library is written anew as soon as it was looked at."""

    def open(self, file: Path) -> HostFile:
        source = super().open(file)
        os.utime(file, ns=(0, file.stat().st_mtime_ns + 1000))
        return source


def test_a_library_that_changes_between_reading_and_hashing(tmp_path: Path) -> None:
    with pytest.raises(SourceChanged):
        resolved(shelf(tmp_path / "l"), host=Restless({}))


class Vanishing(Host):
    """A machine on which a library is gone when it is to be hashed."""

    def open(self, file: Path) -> HostFile:
        source = super().open(file)
        file.unlink()
        return source


@pytest.mark.skipif(os.name != "posix", reason="needs a system that removes open files")
def test_a_library_that_goes_between_reading_and_hashing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file or directory"):
        resolved(shelf(tmp_path / "l"), host=Vanishing({}))


def test_a_glibc_hwcaps_folder_is_not_looked_into(tmp_path: Path) -> None:
    fast = tmp_path / "l/glibc-hwcaps/x86-64-v3"
    fast.mkdir(parents=True)
    shelf(fast)
    found = resolved(tmp_path / "l")
    assert [x.provider for x in found.links if x.needed == "libouter.so.1"] == [Missing()]


def test_the_symbols_behind_a_version(tmp_path: Path) -> None:
    wheel = TESTDATA / "wheels/chain-1.0-py3-none-linux_x86_64.whl"
    libraries = resolved(shelf(tmp_path / "l")).libraries
    outer = next(a for a in libraries if a.place == tmp_path / "l/libouter.so.1")
    need = next(n for n in outer.images[0].version_needs if n.library == "libinner.so.2")
    wanted = frozenset({(outer.place, need.library, need.versions[0])})
    with open_wheel(wheel) as opened:
        ((place, use),) = version_uses(opened, Host({}), libraries, wanted)
        assert (place, use.library, use.version) == next(iter(wanted))
        assert use.symbols
        (tmp_path / "l/libouter.so.1").unlink()
        assert version_uses(opened, Host({}), libraries, wanted) == ()


@pytest.mark.parametrize("sample", malformed(), ids=lambda sample: sample.path.name)
def test_no_malformed_file_on_the_host_is_an_exception(tmp_path: Path, sample: Malformed) -> None:
    good, bad = shelf(tmp_path / "good"), tmp_path / "bad"
    bad.mkdir()
    shutil.copy(sample.path, bad / "libinner.so.2")
    link = next(x for x in resolved(bad, good).links if x.needed == "libinner.so.2")
    assert isinstance(link.provider, OnHost)
    if sample.verdict == "refuse":
        assert link.provider.real == good / "libinner.so.2"
        assert re.match(r"damaged: |not a binary", link.tried[0].outcome)
