"""The command line: codes, streams, several wheels at once, and what cibuildwheel counts on."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import repairs
from support.said import Said, Say
from support.samples import TESTDATA

from wheelfix import __version__, check, cli, codec
from wheelfix.cli import main, options_of
from wheelfix.model import Options

LIBS = ("-l", str(repairs.SAMPLE_LIBS), "-l", str(repairs.WHEELS / "x86_64"))
HEAVY = {"zipfile", "hashlib", "json", "concurrent.futures", "deflate", "lief", "packaging"}
OS = {"os", "os.path", "stat", "genericpath", "posixpath", "ntpath", "nt"}
LOW = {"_collections_abc", "_operator", "_stat", "_winapi"}
PARSING = {"argparse", "gettext", "locale"}
PATHS = {"pathlib", "fnmatch", "ntpath", "urllib", "ipaddress", "errno"}
READING = {"binascii", "fcntl", "struct", "zlib", "contextlib", "importlib", "warnings"}
WORDS = {"collections", "copyreg", "enum", "functools", "itertools", "keyword", "operator", "re"}
USUAL = OS | PARSING | PATHS | READING | WORDS | {"reprlib", "types", "winreg", "msvcrt"}
"""What a wheel without binaries takes of Python's library: parsing, paths, and what they take."""

HEAVY |= {"wheelfix.pipeline", "wheelfix.formats", "wheelfix.archive", "wheelfix.policy"}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Give what runs the command line in this process: exit code, stdout, stderr."""

    def main_in_here(*words: str | Path) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return main_in_here


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Give a folder with four wheels: two to repair, a pure one, and one that cannot be."""
    folder = tmp_path / "dist"
    folder.mkdir()
    shutil.copy(repairs.SAMPLE, folder)
    shutil.copy(repairs.WHEELS / "chain-1.0-py3-none-linux_x86_64.whl", folder)
    repairs.make_wheel(folder, {"pure/__init__.py": b""}, "pure-1.0-py3-none-any", purelib=True)
    (folder / "bad-1.0-py3-none-any.whl").write_bytes(b"no zip")
    return folder


def _names(folder: Path) -> list[str]:
    return sorted(file.name.partition("-")[0] for file in folder.iterdir())


def test_done_and_nothing_to_do_are_0(run: Run, dist: Path, tmp_path: Path) -> None:
    """A wheel with nothing to repair is success: TEOS-10/GSW-Python#101 met a tool that failed."""
    for stem in ("sample", "pure"):
        (wheel,) = dist.glob(f"{stem}-*.whl")
        for _ in range(2):
            assert run("repair", *LIBS, "-w", tmp_path / "out", wheel)[0] == 0
    assert _names(tmp_path / "out") == ["pure", "sample"]


def test_findings_and_failures_are_1(run: Run, dist: Path, tmp_path: Path) -> None:
    (sample,) = dist.glob("sample-*.whl")
    (pure,) = dist.glob("pure-*.whl")
    assert run("check", *LIBS, sample)[0] == 1
    assert run("check", sample)[0] == 1
    assert run("check", pure)[0] == 0
    assert run("repair", "-w", tmp_path / "out", sample)[0] == 1
    assert run("repair", *LIBS, "-w", tmp_path / "out", sample)[0] == 0
    (output,) = (tmp_path / "out").iterdir()
    assert run("check", output)[0] == 0


@pytest.mark.parametrize("how", ["folder", "glob", "names"])
@pytest.mark.parametrize("jobs", ["1", "4"])
def test_the_others_are_repaired_though_one_fails(
    run: Run, dist: Path, tmp_path: Path, how: str, jobs: str
) -> None:
    """A folder, or a pattern that no shell expanded (as on Windows)."""
    arguments = {
        "folder": [dist],
        "glob": [dist / "*.whl"],
        "names": sorted(dist.iterdir(), reverse=True),
    }[how]
    code, out, err = run("repair", *LIBS, "-j", jobs, "-w", tmp_path / "out", *arguments)
    assert (code, out) == (1, "")
    assert "error: bad-1.0-py3-none-any.whl: is not a zip archive" in err
    assert _names(tmp_path / "out") == ["chain", "pure", "sample"]
    told = [err.index(f"{name}-1.0") for name in ("bad", "chain", "pure", "sample")]
    assert told == sorted(told, reverse=how == "names")


def test_the_highest_code_of_several_wheels_counts(run: Run, dist: Path, tmp_path: Path) -> None:
    code, _, err = run("repair", *LIBS, "-w", tmp_path / "out", dist, tmp_path / "gone.whl")
    assert code == 2
    assert "gone.whl: No such file or directory" in err
    assert _names(tmp_path / "out") == ["chain", "pure", "sample"]


def test_a_file_whose_name_is_a_pattern_is_taken_as_it_is(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "[dist]"
    wheel = repairs.make_wheel(folder, {"a.py": b""}, "pure-1.0-py3-none-any", purelib=True)
    for argument in (wheel, folder):
        assert run("repair", "-w", tmp_path / "out", argument)[0] == 0
    assert _names(tmp_path / "out") == ["pure"]


def test_two_wheels_of_one_name_are_refused_before_either_wins(
    run: Run, dist: Path, tmp_path: Path
) -> None:
    """Which of them the output would be must not depend on their order."""
    other = repairs.make_wheel(tmp_path / "b", {"x.py": b"1"}, "pure-1.0-py3-none-any")
    code, _, err = run("repair", "-w", tmp_path / "out", dist, other)
    assert code == 2
    assert str(other) in err
    assert "hint: " in err
    assert not (tmp_path / "out").exists()
    (same,) = dist.glob("pure-*.whl")
    (tmp_path / "link").symlink_to(dist)
    assert run("repair", "-w", tmp_path / "out", same, tmp_path / "link" / same.name)[0] == 0


def test_data_go_to_stdout_and_all_else_to_stderr(run: Run, dist: Path, tmp_path: Path) -> None:
    (sample,) = dist.glob("sample-*.whl")
    out = ("-w", tmp_path / "out")
    _, data, told = run("check", *LIBS, sample)
    assert "libgreet.so.1" in data
    assert told == ""
    _, data, told = run("repair", *LIBS, *out, "--dry-run", sample)
    assert "graft sample.libs/libgreet-" in data
    assert told == ""
    _, data, told = run("repair", *LIBS, *out, sample)
    assert data == ""
    assert "2 libraries brought in" in told
    _, data, told = run("repair", *LIBS, *out, "--json", sample, dist / "bad-1.0-py3-none-any.whl")
    assert [one["ok"] for one in json.loads(data)["wheels"]] == [True, False]
    assert told.startswith("error: bad-1.0")


def test_quiet_says_nothing_but_errors(run: Run, dist: Path, tmp_path: Path) -> None:
    arguments = ("repair", "-q", *LIBS, "-w", tmp_path / "out")
    assert run(*arguments, *dist.glob("sample-*.whl")) == (0, "", "")
    code, out, err = run(*arguments, dist)
    assert (code, out) == (1, "")
    assert err.startswith("error: bad-1.0")
    assert "sample" not in err


def _document(text: str) -> Any:
    document = json.loads(text)
    assert document["version"] == 1
    return document["wheels"]


def test_a_printed_plan_reads_back_equal(run: Run, dist: Path) -> None:
    wheels = sorted([*dist.glob("sample-*.whl"), *dist.glob("chain-*.whl")])
    options = Options(lib_paths=(repairs.SAMPLE_LIBS, repairs.WHEELS / "x86_64"))
    code, out, err = run("repair", "--dry-run", "--json", *LIBS, *wheels)
    assert (code, err) == (0, "")
    for wheel, printed in zip(wheels, _document(out), strict=True):
        assert codec.plan_from_data(printed["plan"]) == check(wheel, options).plan


def test_every_json_answer_has_wheel_and_verdict(run: Run, dist: Path, tmp_path: Path) -> None:
    for command in (["check"], ["repair", "--dry-run"], ["repair", "-w", tmp_path / "out"]):
        _, out, _ = run(*command, "--json", *LIBS, dist)
        answers = _document(out)
        assert [one["wheel"].partition("-")[0] for one in answers] == [
            "bad",
            "chain",
            "pure",
            "sample",
        ]
        assert answers[0]["error"]["hint"]
        expected = command != ["check"]
        assert [one["ok"] for one in answers] == [False, expected, True, expected]


def test_dry_run_writes_nothing_at_all(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "cwd").mkdir()
    before = repairs.state(tmp_path)
    arguments = ["repair", "--dry-run", *LIBS, str(dist)]
    done = repairs.command(arguments, cwd=tmp_path / "cwd", env={"TMPDIR": str(tmp_path)})
    assert "graft" in done.stdout
    assert repairs.state(tmp_path) == before


def imported_by(words: list[str], more: str = "") -> tuple[str, set[str]]:
    """Run the command in a fresh interpreter; give what it printed, and the modules it took."""
    code = (
        "import sys\n"
        "before = {*sys.modules}\n"
        "from wheelfix.cli import main\n"
        f"try: main({words!r})\n"
        "except SystemExit: pass\n"
        f"{more}\n"
        "print('\\n', *{*sys.modules} - before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env=repairs.environment() | {"LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    told, _, modules = done.stdout.rpartition("\n ")
    return told, {*modules.split()}


def test_help_imports_nothing_heavy() -> None:
    told, modules = imported_by(["--help"])
    assert "COMMAND" in told
    assert HEAVY.isdisjoint(modules)


def test_no_translation_of_the_parsers_words_is_looked_for() -> None:
    """To ask each locale's folder for each word costs three milliseconds at every start."""
    more = "import argparse, gettext; print(argparse._ is gettext.gettext)"
    told, modules = imported_by(["explain", "WF101"], more)
    assert told.splitlines()[-1] == "True"
    assert "locale" not in modules


def test_version_imports_next_to_nothing() -> None:
    told, modules = imported_by(["--version"])
    assert told == f"wheelfix {__version__}\n"
    ours = {"", ".cli", ".console", ".errors", ".typed", ".value"}
    theirs = {name for name in modules if not name.startswith(("_", "wheelfix"))}
    assert modules - theirs <= {f"wheelfix{name}" for name in ours} | {"__future__"} | LOW
    assert theirs <= OS | {"operator", "types"}


def test_version_among_other_words_is_told_by_the_parser() -> None:
    assert imported_by(["--version", "check"])[0] == f"wheelfix {__version__}\n"


def test_a_wheel_without_binaries_imports_nothing_that_writes(tmp_path: Path) -> None:
    """Most of the time of such a wheel is imports: OpenSSL's hashes alone are five milliseconds."""
    wheel = repairs.make_wheel(tmp_path, {"a.py": b""}, "a-1.0-py3-none-any", purelib=True)
    _, modules = imported_by(["repair", "-q", "-w", str(tmp_path / "out"), str(wheel)])
    assert "wheelfix.pipeline" in modules
    assert "wheelfix.render.text" not in modules  # nothing is said
    assert modules.isdisjoint({"hashlib", "json", "csv", "shutil", "deflate"})
    assert modules.isdisjoint({"typing", "threading", "queue", "dataclasses", "inspect"})
    theirs = {name.partition(".")[0] for name in modules if not name.startswith("_")}
    assert theirs <= USUAL | {"wheelfix"}
    writers = {"workshop", "stage", "patch", "verify", "archive.write"}
    assert modules.isdisjoint({f"wheelfix.{name}" for name in writers})
    assert (tmp_path / "out" / wheel.name).read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize(
    ("sample", "format_name"),
    [
        ("elf/zig-x86_64-glibc-ext-chain.so", "elf"),
        ("macho/lld-arm64-macos-lib-inner.dylib", "macho"),
        ("pe/lld-amd64-lib-inner.dll", "pe"),
    ],
)
def test_a_wheel_of_one_format_imports_no_other(
    sample: str, format_name: str, tmp_path: Path
) -> None:
    """Each import is paid for at every start."""
    tags = {"elf": "linux_x86_64", "macho": "macosx_11_0_arm64", "pe": "win_amd64"}
    files = {"pkg/_ext": (TESTDATA / sample).read_bytes(), "pkg/__init__.py": b"import os\n"}
    wheel = repairs.make_wheel(tmp_path, files, f"pkg-1.0-py3-none-{tags[format_name]}")
    _, modules = imported_by(["check", str(wheel)])
    rooms = ("formats", "plan")
    assert {f"wheelfix.{room}.{format_name}" for room in rooms} <= modules
    others = {f"wheelfix.{room}.{other}" for room in rooms for other in tags.keys() - {format_name}}
    assert others.isdisjoint(modules)
    assert modules.isdisjoint({"json", "threading"})


def test_a_repair_for_macos_imports_nothing_for_universal_files_and_entitlements(
    tmp_path: Path,
) -> None:
    """Folders for temporary files and property lists bring twenty modules of Python's along."""
    job = repairs.mac_job(tmp_path)
    words = ["repair", "-q", "--lib-path", str(job.libs), "-w", str(job.out), str(job.wheel)]
    _, modules = imported_by(words)
    assert list(job.out.glob("*.whl"))
    assert "wheelfix.formats.macho.sign" in modules
    assert modules.isdisjoint({"tempfile", "shutil", "plistlib", "datetime", "pyexpat"})


@pytest.mark.parametrize(
    "literal",
    [["--ldpaths", "{ldpaths}"], ["-l", "{ldpaths}"], ["--plat", "{delocate_archs}"]],
    ids=" ".join,
)
def test_a_placeholder_that_cibuildwheel_left_counts_as_not_given(
    run: Run, dist: Path, tmp_path: Path, literal: list[str]
) -> None:
    (sample,) = dist.glob("sample-*.whl")
    assert run("repair", *LIBS, "-w", tmp_path / "out", *literal, sample)[0] == 0


def test_a_folder_stands_for_the_system(run: Run, dist: Path, tmp_path: Path) -> None:
    (sample,) = dist.glob("sample-*.whl")
    for folder in (repairs.SAMPLE_LIBS, repairs.WHEELS / "x86_64"):
        shutil.copytree(folder, tmp_path / "root/usr/lib64", dirs_exist_ok=True)
    alone = ("repair", "--no-host-libs", sample, "-w")
    assert run(*alone, tmp_path / "none")[0] == 1
    assert run(*alone, tmp_path / "a", "--sysroot", tmp_path / "root")[0] == 0
    assert run(*alone, tmp_path / "b", "--ldpaths", tmp_path / "root/usr/lib64")[0] == 0
    assert run("repair", *LIBS, "-w", tmp_path / "c", sample)[0] == 0
    assert len({next(f.iterdir()).read_bytes() for f in map(tmp_path.joinpath, "abc")}) == 1


def test_a_sysroot_that_is_not_there(run: Run, dist: Path) -> None:
    code, _, said = run("check", "--sysroot", dist / "gone", next(dist.glob("sample-*.whl")))
    assert code == 2
    assert "no such folder to search for libraries" in said
    assert "check the spelling of `--sysroot`" in said


def test_cibuildwheel_finds_exactly_one_wheel_for_every_input(
    run: Run, dist: Path, tmp_path: Path
) -> None:
    """Also for a pure wheel, and for one that is repaired already; each in a folder of its own."""
    (dist / "bad-1.0-py3-none-any.whl").unlink()
    for number, wheel in enumerate(sorted(dist.iterdir())):
        first, second = tmp_path / f"first{number}", tmp_path / f"second{number}"
        assert run("repair", *LIBS, "-w", first, wheel)[0] == 0
        (output,) = first.iterdir()
        assert output.suffix == ".whl"
        assert run("repair", "-w", second, output)[0] == 0
        (again,) = second.iterdir()
        assert (again.name, again.read_bytes()) == (output.name, output.read_bytes())


def test_the_output_may_go_beside_the_input(run: Run, dist: Path) -> None:
    """cibuildwheel users write `-w {wheel}/..`; the unrepaired wheel stays."""
    (sample,) = dist.glob("sample-*.whl")
    before = repairs.state(sample)
    assert run("repair", *LIBS, "-w", dist, sample)[0] == 0
    assert repairs.state(sample) == before
    assert len(list(dist.glob("sample-*.whl"))) == 2


def test_the_default_folder_is_wheelhouse_in_the_working_folder(dist: Path, tmp_path: Path) -> None:
    (tmp_path / "cwd").mkdir()
    wheel = next(dist.glob("pure-*.whl"))
    relative = Path("..") / "dist" / wheel.name
    done = repairs.command(["repair", str(relative)], cwd=tmp_path / "cwd")
    assert done.returncode == 0
    assert _names(tmp_path / "cwd" / "wheelhouse") == ["pure"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk without room")
@pytest.mark.parametrize("json_option", [[], ["--json"]], ids=["text", "json"])
def test_an_output_stream_without_room_or_reader_is_no_traceback(json_option: list[str]) -> None:
    """A full disk, a reader that went away, and no stream at all."""
    check = f"{sys.executable} -m wheelfix check {' '.join(json_option)} {repairs.SAMPLE}"
    told = {}
    for name, redirected in {
        "full": f"{check} >/dev/full",
        "gone": f"({check}; echo $? >&2) | true",
        "closed": f"{check} >&-",
        "both closed": f"{check} >&- 2>&-",
    }.items():
        done = subprocess.run(
            ["sh", "-c", redirected],
            env=repairs.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout == ""
        told[name] = (done.returncode, done.stderr.partition("\n")[0])
    assert told == {
        "full": (1, "error: standard output: cannot be written: No space left on device"),
        "gone": (0, "1"),
        "closed": (1, ""),
        "both closed": (1, ""),
    }


@pytest.mark.parametrize(
    ("jobs", "wheels", "each"), [(8, 4, 2), (8, 3, 3), (2, 5, 1), (1, 1, 1), (4, 1, 4)]
)
def test_wheels_share_the_threads(jobs: int, wheels: int, each: int) -> None:
    assert options_of(argparse.Namespace(jobs=jobs), wheels).jobs == each


def test_a_finding_is_explained_whatever_settings_say(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks has trouble already, perhaps with these."""
    (tmp_path / "pyproject.toml").write_text("[tool.wheelfix]\nignore = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHEELFIX_JOBS", "many")
    assert say("explain", "WF103").code == 0
    assert say("check", repairs.SAMPLE).code == 2


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("check", "interrupted\n"),
        ("repair", "interrupted; every wheel in the output folder is whole\n"),
    ],
)
def test_an_interrupt_speaks_of_what_was_being_written_alone(
    say: Say, monkeypatch: pytest.MonkeyPatch, command: str, words: str
) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "RUN", {command: interrupt})
    assert say(command, repairs.SAMPLE) == Said(code=130, out="", err=words)
