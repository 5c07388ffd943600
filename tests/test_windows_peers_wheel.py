"""What delvewheel gets wrong with whole Windows wheels: each test has the name of its bug.

The bugs with DLLs, and a list of what is tested elsewhere, are in `test_windows_peers.py`.
"""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
from pathlib import Path

import pytest
from support import repairs
from support.index_rules import breaches
from support.repairs import Job
from support.said import Say
from support.windows_samples import (
    asking,
    chain,
    codes,
    data,
    grafted,
    libraries,
    package,
    repaired,
    wheel_of,
)

from wheelfix import check
from wheelfix.errors import CannotRepair, CannotWrite
from wheelfix.model import Options


@pytest.fixture
def win(tmp_path: Path) -> Job:
    return repairs.win_job(tmp_path)


def test_delvewheel_show_exits_0_though_dlls_are_missing(win: Job, say: Say) -> None:
    assert say("check", win.wheel).code == 1
    assert say("check", "-l", win.libs, win.wheel).code == 1  # still to be repaired
    assert say("repair", *win.arguments[1:]).code == 0
    (output,) = win.out.iterdir()
    assert say("check", output).code == 0


def test_delvewheel_every_failure_is_a_traceback(win: Job, say: Say) -> None:
    done = say("repair", "-w", win.out, win.wheel)
    assert done.code == 1
    assert done.err.startswith(f"error: {win.wheel.name}: cannot find `inner.dll`")
    assert "needed by win_sample/_late.pyd" in done.err
    assert "looked in win_sample/" in done.err
    assert "--lib-path" in done.err


def test_delvewheel_warnings_are_lines_of_its_source(win: Job, say: Say) -> None:
    done = say(*win.arguments)
    assert "warnings.warn" not in done.err
    assert ".py:" not in done.err


def test_delvewheel_a_repaired_wheel_is_not_written(win: Job, say: Say, tmp_path: Path) -> None:
    """cibuildwheel then finds no wheel; also 69 and cibuildwheel 1567."""
    first = win.repair().output
    done = say("repair", "-w", tmp_path / "again", first)
    assert done.code == 0
    (again,) = (tmp_path / "again").iterdir()
    assert again.read_bytes() == first.read_bytes()
    assert again.name in done.err


def test_delvewheel_a_wheel_that_delvewheel_repaired_stays_as_it_is(tmp_path: Path) -> None:
    """Its folder, its patch in `__init__.py`, its names: all of it works already."""
    patch = (
        b"\n\n# start delvewheel patch\ndef _delvewheel_patch_1_13_2():\n    import os\n"
        b"    os.add_dll_directory(os.path.join(os.path.dirname(__file__), '..', 'pkg.libs'))\n\n\n"
        b"_delvewheel_patch_1_13_2()\ndel _delvewheel_patch_1_13_2\n# end delvewheel patch\n\n"
    )
    name = f"inner-{'0123456789abcdef' * 2}.dll"
    members = {
        "pkg/__init__.py": patch,
        "pkg/a.pyd": asking(data("outer"), ("inner.dll", name), folder=tmp_path),
        f"pkg.libs/{name}": data("inner"),
        "pkg-1.0.dist-info/DELVEWHEEL": b"Version: 1.13.2\nArguments: ['delvewheel']\n",
    }
    outcome = repaired(wheel_of(tmp_path / "in", members))
    assert outcome.plan.touched == ()
    found = repairs.contents(outcome.output)
    assert {path: found[path] for path in members} == members
    assert "WF204" not in codes(outcome)


def test_delvewheel_a_pure_copy_into_its_own_folder_is_a_same_file_error(tmp_path: Path) -> None:
    """`-w .` where the wheel lies: nothing to do is success."""
    wheel = wheel_of(tmp_path / "in", package(a=data("inner")))
    output = repaired(wheel).output
    before = repairs.state(output)
    done = repairs.command(["repair", "-w", ".", output.name], cwd=output.parent)
    assert done.returncode == 0, done.stderr
    assert repairs.state(output) == before


def test_delvewheel_a_repair_over_the_wheel_itself_is_refused_in_words(win: Job) -> None:
    before = repairs.state(win.wheel)
    with pytest.raises(CannotWrite, match="never written over"):
        repaired_there(win)
    assert repairs.state(win.wheel) == before


def repaired_there(win: Job) -> None:
    """Repair into the wheel's own folder."""
    Job(wheel=win.wheel, libs=win.libs, out=win.wheel.parent).repair()


def test_delvewheel_extract_dir_is_deleted_without_asking(win: Job, say: Say) -> None:
    scratch = win.wheel.parent.parent / "scratch"
    scratch.mkdir()
    (scratch / "precious").write_text("mine")
    done = say(*win.arguments[:-1], "--scratch", scratch, win.wheel)
    assert done.code == 0
    assert [file.name for file in scratch.iterdir()] == ["precious"]


@pytest.mark.parametrize("info", ["pydist-1.0", "PYDIST-1.0", "PyDist-1.0"])
def test_delvewheel_dist_info_must_be_spelled_like_the_file(tmp_path: Path, info: str) -> None:
    wheel = wheel_of(tmp_path / "in", package(a=data("outer")), name=info)
    other = wheel.with_name(wheel.name.replace(info, "PyDist-1.0"))
    wheel.rename(other)
    outcome = repaired(other, chain(tmp_path / "libs"))
    assert outcome.output.name == other.name
    found = repairs.contents(outcome.output)
    assert f"{info}.dist-info/RECORD" in found
    assert {path for path in found if path.endswith("/RECORD")} == {f"{info}.dist-info/RECORD"}


def test_delvewheel_several_platform_tags_are_not_implemented(tmp_path: Path) -> None:
    """All its binaries are for one of them."""
    wheel = wheel_of(tmp_path / "in", package(a=data("outer")), "py3-none-win32.win_amd64")
    outcome = repaired(wheel, chain(tmp_path / "libs"))
    assert list(grafted(outcome)) == ["inner.dll"]
    assert outcome.output.name == wheel.name


def test_delvewheel_several_windows_machines_in_one_wheel(tmp_path: Path) -> None:
    """Programs for each, in one wheel: none needs anything, so there is nothing to do."""
    members = {"pkg/__init__.py": b""} | {
        f"pkg/{arch}.dll": data("inner", arch) for arch in ("x86", "amd64", "arm64")
    }
    wheel = wheel_of(tmp_path / "in", members, "py3-none-win32.win_amd64.win_arm64")
    found = repairs.contents(repaired(wheel).output)
    assert {path: found[path] for path in members} == members


@pytest.mark.parametrize("path", [None, "", os.pathsep])
def test_delvewheel_no_path_at_all_is_a_key_error(tmp_path: Path, path: str | None) -> None:
    wheel = wheel_of(tmp_path / "in", package(a=data("outer")))
    outcome = repaired(wheel, chain(tmp_path / "libs"), path=path)
    assert list(grafted(outcome)) == ["inner.dll"]


@pytest.mark.parametrize("separator", [":", ";"])
def test_delvewheel_a_file_on_path_is_a_traceback(tmp_path: Path, separator: str) -> None:
    """71 is the same for what may not be looked at. Each is passed over, and said once."""
    libs = chain(tmp_path / "libs")
    file, closed, gone = tmp_path / "file", tmp_path / "closed", tmp_path / "gone"
    file.write_bytes(b"")
    libraries(closed, other=data("inner"))
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    closed.chmod(0)
    places = (file, closed, gone, loop, Path("x" * 5000), Path("relative"))
    path = separator.join(map(str, (*places, libs)))
    outcome = repaired(wheel_of(tmp_path / "in", package(a=data("outer"))), path=path)
    assert list(grafted(outcome)) == ["inner.dll"]
    missing = asking(data("outer"), ("inner.dll", "gone.dll"), folder=tmp_path)
    wheel = wheel_of(tmp_path / "in", package(a=missing, b=missing))
    with pytest.raises(CannotRepair) as caught:
        repaired(wheel, path=path)
    closed.chmod(0o755)
    for place in (file, closed, gone, loop):
        assert str(caught.value).count(f"{place} (PATH)") == 1


def test_delvewheel_lists_of_folders_depend_on_the_host(tmp_path: Path) -> None:
    """A PATH as Windows writes it means the same here, drive letters and all."""
    chain(tmp_path / "libs")
    path = f"C:\\Windows;{tmp_path / 'libs'};D:\\x"
    outcome = repaired(wheel_of(tmp_path / "in", package(a=data("outer"))), path=path)
    assert list(grafted(outcome)) == ["inner.dll"]


NAMESPACES = {
    "a module in it": {"space/a.pyd": "outer"},
    "a package in it": {"space/pkg/__init__.py": "", "space/pkg/a.pyd": "delay"},
    "both": {"space/b.pyd": "outer", "space/pkg/__init__.py": "", "space/pkg/a.pyd": "delay"},
}


@pytest.mark.parametrize("name", NAMESPACES)
def test_delvewheel_38_namespace_packages_become_regular(tmp_path: Path, name: str) -> None:
    members = {path: data(what) if what else b"" for path, what in NAMESPACES[name].items()}
    members["space/text.py"] = b""
    outcome = repaired(wheel_of(tmp_path / "in", members), chain(tmp_path / "libs"))
    found = repairs.contents(outcome.output)
    assert "space/__init__.py" not in found
    assert found["space/text.py"] == b""
    assert (b"wheelfix" in found.get("space/pkg/__init__.py", b"")) is (name != "a module in it")


def test_delvewheel_packages_without_an_extension_are_patched(tmp_path: Path) -> None:
    """Every top folder gets its patch, tests and all."""
    others = {"other/__init__.py": b"y = 1\n", "tests/test_a.py": b"", "data/x.txt": b"x"}
    members = package(a=data("delay")) | others
    outcome = repaired(wheel_of(tmp_path / "in", members), chain(tmp_path / "libs"))
    found = repairs.contents(outcome.output)
    assert [item.path for item in outcome.plan.inserts] == ["pkg/__init__.py"]
    assert {path: found[path] for path in others} == others
    assert {path for path in found if path.endswith("__init__.py")} == {
        "pkg/__init__.py",
        "other/__init__.py",
    }


def test_delvewheel_a_package_whose_init_is_an_extension_cannot_be_imported(tmp_path: Path) -> None:
    """Cython's `__init__.cp311-win_amd64.pyd`: no Python file would run before it."""
    members = {"pkg/__init__.cp311-win_amd64.pyd": data("outer"), "pkg/text.py": b""}
    outcome = repaired(wheel_of(tmp_path / "in", members), chain(tmp_path / "libs"))
    assert [path for path in repairs.contents(outcome.output) if "__init__.py" in path[-11:]] == []
    assert grafted(outcome)["inner.dll"].startswith("pkg/inner-")


def test_delvewheel_64_9_27_top_level_modules_scatter_dlls(tmp_path: Path) -> None:
    """They lie beside the module, always under names of their own; nothing else lands there."""
    members = {"top.pyd": data("outer"), **package(a=data("delay"))}
    outcome = repaired(wheel_of(tmp_path / "in", members), chain(tmp_path / "libs"))
    new = {path for path in repairs.contents(outcome.output) if "dist-info" not in path}
    at_top = {path for path in new - members.keys() if "/" not in path}
    assert all(re.fullmatch(r"inner-[0-9a-f]{16}\.dll", path) for path in at_top)
    assert len(at_top) == 1


def test_delvewheel_62_a_program_among_the_scripts_does_not_find_its_dlls(tmp_path: Path) -> None:
    """pip puts it where no DLL of the wheel is: an error that says what to do."""
    members = {"pkg-1.0.data/scripts/tool.exe": data("lld-amd64-exe-hello.exe"), "pkg.py": b""}
    wheel = wheel_of(tmp_path / "in", members, "py3-none-win_amd64")
    with pytest.raises(CannotRepair, match=r"tool\.exe"):
        repaired(wheel, chain(tmp_path / "libs"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("python", "preloads"), [("cp39", True), ("cp310", False)])
def test_delvewheel_14_30_anacondas_python_ignores_added_folders(
    tmp_path: Path, python: str, *, preloads: bool
) -> None:
    """Up to 3.9: there, and there alone, all are loaded in the order of their needs."""
    members = package(a=asking(data("delay"), ("inner.dll", "outer.dll"), folder=tmp_path))
    wheel = wheel_of(tmp_path / "in", members, f"{python}-{python}-win_amd64")
    outcome = repaired(wheel, chain(tmp_path / "libs"))
    text = repairs.contents(outcome.output)["pkg/__init__.py"].decode()
    assert ("conda-meta" in text) is preloads
    places = [text.rfind(path) for path in grafted(outcome).values()]  # inner first
    assert (places == sorted(places) and min(places) > 0) is preloads


def test_delvewheel_37_freezers_look_for_the_folder_by_the_projects_name(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path / "in", package(a=data("delay")), name="Some_Name-1.0")
    outcome = repaired(wheel, chain(tmp_path / "libs"))
    assert grafted(outcome)["inner.dll"].startswith("Some_Name.libs/inner-")


def test_delvewheel_57_the_folder_cannot_be_named(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path / "in", package(a=data("delay")))
    outcome = repaired(wheel, chain(tmp_path / "libs"), lib_sdir="_bundled")
    assert grafted(outcome)["inner.dll"].startswith("pkg_bundled/inner-")


def test_delvewheel_permission_bits_are_lost(tmp_path: Path) -> None:
    modes = {"pkg/a.pyd": 0o755, "pkg/run": 0o755, "pkg/b.pyd": 0o600}
    members = package(a=data("outer"), b=data("outer")) | {"pkg/run": b"#!/bin/sh\n"}
    wheel = repairs.make_wheel(
        tmp_path / "in", members, "pkg-1.0-cp311-cp311-win_amd64", modes=modes
    )
    output = repaired(wheel, chain(tmp_path / "libs")).output
    assert {path: repairs.modes(output)[path] for path in modes} == modes


@pytest.mark.parametrize(
    ("seed", "umask", "zone"), [("0", 0o022, "UTC"), ("1", 0o077, "Asia/Tokyo"), ("2", 0, "UTC")]
)
def test_delvewheel_41_the_bytes_depend_on_hash_seed_umask_and_time(
    win: Job, tmp_path: Path, seed: str, umask: int, zone: str
) -> None:
    expected = win.again(tmp_path / "first").repair().output.read_bytes()
    env = {"PYTHONHASHSEED": seed, "TZ": zone, "SOURCE_DATE_EPOCH": seed}
    done = repairs.command(win.arguments, umask=umask, env=env)
    assert done.returncode == 0, done.stderr
    (output,) = win.out.iterdir()
    assert output.read_bytes() == expected


def test_delvewheel_metadata_name_the_folders_of_the_build(win: Job) -> None:
    """Its file DELVEWHEEL keeps the whole command line."""
    for content in repairs.contents(win.repair().output).values():
        assert str(win.libs).encode() not in content
        assert str(win.out).encode() not in content


def test_delvewheel_signatures_of_record_are_kept_or_dropped(win: Job) -> None:
    """RECORD.jws would be wrong: it goes, and that is said."""
    with zipfile.ZipFile(win.wheel, "a") as archive:
        archive.writestr("win_sample-1.0.dist-info/RECORD.jws", b"{}")
    outcome = win.repair()
    assert not [path for path in repairs.contents(outcome.output) if path.endswith(".jws")]
    assert "RECORD.jws" in " ".join((*outcome.notes, *(f.message for f in outcome.plan.findings)))


def test_delvewheel_folders_and_unsorted_members_go_into_the_zip(win: Job) -> None:
    output = win.repair().output
    names = zipfile.ZipFile(output).namelist()
    assert not [name for name in names if name.endswith("/")]
    assert names[-1].endswith(".dist-info/RECORD")
    assert breaches(output) == []


def test_delvewheel_there_is_no_json_and_no_dry_run(win: Job, say: Say) -> None:
    done = say(*win.arguments[:-1], "--dry-run", "--json", win.wheel)
    assert done.code == 0
    (answer,) = json.loads(done.out)["wheels"]
    assert [item["path"] for item in answer["plan"]["inserts"]] == ["win_sample/__init__.py"]
    assert not win.out.exists()


def test_delvewheel_20_the_new_wheel_is_written_once_and_appears_whole(win: Job) -> None:
    """Scanners and file locks on Windows: one file is made, and nothing is extracted beside it."""
    outcome = win.repair()
    assert [file.name for file in win.out.iterdir()] == [outcome.output.name]
    assert stat.S_IMODE(outcome.output.stat().st_mode) == 0o644
    assert check(outcome.output, Options()).plan.nothing_to_do
