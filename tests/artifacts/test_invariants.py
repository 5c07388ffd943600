"""What must hold of a build's outputs, for every format, by the architecture's numbers."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import needs, repairs, spies
from support.artifacts import Build

from wheelfix import (
    Kind,
    Options,
    Repaired,
    StagedBy,
    Treatment,
    WheelPath,
    plan_artifacts,
    repair,
    repair_artifacts,
)
from wheelfix.clone import CANNOT
from wheelfix.errors import CannotRepair, CannotWrite, SourceChanged, UsageError
from wheelfix.value import replace

pytestmark = repairs.linux_only

BOTH = pytest.mark.parametrize("kind", list(Kind))


def content(repaired: Repaired) -> dict[str, tuple[bytes, int]]:
    """Read all that goes into the wheel, with its mode."""
    return {each.path: (each.file.read_bytes(), each.mode) for each in repaired.ready}


def done(build: Build, kind: Kind = Kind.REPAIR, **options: object) -> dict[str, tuple[bytes, int]]:
    """Repair and give what goes into the wheel."""
    with build.repair(kind, replace(build.options, **options)) as repaired:
        return content(repaired)


@BOTH
def test_inv01_originals_are_identical_after_success_and_failure(build: Build, kind: Kind) -> None:
    before = build.state()
    done(build, kind)
    assert build.state() == before
    with pytest.raises(RuntimeError, match="the backend fails"), build.repair(kind):
        raise RuntimeError("the backend fails")
    assert build.state() == before
    assert list(build.scratch.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), build.repair(kind):
        raise KeyboardInterrupt
    assert build.state() == before
    assert list(build.scratch.iterdir()) == []


KILLED = """
import os, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from support import artifacts
from wheelfix import workshop
make, folder = sys.argv[1:]
workshop.patch = lambda *_, **__: os.kill(os.getpid(), 9)
folder = Path(folder)
with getattr(artifacts, make)(folder).repair():
    os.kill(os.getpid(), 9)
"""


def test_inv01_inv22_a_killed_run_leaves_its_scratch_folder_and_nothing_else(
    build: Build, request: pytest.FixtureRequest
) -> None:
    """The next run neither trips over what is left nor uses it."""
    expected = done(build)
    before = build.state()
    name = request.node.callspec.id
    script = KILLED.format(tests=str(repairs.ROOT / "tests"))
    command = [sys.executable, "-c", script, name, str(build.scratch.parent)]
    killed = subprocess.run(command, env=repairs.environment(), check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = build.scratch.iterdir()
    assert left.name.startswith(".wheelfix-")
    kept = repairs.state(left)
    assert build.state() == before
    assert done(build) == expected
    assert repairs.state(left) == kept
    assert list(build.scratch.iterdir()) == [left]


@BOTH
def test_inv01_inv11_read_only_originals_keep_their_modes(
    build: Build, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    spies.before_edit(monkeypatch, lambda file: modes.append(file.stat().st_mode & 0o777))
    for number, file in enumerate(build.artifacts.values()):
        file.chmod((0o444, 0o555)[number % 2])
    build.root.chmod(0o555)
    before = build.state()
    with build.repair(kind) as repaired:
        touched = build.touched if kind is Kind.REPAIR else build.linked
        assert set(repaired.treated(Treatment.PATCHED)) == touched
        for path, file in build.artifacts.items():
            assert repaired.files[path].stat().st_mode & 0o777 == file.stat().st_mode & 0o777
        for path in repaired.treated(Treatment.ADDED):
            assert repaired.files[path].stat().st_mode & 0o777 == 0o755
    assert all(mode & 0o600 == 0o600 for mode in modes)
    assert build.state() == before


@BOTH
def test_inv02_a_second_run_gives_the_same_bytes(build: Build, kind: Kind) -> None:
    assert done(build, kind) == done(build, kind)


def test_inv02_repairing_what_was_repaired_changes_nothing(build: Build, tmp_path: Path) -> None:
    with build.repair() as repaired:
        kept = {}
        for number, each in enumerate(repaired.ready):
            kept[each.path] = Path(shutil.copy2(each.file, tmp_path / f"kept-{number}"))
        name = repaired.plan.output
    plan = plan_artifacts(kept, wheel=name, link_paths=(build.libs,))
    assert plan.touched == ()
    assert plan.grafts == ()
    assert plan.output == name


@BOTH
def test_inv03_inv05_the_prediction_comes_before_any_write_and_holds(
    build: Build, kind: Kind
) -> None:
    build.scratch.rmdir()  # whoever wrote there now would fail
    plan = build.plan(kind)
    build.scratch.mkdir()
    assert set(plan.touched) & set(build.artifacts) == (
        build.touched if kind is Kind.REPAIR else build.linked
    )
    with build.repair(kind) as repaired:
        assert repaired.plan == plan
        files = repaired.files
        for path, original in build.artifacts.items():
            same = files[path].read_bytes() == original.read_bytes()
            assert same == (path not in plan.touched), path
        for graft in plan.grafts:
            same = files[graft.path].read_bytes() == graft.source.read_bytes()
            assert same == (graft.path not in plan.touched), graft.path


@BOTH
def test_inv04_inv07_inv19_what_is_untouched_is_the_original_itself(
    build: Build, kind: Kind
) -> None:
    """No copy, no rename: neither is there a private file for it, nor one to spare."""
    with build.repair(kind) as repaired:
        for each in repaired.ready:
            ours = each.path in repaired.plan.touched or each.treatment is Treatment.ADDED
            assert (each.file == build.artifacts.get(each.path)) != ours
        private = {file for file in build.scratch.rglob("*") if file.is_file()}
        taken = {each.file for each in repaired.ready if each.treatment is not Treatment.UNCHANGED}
        assert private == taken
        staged = {each.path for each in repaired.ready if each.by is not None}
        grafts = {graft.path for graft in repaired.plan.grafts}
        assert staged == grafts | {patch.path for patch in repaired.plan.patches}


@BOTH
def test_inv06_inv12_every_edit_is_in_a_private_copy_and_none_flows_back(
    build: Build, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build.state()
    inodes = {file.stat().st_ino for file in (*build.artifacts.values(), *build.libs.iterdir())}
    seen: list[bool] = []

    def look(file: Path) -> None:
        private = file.is_relative_to(build.scratch) and file.stat().st_ino not in inodes
        seen.append(private and build.state() == before and file.stat().st_nlink == 1)

    spies.before_edit(monkeypatch, look)
    done(build, kind)
    items = (*build.plan(kind).patches, *(g for g in build.plan(kind).grafts if g.edits))
    assert seen == [True] * len(items)


@BOTH
def test_inv08_leftovers_in_the_scratch_folder_change_nothing(build: Build, kind: Kind) -> None:
    expected = done(build, kind)
    old = build.scratch / ".wheelfix-0123456789abcdef"
    old.mkdir()
    for number in range(4):
        (old / f"{number:06d}").write_bytes(b"left by a run that was killed")
        (build.scratch / f"{number:06d}").write_bytes(b"somebody else's")
    before = repairs.state(build.scratch / "000000", old)
    assert done(build, kind) == expected
    assert repairs.state(build.scratch / "000000", old) == before


@pytest.mark.parametrize("number", sorted(CANNOT), ids=lambda number: errno.errorcode[number])
def test_inv09_a_refused_reflink_is_one_copy(
    build: Build, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.ioctl", refuse)
    with build.repair() as repaired:
        assert {each.by for each in repaired.ready} <= {None, StagedBy.COPIED}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES])
def test_inv09_any_other_error_surfaces(
    build: Build, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.ioctl", refuse)
    with pytest.raises(CannotWrite, match=os.strerror(number)), build.repair():
        pass
    assert list(build.scratch.iterdir()) == []


@BOTH
def test_inv10_inv23_links_are_followed_and_nothing_is_written_through_them(
    build: Build, kind: Kind
) -> None:
    """Hard links, links and links to links: the private file is always of a new inode."""
    expected = done(build, kind)
    for number, file in enumerate(list(build.artifacts.values())):
        real = file.with_name(f"real-{number}")
        file.rename(real)
        if number % 2:
            file.hardlink_to(real)
        else:
            file.with_name(f"step-{number}").symlink_to(real.name)
            file.symlink_to(f"step-{number}")
    before = build.state()
    with build.repair(kind) as repaired:
        assert content(repaired) == expected
        inodes = {file.stat().st_ino for file in build.root.iterdir()}
        for path in repaired.treated(Treatment.PATCHED):
            status = repaired.files[path].lstat()
            assert status.st_ino not in inodes
            assert status.st_nlink == 1
            repaired.files[path].write_bytes(b"the backend writes there")
    assert build.state() == before


def test_inv13_a_failed_cleanup_is_only_a_warning(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EPERM, "no", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rmdir", refuse)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.warns(RuntimeWarning, match="could not remove"), build.repair() as repaired:
            assert repaired.ready


def test_what_a_backend_puts_beside_goes_too(build: Build) -> None:
    with build.repair() as repaired:
        (made, *_) = repaired.treated(Treatment.PATCHED)
        scratch = repaired.files[made].parent
        (scratch / "more").mkdir()
        (scratch / "more" / "file").touch()
    assert not scratch.exists()


def _new_time(file: Path) -> None:
    os.utime(file, ns=(0, 0))


def _new_size(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def _new_inode(file: Path) -> None:
    Path(shutil.copy2(file, file.with_name("new"))).replace(file)


def _gone(file: Path) -> None:
    file.unlink()


CHANGES = pytest.mark.parametrize(
    "change", [_new_time, _new_size, _new_inode, _gone], ids=lambda f: f.__name__[1:]
)


@CHANGES
@pytest.mark.parametrize("touched", [True, False], ids=["touched", "untouched"])
@pytest.mark.parametrize("moment", ["stage", "patch", "verify"])
def test_inv14_an_original_that_changes_is_an_error(
    build: Build,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    moment: str,
    touched: bool,  # noqa: FBT001 - parametrized
) -> None:
    if not build.plan().patches and not build.plan().grafts:
        pytest.fail("the test needs something to stage")
    path = next(p for p in build.artifacts if (p in build.touched) == touched)
    spies.before_stage(monkeypatch, moment, lambda: change(build.artifacts[path]))
    with pytest.raises(SourceChanged, match=build.artifacts[path].name), build.repair():
        pytest.fail("nothing may be handed out")
    assert list(build.scratch.iterdir()) == []


@CHANGES
def test_inv14_an_original_that_changes_while_it_is_packed_is_an_error(
    build: Build, change: Callable[[Path], None]
) -> None:
    file = next(file for path, file in build.artifacts.items() if path not in build.touched)
    with pytest.raises(SourceChanged, match=file.name), build.repair():
        change(file)
    assert list(build.scratch.iterdir()) == []


def test_inv15_nothing_to_do_makes_no_scratch_folder(build: Build) -> None:
    alone = {path: file for path, file in build.artifacts.items() if path not in build.touched}
    options = Options(scratch=build.scratch / "not there")
    with repair_artifacts(alone, wheel=build.wheel, options=options) as repaired:
        assert repaired.files == alone
        assert set(repaired.treated(Treatment.UNCHANGED)) == set(alone)


def test_inv16_a_plan_writes_nothing_and_names_all_that_is_missing(
    build: Build, tmp_path: Path
) -> None:
    before = repairs.state(tmp_path)
    with pytest.raises(CannotRepair) as caught:  # noqa: SIM117 - what raises is the second
        with repair_artifacts(build.artifacts, wheel=build.wheel, options=build.options):
            pytest.fail("nothing may be handed out")
    lost = plan_artifacts(build.artifacts, wheel=build.wheel).obstacles
    assert lost
    assert all(finding.message in str(caught.value) for finding in lost)
    assert str(caught.value).startswith(build.wheel)
    assert repairs.state(tmp_path) == before


def test_inv17_a_library_that_is_an_artifact_too_is_not_brought_in_again(build: Build) -> None:
    """It is found by the folder that the build linked from, under a link's name even."""
    name = next(iter(sorted(build.libs.iterdir()))).name
    store = build.root / "store"
    store.mkdir()
    (build.libs / name).rename(store / name)
    (build.libs / name).symlink_to(store / name)
    path = WheelPath(f"{next(iter(build.touched)).partition('/')[0]}/libs/{name}")
    artifacts = {**build.artifacts, path: store / name}
    plan = plan_artifacts(artifacts, wheel=build.wheel, link_paths=(build.libs,))
    assert plan.obstacles == ()
    assert [graft for graft in plan.grafts if graft.source.name == name] == []
    assert set(plan.touched) & set(build.artifacts)


@BOTH
def test_inv21_the_bytes_depend_on_the_inputs_alone(build: Build, kind: Kind) -> None:
    expected = done(build, kind, jobs=1)
    assert done(build, kind, jobs=7) == expected
    backwards = dict(reversed(tuple(build.artifacts.items())))
    options = Options(scratch=build.scratch)
    with repair_artifacts(
        backwards, wheel=build.wheel, kind=kind, options=options, link_paths=(build.libs,)
    ) as repaired:
        assert content(repaired) == expected
        assert list(repaired.files) == sorted(repaired.files)


def test_inv25_the_answer_is_what_the_repaired_wheel_holds(build: Build, tmp_path: Path) -> None:
    """Wheel mode and artifact mode are one: what is proved of the one holds for the other."""
    members = {str(path): file.read_bytes() for path, file in build.artifacts.items()}
    modes = {str(path): file.stat().st_mode & 0o777 for path, file in build.artifacts.items()}
    stem = build.wheel.removesuffix(".whl")
    wheel = repairs.make_wheel(tmp_path / "in", members, stem, modes=modes)
    outcome = repair(wheel, tmp_path / "out", Options(lib_paths=(build.libs,)))
    packed = repairs.contents(outcome.output)
    packed_modes = repairs.modes(outcome.output)
    with build.repair() as repaired:
        found = content(repaired)
        assert repaired.plan.output == outcome.output.name
        assert repaired.plan.tags == outcome.plan.tags
    expected = {p: (c, packed_modes[p]) for p, c in packed.items() if ".dist-info/" not in p}
    assert found == expected


def test_what_is_no_file_or_no_path_of_a_member_is_refused(build: Build, tmp_path: Path) -> None:
    for artifacts, wheel, word in (
        ({WheelPath("a.so"): tmp_path}, build.wheel, "not a file"),
        ({WheelPath("a.so"): tmp_path / "none"}, build.wheel, "No such file"),
        ({WheelPath("../a.so"): build.wheel}, build.wheel, "leads out"),
        (build.artifacts, "no-wheel", "file name of a wheel"),
    ):
        with pytest.raises(UsageError, match=word):
            plan_artifacts(artifacts, wheel=wheel)  # type: ignore[arg-type]


def test_a_program_that_runs_can_be_repaired(tmp_path: Path) -> None:
    """Its file is busy: nobody may write it."""
    folder, scratch = tmp_path / "build", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    library = repairs.build_library(tmp_path / "libs" / "libseven.so", "int seven = 7;")
    program = folder / "waits"
    (folder / "waits.c").write_text("#include <unistd.h>\nint main(void) { return pause(); }\n")
    search = f"-Wl,-rpath,{library.parent},--no-as-needed"
    gcc = needs.tool("gcc", "gcc")
    words = (gcc, search, "-o", program, folder / "waits.c", library)
    repairs.run(*words, env={"PATH": os.environ["PATH"]})
    with subprocess.Popen([program]) as running:
        try:
            with pytest.raises(OSError, match="busy"):
                program.open("r+b")
            before = repairs.state(folder)
            artifacts = {WheelPath("pkg/waits"): program}
            options = Options(scratch=scratch, plat="linux_x86_64")
            wheel = "pkg-1.0-py3-none-linux_x86_64.whl"
            with repair_artifacts(artifacts, wheel=wheel, options=options) as repaired:
                assert repaired.treated(Treatment.PATCHED) == ("pkg/waits",)
            assert repairs.state(folder) == before
            assert running.poll() is None
        finally:
            running.kill()


def test_scratch_on_another_device_is_a_copy(build: Build) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == build.root.stat().st_dev:
        pytest.skip("needs /dev/shm on a device of its own")
    expected = done(build)
    options = Options(scratch=other, jobs=2)
    with build.repair(Kind.REPAIR, options) as repaired:
        assert content(repaired) == expected
        assert {each.by for each in repaired.ready} == {None, StagedBy.COPIED}
        folder = next(each.file for each in repaired.ready if each.by).parent
    assert not folder.exists()
