"""Grafts and their names: one for each library, and equal only where the bytes are."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from support import repairs
from support.index_rules import breaches
from support.samples import sample as binary

from wheelfix import Options, Outcome, repair
from wheelfix.formats import elf
from wheelfix.hostfile import HostFile
from wheelfix.model import Image

pytestmark = repairs.linux_only


def _read(file: Path) -> Image:
    with HostFile(file) as source:
        return elf.read(source, watch={})[0]


def _library(outcome: Outcome, name: str) -> tuple[str, bytes]:
    """Give new name and bytes of the graft whose old name begins with `name`."""
    found = [graft for graft in outcome.plan.grafts if graft.source.name.startswith(name)]
    (graft,) = found
    return graft.path.rpartition("/")[2], repairs.contents(outcome.output)[graft.path]


def _alias(folder: Path) -> Path:
    """Build the library that the sample needs under two names, one of them a link."""
    source = "int alias_old(void) { return 1; }\nint alias_new(void) { return 2; }\n"
    real = repairs.build_library(folder / "libalias.so.1.2", source, soname="libalias.so.1")
    (folder / "libalias.so.1").symlink_to(real.name)
    (folder / "libalias.so").symlink_to("libalias.so.1")
    return real


@repairs.loads_here
def test_inv17_one_graft_for_all_names_of_a_library(tmp_path: Path) -> None:
    _alias(tmp_path / "libs")
    module = binary("gcc-x86_64-none-lib-aliases.so").read_bytes()
    wheel = repairs.make_wheel(tmp_path / "in", {"pkg/aliases.so": module, "pkg/b.so": module})
    outcome = repair(wheel, tmp_path / "out", Options(lib_paths=(tmp_path / "libs",)))
    (graft,) = outcome.plan.grafts
    assert graft.aliases == ("libalias.so", "libalias.so.1")
    site = repairs.unpack(outcome.output, tmp_path / "site")
    name = graft.path.rpartition("/")[2]
    assert {needed.name for needed in _read(site / "pkg/aliases.so").needed} <= {name, "libc.so.6"}
    assert _read(site / "pkg/aliases.so").needed == _read(site / "pkg/b.so").needed
    shutil.rmtree(tmp_path / "libs")
    code = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).aliases())"
    assert repairs.run("/usr/bin/env", "python3", "-c", code, site / "pkg/aliases.so") == "3\n"


@repairs.loads_here
def test_inv17_folders_that_are_links_to_each_other_give_one_graft(tmp_path: Path) -> None:
    """/lib and /usr/lib, or a versioned prefix: two users find one file by two ways."""
    libs = repairs.job(tmp_path / "job").libs
    (tmp_path / "lib64").symlink_to(libs)
    user = "int greet(const char *, char *, int); int {0}(void) {{ return greet(0, 0, 0); }}"
    members = {}
    for name, folder in (("one", libs), ("two", tmp_path / "lib64")):
        built = repairs.build_library(
            tmp_path / f"{name}.so",
            user.format(name),
            libs / "libgreet.so.1",
            flags=["-Wl,--disable-new-dtags", f"-Wl,-rpath,{folder}"],
        )
        members[f"pkg/{name}.so"] = built.read_bytes()
    outcome = repair(repairs.make_wheel(tmp_path / "in", members), tmp_path / "out", Options())
    assert [graft.source.name for graft in outcome.plan.grafts] == [
        "libgreet.so.1",
        "libword.so.2",
    ]


def test_inv26_equal_graft_names_mean_equal_bytes(tmp_path: Path) -> None:
    """In other wheels, from other folders, beside other libraries, in another order."""
    first = repairs.job(tmp_path / "first").repair()
    module = repairs.contents(repairs.SAMPLE)["sample/_greet.abi3.so"]
    chain = repairs.contents(repairs.WHEELS / "chain-1.0-py3-none-linux_x86_64.whl")
    members = {
        "deep/er/still/_greet.so": module,
        "_top.so": module,
        "chain/_ext.so": chain["chain/_ext.so"],
        "other-2.data/platlib/x/_greet.so": module,
    }
    wheel = repairs.make_wheel(tmp_path / "in", members, "other-2-cp311-abi3-linux_x86_64")
    shutil.copytree(repairs.SAMPLE_LIBS, tmp_path / "moved" / "libs")
    folders = (repairs.WHEELS / "x86_64", tmp_path / "moved" / "libs")
    second = repair(wheel, tmp_path / "out", Options(lib_paths=folders, lib_sdir="_bundled"))
    for name in ("libgreet", "libword"):
        assert _library(first, name) == _library(second, name)


def test_inv26_other_bytes_get_another_name_and_so_do_all_who_need_them(tmp_path: Path) -> None:
    first, second = repairs.job(tmp_path / "first"), repairs.job(tmp_path / "second")
    word = second.libs / "libword.so.2"
    word.write_bytes(word.read_bytes()[:9] + b"\1" + word.read_bytes()[10:])  # padding of e_ident
    one, other = first.repair(), second.repair()
    for name in ("libgreet", "libword"):
        assert _library(one, name)[0] != _library(other, name)[0]
    assert (first.libs / "libgreet.so.1").read_bytes() == (
        second.libs / "libgreet.so.1"
    ).read_bytes()


def _circle(folder: Path, *, ping_file: str, pong: int = 2) -> Path:
    """Build libping and libpong, which need each other, and give a wheel that needs libping."""
    libs = folder / "libs"
    calls = "int {0}(int n);\nint {1}(int n) {{ return n > 0 ? {0}(n - 1) : {2}; }}\n"
    stub = repairs.build_library(folder / "stub" / "libpong.so.1", "int pong(int n) { return n; }")
    ping = repairs.build_library(
        libs / ping_file, calls.format("pong", "ping", 1), stub, soname="libping.so.1"
    )
    if ping.name != "libping.so.1":
        (libs / "libping.so.1").symlink_to(ping.name)
    repairs.build_library(libs / "libpong.so.1", calls.format("ping", "pong", pong), ping)
    user = repairs.build_library(
        folder / "user.so", "int ping(int n);\nint user(int n) { return ping(n); }\n", ping
    )
    return repairs.make_wheel(folder / "in", {"pkg/user.so": user.read_bytes()})


@repairs.loads_here
def test_inv26_libraries_in_a_circle_are_named_by_all_of_it(tmp_path: Path) -> None:
    """delocate and auditwheel hash each library alone."""
    outcomes = {}
    variants = (("a", "libping.so.1", 2), ("b", "libping.so.1", 2), ("c", "libping.so.1", 4))
    for name, ping_file, pong in variants:
        wheel = _circle(tmp_path / name, ping_file=ping_file, pong=pong)
        options = Options(lib_paths=(tmp_path / name / "libs",))
        outcomes[name] = repair(wheel, tmp_path / name / "out", options)
    for library in ("libping", "libpong"):
        assert _library(outcomes["a"], library) == _library(outcomes["b"], library)
        assert _library(outcomes["a"], library)[0] != _library(outcomes["c"], library)[0]
    shutil.rmtree(tmp_path / "a" / "libs")
    site = repairs.unpack(outcomes["a"].output, tmp_path / "site")
    code = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).user(3))"
    assert repairs.run("/usr/bin/env", "python3", "-c", code, site / "pkg/user.so") == "2\n"


@repairs.loads_here
def test_inv26_a_circle_whose_files_have_other_names_gets_other_names(tmp_path: Path) -> None:
    """The same bytes, but a graft's name begins with its file's: its users ask for that."""
    first = _circle(tmp_path / "a", ping_file="libping.so.1")
    shutil.copytree(tmp_path / "a" / "libs", tmp_path / "b")
    (tmp_path / "b" / "libping.so.1").rename(tmp_path / "b" / "libpingpong.so.1.5")
    (tmp_path / "b" / "libping.so.1").symlink_to("libpingpong.so.1.5")
    one, other = (
        repair(first, tmp_path / "out" / libs.parent.name, Options(lib_paths=(libs,)))
        for libs in (tmp_path / "a" / "libs", tmp_path / "b")
    )
    (name, content), (other_name, other_content) = (_library(o, "libpong") for o in (one, other))
    assert content != other_content
    assert name != other_name


@repairs.loads_here
@pytest.mark.parametrize(
    "name", [b"libw\xffrd.so.2", b"lib w\n$.so.2", "libw\u00f6d.so.2".encode()]
)
def test_inv26_a_library_may_be_called_whatever_the_host_allows(
    tmp_path: Path, name: bytes
) -> None:
    """Names are bytes: neither the digest nor the new member takes them for text."""
    sample = repairs.job(tmp_path)
    greet = sample.libs / "libgreet.so.1"
    greet.write_bytes(greet.read_bytes().replace(b"libword.so.2", name))
    (sample.libs / "libword.so.2").rename(sample.libs / os.fsdecode(name))
    outcome = sample.repair()
    assert breaches(outcome.output) == []
    shutil.rmtree(sample.libs)
    site = repairs.unpack(outcome.output, tmp_path / "site")
    assert repairs.greeting(site) == repairs.GREETING
