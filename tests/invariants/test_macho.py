"""The invariants on a wheel for macOS: what depends on the format, and what might."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import independent_verifier, macho_seen, repairs, spies
from support.repairs import Job

from wheelfix import Options, check, repair
from wheelfix.errors import CannotEdit, CannotRepair, SourceChanged
from wheelfix.formats import macho
from wheelfix.model import Outcome, ReplaceNeeded, StagedBy

EXT = "mac_sample/_ext.abi3.so"
LEAF = "mac_sample/leaf.dylib"
OUTER = "@rpath/libouter.1.dylib"
DEEP = "/".join("abcdefghijklmnopqrstuvwxyz" * 4)
"""From so deep a folder, a name that leads to the grafts has no room."""


@pytest.fixture
def mac(tmp_path: Path) -> Job:
    return repairs.mac_job(tmp_path)


def members(outcome: Outcome) -> dict[str, bytes]:
    return repairs.contents(outcome.output)


def grafts(outcome: Outcome) -> dict[str, bytes]:
    made = {graft.path for graft in outcome.plan.grafts}
    return {path: data for path, data in members(outcome).items() if path in made}


def _succeed(mac: Job) -> None:
    mac.repair()


def _fail(mac: Job) -> None:
    with pytest.raises(CannotRepair):
        repair(mac.wheel, mac.out, Options())


def _be_killed(mac: Job) -> None:
    code = (
        "import os, sys, wheelfix\n"
        "from pathlib import Path\n"
        "from wheelfix.formats import macho\n"
        "macho.apply = lambda *_, **__: os.kill(os.getpid(), 9)\n"
        "wheel, libs, out = map(Path, sys.argv[1:])\n"
        "wheelfix.repair(wheel, out, wheelfix.Options(lib_paths=(libs,)))\n"
    )
    places = map(str, (mac.wheel, mac.libs, mac.out))
    command = [sys.executable, "-c", code, *places]
    done = subprocess.run(command, env=repairs.environment(), check=False)
    assert done.returncode == -signal.SIGKILL


@repairs.linux_only
@pytest.mark.parametrize("happen", [_succeed, _fail, _be_killed], ids=lambda f: f.__name__[1:])
def test_inv01_sources_are_identical(mac: Job, happen: Callable[[Job], None]) -> None:
    for file in (mac.wheel, *mac.libs.iterdir()):
        file.chmod(0o444)
    before = repairs.state(mac.wheel.parent, mac.libs)
    happen(mac)
    assert repairs.state(mac.wheel.parent, mac.libs) == before


def test_inv02_repairing_twice_gives_the_same_bytes(mac: Job, tmp_path: Path) -> None:
    first = mac.repair().output
    second = repair(mac.wheel, tmp_path / "second", mac.options).output
    assert second.read_bytes() == first.read_bytes()
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


def test_inv06_and_12_only_private_copies_are_edited(
    mac: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = repairs.state(mac.wheel.parent, mac.libs)
    seen: list[bool] = []

    def look(file: Path) -> None:
        inside = file.parent.parent == mac.out and file.stat().st_nlink == 1
        seen.append(inside and repairs.state(mac.wheel.parent, mac.libs) == before)

    spies.before_edit(monkeypatch, look)
    mac.repair()
    assert seen == [True] * 4


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


@pytest.mark.parametrize("stage", ["stage", "patch", "verify"])
def test_inv14_a_source_that_changes_is_an_error(
    mac: Job, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    spies.before_stage(
        monkeypatch, stage, lambda: mac.wheel.write_bytes(mac.wheel.read_bytes() + b"\0")
    )
    with pytest.raises(SourceChanged, match=mac.wheel.name):
        mac.repair()
    assert list(mac.out.iterdir()) == []


def test_inv16_check_writes_nothing_and_names_every_missing_library(mac: Job) -> None:
    before = repairs.state(mac.wheel.parent.parent)
    decided = check(mac.wheel).plan
    assert repairs.state(mac.wheel.parent.parent) == before
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


VARIANTS = [
    (["-j1"], {"PYTHONHASHSEED": "0"}, 0),
    (["-j8"], {"PYTHONHASHSEED": "4711"}, 0o077),
    (["--verify", "full"], {"LC_ALL": "C", "PYTHONUTF8": "0", "TZ": "XXX+12"}, 0o022),
]


@repairs.linux_only
@pytest.mark.parametrize(("options", "env", "umask"), VARIANTS, ids=["one", "eight", "locale"])
def test_inv21_the_bytes_depend_on_the_inputs_alone(
    mac: Job, tmp_path: Path, options: list[str], env: dict[str, str], umask: int
) -> None:
    expected = repair(mac.wheel, tmp_path / "expected", mac.options).output
    done = repairs.command([*mac.arguments, *options], env=env, umask=umask)
    assert done.returncode == 0, done.stderr
    assert (mac.out / expected.name).read_bytes() == expected.read_bytes()


def test_inv22_a_failure_in_the_middle_leaves_nothing(
    mac: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path) -> None:
        raise MemoryError(file)

    spies.before_edit(monkeypatch, refuse)
    with pytest.raises(MemoryError):
        mac.repair()
    assert list(mac.out.iterdir()) == []


def test_inv23_a_patched_file_is_a_new_inode(mac: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel of macOS caches signatures by inode: what had one before is never edited."""
    sources = {file.stat().st_ino for file in (mac.wheel, *mac.libs.iterdir())}
    edited: dict[int, int] = {}
    spies.before_edit(
        monkeypatch, lambda file: edited.update({file.stat().st_ino: file.stat().st_nlink})
    )
    mac.repair()
    assert len(edited) == 4
    assert set(edited.values()) == {1}
    assert not sources & edited.keys()


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
