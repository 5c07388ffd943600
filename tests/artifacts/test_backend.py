"""The page for backend authors is run as it stands: on a real extension, and for every format."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support import backend, extension, repairs, windows, windows_build
from support.artifacts import Build

import wheelfix

pytestmark = repairs.linux_only

WHEEL = "pkg-1.0-cp311-abi3-linux_x86_64.whl"


def test_a_real_extension_is_packed(tmp_path: Path) -> None:
    module, library = extension.build(tmp_path / "build")
    before = repairs.state(tmp_path / "build")
    init = tmp_path / "__init__.py"
    init.touch()
    outputs = {"pkg/_ext.abi3.so": module, "pkg/__init__.py": init}
    made = backend.page().pack(outputs, WHEEL, (library.parent,), backend.Writer(tmp_path / "out"))
    assert re.fullmatch(r"pkg-1\.0-cp311-abi3-manylinux\S+_x86_64\.whl", made.name)
    assert repairs.state(tmp_path / "build") == before
    library.rename(library.with_name("away"))
    assert extension.asked(repairs.unpack(made, tmp_path / "site")) == "7"
    assert wheelfix.check(made).plan.obstacles == ()


def test_an_in_tree_extension_can_be_imported(tmp_path: Path) -> None:
    module, library = extension.build(tmp_path / "build")
    before = repairs.state(tmp_path / "build")
    tree = tmp_path / "src"
    (tree / "pkg").mkdir(parents=True)
    (tree / "pkg" / "__init__.py").touch()
    shutil.copy2(module, tree / "pkg" / "_ext.abi3.so")
    assert "libseven.so.1: cannot open shared object file" in extension.asked(tree)
    for _ in range(2):
        backend.page().develop({"pkg/_ext.abi3.so": module}, WHEEL, (library.parent,), tree)
        assert extension.asked(tree) == "7"
    assert repairs.state(tmp_path / "build") == before
    assert sorted(file.name for file in (tree / "pkg").iterdir()) == ["__init__.py", "_ext.abi3.so"]


def test_every_format_is_packed(build: Build, tmp_path: Path) -> None:
    before = build.state()
    made = backend.page().pack(
        build.artifacts, build.wheel, (build.libs,), backend.Writer(tmp_path / "out")
    )
    assert build.state() == before
    with zipfile.ZipFile(made) as archive:
        assert set(build.artifacts) < set(archive.namelist())
    again = wheelfix.plan_repair(made)
    assert (again.touched, again.grafts, again.obstacles) == ((), (), ())


def test_what_cannot_be_repaired_is_told(build: Build, tmp_path: Path) -> None:
    pack: Callable[..., Path] = backend.page().pack
    with pytest.raises(SystemExit, match="cannot find"):
        pack(build.artifacts, build.wheel, (), backend.Writer(tmp_path / "out"))


WIN = "pkg-1.0-cp39-abi3-win_amd64.whl"
WIN_ASKED = "from pkg import _ext; print(_ext.ask())"


def windows_build_of(folder: Path) -> tuple[Path, Path]:
    """Build an extension for Windows, and the library that it asks; give both."""
    library = windows_build.dll(folder / "native" / "seven.dll", {"seven": "7"})
    need = windows_build.Import(dll=library.name, functions=("seven",))
    module = windows_build.extension(folder / "out" / "_ext.pyd", {"ask": "seven()"}, need)
    (folder / "out" / "init").write_text('"""What it is."""\n')
    return module, library


def test_a_real_windows_extension_is_packed(
    windows_python: windows.WindowsPython, tmp_path: Path
) -> None:
    module, library = windows_build_of(tmp_path / "build")
    before = repairs.state(tmp_path / "build")
    outputs = {"pkg/_ext.pyd": module, "pkg/__init__.py": module.with_name("init")}
    unrepaired = tmp_path / "unrepaired"
    for path, file in outputs.items():
        (unrepaired / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, unrepaired / path)
    assert "DLL load failed" in windows_python.run(WIN_ASKED, unrepaired).stderr
    writer = backend.Writer(tmp_path / "out")
    made = backend.page().pack(outputs, WIN, (library.parent,), writer)
    assert made.name == WIN
    assert repairs.state(tmp_path / "build") == before
    library.rename(library.with_name("away"))
    assert windows_python.says(WIN_ASKED, repairs.unpack(made, tmp_path / "site")) == "7"


def test_an_in_tree_windows_extension_can_be_imported(
    windows_python: windows.WindowsPython, tmp_path: Path
) -> None:
    """Its package's Python file says where the build found its libraries."""
    module, library = windows_build_of(tmp_path / "build")
    before = repairs.state(tmp_path / "build")
    tree = tmp_path / "src"
    (tree / "pkg").mkdir(parents=True)
    shutil.copy(module, tree / "pkg" / "_ext.pyd")
    assert "DLL load failed" in windows_python.run(WIN_ASKED, tree).stderr
    outputs = {"pkg/_ext.pyd": module, "pkg/__init__.py": module.with_name("init")}
    for _ in range(2):
        backend.page().develop(outputs, WIN, (library.parent,), tree)
        assert windows_python.says(WIN_ASKED, tree) == "7"
    assert repairs.state(tmp_path / "build") == before
    assert sorted(file.name for file in (tree / "pkg").iterdir()) == ["__init__.py", "_ext.pyd"]
