"""Values from anywhere to the same options, and the words when they make no sense."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from wheelfix.config import make_options
from wheelfix.errors import UsageError
from wheelfix.model import Options, Verify


def test_nothing_said_is_the_defaults() -> None:
    assert make_options({}) == Options()


def test_everything_said(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
    values = {
        "plat": "manylinux_2_28_x86_64",
        "only_plat": True,
        "lib_path": [str(tmp_path / "a")],
        "ld_paths": os.pathsep.join(["", str(tmp_path / "b"), str(tmp_path / "c")]),
        "sysroot": str(tmp_path),
        "no_host_libs": True,
        "exclude": ["libx*"],
        "no_mangle": ["liby*"],
        "lib_sdir": ".private",
        "compression_level": 9,
        "jobs": 3,
        "verify": "deep",
        "overwrite": True,
        "scratch": tmp_path,
        "paths": ["not an option"],
    }
    assert make_options(values) == Options(
        plat="manylinux_2_28_x86_64",
        only_plat=True,
        lib_paths=(tmp_path / "a",),
        ld_paths=(tmp_path / "b", tmp_path / "c"),
        sysroot=tmp_path,
        host_libs=False,
        exclude=("libx*",),
        no_mangle=("liby*",),
        lib_sdir=".private",
        level=9,
        jobs=3,
        verify=Verify.DEEP,
        overwrite=True,
        scratch=tmp_path,
    )


def test_machines_are_slices_or_groups_of_them() -> None:
    assert make_options({"require_archs": " x86_64, arm64e,"}).require_archs == ("x86_64", "arm64e")
    assert make_options({"require_archs": "universal2"}).require_archs == ("universal2",)


def test_folders_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    assert make_options({"lib_path": ["sub"]}).lib_paths == (tmp_path / "sub",)


def test_an_empty_list_of_folders_is_not_none_at_all() -> None:
    assert make_options({"ld_paths": ""}).ld_paths == ()
    assert make_options({}).ld_paths is None


@pytest.mark.parametrize("option", ["lib_path", "ld_paths", "sysroot"])
def test_the_option_is_named_that_is_to_be_looked_at(option: str) -> None:
    given = ["gone"] if option == "lib_path" else "gone"
    with pytest.raises(UsageError, match=f"`--{option.replace('_', '-')}`"):
        make_options({option: given})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"plat": "manylinux_2_x"}, "no platform tag"),
        ({"plat": "win_ia64"}, "no platform tag"),
        ({"only_plat": True}, "--only-plat needs a tag"),
        ({"lib_path": ["gone"]}, "gone: no such folder"),
        ({"lib_path": ["x" * 300]}, "no such folder"),
        ({"lib_path": ["~nobody-has-this-name/x"]}, "no such folder"),
        ({"lib_path": ["nul\0"]}, "no such folder"),
        ({"lib_path": [__file__]}, "no such folder"),
        ({"ld_paths": "gone"}, "gone: no such folder"),
        ({"sysroot": "gone"}, "gone: no such folder"),
        ({"sysroot": ""}, "'': no such folder"),
        ({"sysroot": __file__}, "no such folder"),
        ({"require_archs": "foo"}, "foo: not a machine of Apple's"),
        ({"require_archs": "arm64,x86-64"}, "x86-64: not a machine of Apple's"),
        ({"require_archs": "arm64,aarch64"}, "aarch64: not a machine of Apple's"),
        ({"lib_sdir": ""}, "not the end of a folder's name"),
        ({"lib_sdir": "  "}, "not the end of a folder's name"),
        ({"lib_sdir": "."}, "not the end of a folder's name"),
        ({"lib_sdir": "x."}, "not the end of a folder's name"),
        ({"lib_sdir": "$ORIGIN"}, "not the end of a folder's name"),
        ({"lib_sdir": "a b"}, "not the end of a folder's name"),
        ({"lib_sdir": "a/b"}, "not the end of a folder's name"),
        ({"lib_sdir": "a\\b"}, "not the end of a folder's name"),
        ({"lib_sdir": "a\nb"}, "not the end of a folder's name"),
        ({"lib_sdir": "\udcff"}, "not the end of a folder's name"),
    ],
)
def test_what_makes_no_sense_is_said_with_a_way_out(values: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        make_options(values)
    assert caught.value.hint
