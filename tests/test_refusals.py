"""Outputs that cannot be written and calls that make no sense: told clearly, nothing lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import repairs
from support.said import Say
from support.zips import FILENAME


def test_an_output_folder_that_is_a_file_is_refused(say: Say, tmp_path: Path) -> None:
    sample = repairs.job(tmp_path)
    sample.out.write_bytes(b"a file")
    said = say(*sample.arguments)
    assert said.code == 1
    assert str(sample.out) in said.err
    assert "hint: " in said.err
    assert sample.out.read_bytes() == b"a file"


@repairs.as_root
def test_an_output_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    sample = repairs.job(tmp_path)
    sample.out.mkdir()
    mount = f"mount --bind '{sample.out}' '{sample.out}'; mount -o remount,bind,ro '{sample.out}'"
    done = repairs.command(sample.arguments, before=repairs.in_own_mounts(mount))
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr
    assert "hint: choose another output folder with `-w DIR`" in done.stderr
    assert "Traceback" not in done.stderr


@repairs.as_root
@pytest.mark.parametrize(
    ("kilobytes", "megabytes", "code"),
    [(4, 8, 1), (64, 8, 1), (1024, 8, 1), (3000, 5, 1), (9000, 8, 0)],
)
def test_a_full_disk_is_told_as_such(
    tmp_path: Path, kilobytes: int, megabytes: int, code: int
) -> None:
    """Full at the scratch folder, amid the copy of a large library, or amid the wheel.

    A copy goes when it is packed, so that there need not be room for it and the wheel.
    """
    library = repairs.large_library(tmp_path / "libs" / "liblarge.so", megabytes)
    user = "int large(void); int user(void) { return large(); }"
    built = repairs.build_library(tmp_path / "user.so", user, library)
    wheel = repairs.make_wheel(tmp_path / "in", {"pkg/_core.so": built.read_bytes()})
    (tmp_path / "out").mkdir()
    before = repairs.state(wheel.parent, library.parent)
    mount = f"mount -t tmpfs -o size={kilobytes}k none '{tmp_path / 'out'}'"
    look = f'{mount}; "$@" || code=$?; find "{tmp_path}/out" -mindepth 1; exit $code; true'
    arguments = ["repair", "-l", str(library.parent), "-w", str(tmp_path / "out"), str(wheel)]
    done = repairs.command(arguments, before=repairs.in_own_mounts(look))
    assert done.returncode == code
    if done.returncode:
        assert "No space left on device" in done.stderr
        assert "\n\nhint: " in done.stderr
        assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert repairs.state(wheel.parent, library.parent) == before


def test_an_output_with_other_bytes_is_kept_unless_told_otherwise(say: Say, tmp_path: Path) -> None:
    sample = repairs.job(tmp_path)
    assert say(*sample.arguments).code == 0
    (output,) = sample.out.iterdir()
    good = output.read_bytes()
    output.write_bytes(b"precious")
    said = say(*sample.arguments)
    assert said.code == 1
    assert "is there already, with other content" in said.err
    assert "--overwrite" in said.err
    assert output.read_bytes() == b"precious"
    assert list(sample.out.iterdir()) == [output]
    assert say(*sample.arguments, "--overwrite").code == 0
    assert output.read_bytes() == good


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--plat", "manylinux_2_17"], ["manylinux_2_17"]),
        (["--plat", "manylinux2014_x86_46"], ["manylinux2014_x86_46", "manylinux2014_x86_64"]),
        (["--plat", "nonsense"], ["nonsense"]),
        (["--only-plat"], ["--only-plat", "--plat"]),
        (["--lib-path", "/no/such/folder"], ["/no/such/folder"]),
        (["--lib-sdir", "a/b"], ["a/b"]),
        (["-j", "-1"], ["-j"]),
        (["-j", "many"], ["-j", "must be a number"]),
        (["-z", "99"], ["-z", "12"]),
        (["-z", "best"], ["-z", "from 1 to 12"]),
        (["--verify", "somewhat"], ["--verify"]),
        (["--no-such-option"], ["--no-such-option"]),
        (["-q", "-v"], ["not allowed"]),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else None,
)
def test_nonsense_options_are_a_usage_error(
    say: Say, tmp_path: Path, options: list[str], words: list[str]
) -> None:
    sample = repairs.job(tmp_path)
    said = say(*sample.arguments, *options)
    assert (said.code, said.out) == (2, "")
    assert [word for word in words if word not in said.err] == []
    assert not sample.out.exists()


def test_arguments_that_give_no_wheel_are_a_usage_error(say: Say, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for argument, words in (
        (tmp_path / "empty", "no wheel in this folder"),
        (tmp_path / "no-such.whl", "No such file"),
        (tmp_path / "*.whl", "no file matches"),
        (Path(os.devnull), "is not a file"),
    ):
        said = say("repair", "-w", tmp_path / "out", argument)
        assert (said.code, said.out) == (2, ""), argument
        assert words in said.err
        assert str(argument) in said.err
    assert not (tmp_path / "out").exists()


def test_no_command_and_no_wheel_are_usage_errors(say: Say) -> None:
    for words in ([], ["repair"], ["mend", FILENAME]):
        said = say(*words)
        assert said.code == 2
        assert "usage: wheelfix" in said.err


def test_nothing_to_check_is_a_usage_error(say: Say) -> None:
    for command in ("check", "tree"):
        said = say(command)
        assert said.code == 2
        assert "or `--installed NAME`" in said.err
