"""Bad input at the command line: a clear message, a hint, no traceback, and nothing lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import repairs, zips
from support.said import Say
from support.zips import FILES, Part, build, changed, parts

MODULE = "pkg/__init__.py"
CORE = "pkg/_core.so"
SANE = {MODULE: FILES[MODULE], "pkg/data.bin": bytes(range(256)) * 9}


def _refused(say: Say, wheel: Path, words: tuple[str, ...], *options: str | Path) -> None:
    """Repair, and hold the refusal to what every refusal must be."""
    before = repairs.state(wheel.parent)
    out = wheel.parent.parent / "out"
    said = say("repair", "-w", out, *options, wheel)
    assert said.code == 1
    assert said.out == ""
    assert said.err.startswith(f"error: {wheel.name}: "), said.err
    for word in words:
        assert word in said.err
    assert "\n\nhint: " in said.err, said.err
    assert not out.exists() or list(out.iterdir()) == []
    assert repairs.state(wheel.parent) == before


def _with(name: str, data: bytes = b"x = 1\n", **changes: object) -> list[Part]:
    """Give a good wheel's members and one more, whose headers may lie."""
    members = parts({**SANE, name: data})
    return changed(members, name, **changes) if changes else members


def _twice() -> list[Part]:
    members = parts(SANE)
    return [*members, members[0]]


ARCHIVES: dict[str, tuple[Callable[[], bytes], tuple[str, ...]]] = {
    "empty": (lambda: b"", ("is empty",)),
    "not-a-zip": (lambda: b"\x7fELF" * 99, ("is not a zip",)),
    "truncated": (lambda: build(parts(SANE))[:-300], ("is truncated",)),
    "cut-at-the-start": (lambda: build(parts(SANE))[300:], ("truncated",)),
    "path-escape": (lambda: build(_with("../evil.py")), ("../evil.py", "leads out of the wheel")),
    "deep-escape": (lambda: build(_with("pkg/../../evil.py")), ("leads out of the wheel",)),
    "absolute": (lambda: build(_with("/etc/evil")), ("/etc/evil", "it is absolute")),
    "drive": (lambda: build(_with("C:evil")), ("C:evil", "drive letter")),
    "backslash": (lambda: build(_with("pkg\\evil.py")), ("backslash",)),
    "control-character": (lambda: build(_with("pkg/\x07.py")), ("control character",)),
    "symlink": (lambda: build(_with("pkg/link", b"/etc", mode=0o120777)), ("symbolic link",)),
    "device": (lambda: build(_with("pkg/tty", b"", mode=0o020666)), ("special file",)),
    "duplicate": (lambda: build(_twice()), (MODULE, "there twice")),
    "file-and-folder": (lambda: build(_with("pkg/data.bin/x")), ("a file and a folder",)),
    "encrypted": (lambda: build(_with("a.py", flags=1)), ("a.py", "encrypted")),
    "unknown-method": (lambda: build(_with("a.py", method=97)), ("method 97",)),
    "name-disagrees": (lambda: build(_with("a.py", local_name=b"b.py")), ("disagree", "name")),
    "size-disagrees": (lambda: build(_with("a.py", local={"size": 7})), ("disagree", "size")),
    "crc-disagrees": (lambda: build(_with("a.py", local={"crc": 7})), ("disagree", "CRC")),
    "method-disagrees": (lambda: build(_with("a.py", local={"method": 0})), ("disagree", "method")),
    "overlap": (lambda: build(_with("a.py", central={"offset": 0})), ("a.py",)),
    "offset-outside": (lambda: build(_with("a.py", central={"offset": 1 << 30})), ("a.py",)),
    "bomb": (
        lambda: build(_with("a.py", local={"size": 1 << 31}, central={"size": 1 << 31})),
        ("cannot inflate",),
    ),
    "count-lies": (lambda: build(parts(SANE), end={"count": 3, "here": 3}), ("says 3",)),
    "no-dist-info": (
        lambda: build([Part(name=b"pkg/__init__.py")]),
        ("without a .dist-info folder",),
    ),
    "two-dist-infos": (
        lambda: build([*parts(SANE), Part(name=b"other-1.0.dist-info/METADATA", data=b"x")]),
        ("several .dist-info folders", "other-1.0.dist-info"),
    ),
    "of-another-project": (
        lambda: build(parts(SANE, dist_info="other-1.0.dist-info")),
        ("another project",),
    ),
    "no-wheel-file": (lambda: build(parts(SANE, wheel=None)), ("has no", "WHEEL")),
    "wheel-without-tags": (
        lambda: build(parts(SANE, wheel=b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")),
        ("WHEEL has no Tag line",),
    ),
    "wheel-of-version-9": (
        lambda: build(parts(SANE, wheel=zips.WHEEL_TEXT.replace(b"1.0", b"9.0", 1))),
        ("version 9.0",),
    ),
    "record-lists-more": (
        lambda: build(parts(SANE, record=zips.record_of({**SANE, "gone.py": b""}))),
        ("RECORD lists files that are not in the wheel", "gone.py"),
    ),
    "record-lies-about-a-size": (
        lambda: build(parts(SANE, record=zips.record_of({**SANE, MODULE: b"short"}))),
        (MODULE, "5 bytes"),
    ),
    "record-is-no-csv": (lambda: build(parts(SANE, record=b'"a,b\nc')), ("RECORD is not CSV",)),
    "record-is-binary": (lambda: build(parts(SANE, record=b"\xff\xfe")), ("RECORD is not UTF-8",)),
    "record-of-two-fields": (lambda: build(parts(SANE, record=b"a,b\n")), ("2 fields",)),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_a_bad_archive_is_refused(say: Say, tmp_path: Path, case: str) -> None:
    content, words = ARCHIVES[case]
    wheel = zips.save(tmp_path / "in", content())
    _refused(say, wheel, words)
    assert say("check", wheel).code == 1


@pytest.mark.parametrize("name", ["pkg.whl", "pkg-1.0.whl", "pkg-1.0-py3-none.whl", "pkg.zip"])
def test_a_file_name_that_is_no_wheels_is_refused(say: Say, tmp_path: Path, name: str) -> None:
    _refused(say, zips.save(tmp_path / "in", build(parts(SANE)), name), (name,))


def _lying(case: str) -> bytes:
    """Change a byte of a member, or the hash that RECORD has of it."""
    if case == "hash":
        return build(parts(SANE, record=zips.record_of({**SANE, MODULE: FILES[MODULE][::-1]})))
    members = parts(SANE)
    payload = members[0].compressed
    if case == "bytes":
        return build(changed(members, MODULE, payload=payload[:-1] + b"\xff"))
    if case == "longer":
        size = len(members[0].data) - 1
        headers = {"local": {"size": size}, "central": {"size": size}}
        record = zips.record_of({**SANE, MODULE: bytes(size)})
        return build(changed(parts(SANE, record=record), MODULE, **headers))
    crc = {"local": {"crc": 1}, "central": {"crc": 1}}
    return build(changed(members, MODULE, **crc))


@pytest.mark.parametrize("case", ["hash", "bytes", "longer", "crc"])
def test_a_carried_member_that_lies_is_refused_with_verify_full(
    say: Say, tmp_path: Path, case: str
) -> None:
    wheel = zips.save(tmp_path / "in", _lying(case))
    assert say("repair", "-w", tmp_path / "fast", wheel).code == 0
    _refused(say, wheel, (MODULE,), "--verify", "full")


@pytest.mark.parametrize("case", ["crc", "hash"])
def test_an_inflated_member_that_lies_is_always_refused(
    say: Say, tmp_path: Path, case: str
) -> None:
    """It is to be patched, so that it is read in any case."""
    module = repairs.contents(repairs.SAMPLE)["sample/_greet.abi3.so"]
    files = {CORE: module}
    members = parts(files, record=zips.record_of({CORE: module[::-1]}) if case == "hash" else b"")
    if case == "crc":
        members = changed(members, CORE, local={"crc": 1}, central={"crc": 1})
    wheel = zips.save(tmp_path / "in", build(members))
    _refused(say, wheel, (CORE,), "-l", repairs.SAMPLE_LIBS)


def _elf_wheel(tmp_path: Path, data: bytes) -> Path:
    return repairs.make_wheel(tmp_path / "in", {CORE: data, **SANE})


SAMPLE_MODULE = repairs.contents(repairs.SAMPLE)["sample/_greet.abi3.so"]


@pytest.mark.parametrize("size", [16, 63, 64, 200, 1000, 2000])
def test_a_truncated_binary_is_refused(say: Say, tmp_path: Path, size: int) -> None:
    wheel = _elf_wheel(tmp_path, SAMPLE_MODULE[:size])
    _refused(say, wheel, (CORE, "is damaged", f"--exclude '{CORE}'"), "-l", repairs.SAMPLE_LIBS)
    assert say("check", "--exclude", CORE, wheel).code == 0


def test_missing_libraries_are_told_all_at_once(say: Say, tmp_path: Path) -> None:
    chain = repairs.contents(repairs.WHEELS / "chain-1.0-py3-none-linux_x86_64.whl")
    members = {"pkg/a.so": SAMPLE_MODULE, "pkg/b.so": chain["chain/_ext.so"]}
    wheel = repairs.make_wheel(tmp_path / "in", members)
    (tmp_path / "empty").mkdir()
    words = (
        *("cannot find `libgreet.so.1`", "needed by pkg/a.so", "--exclude 'libgreet.so.1'"),
        *("cannot find `libouter.so.1`", "needed by pkg/b.so"),
        f"looked in {tmp_path / 'empty'}",
        "not there",
    )
    _refused(say, wheel, words, "-l", tmp_path / "empty")


def test_a_library_of_another_machine_is_passed_over(say: Say, tmp_path: Path) -> None:
    """And named as the reason where nothing else is there; what lies behind it is taken."""
    chain = repairs.chain_job(tmp_path / "job")
    wrong = repairs.WHEELS / "aarch64"
    _refused(say, chain.wheel, ("libouter.so.1", "wrong machine: aarch64"), "-l", wrong)
    said = say("repair", "-w", chain.out, "-l", wrong, "-l", chain.libs, chain.wheel)
    assert (said.code, len(list(chain.out.iterdir()))) == (0, 1)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"/* GNU ld script */\nINPUT(libgreet.so.1.0)\n", "linker script"),
        (b"", "not a binary"),
        (b"!<arch>\n", "not a binary"),
        (SAMPLE_MODULE[:100], "damaged"),
    ],
    ids=["linker-script", "empty", "archive", "damaged"],
)
def test_what_is_no_library_is_passed_over(
    say: Say, tmp_path: Path, content: bytes, reason: str
) -> None:
    sample = repairs.job(tmp_path / "job")
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "libgreet.so.1").write_bytes(content)
    _refused(say, sample.wheel, ("libgreet.so.1", reason), "-l", wrong)
    said = say("repair", "-w", sample.out, "-l", wrong, "-l", sample.libs, sample.wheel)
    assert (said.code, len(list(sample.out.iterdir()))) == (0, 1)


def test_a_library_that_is_a_folder_or_a_broken_link_is_passed_over(
    say: Say, tmp_path: Path
) -> None:
    sample = repairs.job(tmp_path / "job")
    wrong = tmp_path / "wrong"
    (wrong / "libgreet.so.1").mkdir(parents=True)
    (wrong / "libword.so.2").symlink_to("libword.so.2")
    said = say("repair", "-w", sample.out, "-l", wrong, "-l", sample.libs, sample.wheel)
    assert said.code == 0


@repairs.loads_here
def test_libraries_that_need_each_other_are_repaired(say: Say, tmp_path: Path) -> None:
    libs = tmp_path / "libs"
    stub = repairs.build_library(tmp_path / "stub" / "libb.so", "int b(void) { return 1; }")
    one = repairs.build_library(libs / "liba.so", "int b(void); int a(void) { return b(); }", stub)
    repairs.build_library(libs / "libb.so", "int a(void); int b(void) { return 1; }", one)
    user = repairs.build_library(
        tmp_path / "user.so", "int a(void); int user(void) { return a(); }", one
    )
    wheel = _elf_wheel(tmp_path, user.read_bytes())
    assert say("repair", "-w", tmp_path / "out", "-l", libs, wheel).code == 0
    shutil.rmtree(libs)
    (output,) = (tmp_path / "out").iterdir()
    site = repairs.unpack(output, tmp_path / "site")
    code = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).user())"
    assert repairs.run("/usr/bin/env", "python3", "-c", code, site / CORE) == "1\n"
