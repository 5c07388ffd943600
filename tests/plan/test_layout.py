"""Where binaries end up, and the paths between them."""

from __future__ import annotations

import os

import pytest
from support.facts import member, report, wheel_info

from wheelfix.model import ImageKind, Options, WheelPath
from wheelfix.plan import elf
from wheelfix.plan.graph import graph_of
from wheelfix.plan.layout import layout_of, relative

PROGRAM = ImageKind.PROGRAM


@pytest.mark.parametrize(
    ("start", "target", "path"),
    [
        ("pkg", "pkg.libs", "../pkg.libs"),
        ("", "pkg.libs", "pkg.libs"),
        ("pkg/a/b", "pkg/c", "../../c"),
        ("pkg", "pkg", ""),
        ("", "", ""),
        ("pkg", "", ".."),
        ("a b/ü", "a b", ".."),
    ],
)
def test_paths_between_folders(
    start: str, target: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "getcwd")  # the plan must not care where it is made
    assert relative(start, target) == path


@pytest.mark.parametrize(
    ("path", "kind", "folder"),
    [
        ("pkg/a.so", ImageKind.LIBRARY, "pkg"),
        ("a.so", ImageKind.LIBRARY, ""),
        ("pkg-1.0.data/platlib/pkg/sub/a.so", ImageKind.LIBRARY, "pkg/sub"),
        ("pkg-1.0.data/purelib/a.so", ImageKind.LIBRARY, ""),
        ("other.data/platlib/a/b.so", ImageKind.LIBRARY, "a"),
        ("pkg-1.0.data/data/lib/a.so", ImageKind.LIBRARY, None),
        ("pkg-1.0.data/headers/a.so", ImageKind.LIBRARY, None),
        ("pkg-1.0.data/scripts/a.so", ImageKind.LIBRARY, None),
        ("pkg-1.0.data/scripts/tool", PROGRAM, "pkg.scripts"),
        ("pkg-1.0.data/scripts/sub/tool", PROGRAM, "pkg.scripts/sub"),
        ("PKG-1.data/scripts/tool", PROGRAM, "pkg.scripts"),
        ("pkg/x.data/scripts/tool", PROGRAM, "pkg/x.data/scripts"),
    ],
)
def test_the_folder_after_installation(path: str, kind: ImageKind, folder: str | None) -> None:
    graph = graph_of(report((member(path, kind=kind),)))
    layout = layout_of(wheel_info(), graph, "pkg.libs")
    assert layout.folder(WheelPath(path)) == folder
    assert (path in layout.moved) == (folder is not None and folder.startswith("pkg.scripts"))


def test_the_grafts_folder_has_the_projects_name_as_the_file_spells_it() -> None:
    info = wheel_info("My_Pkg-1.0-cp311-cp311-linux_x86_64.whl")
    assert elf.libs_folder(info, Options(lib_sdir=".x")) == "My_Pkg.x"
