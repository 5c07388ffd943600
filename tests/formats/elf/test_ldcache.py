"""The loader's cache: ours against `ldconfig -p`, and caches made by hand."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from wheelfix.formats.elf.ldcache import parse_cache

CACHE = Path("/etc/ld.so.cache")
HWCAPS = 1 << 62
Entry = tuple[str, str, int]


def made(entries: list[Entry], order: str = "<", prefix: bytes = b"") -> bytes:
    """Write a cache of format 1.1; offsets count from its own magic."""
    strings, table = bytearray(), bytearray()
    base = 48 + 24 * len(entries)
    for name, file, hwcap in entries:
        key = base + len(strings)
        strings += name.encode("utf-8", "surrogateescape") + b"\0"
        value = base + len(strings)
        strings += file.encode("utf-8", "surrogateescape") + b"\0"
        table += struct.pack(f"{order}iIIIQ", 0x303, key, value, 0, hwcap)
    head = struct.pack(f"{order}II", len(entries), len(strings))
    return prefix + b"glibc-ld.so.cache1.1" + head + bytes(20) + bytes(table + strings)


TWO: list[Entry] = [("libx.so.1", "/a/libx.so.1", 0), ("libx.so.1", "/b/libx.so.1", 0)]
FOUND = {"libx.so.1": (Path("/a/libx.so.1"), Path("/b/libx.so.1"))}


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("prefix", [b"", b"ld.so-1.7.0" + bytes(37)], ids=["new", "compatible"])
def test_entries_in_the_order_of_the_cache(order: str, prefix: bytes) -> None:
    assert parse_cache(made(TWO, order, prefix)) == FOUND


def test_libraries_for_one_cpu_are_left_out() -> None:
    fast: Entry = ("libx.so.1", "/b/glibc-hwcaps/x86-64-v3/libx.so.1", HWCAPS | 1)
    assert parse_cache(made([fast, *TWO])) == FOUND


def test_names_may_hold_any_byte() -> None:
    odd: Entry = ("lib\udcff.so", "/\udcff/lib\udcff.so", 0)
    assert parse_cache(made([odd])) == {odd[0]: (Path(odd[1]),)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no cache",
        b"glibc-ld.so.cache1.1",
        b"ld.so-1.7.0" + bytes(100),
        made(TWO)[:60],
        made([]),
        b"glibc-ld.so.cache1.1" + b"\xff" * 100,
    ],
)
def test_what_is_no_cache_has_nothing(content: bytes) -> None:
    assert parse_cache(content) == {}


@pytest.mark.parametrize("size", range(48, len(made(TWO)), 7))
def test_a_cache_that_is_cut_short_is_never_an_exception(size: int) -> None:
    assert all("libx.so.1".startswith(name) for name in parse_cache(made(TWO)[:size]))


def test_ldconfig_says_the_same_of_this_machine() -> None:
    ldconfig = shutil.which("ldconfig", path="/sbin:/usr/sbin:/bin:/usr/bin")
    if ldconfig is None or not CACHE.exists():
        pytest.skip("needs ldconfig and the cache it makes (a glibc system)")
    listing = subprocess.run([ldconfig, "-p"], check=True, capture_output=True, text=True).stdout
    lines = re.findall(r"^\t(\S+) \((.*?)\) => (\S+)$", listing, re.MULTILINE)
    theirs: dict[str, list[Path]] = {}
    for name, kind, file in lines:
        if "hwcap" not in kind:
            theirs.setdefault(name, []).append(Path(file))
    assert theirs
    assert parse_cache(CACHE.read_bytes()) == {
        name: tuple(dict.fromkeys(found)) for name, found in theirs.items()
    }
