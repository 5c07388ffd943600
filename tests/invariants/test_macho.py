"""The invariants on a wheel for macOS: what depends on the format, and what might."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support import (
    independent_verifier,
    mac_build,
    macho_checks,
    macho_seen,
    repairs,
    spies,
    strangers,
)
from support.elf_checks import OpenFile
from support.index_rules import breaches
from support.repairs import Job

from wheelfix import Options, check, repair
from wheelfix.errors import CannotEdit
from wheelfix.formats import macho
from wheelfix.model import (
    Image,
    Outcome,
    ReplaceNeeded,
    SetMinimumSystem,
    SetSearchPath,
    StagedBy,
)

EXT = "mac_sample/_ext.abi3.so"
LEAF = "mac_sample/leaf.dylib"
OUTER = "@rpath/libouter.1.dylib"
DEEP = "/".join("abcdefghijklmnopqrstuvwxyz" * 4)
"""From so deep a folder, a name that leads to the grafts has no room."""


OFFLINE = ("--no-deps", "-q", "--target")
MACHINE = ("--platform", "macosx_11_0_arm64", "--python-version", "3.11", "--only-binary", ":all:")
INSTALLERS: Mapping[str, tuple[str, ...]] = {
    "pip": ("install", "--no-index", "--disable-pip-version-check", *MACHINE, *OFFLINE),
    "uv": ("pip", "install", "--offline", "--python-platform", "aarch64-apple-darwin", *OFFLINE),
    "installer": ("--prefix", "/usr", "--destdir"),
}


@pytest.fixture
def mac(tmp_path: Path) -> Job:
    return repairs.mac_job(tmp_path)


def members(outcome: Outcome) -> dict[str, bytes]:
    return repairs.contents(outcome.output)


def grafts(outcome: Outcome) -> dict[str, bytes]:
    made = {graft.path for graft in outcome.plan.grafts}
    return {path: data for path, data in members(outcome).items() if path in made}


def test_inv02_repairing_a_repaired_wheel_changes_nothing(mac: Job, tmp_path: Path) -> None:
    first = mac.repair().output
    for options in (mac.options, Options()):
        again = repair(first, tmp_path / f"again-{len(options.lib_paths)}", options)
        assert again.plan.nothing_to_do
        assert again.output.read_bytes() == first.read_bytes()


def test_inv03_an_edit_that_cannot_be_made_leaves_no_wheel(mac: Job) -> None:
    """repairwheel ends in a traceback: "New Mach-O header is too large to relocate"."""
    tight = repairs.ROOT / "testdata/macho/lld-arm64-macos-lib-tight.dylib"
    wheel = repairs.make_wheel(
        mac.wheel.parent,
        {"pkg/__init__.py": b"", f"pkg/{DEEP}/tight.dylib": tight.read_bytes()},
        "pkg-1.0-cp311-cp311-macosx_11_0_arm64",
    )
    before = repairs.state(wheel)
    with pytest.raises(CannotEdit) as caught:
        repair(wheel, mac.out, mac.options)
    for part in (f"pkg/{DEEP}/tight.dylib", "bytes short", "arm64", "-headerpad_max_install_names"):
        assert part in str(caught.value)
    assert list(mac.out.iterdir()) == []
    assert repairs.state(wheel) == before


def test_inv04_untouched_members_keep_their_compressed_bytes(mac: Job) -> None:
    outcome = mac.repair()
    before, after = repairs.payloads(mac.wheel), repairs.payloads(outcome.output)
    kept = before.keys() - set(outcome.plan.touched) - {n for n in before if n.endswith("/RECORD")}
    assert LEAF in kept
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}


def test_inv05_touched_members_do_change(mac: Job) -> None:
    outcome = mac.repair()
    before, after = repairs.contents(mac.wheel), members(outcome)
    patched = [patch.path for patch in outcome.plan.patches]
    assert patched == [EXT, "mac_sample/hello"]
    assert all(before[path] != after[path] for path in patched)
    sources = {graft.path: graft.source.read_bytes() for graft in outcome.plan.grafts}
    assert all(after[path] != data for path, data in sources.items())


def test_inv07_one_edit_copies_one_file(mac: Job) -> None:
    outcome = mac.repair()
    staged = {path: how for path, how in outcome.staged if how is StagedBy.INFLATED}
    assert set(staged) == {EXT, "mac_sample/hello"}
    assert len(outcome.staged) == 4


def test_inv11_modes_are_as_tools_expect_them(mac: Job) -> None:
    for library in mac.libs.iterdir():
        library.chmod(0o444)
    outcome = mac.repair()
    modes = repairs.modes(outcome.output)
    assert {modes[path] for path in outcome.plan.touched} == {0o755}


@pytest.mark.parametrize("breach", [b"", b"trailing bytes"], ids=["nothing", "archive"])
def test_inv15_nothing_to_do_gives_the_same_bytes(mac: Job, tmp_path: Path, breach: bytes) -> None:
    """Nor is anything signed anew where only the archive breaks the index's rules."""
    good = mac.repair().output
    wheel = tmp_path / "second" / good.name
    wheel.parent.mkdir()
    wheel.write_bytes(good.read_bytes() + breach)
    outcome = repair(wheel, tmp_path / "again", mac.options)
    assert outcome.plan.nothing_to_do is not bool(breach)
    assert outcome.plan.touched == ()
    assert outcome.output.read_bytes() == good.read_bytes()


def test_inv16_every_missing_library_is_named_at_once(mac: Job) -> None:
    decided = check(mac.wheel).plan
    messages = [finding.message for finding in decided.obstacles]
    assert messages == [
        "cannot find `/opt/build/lib/libinner.2.dylib`",
        f"cannot find `{OUTER}`",
    ]
    assert len(check(mac.wheel, mac.options).plan.grafts) == 2


def test_inv17_one_graft_for_all_names_of_a_library(mac: Job, tmp_path: Path) -> None:
    """delocate: two names for one library leave one stale."""
    (mac.libs / "libouter.dylib").symlink_to("libouter.1.dylib")
    ext = tmp_path / "ext"
    ext.write_bytes(repairs.contents(mac.wheel)[EXT])
    second = Path(shutil.copy(ext, tmp_path / "second"))
    macho.apply(second, (ReplaceNeeded(old=OUTER, new="/opt/build/lib/libouter.dylib"),))
    both = {"pkg/__init__.py": b"", "pkg/a.so": ext.read_bytes(), "pkg/b.so": second.read_bytes()}
    wheel = repairs.make_wheel(tmp_path / "two", both, "pkg-1.0-cp311-cp311-macosx_11_0_arm64")
    outcome = repair(wheel, mac.out, mac.options)
    assert len(outcome.plan.grafts) == 2
    assert ("/opt/build/lib/libouter.dylib", OUTER) in [g.aliases for g in outcome.plan.grafts]
    assert macho_seen.faults(repairs.unpack(outcome.output, tmp_path / "site")) == []


def test_inv19_an_unedited_binary_keeps_its_signature(mac: Job, tmp_path: Path) -> None:
    """codesign runs for what is edited only; what is edited is signed ad hoc, by its new name."""
    outcome = mac.repair()
    before, after = repairs.contents(mac.wheel), members(outcome)
    assert after[LEAF] == before[LEAF]
    (linker,) = independent_verifier.examine(after[LEAF])
    assert linker.flags == 0x20002
    for path in outcome.plan.touched:
        (part,) = independent_verifier.examine(after[path])
        assert (part.problems, part.flags) == ([], 0x2), path
    again = repair(outcome.output, tmp_path / "again", mac.options)
    assert members(again) == after


def test_inv20_a_declared_dlopen_gets_its_search_path(mac: Job, tmp_path: Path) -> None:
    """What `--include` brings keeps its name, and who may load it finds it by @rpath."""
    opener = mac_build.build(mac_build.OPENER, tmp_path / "opener.so")
    name = "-Wl,-install_name,/opt/build/libplugin.dylib"
    mac_build.build("int plugin(void) { return 7; }", mac.libs / "libplugin.dylib", name)
    wheel = with_more(mac.wheel, tmp_path / "with", {"mac_sample/_opens.so": opener})
    plain = repair(wheel, tmp_path / "plain", mac.options)
    assert "mac_sample/_opens.so" not in plain.plan.touched
    options = Options(lib_paths=(mac.libs,), include=("libplugin.dylib",))
    outcome = repair(wheel, tmp_path / "included", options)
    assert "mac_sample/.dylibs/libplugin.dylib" in members(outcome)
    images = {path: mac_build.image(members(outcome)[path]) for path in outcome.plan.touched}
    searched = {
        path for path, each in images.items() if "@loader_path/.dylibs" in each.search.entries
    }
    assert searched == {"mac_sample/_opens.so"}
    (said,) = [found for found in outcome.plan.findings if found.code == "WF209"]
    assert said.message == "`mac_sample/_opens.so` loads `libplugin.dylib` by name when it runs"
    again = repair(outcome.output, tmp_path / "again", mac.options)
    assert members(again) == members(outcome)


def with_more(wheel: Path, folder: Path, more: Mapping[str, bytes]) -> Path:
    """Give a wheel with further members."""
    kept = {p: data for p, data in repairs.contents(wheel).items() if ".dist-info/" not in p}
    return repairs.make_wheel(folder, {**kept, **more}, wheel.name.removesuffix(".whl"))


def test_inv22_a_failure_in_the_middle_leaves_nothing(
    mac: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path) -> None:
        raise MemoryError(file)

    spies.before_edit(monkeypatch, refuse)
    with pytest.raises(MemoryError):
        mac.in_files().repair()
    assert list(mac.out.iterdir()) == []


def test_inv23_a_patched_file_is_a_new_inode(mac: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel of macOS caches signatures by inode: what had one before is never edited."""
    sources = {file.stat().st_ino for file in (mac.wheel, *mac.libs.iterdir())}
    edited: list[os.stat_result] = []
    spies.before_edit(monkeypatch, lambda file: edited.append(file.stat()))
    mac.in_files().repair()
    assert len(edited) == 4
    assert {each.st_nlink for each in edited} == {1}
    assert not sources & {each.st_ino for each in edited}


@pytest.mark.parametrize("name", strangers.MACHO_TOOLS)
def test_inv24_the_output_survives_other_peoples_tools(mac: Job, tmp_path: Path, name: str) -> None:
    for binary in _edited(mac.repair(), tmp_path / "site").values():
        strangers.macho_survives(binary, name)


def test_inv24_the_output_survives_a_second_edit_by_us(mac: Job, tmp_path: Path) -> None:
    """There and back; and the same again, which changes nothing."""
    for path, binary in _edited(mac.repair(), tmp_path / "site").items():
        tables, code = macho_checks.printed(binary, *strangers.LOADED), macho_checks.code(binary)
        macho.apply(binary, (SetSearchPath(entries=()),))
        once = binary.read_bytes()
        for version in ("macos 13.1", "macos 11.0", "macos 11.0"):
            macho.apply(binary, (SetMinimumSystem(version=version),))
            assert macho.flaws(OpenFile(binary)) == (), path
        assert binary.read_bytes() == once, path
        assert macho_checks.printed(binary, *strangers.LOADED) == tables
        assert macho_checks.code(binary) == code
        assert macho_checks.layout_faults(binary) == ""


def _edited(outcome: Outcome, site: Path) -> dict[str, Path]:
    """Unpack the wheel and give what was edited."""
    repairs.unpack(outcome.output, site)
    return {path: site / path for path in outcome.plan.touched}


def _read(binary: Path) -> tuple[Image, ...]:
    return macho.read(OpenFile(binary), watch={})


def test_inv25_the_output_passes_what_it_meets_next(mac: Job) -> None:
    """The package index's check, written anew from its rules."""
    assert breaches(mac.repair().output) == []


@repairs.linux_only
@pytest.mark.parametrize("name", INSTALLERS)
def test_inv25_installers_keep_every_byte(mac: Job, tmp_path: Path, name: str) -> None:
    """For a machine that is not this one: nothing here can load it."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs the package `{name}` in the environment of the tests")
    output = mac.repair().output
    home = {"HOME": str(tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache")}
    env = {"PATH": os.environ["PATH"], **home}
    site = tmp_path / "site"
    repairs.run(sys.executable, "-m", name, *INSTALLERS[name], site, output, env=env)
    (package,) = site.rglob("mac_sample/__init__.py")
    found = {
        path: data for path, data in repairs.contents(output).items() if "dist-info" not in path
    }
    assert {path: (package.parents[1] / path).read_bytes() for path in found} == found


def test_inv26_equal_graft_names_mean_equal_bytes(mac: Job, tmp_path: Path) -> None:
    """In another wheel too, whose folder of grafts has the same name; the id tells others apart."""
    first = grafts(mac.repair())
    ext = {"mac_sample/__init__.py": b"", "mac_sample/other.so": repairs.contents(mac.wheel)[EXT]}
    wheel = repairs.make_wheel(
        tmp_path / "other", ext, "mac_sample-2.0-cp311-cp311-macosx_11_0_arm64"
    )
    assert grafts(repair(wheel, tmp_path / "out2", mac.options)) == first


def test_inv26_equal_graft_names_mean_equal_bytes_in_another_package(
    mac: Job, tmp_path: Path
) -> None:
    """The id names the wheel's folder, so that the name must depend on it too."""
    first = {path.rpartition("/")[2]: data for path, data in grafts(mac.repair()).items()}
    ext = {"other/__init__.py": b"", "other/sub/a.so": repairs.contents(mac.wheel)[EXT]}
    wheel = repairs.make_wheel(tmp_path / "other", ext, "other-2.0-cp311-cp311-macosx_11_0_arm64")
    second = grafts(repair(wheel, tmp_path / "out2", mac.options))
    for path, data in second.items():
        name = path.rpartition("/")[2]
        assert first.get(name, data) == data
