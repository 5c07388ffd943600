"""The invariants of a build's outputs that Windows alone gives a meaning, or another one."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest
from support import artifacts, repairs
from support.samples import pe as sample

from wheelfix import Kind, Options, WheelPath, repair_artifacts
from wheelfix.formats.pe import shim
from wheelfix.value import replace

pytestmark = repairs.linux_only


def handed_over(folder: Path, members: Mapping[str, bytes]) -> dict[WheelPath, Path]:
    """Put what a build made into flat files, by their paths in the wheel."""
    folder.mkdir()
    files = {WheelPath(path): folder / f"output-{n}" for n, path in enumerate(members)}
    for path, file in files.items():
        file.write_bytes(members[path])
    return files


@pytest.mark.parametrize("kind", list(Kind))
def test_inv18_the_shim_keeps_the_file_and_the_namespace(tmp_path: Path, kind: Kind) -> None:
    """Behind docstring and future imports; only where it is needed; no new `__init__.py`."""
    libs = tmp_path / "libs"
    libs.mkdir()
    needs, leaf = (sample(f"lld-amd64-lib-{name}.dll").read_bytes() for name in ("outer", "inner"))
    (libs / "inner.dll").write_bytes(leaf)
    members = {
        "ns/needs/__init__.py": repairs.WINDOWS_INIT,
        "ns/needs/_a.pyd": needs,
        "ns/needs/sub/__init__.py": b"x = 1\n",
        "ns/needs/sub/_b.pyd": needs,
        "ns/plain/__init__.py": b"",
        "ns/plain/leaf.pyd": leaf,
        "pure/__init__.py": b'"""Pure."""\n',
        "space/leaf.pyd": leaf,
    }
    outputs = handed_over(tmp_path / "build", members)
    before = repairs.state(tmp_path / "build", libs)
    with repair_artifacts(
        outputs,
        wheel="ns-1.0-cp312-abi3-win_amd64.whl",
        kind=kind,
        options=Options(scratch=tmp_path),
        link_paths=(libs,),
    ) as repaired:
        starters = {path for path in repaired.files if path.endswith(".py")}
        assert starters == {path for path in members if path.endswith(".py")}
        ours = {path for path in starters if repaired.files[path] != outputs[path]}
        assert ours == {"ns/needs/__init__.py"}
        init = repaired.files[WheelPath("ns/needs/__init__.py")].read_bytes()
    tree = ast.parse(init)
    assert ast.get_docstring(tree) == "What it is."
    assert isinstance(tree.body[1], ast.ImportFrom)
    assert shim.remove(init) == repairs.WINDOWS_INIT
    assert init.count(b"\n") == init.count(b"\r\n")
    assert repairs.state(tmp_path / "build", libs) == before


def test_inv20_a_library_loaded_by_name_keeps_it_and_is_named_in_the_shim(tmp_path: Path) -> None:
    build = artifacts.pe(tmp_path / "tree")
    (build.libs / "plugin.dll").write_bytes((build.libs / "inner.dll").read_bytes() + bytes(8))
    options = replace(build.options, include=("plugin.dll",))
    before = build.state()
    with build.repair(options=options) as repaired:
        assert WheelPath("win.libs/plugin.dll") in repaired.files
        init = repaired.files[WheelPath("win/__init__.py")].read_text()
    assert "../win.libs/plugin.dll" in init
    with build.repair() as without:
        assert "plugin" not in without.files[WheelPath("win/__init__.py")].read_text()
    assert build.state() == before
