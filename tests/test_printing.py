"""What reaches the terminal: no name can break it, command it, or end in a traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.samples import TESTDATA
from support.zips import build, parts, save

from wheelfix import check
from wheelfix.cli import main
from wheelfix.host import Host

ROOT = Path(__file__).parents[1]
SAMPLE = TESTDATA / "wheels/sample-1.0-cp311-abi3-linux_x86_64.whl"


def renamed(name: bytes) -> bytes:
    """Give an extension that needs a library of this name, as long as `libouter.so.1`."""
    ext = (TESTDATA / "elf/zig-x86_64-glibc-ext-chain.so").read_bytes()
    assert len(name) == len(b"libouter.so.1")
    return ext.replace(b"libouter.so.1", name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"lib\xff\xfeter.so.1", r"lib\udcff\udcfeter.so.1"),
        (b"lib\x1b[2Jr.so.1", r"lib\x1b[2Jr.so.1"),
        (b"lib\ruter.so\t1", r"lib\x0duter.so\x091"),
        ("libü€.so.1".encode(), "libü€.so.1"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_name_of_any_bytes(
    tmp_path: Path, name: bytes, shown: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = save(tmp_path, build(parts({"pkg/a.so": renamed(name)})))
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["check", str(wheel)]) == 1
    assert isinstance(stream.buffer, io.BytesIO)
    text = stream.buffer.getvalue().decode(encoding)
    expected = shown.encode(encoding, "backslashreplace").decode(encoding)
    assert f"cannot find `{expected}`" in text


def test_a_stream_that_does_not_tell_its_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["check", str(SAMPLE), "--lib-path", str(TESTDATA / "wheels/libs")]) == 1
    assert stream.getvalue().startswith(SAMPLE.name)


@pytest.mark.parametrize(
    "arguments",
    [
        ["gone.whl"],
        ["x" * 300],
        ["x" * 300 + "*"],
        ["empty"],
        ["empty/*.whl"],
        ["~nobody/x.whl"],
        ["folder.whl/x.whl"],
        ["text.txt"],
        ["text-1.0-py3-none-any.whl"],
        ["pipe-1.0-py3-none-any.whl"],
        [str(SAMPLE), "--lib-path", "x" * 300],
        [str(SAMPLE), "--plat", "any"],
        [str(SAMPLE), "--only-plat"],
        [str(SAMPLE), "--lib-sdir", "a/b"],
    ],
)
def test_a_call_that_makes_no_sense_ends_in_a_sentence(
    tmp_path: Path,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("x")
    (tmp_path / "text-1.0-py3-none-any.whl").write_text("x")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe-1.0-py3-none-any.whl")
    assert main(["check", *arguments]) in (1, 2)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(("error: ", "error WF311: "))


@pytest.mark.skipif(os.name != "posix", reason="needs a pipe that closes as POSIX pipes do")
@pytest.mark.parametrize("json", [[], ["--json"]], ids=["text", "json"])
def test_a_reader_that_has_read_enough(json: list[str]) -> None:
    command = [sys.executable, "-m", "wheelfix", "check", *json, *[str(SAMPLE)] * 2]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        command, cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1


@pytest.mark.parametrize(
    "value", ["", ":", "::;", "relative", "/nul\0", "/gone", "$ORIGIN/x", "\udcff", "x" * 5000]
)
def test_an_odd_library_path_in_the_environment(value: str) -> None:
    checked = check(SAMPLE, host=Host({"LD_LIBRARY_PATH": value}))
    assert [found.message for found in checked.plan.obstacles] == ["cannot find `libgreet.so.1`"]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_the_locale_is_no_matter(tmp_path: Path, locale: str) -> None:
    wheel = save(tmp_path, build(parts({"pkg/ü.so": renamed("libü€.so.1".encode())})))
    environment = {
        **os.environ,
        "LC_ALL": locale,
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    command = [sys.executable, "-m", "wheelfix", "check", str(wheel)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.stderr == b""
    assert b"cannot find `lib" in done.stdout
