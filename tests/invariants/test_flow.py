"""First decide, then write: what is touched, what is copied, and what happens when nothing is."""

from __future__ import annotations

import os
import shutil
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from support import repairs, spies
from support.repairs import Job

from wheelfix import Options, Plan, Report, check, repair
from wheelfix.errors import CannotRepair, WheelfixError
from wheelfix.plan import plan as decide

pytestmark = repairs.linux_only

PURE = {"pkg/__init__.py": b"x = 1\n" * 99}


def _pure(folder: Path) -> Path:
    return repairs.make_wheel(folder, PURE, "pkg-1.0-py3-none-any", purelib=True)


def _crowd(folder: Path) -> Path:
    """Make a wheel with twenty libraries of which one needs something from outside."""
    alone = (repairs.WHEELS / "x86_64" / "libinner.so.2").read_bytes()
    members = {f"pkg/lib{number}.so": alone + bytes(number) for number in range(20)}
    module = repairs.contents(repairs.SAMPLE)["sample/_greet.abi3.so"]
    return repairs.make_wheel(folder, {**members, "pkg/_greet.so": module, **PURE}, level=1)


def test_inv02_repairing_twice_gives_the_same_bytes(either: Job, tmp_path: Path) -> None:
    first = either.repair().output
    stamps = repairs.state(first)
    assert either.repair().output == first
    assert repairs.state(first) == stamps
    again = repair(either.wheel, tmp_path / "elsewhere", either.options).output
    assert again.read_bytes() == first.read_bytes()


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "armv7l", "i686", "ppc64le", "s390x"])
def test_inv02_repairing_a_repaired_wheel_changes_nothing(tmp_path: Path, arch: str) -> None:
    first = repairs.chain_job(tmp_path / "job", arch).repair().output
    for options in (Options(), Options(lib_paths=(repairs.WHEELS / arch,))):
        outcome = repair(first, tmp_path / "again", options)
        assert outcome.plan.nothing_to_do
        assert outcome.output.name == first.name
        assert outcome.output.read_bytes() == first.read_bytes()


def test_inv03_the_plan_is_complete_before_the_first_write(
    either: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """When the plan is made the disk is as it was, and what is done is that plan."""
    foretold = check(either.wheel, either.options).plan
    before = repairs.state(tmp_path)
    plans: list[Plan] = []

    def spied(report: Report, options: Options) -> Plan:
        plans.append(decide(report, options))
        assert repairs.state(tmp_path) == before
        return plans[-1]

    monkeypatch.setattr("wheelfix.pipeline.plan", spied)
    outcome = either.repair()
    assert plans == [outcome.plan] == [foretold]


def test_inv03_what_is_wrong_with_the_last_member_is_known_before_the_first_is_touched(
    sample: Job, tmp_path: Path
) -> None:
    """A damaged binary at the very end, behind others that need work."""
    members = {
        "a/_greet.so": repairs.contents(sample.wheel)["sample/_greet.abi3.so"],
        "z/damaged.so": b"\x7fELF" + b"\xff" * 60,
    }
    wheel = repairs.make_wheel(tmp_path / "in2", members)
    with pytest.raises(CannotRepair, match=r"damaged\.so"):
        repair(wheel, sample.out, sample.options)
    assert not sample.out.exists()


def test_inv04_untouched_members_keep_their_compressed_bytes(sample: Job, tmp_path: Path) -> None:
    wheel = _crowd(tmp_path / "in2")
    outcome = repair(wheel, sample.out, sample.options)
    old, new = repairs.payloads(wheel), repairs.payloads(outcome.output)
    written = {*outcome.plan.touched, "pkg-1.0.dist-info/WHEEL", "pkg-1.0.dist-info/RECORD"}
    untouched = old.keys() - written
    assert len(untouched) == 22
    assert {path: new[path] for path in untouched} == {path: old[path] for path in untouched}
    assert outcome.carried_bytes == sum(len(old[path]) for path in untouched)


def test_inv05_touched_members_do_change(tmp_path: Path) -> None:
    chain = repairs.chain_job(tmp_path)
    outcome = chain.repair()
    old, new = repairs.contents(chain.wheel), repairs.contents(outcome.output)
    moved = {one.script: one.program for one in outcome.plan.launchers}
    grafts = {one.path: one.source for one in outcome.plan.grafts}
    assert len(outcome.plan.touched) == 4
    for path in outcome.plan.touched:
        before = grafts[path].read_bytes() if path in grafts else old[path]
        assert new[moved.get(path, path)] != before
    assert set(outcome.verified) == set(outcome.plan.touched)


def test_inv05_a_plan_without_an_edit_is_a_plan_without_a_patch(tmp_path: Path) -> None:
    """Predictor and patcher share one rule: no patch is empty, and none does nothing."""
    for arch in ("x86_64", "aarch64", "i686"):
        chain = repairs.chain_job(tmp_path / arch, arch)
        decided = check(chain.wheel, chain.options).plan
        assert decided.patches
        assert all(patch.edits for patch in decided.patches)
        assert "chain/hello" not in decided.touched  # its RUNPATH of $ORIGIN is right already


def test_inv06_a_private_copy_comes_before_the_first_edit(
    either: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    pristine = {*repairs.contents(either.wheel).values()}
    pristine |= {library.read_bytes() for library in either.libs.iterdir()}
    edited: list[Path] = []

    def look(file: Path) -> None:
        copies = [file, *(other for other in file.parent.iterdir() if other not in edited)]
        edited.append(file)
        assert {copy.read_bytes() for copy in copies} <= pristine
        assert (file.is_symlink(), file.stat().st_nlink) == (False, 1)
        assert either.out in file.parents

    spies.before_edit(monkeypatch, look)
    options = Options(lib_paths=(either.libs,), jobs=1, scratch=either.out)
    plan = repair(either.wheel, either.out, options).plan
    assert len(edited) == len(plan.touched) - len(plan.inserts) >= 3


def test_inv07_one_edit_copies_one_file(
    sample: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Twenty other binaries lie beside it in the wheel, thirty more in the library's folder."""
    for number in range(30):
        shutil.copy(sample.libs / "libword.so.2", sample.libs / f"libother{number}.so")
    sizes: list[int] = []
    spies.before_edit(monkeypatch, lambda file: sizes.append(len(list(file.parent.iterdir()))))
    outcome = repair(_crowd(tmp_path / "in2"), sample.out, sample.in_files().options)
    assert max(sizes) <= 3
    assert len(sizes) == 3
    assert [path.rpartition("/")[2].partition("-")[0] for path, _ in outcome.staged] == [
        "libgreet",
        "libword",
        "_greet.so",
    ]


@repairs.loads_here
def test_inv07_no_copy_is_kept_longer_than_it_is_needed(tmp_path: Path) -> None:
    """Copies of small files are held in memory, each until it is packed."""
    seven = repairs.build_library(tmp_path / "libs" / "libseven.so", "int seven(void){return 7;}")
    (tmp_path / "noise").write_bytes(os.urandom(2 << 20))
    source = (
        f'__asm__(".section .rodata\\n.incbin \\"{tmp_path}/noise\\"\\n.previous");\n'
        "int seven(void); int eight(void) { return seven() + 1; }\n"
    )
    module = repairs.build_library(tmp_path / "build" / "module.so", source, seven).read_bytes()

    def peak(count: int) -> int:
        members = {f"pkg/{number:02}.so": module for number in range(count)}
        wheel = repairs.make_wheel(tmp_path / f"{count}", members, level=1)
        options = Options(lib_paths=(seven.parent,), jobs=1)
        tracemalloc.start()
        try:
            outcome = repair(wheel, tmp_path / f"out{count}", options)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            assert len(outcome.staged) == count + 1

    assert peak(24) - peak(8) < 8 << 20


def test_inv08_leftovers_in_the_scratch_folder_change_nothing(either: Job, tmp_path: Path) -> None:
    """What killed runs left behind, with the very names that are used inside."""
    expected = either.again(tmp_path / "clean").repair().output.read_bytes()
    for parent in (either.out, tmp_path / "scratch"):
        leftover = parent / ".wheelfix-abcdefgh"
        leftover.mkdir(parents=True)
        for number in range(9):
            (leftover / f"{number:06d}").write_bytes(b"left over")
            (parent / f"{number:06d}").write_bytes(b"left over")
        (parent / f".wheelfix-{'0' * 16}.tmp").write_bytes(b"left over")
    before = repairs.state(*either.out.iterdir(), *(tmp_path / "scratch").iterdir())
    options = Options(lib_paths=(either.libs,), scratch=tmp_path / "scratch")
    assert repair(either.wheel, either.out, options).output.read_bytes() == expected
    assert len(list(either.out.glob("*.whl"))) == 1
    (next(either.out.glob("*.whl"))).unlink()
    assert repairs.state(*either.out.iterdir(), *(tmp_path / "scratch").iterdir()) == before


def test_inv13_a_failed_cleanup_is_only_a_note(
    either: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(path: object, **_: object) -> None:
        raise PermissionError(1, "Operation not permitted", path)

    expected = either.again(tmp_path / "clean").repair().output.read_bytes()
    monkeypatch.setattr("os.rmdir", refuse)
    outcome = either.repair()
    (note,) = outcome.notes
    assert note.startswith(f"could not remove {either.out}/.wheelfix-")
    assert outcome.output.read_bytes() == expected


def test_inv13_a_failed_cleanup_does_not_hide_what_went_wrong(
    either: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, **_: object) -> None:
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr("os.rmdir", refuse)
    spies.before_stage(monkeypatch, "patch", either.wheel.unlink)
    with pytest.raises(WheelfixError, match="is gone"):
        either.repair()


def test_inv15_nothing_to_do_gives_the_same_bytes(tmp_path: Path) -> None:
    """A pure wheel, and a wheel whose library needs nobody and that says its tag."""
    alone = (repairs.WHEELS / "x86_64" / "libinner.so.2").read_bytes()
    stem = "pkg-1.0-py3-none-manylinux_2_17_x86_64"
    first = repair(
        repairs.make_wheel(tmp_path / "in", {"pkg/a.so": alone}, stem), tmp_path / "canonical"
    ).output
    for wheel in (_pure(tmp_path / "in"), first):
        outcome = repair(wheel, tmp_path / "out")
        assert outcome.plan.nothing_to_do
        assert outcome.output.name == wheel.name
        assert outcome.output.read_bytes() == wheel.read_bytes()


@pytest.mark.parametrize("breach", ["comment", "trailing"])
def test_inv15_an_archive_that_the_index_refuses_is_written_anew(
    tmp_path: Path, breach: str
) -> None:
    """Its headers are; its payloads are carried."""
    wheel = _pure(tmp_path / "in")
    old = repairs.payloads(wheel)
    if breach == "trailing":
        wheel.write_bytes(wheel.read_bytes() + b"\n")
    else:
        with zipfile.ZipFile(wheel, "a") as archive:
            archive.comment = b"hello"
    outcome = repair(wheel, tmp_path / "out")
    assert outcome.plan.rewrite_archive
    assert outcome.output.read_bytes() != wheel.read_bytes()
    new = repairs.payloads(outcome.output)
    record = "pkg-1.0.dist-info/RECORD"
    assert new.pop(record)
    assert old.pop(record)
    assert new == old


def test_inv16_check_and_dry_run_write_nothing(either: Job, tmp_path: Path) -> None:
    for arguments in (
        ["check", "-l", str(either.libs), str(either.wheel)],
        [*either.arguments, "--dry-run"],
        [*either.arguments, "--dry-run", "--json"],
    ):
        folder = tmp_path / "cwd"
        folder.mkdir(exist_ok=True)
        before = repairs.state(tmp_path)
        repairs.command(arguments, cwd=folder, env={"TMPDIR": str(tmp_path)})
        assert repairs.state(tmp_path) == before


def test_inv16_check_and_dry_run_write_nothing_and_report_all(sample: Job, tmp_path: Path) -> None:
    """Every library that is missing is named at once, with the places that were tried."""
    members = repairs.contents(sample.wheel) | repairs.contents(
        repairs.WHEELS / "chain-1.0-py3-none-linux_x86_64.whl"
    )
    both = {path: data for path, data in members.items() if path.endswith(".so")}
    wheel = repairs.make_wheel(tmp_path / "both", both)
    with pytest.raises(CannotRepair) as caught:
        repair(wheel, tmp_path / "never", Options())
    text = str(caught.value)
    assert "cannot find `libgreet.so.1`" in text
    assert "cannot find `libouter.so.1`" in text
    assert text.count("looked in ") == 2
    assert not (tmp_path / "never").exists()
