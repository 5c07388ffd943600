"""The invariants of a build's outputs that need a loader of Linux."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import extension, repairs

from wheelfix import Options, WheelPath, repair_artifacts

pytestmark = repairs.loads_here

WHEEL = "pkg-1.0-cp311-abi3-linux_x86_64.whl"
MODULE = WheelPath("pkg/_ext.abi3.so")


@pytest.mark.parametrize("how", ["note", "include"])
def test_inv20_a_declared_dlopen_gets_its_search_path(how: str, tmp_path: Path) -> None:
    module = extension.build_opener(tmp_path, "required" if how == "note" else None)
    include = ("libseven.so.1",) if how == "include" else ()
    options = Options(lib_paths=(tmp_path / "libs",), include=include, scratch=tmp_path)
    before = repairs.state(module, tmp_path / "libs")
    with repair_artifacts({MODULE: module}, wheel=WHEEL, options=options) as repaired:
        assert repaired.plan.touched == (MODULE,)
        assert repaired.files.keys() == {MODULE, "pkg.libs/libseven.so.1"}
        for path, file in repaired.files.items():
            target = tmp_path / "site" / path
            target.parent.mkdir(parents=True)
            shutil.copyfile(file, target)
    assert repairs.state(module, tmp_path / "libs") == before
    (tmp_path / "libs").rename(tmp_path / "away")
    assert extension.asked(tmp_path / "site") == "7"
