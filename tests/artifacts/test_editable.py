"""An editable build finds its libraries where the build found them, and nothing else is done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import artifacts, extension, repairs
from support.artifacts import Build

from wheelfix import Kind, Plan, WheelPath, plan_artifacts, repair_artifacts
from wheelfix.model import SearchKind, SetSearchPath

pytestmark = repairs.linux_only

WHEEL = "pkg-1.0-cp311-abi3-linux_x86_64.whl"
PATH = WheelPath("pkg/_ext.abi3.so")


def planned(module: Path, *link_paths: Path) -> Plan:
    """Plan an editable build of one extension."""
    return plan_artifacts({PATH: module}, wheel=WHEEL, kind=Kind.EDITABLE, link_paths=link_paths)


def chain(folder: Path, *flags: str) -> tuple[Path, Path, Path]:
    """Build an extension, a library in a folder of its own, and one in another that this needs."""
    extension.needed()
    deep = repairs.build_library(folder / "deep" / "libdeep.so", "int deep(void) { return 7; }")
    source = "int deep(void); int seven(void) { return deep(); }"
    library = repairs.build_library(folder / "near" / "libseven.so", source, deep)
    module = repairs.build_library(
        folder / "out" / "_ext.so", extension.MODULE, library, flags=flags
    )
    return module, library.parent, deep.parent


def test_what_a_library_needs_is_found_too(tmp_path: Path) -> None:
    module, near, deep = chain(tmp_path)
    site = tmp_path / "site" / "pkg"
    site.mkdir(parents=True)
    (site / "__init__.py").touch()
    with repair_artifacts(
        {PATH: module}, wheel=WHEEL, kind=Kind.EDITABLE, link_paths=(deep, near)
    ) as repaired:
        (patch,) = repaired.plan.patches
        assert patch.edits == (SetSearchPath(entries=(str(deep), str(near))),)
        (site / "_ext.abi3.so").write_bytes(repaired.files[PATH].read_bytes())
    assert extension.asked(site.parent) == "7"


@pytest.mark.parametrize("tags", ["--enable-new-dtags", "--disable-new-dtags"])
def test_what_it_searches_already_stays_and_goes_first(tags: str, tmp_path: Path) -> None:
    own = "$ORIGIN/libs:/opt/build"
    module, near, deep = chain(tmp_path, f"-Wl,-rpath,{own},{tags}")
    (patch,) = planned(module, near, deep).patches
    assert patch.edits == (
        SetSearchPath(entries=("$ORIGIN/libs", "/opt/build", str(near), str(deep))),
    )
    assert patch.edits[0].kind is SearchKind.RPATH


def test_who_searches_there_already_is_untouched(tmp_path: Path) -> None:
    near, deep = tmp_path / "near", tmp_path / "deep"
    module, *_ = chain(tmp_path, f"-Wl,-rpath,{deep}:{near}")
    assert planned(module, near, deep).touched == ()


def test_what_is_nowhere_is_told_and_forbids_nothing(tmp_path: Path) -> None:
    module, _, deep = chain(tmp_path)
    plan = planned(module, deep)
    assert plan.touched == ()
    assert plan.obstacles == ()
    assert [(f.code, f.path) for f in plan.findings] == [("WF101", PATH)]


def test_a_tag_that_binaries_do_not_fit_is_nobodys_business(tmp_path: Path) -> None:
    module, near, deep = chain(tmp_path)
    name = "pkg-1.0-cp311-abi3-manylinux1_x86_64.whl"
    plan = plan_artifacts({PATH: module}, wheel=name, kind=Kind.EDITABLE, link_paths=(near, deep))
    assert (plan.output, plan.findings) == (name, ())


def test_windows_needs_a_file_to_say_it(tmp_path: Path) -> None:
    build: Build = artifacts.pe(tmp_path)
    alone = {path: file for path, file in build.artifacts.items() if path.endswith(".pyd")}
    plan = plan_artifacts(alone, wheel=build.wheel, kind=Kind.EDITABLE, link_paths=(build.libs,))
    assert plan.touched == ()
    assert [skip.path for skip in plan.skips] == ["win/_a.pyd", "win/sub/_b.pyd"]
    with build.repair(Kind.EDITABLE) as repaired:
        text = repaired.files[WheelPath("win/__init__.py")].read_text()
    assert text.startswith('"""Doc."""\n# start wheelfix\n')
    assert repr(build.libs.as_posix()) in text
    compile(text, "__init__.py", "exec")
    shutil.rmtree(build.libs)


def test_an_edit_that_must_not_be_is_an_obstacle(tmp_path: Path) -> None:
    """A file with a payload behind it would lose that."""
    module, near, deep = chain(tmp_path)
    with module.open("ab") as file:
        file.write(b"PK\x05\x06" + bytes(18))
    assert [f.code for f in planned(module, near, deep).obstacles] == ["WF202"]
