"""The page for backend authors is run as it stands: on a real extension, and for every format."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from support import extension, repairs
from support.artifacts import Build

import wheelfix

pytestmark = repairs.linux_only

WHEEL = "pkg-1.0-cp311-abi3-linux_x86_64.whl"


class Writer:
    """A backend's own writer of wheels, as far as the page needs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, tuple[bytes, int]] = {}

    def add(self, path: str, file: Path, mode: int) -> None:
        """Take one file."""
        self._files[path] = file.read_bytes(), mode

    def finish(self, filename: str, tags: tuple[str, ...]) -> Path:
        """Write the wheel."""
        assert all(tag.startswith(filename.split("-")[2].partition(".")[0]) for tag in tags)
        members = {path: content for path, (content, _) in self._files.items()}
        modes = {path: mode for path, (_, mode) in self._files.items()}
        return repairs.make_wheel(self._folder, members, filename.removesuffix(".whl"), modes=modes)


def page() -> SimpleNamespace:
    """Run the page's code for backends, and give what it defines."""
    text = (repairs.ROOT / "docs" / "api.md").read_text()
    part = text.partition("## For build backends")[2]
    code = "\n".join(re.findall(r"```python\n(.*?)```", part, re.DOTALL))
    assert len(code.strip().splitlines()) <= 40
    names: dict[str, object] = {}
    exec(code, names)
    return SimpleNamespace(**names)


def test_a_real_extension_is_packed(tmp_path: Path) -> None:
    module, library = extension.build(tmp_path / "build")
    before = repairs.state(tmp_path / "build")
    init = tmp_path / "__init__.py"
    init.touch()
    outputs = {"pkg/_ext.abi3.so": module, "pkg/__init__.py": init}
    made = page().pack(outputs, WHEEL, (library.parent,), Writer(tmp_path / "out"))
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
        page().develop({"pkg/_ext.abi3.so": module}, WHEEL, (library.parent,), tree)
        assert extension.asked(tree) == "7"
    assert repairs.state(tmp_path / "build") == before
    assert sorted(file.name for file in (tree / "pkg").iterdir()) == ["__init__.py", "_ext.abi3.so"]


def test_every_format_is_packed(build: Build, tmp_path: Path) -> None:
    before = build.state()
    made = page().pack(build.artifacts, build.wheel, (build.libs,), Writer(tmp_path / "out"))
    assert build.state() == before
    with zipfile.ZipFile(made) as archive:
        assert set(build.artifacts) < set(archive.namelist())
    again = wheelfix.plan_repair(made)
    assert (again.touched, again.grafts, again.obstacles) == ((), (), ())


def test_what_cannot_be_repaired_is_told(build: Build, tmp_path: Path) -> None:
    pack: Callable[..., Path] = page().pack
    with pytest.raises(SystemExit, match="cannot find"):
        pack(build.artifacts, build.wheel, (), Writer(tmp_path / "out"))
