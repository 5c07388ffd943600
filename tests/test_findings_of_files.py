"""Each finding about a file has a real one that triggers it, and one that nearly does."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support import facts, repairs
from support.cases import INNER, edited, elf
from support.said import Say

from wheelfix.model import (
    InWheel,
    OnSystem,
    Options,
    SearchKind,
    SetOwnName,
    SetSearchPath,
    WheelPath,
)
from wheelfix.plan import plan
from wheelfix.value import replace

TESTDATA = Path(__file__).parents[1] / "testdata"
LINUX, ARM = "manylinux_2_17_x86_64", "manylinux_2_17_aarch64"
PLAIN = "gcc-x86_64-glibc-lib-plain.so"


def sample(name: str) -> bytes:
    folder = "macho" if "macos" in name else "elf"
    return (TESTDATA / folder / name).read_bytes()


def codes(say: Say, wheel: Path, *options: str) -> list[str]:
    """Check a wheel and give the codes of all its findings, but of an unused --exclude, sorted."""
    said = say("check", "--json", "--exclude", "*inner*", *options, wheel)
    (answer,) = json.loads(said.out)["wheels"]
    if "error" in answer:
        return [answer["error"]["code"]]
    return sorted({each["code"]: "" for each in answer["plan"]["findings"]}.keys() - {"WF302"})


def wheel_of(folder: Path, tag: str, *, purelib: bool = False, **members: str) -> Path:
    """Make a wheel of samples; in a member's name `__` stands for `/` and `_dot_` for `.`."""
    files = {
        name.replace("__", "/").replace("_dot_", "."): sample(file)
        for name, file in members.items()
    }
    stem = f"p-1-py3-none-{tag}"
    return repairs.make_wheel(folder, {"p/__init__.py": b"", **files}, stem, purelib=purelib)


@pytest.mark.parametrize(
    ("code", "tag", "guilty", "innocent"),
    [
        ("WF215", LINUX, "gcc-x86_64-glibc-lib-execstack.so", PLAIN),
        (
            "WF210",
            "manylinux_2_17_i686",
            "zig-i686-none-lib-textrel.so",
            "zig-i686-glibc-lib-inner.so",
        ),
        ("WF211", ARM, "zig-aarch64-glibc-lib-page-4k.so", "zig-aarch64-glibc-lib-inner.so"),
        ("WF211", ARM, "zig-aarch64-glibc-lib-page-4k.so", "zig-aarch64-musl-lib-inner.so"),
        (
            "WF212",
            "macosx_11_0_x86_64",
            "made-x86_64-macos-lib-twice.dylib",
            "lld-x86_64-macos-lib-outer.dylib",
        ),
    ],
)
def test_a_binary_that_is_guilty_and_one_that_nearly_is(
    say: Say, tmp_path: Path, code: str, tag: str, guilty: str, innocent: str
) -> None:
    both = wheel_of(tmp_path, tag, p__a_dot_so=guilty, p__b_dot_so=innocent)
    said = say("check", "--json", "--exclude", "*", both)
    findings = json.loads(said.out)["wheels"][0]["plan"]["findings"]
    assert [(f["path"], f["also"]) for f in findings if f["code"] == code] == [("p/a.so", [])]


def test_pages_of_4_kib_are_right_where_all_have_them(say: Say, tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, LINUX, p__a_dot_so=PLAIN)
    assert "WF211" not in codes(say, wheel)


def test_android_wants_16_kib(say: Say, tmp_path: Path) -> None:
    """And no more: what is too little for a server is enough there."""
    wheel = wheel_of(
        tmp_path, "android_24_arm64_v8a", p__a_dot_so="zig-aarch64-bionic-lib-bionic.so"
    )
    assert "WF211" not in codes(say, wheel)


def test_one_line_names_file_symbol_version_library_and_what_to_do(
    say: Say, tmp_path: Path
) -> None:
    """In every form, and as the first line of what a repair says."""
    wheel = wheel_of(tmp_path, LINUX, p__a_dot_so="gcc-x86_64-glibc-lib-note-dlopen.so")
    told = (
        "p/a.so needs GLIBC_2.34 of libc.so.6 for dlopen, dlsym: too new for "
        "manylinux_2_17_x86_64; use `--plat manylinux_2_34_x86_64`"
    )
    asked = ("--exclude", "*outer*", "--plat", LINUX, wheel)
    out = say("check", *asked).out
    assert f"error WF103: {told} hint:" in " ".join(out.split())
    said = say("repair", "-w", tmp_path / "out", *asked)
    assert (said.code, said.err.splitlines()[0]) == (1, f"error: {wheel.name}: {told}")
    github = say("check", "--format", "github", *asked).out
    assert f"::error title=WF103 {wheel.name}::{told}%0A" in github


def test_files_with_one_flaw_are_one_finding(say: Say, tmp_path: Path) -> None:
    stack = "gcc-x86_64-glibc-lib-execstack.so"
    wheel = wheel_of(tmp_path, LINUX, p__a_dot_so=stack, p__b_dot_so=stack, p__c_dot_so=stack)
    assert say("check", "--exclude", "*inner*", wheel).out.count("WF215") == 1
    some = ("--ignore", "WF215:p/a.so", "--ignore", "WF215:p/b.so")
    assert "WF215" in codes(say, wheel, *some)
    assert "WF215" not in codes(say, wheel, *some, "--ignore", "WF215:p/c.so")


def test_a_second_rpath_goes_with_a_repair(say: Say, tmp_path: Path) -> None:
    wheel = wheel_of(
        tmp_path, "macosx_11_0_x86_64", p__a_dot_dylib="made-x86_64-macos-lib-twice.dylib"
    )
    out = tmp_path / "out"
    assert say("repair", "--exclude", "*", "-w", out, wheel).code == 0
    (output,) = out.iterdir()
    assert "WF212" not in codes(say, output)


def _repaired(say: Say, folder: Path) -> Path:
    libs = ("-l", repairs.SAMPLE_LIBS, "-l", repairs.WHEELS / "x86_64")
    assert say("repair", *libs, "-w", folder, repairs.SAMPLE).code == 0
    (output,) = folder.iterdir()
    return output


def _again(wheel: Path, change: Callable[[dict[str, bytes]], None], folder: Path) -> Path:
    """Write a wheel anew with its files changed and RECORD true to them."""
    with zipfile.ZipFile(wheel) as archive:
        files = {i.filename: archive.read(i) for i in archive.infolist()}
    change(files)
    kept = {name: data for name, data in files.items() if ".dist-info/" not in name}
    name, version, tag = wheel.stem.split("-", 2)
    return repairs.make_wheel(folder, kept, f"{name}-{version}-{tag}")


def test_a_bundled_library_that_nothing_needs(say: Say, tmp_path: Path) -> None:
    output = _repaired(say, tmp_path / "a")
    assert codes(say, output) == []

    def add(files: dict[str, bytes]) -> None:
        files["sample.libs/libidle-0123abcd.so.1"] = sample(PLAIN)
        files["sample/plugin.so"] = sample(PLAIN)  # no repair tool puts anything here

    changed = _again(output, add, tmp_path / "b")
    said = say("check", "-v", "--exclude", "*inner*", changed)
    assert "info WF213: `sample.libs/libidle-0123abcd.so.1` was brought into" in said.out
    assert "sample/plugin.so" not in said.out


def test_a_library_that_is_bundled_twice(say: Say, tmp_path: Path) -> None:
    chain = {
        "p/a.so": sample("zig-x86_64-glibc-ext-chain.so"),
        "p/libouter.so.1": sample("zig-x86_64-glibc-lib-outer.so"),
        "p/libinner.so.2": sample("zig-x86_64-glibc-lib-inner.so"),
    }
    other = {path.replace("p/", "q/"): data for path, data in chain.items()}
    once = repairs.make_wheel(tmp_path / "1", chain, f"p-1-py3-none-{LINUX}")
    twice = repairs.make_wheel(tmp_path / "2", chain | other, f"p-1-py3-none-{LINUX}")
    assert "WF214" not in codes(say, once)
    said = say("check", "-v", twice).out
    for name in ("libinner.so.2", "libouter.so.1"):
        assert f"info WF214: `p/{name}` is in the wheel more than once" in said
        assert f"also q/{name}" in said


def test_a_runtime_that_others_bundle_too(say: Say, tmp_path: Path) -> None:
    wheel = repairs.make_wheel(
        tmp_path,
        {"p/libgomp-a34b3233.so.1": sample(PLAIN), "p/libgompertz.so.1": sample(PLAIN)},
        f"p-1-py3-none-{LINUX}",
    )
    said = say("check", "-v", "--exclude", "*inner*", wheel)
    assert "info WF118: `p/libgomp-a34b3233.so.1` is a runtime" in said.out
    assert "libgompertz" not in said.out


def test_binaries_in_a_pure_wheel(say: Say, tmp_path: Path) -> None:
    pure = wheel_of(tmp_path / "a", LINUX, purelib=True, p__a_dot_so=PLAIN)
    assert "WF307" in codes(say, pure)
    assert "WF307" not in codes(say, wheel_of(tmp_path / "b", LINUX, p__a_dot_so=PLAIN))
    empty = repairs.make_wheel(tmp_path / "c", {"p.py": b""}, "p-1-py3-none-any", purelib=True)
    assert codes(say, empty) == []
    assert say("repair", "--exclude", "*inner*", "-w", tmp_path / "out", pure).code == 0
    (output,) = (tmp_path / "out").iterdir()
    assert "WF307" not in codes(say, output)


def _pure(folder: Path, record: Callable[[str], str], **extra: bytes) -> Path:
    """Make a pure wheel whose RECORD is changed; without one when that gives nothing."""
    files = {
        "p.py": b"x = 1\n",
        "p-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: p\nVersion: 1\n",
        "p-1.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files |= {name.replace("_slash_", "/"): data for name, data in extra.items()}
    rows = [f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items()]
    text = record("".join([*rows, "p-1.dist-info/RECORD,,\n"]))
    files |= {"p-1.dist-info/RECORD": text.encode()} if text else {}
    folder.mkdir()
    wheel = folder / "p-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 2, 2, 0, 0, 0)), data)
    return wheel


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (lambda text: text, []),
        (lambda text: text.replace("\n", "\r\n"), []),
        (lambda _: "", ["WF308"]),
        (lambda text: "\n".join(text.split("\n")[1:]), ["WF308"]),
        (lambda text: re.sub(r"p\.py,sha256=[^,]*", "p.py,", text), ["WF308"]),
        (lambda text: f"gone.py,,\n{text}", ["WF309"]),
        (lambda text: text.replace("p.py,", "P.py,"), ["WF309"]),
        (lambda text: re.sub(r"(p\.py,[^,]*),6", r"\1,7", text), ["WF309"]),
        (lambda text: f"one field\n{text}", ["WF309"]),
    ],
    ids=["right", "crlf", "missing", "incomplete", "hashless", "lost", "case", "size", "fields"],
)
def test_record(
    say: Say, tmp_path: Path, record: Callable[[str], str], expected: list[str]
) -> None:
    wheel = _pure(tmp_path / "in", record)
    assert codes(say, wheel) == expected
    said = say("check", wheel)
    assert said.code == int(expected == ["WF309"])
    if expected == ["WF308"]:
        assert say("repair", "-w", tmp_path / "out", wheel).code == 0
        assert codes(say, tmp_path / "out" / wheel.name) == []
    if expected == ["WF309"]:
        assert said.err.startswith(f"error WF309: {wheel.name}: ")
        assert "RECORD" in said.err.splitlines()[0]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("q.py", "r.py"), []),
        (("q.py", "Q.py"), ["WF310"]),
        (("a/../q.py",), ["WF310"]),
        (("a\\q.py",), ["WF310"]),
        (("..q.py", "a..b/c.py"), []),
    ],
    ids=["two", "clash", "leads out", "backslash", "dots alone"],
)
def test_names(say: Say, tmp_path: Path, names: tuple[str, ...], expected: list[str]) -> None:
    wheel = _pure(tmp_path / "in", str, **{name.replace("/", "_slash_"): b"" for name in names})
    assert codes(say, wheel) == expected


def test_what_is_no_wheel(say: Say, tmp_path: Path) -> None:
    wheel = _pure(tmp_path / "in", str)
    wheel.write_bytes(wheel.read_bytes()[:-30])
    assert codes(say, wheel) == ["WF311"]
    said = say("check", "--format", "sarif", wheel)
    (run,) = json.loads(said.out)["runs"]
    (told,) = run["invocations"][0]["toolExecutionNotifications"]
    assert told["associatedRule"]["id"] == "WF311"
    assert say("check", wheel).err.startswith(f"error WF311: {wheel.name}: ")


@pytest.mark.parametrize(
    ("code", "guilty", "innocent"),
    [("WF116", "dxcore.dll", "kernel32.dll"), ("WF117", "msvcp140d.dll", "msvcp140.dll")],
)
def test_what_a_windows_has_or_only_its_developers(code: str, guilty: str, innocent: str) -> None:
    """The names are what decides, so that no DLL has to import them for it."""

    def found(needed: str) -> list[str]:
        image = facts.image(needed, arch="amd64", libc=None)
        artifact = replace(facts.member("p/a.pyd"), format="pe", images=(image,))
        needing = facts.link("p/a.pyd", needed, OnSystem(), arch="amd64")
        filename = "p-1-cp312-cp312-win_amd64.whl"
        about = facts.report([artifact], [needing], filename=filename)
        made = plan(replace(about, arch="amd64"), Options())
        return [each.code for each in made.findings]

    assert code in found(guilty)
    assert code not in found(innocent)


def test_libraries_of_one_name_that_a_repair_tells_apart_are_no_finding(
    say: Say, tmp_path: Path
) -> None:
    """Each of the two gets a name of its own when it is brought in, and its user asks for that."""
    users = {}
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        path = SetSearchPath(entries=(str(tmp_path / folder),), kind=SearchKind.RPATH)
        users[f"p/{folder}.so"] = edited("elf", elf(PLAIN), path)
        inner = edited("elf", elf(INNER), SetOwnName(name=f"lib{folder}.so"))
        (tmp_path / folder / "libinner.so.2").write_bytes(inner)
    wheel = repairs.make_wheel(tmp_path, users, f"p-1-py3-none-{LINUX}")
    (answer,) = json.loads(say("check", "--json", wheel).out)["wheels"]
    assert len(answer["plan"]["grafts"]) == 2
    assert "WF216" not in {found["code"] for found in answer["plan"]["findings"]}


def test_dlls_of_one_name_are_two_in_whatever_case_they_are_asked_for() -> None:
    """Windows has one in memory by then, and knows no case."""
    dlls = [
        replace(facts.member(path), format="pe", images=(WINDOWS_IMAGE,), size=size)
        for path, size in (("p/a/Inner.dll", 5), ("p/b/inner.DLL", 6))
    ]
    users, links = [], []
    for dll, needed in zip(dlls, ("Inner.dll", "INNER.dll"), strict=True):
        path = str(dll.place).rpartition("/")[0] + "/user.pyd"
        users.append(replace(facts.member(path), format="pe", images=(WINDOWS_IMAGE,)))
        links.append(
            facts.link(path, needed, InWheel(path=WheelPath(str(dll.place))), arch="amd64")
        )
    made = facts.report([*dlls, *users], links, filename="p-1-cp312-cp312-win_amd64.whl")
    found = plan(replace(made, arch="amd64"), Options()).findings
    assert [each.message for each in found if each.code == "WF216"] == [
        "`Inner.dll` is 2 different libraries to the binaries that need it"
    ]


WINDOWS_IMAGE = facts.image(arch="amd64", libc=None)


def test_each_systems_linker_is_told_another_way_what_a_library_is_called() -> None:
    called = facts.image(own_name="/build/libx.so.1")
    members = [replace(facts.member("p/libx.so.1"), images=(called,))]
    found = plan(facts.report(members), Options()).findings
    (told,) = [each for each in found if each.code == "WF218"]
    assert told.message.startswith("`p/libx.so.1` has a SONAME that is a path of the machine")
    assert "`-Wl,-soname,NAME`" in told.hint
