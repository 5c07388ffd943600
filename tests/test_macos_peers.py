"""What other tools get wrong with whole macOS wheels: each test has the name of its bug."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest
from support import independent_verifier, macho_seen, repairs
from support.repairs import Job
from support.said import Say
from support.samples import macho as sample

from wheelfix import Options, Outcome, repair
from wheelfix.errors import BadWheel, CannotRepair, CannotWrite
from wheelfix.model import Edit, ReplaceNeeded, SetSearchPath

ARM = "cp311-cp311-macosx_11_0_arm64"
INTEL = "cp311-cp311-macosx_11_0_x86_64"
LIBS = repairs.WHEELS / "macos-libs"
EXT = "lld-arm64-macos-ext-ext.so"


def wheel_of(folder: Path, members: dict[str, str], tag: str = ARM) -> Path:
    """Make a wheel `pkg` of samples, by the paths that they get."""
    data = {path: sample(name).read_bytes() for path, name in members.items()}
    return repairs.make_wheel(folder, {"pkg/__init__.py": b"", **data}, f"pkg-1.0-{tag}")


def libraries(folder: Path, *names: tuple[str, str]) -> Path:
    """Put samples into a folder to search, each under a name."""
    folder.mkdir()
    for name, library in names:
        (folder / library).write_bytes(sample(name).read_bytes())
    return folder


def edits_of(outcome: Outcome, path: str) -> tuple[Edit, ...]:
    (found,) = (patch.edits for patch in outcome.plan.patches if patch.path == path)
    return found


@pytest.fixture
def mac(tmp_path: Path) -> Job:
    return repairs.mac_job(tmp_path)


def test_delocate_symlink_members_become_text(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, {"pkg/a.so": "lld-arm64-macos-lib-inner.dylib"})
    with zipfile.ZipFile(wheel, "a") as archive:
        link = zipfile.ZipInfo("pkg/b.so")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "a.so")
    with pytest.raises(BadWheel, match=r"pkg/b\.so"):
        repair(wheel, tmp_path / "out")


def test_delocate_in_place_discards_all_edits_silently(tmp_path: Path) -> None:
    """Nothing to copy, the name unchanged: the edits are in the output, or it says why not."""
    tight = "lld-arm64-macos-lib-unsigned.dylib"
    wheel = wheel_of(tmp_path, {"pkg/a.so": "zig-arm64-macos-lib-plain.dylib", "pkg/b.so": tight})
    options = Options(lib_paths=(LIBS,), exclude=("libinner*",))
    outcome = repair(wheel, tmp_path / "out", options)
    assert outcome.output.name == wheel.name
    assert outcome.plan.grafts == ()
    site = repairs.unpack(outcome.output, tmp_path / "site")
    (seen,) = macho_seen.seen(site / "pkg/a.so")
    assert seen.rpaths == ()
    before = repairs.state(wheel)
    with pytest.raises(CannotWrite, match="never written over"):
        repair(wheel, wheel.parent, options)
    assert repairs.state(wheel) == before


def test_delocate_53_the_folder_of_grafts_is_there_already(tmp_path: Path) -> None:
    members = {
        "pkg/a.so": "lld-arm64-macos-ext-ext.so",
        "pkg/.dylibs/old.dylib": "lld-arm64-macos-lib-unsigned.dylib",
    }
    outcome = repair(wheel_of(tmp_path, members), tmp_path / "out", Options(lib_paths=(LIBS,)))
    inside = [path for path in repairs.contents(outcome.output) if "/.dylibs/" in path]
    assert len(inside) == 3
    assert macho_seen.faults(repairs.unpack(outcome.output, tmp_path / "site")) == []


def test_delocate_e_foo_on_package_foo_excludes_the_whole_wheel(mac: Job) -> None:
    options = Options(lib_paths=(mac.libs,), exclude=("mac_sample", "sample", "tmp"))
    assert len(repair(mac.wheel, mac.out, options).plan.grafts) == 2


def test_delocate_207_an_excluded_library_need_not_be_on_disk(mac: Job) -> None:
    options = Options(exclude=("libouter.1.dylib", "libinner.*"))
    assert repair(mac.wheel, mac.out, options).plan.grafts == ()


def test_delocate_search_path_is_printed_empty(mac: Job) -> None:
    with pytest.raises(CannotRepair) as caught:
        repair(mac.wheel, mac.out, Options(lib_paths=(mac.wheel.parent,)))
    text = str(caught.value)
    assert f"{mac.wheel.parent} (--lib-path)" in text
    assert "needed by mac_sample/_ext.abi3.so" in text
    assert "--lib-path DIR" in text


def test_delocate_and_repairwheel_end_in_a_traceback_for_a_missing_library(
    mac: Job, say: Say
) -> None:
    done = say("repair", "-w", mac.out, mac.wheel)
    assert done.code == 1
    assert "cannot find `@rpath/libouter.1.dylib`" in done.err
    assert "Traceback" not in done.err


def test_delocate_the_first_failing_wheel_stops_the_run(mac: Job, say: Say, tmp_path: Path) -> None:
    bad = wheel_of(tmp_path / "bad", {"pkg/a.dylib": "lld-x86_64-macos-lib-no-rpath.dylib"}, INTEL)
    done = say("repair", "-w", mac.out, "-l", mac.libs, bad, mac.wheel)
    assert done.code == 1
    assert "wrong machine" in done.err
    assert [output.name for output in mac.out.iterdir()] == [mac.wheel.name]


@pytest.mark.parametrize("seed", ["0", "1", "2", "3"])
def test_delocate_order_of_tag_lines_varies_with_the_hash_seed(tmp_path: Path, seed: str) -> None:
    tag = "cp39.cp310.cp311-abi3-macosx_10_9_universal2"
    wheel = wheel_of(tmp_path, {"pkg/a.so": "made-universal2-macos-ext-ext.so"}, tag)
    out = tmp_path / "out"
    options = ["--exclude", "libouter*", "-w", str(out)]
    done = repairs.command(["repair", *options, str(wheel)], env={"PYTHONHASHSEED": seed})
    assert done.returncode == 0, done.stderr
    (output,) = out.iterdir()
    text = repairs.contents(output)["pkg-1.0.dist-info/WHEEL"].decode()
    assert [line for line in text.splitlines() if line.startswith("Tag:")] == [
        f"Tag: cp{python}-abi3-macosx_11_0_universal2" for python in ("39", "310", "311")
    ]


def test_delocate_fat_slices_with_different_rpaths_crash(tmp_path: Path) -> None:
    """Nor do slices that need other libraries: each is followed and edited by itself."""
    path = "pkg/a.dylib"
    wheel = wheel_of(
        tmp_path,
        {path: "made-universal2-macos-lib-differs.dylib"},
        "cp311-cp311-macosx_11_0_universal2",
    )
    for arch in ("x86_64", "arm64"):
        libraries(tmp_path / arch, (f"lld-{arch}-macos-lib-inner.dylib", "libinner.2.dylib"))
    options = Options(lib_paths=(tmp_path / "x86_64", tmp_path / "arm64"))
    outcome = repair(wheel, tmp_path / "out", options)
    assert len(outcome.plan.grafts) == 2
    assert {e.arch for e in edits_of(outcome, path) if isinstance(e, SetSearchPath)} == {"arm64"}
    site = repairs.unpack(outcome.output, tmp_path / "site")
    assert macho_seen.faults(site) == []
    for part in independent_verifier.examine((site / path).read_bytes()):
        assert part.problems == []


def test_delocate_duplicate_rpaths_are_kept_which_macos_15_4_refuses(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, {"pkg/a.dylib": "made-x86_64-macos-lib-twice.dylib"}, INTEL)
    libs = libraries(tmp_path / "l", ("lld-x86_64-macos-lib-inner.dylib", "libinner.2.dylib"))
    outcome = repair(wheel, tmp_path / "out", Options(lib_paths=(libs,)))
    assert macho_seen.faults(repairs.unpack(outcome.output, tmp_path / "site")) == []


def test_repairwheel_an_unknown_load_command_is_not_a_macho(tmp_path: Path) -> None:
    """It is carried, and the file is edited as any other."""
    name = "made-x86_64-macos-lib-unknown-command.dylib"
    wheel = wheel_of(tmp_path, {"pkg/a.dylib": name}, INTEL)
    libs = libraries(tmp_path / "l", ("lld-x86_64-macos-lib-inner.dylib", "libinner.2.dylib"))
    outcome = repair(wheel, tmp_path / "out", Options(lib_paths=(libs,)))
    assert any(isinstance(edit, ReplaceNeeded) for edit in edits_of(outcome, "pkg/a.dylib"))
    unknown = bytes.fromhex("7b000000 10000000 01000000 02000000")
    assert sample(name).read_bytes().count(unknown) == 1
    assert repairs.contents(outcome.output)["pkg/a.dylib"].count(unknown) == 1


@pytest.mark.parametrize(
    ("system", "sdk"), [("ios", "iphoneos"), ("iossimulator", "iphonesimulator")]
)
def test_delocate_and_repairwheel_refuse_ios_wheels(tmp_path: Path, system: str, sdk: str) -> None:
    wheel = wheel_of(
        tmp_path,
        {"pkg/a.so": f"lld-arm64-{system}-lib-phone.dylib"},
        f"cp313-cp313-ios_13_0_arm64_{sdk}",
    )
    outcome = repair(wheel, tmp_path / "out")
    assert outcome.plan.platforms == (f"ios_13_2_arm64_{sdk}",)


def test_delocate_273_ios_files_in_a_macos_wheel_fail_the_version_check(tmp_path: Path) -> None:
    members = {
        "pkg/a.so": "lld-arm64-macos-lib-inner.dylib",
        "pkg/phone.dylib": "lld-arm64-ios-lib-phone.dylib",
    }
    outcome = repair(wheel_of(tmp_path, members), tmp_path / "out", Options(macos_target="11.0"))
    assert outcome.plan.platforms == ("macosx_11_0_arm64",)
    assert [skip.path for skip in outcome.plan.skips] == ["pkg/phone.dylib"]


def test_delocate_any_whl_left_alone_with_binaries_inside(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, {"pkg/a.so": EXT}, "py3-none-any")
    outcome = repair(wheel, tmp_path / "out", Options(lib_paths=(LIBS,)))
    assert outcome.output.name == "pkg-1.0-py3-none-macosx_11_0_arm64.whl"
    assert len(outcome.plan.grafts) == 2


def test_repairwheel_globs_literal_paths(mac: Job, say: Say, tmp_path: Path) -> None:
    odd = tmp_path / "in[1]"
    mac.wheel.parent.rename(odd)
    done = say("repair", "-l", mac.libs, "-w", mac.out, odd / mac.wheel.name)
    assert done.code == 0


def test_delocate_weak_library_missing_is_fatal(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path, {"pkg/a.dylib": "lld-x86_64-macos-lib-weak.dylib"}, INTEL)
    outcome = repair(wheel, tmp_path / "out")
    assert outcome.plan.grafts == ()
    assert outcome.output.read_bytes() == wheel.read_bytes()
