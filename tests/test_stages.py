"""Stage, patch and verify: private copies of what the plan touches, edited and read again."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.samples import TESTDATA
from support.spies import file_of
from support.zips import build, parts, save

from wheelfix import Options, check
from wheelfix.archive import OpenWheel, open_wheel
from wheelfix.clone import clone
from wheelfix.errors import CannotEdit, CannotWrite, NotAsPlanned, SourceChanged, UsageError
from wheelfix.host import Host
from wheelfix.model import (
    Graft,
    Patch,
    Plan,
    ReplaceNeeded,
    Report,
    SetOwnName,
    StagedBy,
    StagedFile,
    Verify,
    WheelPath,
)
from wheelfix.patch import patch
from wheelfix.stage import stage
from wheelfix.verify import verify

EXT = TESTDATA / "elf/zig-x86_64-glibc-ext-chain.so"
MEMBER = WheelPath("pkg/_ext.so")


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """What was staged, sorted by path."""

    files: tuple[StagedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A wheel that needs two libraries, and all that the stages want."""

    wheel: OpenWheel
    libraries: Path
    scratch: Path
    report: Report
    plan: Plan
    in_memory: bool = False

    @property
    def items(self) -> tuple[Patch | Graft, ...]:
        return (*self.plan.patches, *self.plan.grafts)

    def stage(self) -> Staged:
        files = tuple(
            stage(item, self.wheel, None if self.in_memory else self.scratch / f"{number:06d}")
            for number, item in enumerate(self.items)
        )
        return Staged(files=tuple(sorted(files, key=lambda staged: staged.path)))

    def patch(self, staged: Staged) -> None:
        for file in staged.files:
            patch(self._order(file), file)

    def patched(self) -> Staged:
        staged = self.stage()
        self.patch(staged)
        return staged

    def verify(self, staged: Staged, depth: Verify = Verify.HEADER) -> tuple[WheelPath, ...]:
        before = {artifact.place: artifact for artifact in self.report.artifacts}
        return tuple(
            verify(item, before[getattr(item, "source", item.path)], file, depth=depth)
            for file in staged.files
            for item in (self._order(file),)
        )

    def _order(self, file: StagedFile) -> Patch | Graft:
        return next(item for item in self.items if item.path == file.path)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    files = {"pkg/_ext.so": EXT.read_bytes(), "pkg/other.so": EXT.read_bytes()[:0] + b"text"}
    path = save(tmp_path / "in", build(parts(files)))
    libraries, scratch = tmp_path / "l", tmp_path / "scratch"
    libraries.mkdir()
    scratch.mkdir()
    for what, name in (("outer", "libouter.so.1"), ("inner", "libinner.so.2")):
        (libraries / name).write_bytes(
            (TESTDATA / f"elf/zig-x86_64-glibc-lib-{what}.so").read_bytes()
        )
        (libraries / name).chmod(0o444)
    checked = check(path, Options(lib_paths=(libraries,)), host=Host({}))
    with open_wheel(path) as wheel:
        yield Bench(
            wheel=wheel,
            libraries=libraries,
            scratch=scratch,
            report=checked.report,
            plan=checked.plan,
        )


def test_only_what_is_touched_is_staged_and_it_is_told_how(bench: Bench) -> None:
    staged = bench.stage()
    assert tuple(file.path for file in staged.files) == bench.plan.touched
    assert len(staged.files) == 3
    assert {f.by for f in staged.files if f.path == MEMBER} == {StagedBy.INFLATED}
    assert {f.by for f in staged.files if f.path != MEMBER} <= {StagedBy.COPIED, StagedBy.REFLINKED}


def test_staged_names_tell_nothing_and_never_clash(bench: Bench) -> None:
    staged = bench.stage()
    files = [file_of(file) for file in staged.files]
    assert {file.name for file in files} == {"000000", "000001", "000002"}
    assert {file.parent for file in files} == {bench.scratch}


def test_copies_are_private_and_can_be_written_whatever_the_source_allows(bench: Bench) -> None:
    before = {f: f.read_bytes() for f in bench.libraries.iterdir()}
    for file in bench.patched().files:
        status = file_of(file).stat()
        assert status.st_nlink == 1
        if os.name == "posix":
            assert stat.S_IMODE(status.st_mode) & 0o600 == 0o600
    assert {f: f.read_bytes() for f in bench.libraries.iterdir()} == before


def test_a_library_that_changed_since_the_plan(bench: Bench) -> None:
    os.utime(bench.libraries / "libinner.so.2", ns=(0, 0))
    with pytest.raises(SourceChanged, match=r"libinner\.so\.2: changed"):
        bench.stage()


def test_a_library_that_cannot_be_read_is_blamed_itself(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(source: Path, _target: Path) -> StagedBy:
        raise PermissionError(errno.EACCES, "Permission denied", str(source))

    monkeypatch.setattr("wheelfix.clone.clone", refused)
    with pytest.raises(UsageError, match=r"lib\w+\.so\.\d: Permission denied"):
        bench.stage()


def test_a_full_disk_is_blamed_on_the_scratch_folder(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_source: Path, _target: Path) -> StagedBy:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("wheelfix.clone.clone", full)
    with pytest.raises(CannotWrite) as caught:
        bench.stage()
    assert caught.value.subject == str(bench.scratch)
    assert "--scratch" in caught.value.hint


def test_a_disk_that_fills_up_while_patching(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    staged = bench.stage()
    monkeypatch.setattr("wheelfix.formats.elf.edit.put", full)
    with pytest.raises(CannotWrite, match="No space left on device") as caught:
        bench.patch(staged)
    assert caught.value.subject in bench.plan.touched


def test_what_cannot_be_edited_is_named(bench: Bench) -> None:
    staged = bench.stage()
    victim = next(file for file in staged.files if file.path == MEMBER)
    static = TESTDATA / "elf/gcc-x86_64-none-staticpie-alone"
    file_of(victim).write_bytes(static.read_bytes())
    with pytest.raises(CannotEdit, match=r"^pkg/_ext\.so: "):
        bench.patch(staged)


def test_in_memory_everything_is_made_as_in_files(bench: Bench) -> None:
    files, held = bench.patched().files, replace(bench, in_memory=True).patched().files
    assert sorted(bench.scratch.iterdir()) == sorted(file_of(file) for file in files)
    assert [file.file for file in held] == [bytearray(file_of(f).read_bytes()) for f in files]
    assert [(file.path, file.by) for file in held] == [
        (file.path, StagedBy.INFLATED if file.path == MEMBER else StagedBy.COPIED) for file in files
    ]


@pytest.mark.parametrize("change", [os.unlink, lambda file: os.utime(file, ns=(0, 0))])
def test_in_memory_a_library_that_changed_since_the_plan(
    bench: Bench, change: Callable[[Path], None]
) -> None:
    change(bench.libraries / "libinner.so.2")
    with pytest.raises(SourceChanged, match=r"libinner\.so\.2"):
        replace(bench, in_memory=True).stage()


def test_in_memory_an_edit_too_many_is_found_out(bench: Bench) -> None:
    from wheelfix.formats import elf

    held = replace(bench, in_memory=True)
    staged = held.patched()
    elf.apply(staged.files[0].file, (SetOwnName(name="libother.so"),))
    with pytest.raises(NotAsPlanned, match="reads differently"):
        held.verify(staged)


@pytest.mark.parametrize("in_memory", [False, True])
@pytest.mark.parametrize("depth", [Verify.HEADER, Verify.DEEP])
def test_every_edited_file_reads_as_planned(
    bench: Bench, depth: Verify, *, in_memory: bool
) -> None:
    bench = replace(bench, in_memory=in_memory)
    if depth is Verify.DEEP:
        pytest.importorskip("lief", reason="needs LIEF, the second opinion")
    assert bench.verify(bench.patched(), depth) == bench.plan.touched


def test_an_edit_left_out_is_found_out(bench: Bench) -> None:
    with pytest.raises(NotAsPlanned, match="reads differently from the plan") as caught:
        bench.verify(bench.stage())
    assert any(line.startswith("own_name: planned") for line in caught.value.details)


@pytest.mark.parametrize(
    "tampering",
    [SetOwnName(name="libother.so"), ReplaceNeeded(old="libc.so.6", new="libother.so")],
    ids=lambda edit: type(edit).__name__,
)
def test_an_edit_too_many_is_found_out(bench: Bench, tampering: SetOwnName | ReplaceNeeded) -> None:
    from wheelfix.formats import elf

    staged = bench.patched()
    victim = next(file for file in staged.files if file.path == MEMBER)
    elf.apply(victim.file, (tampering,))
    with pytest.raises(NotAsPlanned, match=r"^pkg/_ext\.so: reads differently") as caught:
        bench.verify(staged)
    assert any("libother.so" in line for line in caught.value.details)


def test_a_file_that_no_longer_reads_is_found_out(bench: Bench) -> None:
    staged = bench.patched()
    victim = next(file for file in staged.files if file.path == MEMBER)
    os.truncate(file_of(victim), 100)
    with pytest.raises(NotAsPlanned, match=r"^pkg/_ext\.so: cannot be read after the edit"):
        bench.verify(staged)


def test_an_object_in_its_place_is_found_out(bench: Bench) -> None:
    bench.patched()
    target = bench.scratch / "object"
    clone(TESTDATA / "elf/gcc-x86_64-none-obj-alone.o", target)
    file = StagedFile(path=MEMBER, file=target, by=StagedBy.COPIED)
    with pytest.raises(NotAsPlanned):
        bench.verify(Staged(files=(file,)))
