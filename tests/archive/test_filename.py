"""File names, tags, and where members are installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.zips import build, parts, save

from wheelfix.archive import installed_path, open_wheel, wheel_filename, wheel_tags
from wheelfix.model import WheelInfo, WheelPath

NEW = ("manylinux_2_17_x86_64", "manylinux2014_x86_64")


def info(folder: Path, filename: str) -> WheelInfo:
    with open_wheel(save(folder, build(parts()), filename)) as wheel:
        return wheel.info


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pkg-1.0-cp312-cp312-linux_x86_64.whl", "pkg-1.0-cp312-cp312-{}.whl"),
        ("pkg-1.0-7local-cp312-abi3-linux_x86_64.whl", "pkg-1.0-7local-cp312-abi3-{}.whl"),
        ("pkg-1.0-cp312-cp312-linux_x86_64-cu13.whl", "pkg-1.0-cp312-cp312-{}-cu13.whl"),
        ("pkg-1.0-1-py2.py3-none-any-x86_64_v3.whl", "pkg-1.0-1-py2.py3-none-{}-x86_64_v3.whl"),
        ("PKG-1.0.0-cp312-cp312-linux_x86_64.whl", "PKG-1.0.0-cp312-cp312-{}.whl"),
    ],
)
def test_only_the_platforms_change(tmp_path: Path, old: str, new: str) -> None:
    facts = info(tmp_path, old)
    assert wheel_filename(facts, facts.platforms) == old
    assert wheel_filename(facts, NEW) == new.format(".".join(NEW))


def test_build_tag_and_variant_label_are_told_apart(tmp_path: Path) -> None:
    labelled = info(tmp_path, "pkg-1.0-cp312-cp312-linux_x86_64-cu13.whl")
    assert (labelled.build, labelled.label) == ("", "cu13")
    built = info(tmp_path, "pkg-1.0-1-cp312-cp312-linux_x86_64.whl")
    assert (built.build, built.label) == ("1", "")


def test_tags_are_expanded(tmp_path: Path) -> None:
    facts = info(tmp_path, "pkg-1.0-cp311.cp312-none.abi3-linux_x86_64.whl")
    assert facts.pythons == ("cp311", "cp312")
    assert wheel_tags(facts, ("a", "b")) == (
        "cp311-none-a",
        "cp311-none-b",
        "cp311-abi3-a",
        "cp311-abi3-b",
        "cp312-none-a",
        "cp312-none-b",
        "cp312-abi3-a",
        "cp312-abi3-b",
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("pkg/_core.so", "pkg/_core.so"),
        ("_core.so", "_core.so"),
        ("pkg-1.0.data/platlib/pkg/_core.so", "pkg/_core.so"),
        ("pkg-1.0.data/purelib/pkg.libs/x.so", "pkg.libs/x.so"),
        ("PKG-1.0.data/platlib/_core.so", "_core.so"),
        ("pkg-1.0.data/scripts/tool", None),
        ("pkg-1.0.data/data/lib/x.so", None),
        ("pkg-1.0.data/headers/x.h", None),
        ("pkg-1.0.dist-info/RECORD", "pkg-1.0.dist-info/RECORD"),
        ("pkg/pkg-1.0.data/platlib/x.so", "pkg/pkg-1.0.data/platlib/x.so"),
        ("pkg.data/other/x.so", "pkg.data/other/x.so"),
        ("pkg-1.0.data/platlib", "pkg-1.0.data/platlib"),
    ],
)
def test_installed_path(path: str, expected: str | None) -> None:
    assert installed_path(WheelPath(path)) == expected
