"""Sources are only read: whatever happens, through whatever kind of link, on whatever disk."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import needs, repairs, spies
from support.repairs import Job

from wheelfix import Options, repair
from wheelfix.errors import CannotRepair, CannotWrite, SourceChanged

pytestmark = repairs.linux_only


def _succeed(either: Job) -> None:
    either.repair()


def _fail(either: Job) -> None:
    with pytest.raises(CannotRepair):
        repair(either.wheel, either.out, Options())


def _be_killed(either: Job) -> None:
    """Die of signal 9 with the libraries staged, in files, and being edited."""
    code = (
        "import os, sys, wheelfix\n"
        "from pathlib import Path\n"
        "from wheelfix import workshop\n"
        "workshop.patch = lambda *_, **__: os.kill(os.getpid(), 9)\n"
        "wheel, libs, out = map(Path, sys.argv[1:])\n"
        "wheelfix.repair(wheel, out, wheelfix.Options(lib_paths=(libs,), scratch=out))\n"
    )
    places = map(str, (either.wheel, either.libs, either.out))
    done = subprocess.run(
        [sys.executable, "-c", code, *places], env=repairs.environment(), check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert list(either.out.glob(".wheelfix-*/*"))


@pytest.mark.parametrize("happen", [_succeed, _fail, _be_killed], ids=lambda f: f.__name__[1:])
def test_inv01_sources_are_identical_after_success_failure_or_kill(
    either: Job, happen: Callable[[Job], None]
) -> None:
    before = repairs.state(either.wheel.parent, either.libs)
    happen(either)
    assert repairs.state(either.wheel.parent, either.libs) == before


def test_inv01_read_only_sources_can_be_repaired(either: Job) -> None:
    for file in (either.wheel, *either.libs.iterdir()):
        file.chmod(0o444)
    for folder in (either.wheel.parent, either.libs):
        folder.chmod(0o555)
    assert len(either.repair().plan.grafts) == 2


@repairs.as_root
def test_inv01_sources_on_a_read_only_file_system_can_be_repaired(either: Job) -> None:
    """Root may write whatever the modes say, so that only a mount tells."""
    mounts = "; ".join(
        f"mount --bind '{folder}' '{folder}'; mount -o remount,bind,ro '{folder}'"
        for folder in (either.wheel.parent, either.libs)
    )
    done = repairs.command(either.arguments, before=repairs.in_own_mounts(mounts))
    assert (done.returncode, len(list(either.out.glob("*.whl")))) == (0, 1), done.stderr


READING = {
    "openat",
    "open",
    "newfstatat",
    "stat",
    "lstat",
    "statx",
    "fstat",
    "access",
    "faccessat2",
}
READING |= {"readlink", "readlinkat", "read", "pread64", "lseek", "mmap", "getdents64", "execve"}
READING |= {"close", "getcwd", "ioctl", "copy_file_range", "fcntl", "faccessat", "chdir"}


def test_inv01_no_source_is_ever_opened_for_writing(either: Job, tmp_path: Path) -> None:
    """What the kernel saw: sources are read, and one call names the wheel."""
    log = tmp_path / "strace"
    watch = [needs.tool("strace", "strace"), "-f", "-y", "-qq", "-s", "9999", "-o", str(log)]
    done = repairs.command([*either.arguments, "-q"], before=watch)
    assert done.returncode == 0, done.stderr
    calls = re.findall(r"^\d+ +(\w+)\((.*)$", log.read_text(errors="replace"), re.MULTILINE)
    sources = (str(either.wheel.parent), str(either.libs))
    on_sources = [(name, rest) for name, rest in calls if any(s in rest for s in sources)]
    assert on_sources
    assert {name for name, _ in on_sources} <= READING
    assert not [rest for _, rest in on_sources if re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", rest)]
    named = [rest for name, rest in calls if name.startswith(("rename", "link"))]
    assert len(named) == 1
    assert re.search(rf'{either.out}/\w+-1\.0-[^"/]*\.whl"', named[0])


def test_inv10_nothing_is_written_through_a_link(either: Job, tmp_path: Path) -> None:
    """Libraries that are links, an output name that is one: what they lead to stays."""
    precious = tmp_path / "precious"
    precious.write_bytes(b"not to be written to")
    for library in list(either.libs.iterdir()):
        real = tmp_path / "store" / library.name
        real.parent.mkdir(exist_ok=True)
        library.rename(real)
        library.symlink_to(real)
        (tmp_path / "store" / f"second-name-{library.name}").hardlink_to(real)
    either.out.mkdir()
    name = either.again(tmp_path / "other").repair().output.name
    (either.out / name).symlink_to(precious)
    before = repairs.state(precious, tmp_path / "store", either.libs)
    with pytest.raises(CannotWrite, match="is there already"):
        either.repair()
    done = repairs.command([*either.arguments, "--overwrite"])
    assert done.returncode == 0, done.stderr
    assert repairs.state(precious, tmp_path / "store", either.libs) == before
    assert not (either.out / name).is_symlink()


def test_inv10_an_output_that_is_the_source_under_another_name_is_refused_or_left(
    tmp_path: Path,
) -> None:
    wheel = repairs.make_wheel(tmp_path / "in", {"pkg/__init__.py": b""}, "pkg-1.0-py3-none-any")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / wheel.name).hardlink_to(wheel)
    before = repairs.state(tmp_path)
    for folder in (wheel.parent, tmp_path / "out"):
        for overwrite in (False, True):
            repair(wheel, folder, Options(overwrite=overwrite))
            assert repairs.state(tmp_path) == before


def test_inv10_a_repair_that_would_replace_its_own_source_is_refused(tmp_path: Path) -> None:
    """The archive breaks the rules but the name fits, so that input and output are one file."""
    wheel = repairs.make_wheel(tmp_path / "in", {"pkg/__init__.py": b""}, "pkg-1.0-py3-none-any")
    wheel.write_bytes(wheel.read_bytes() + b"trailing bytes")
    before = repairs.state(wheel)
    for overwrite in (False, True):
        with pytest.raises(CannotWrite, match="never written over"):
            repair(wheel, wheel.parent, Options(overwrite=overwrite))
        assert repairs.state(*wheel.parent.iterdir()) == before


def test_inv11_a_read_only_library_is_grafted_with_its_bits(
    either: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Staged copies keep the source's bits and can be written; members and grafts are as tools
    expect them: 0755 for a graft, a member's own bits for a member."""
    (other,) = {*either.libs.iterdir()} - {either.leaf}
    other.chmod(0o444)
    either.leaf.chmod(0o555)
    staged: dict[bytes, int] = {}
    spies.after_staging(
        monkeypatch, lambda file: staged.update({file.read_bytes(): file.stat().st_mode & 0o777})
    )
    outcome = either.in_files().repair()
    modes = repairs.modes(outcome.output)
    assert staged[other.read_bytes()] == 0o644
    assert staged[either.leaf.read_bytes()] == 0o755
    assert [modes[graft.path] for graft in outcome.plan.grafts] == [0o755, 0o755]


def test_inv11_a_patched_member_keeps_its_bits(tmp_path: Path) -> None:
    members = repairs.contents(repairs.SAMPLE)
    module, program = members["sample/_greet.abi3.so"], repairs.chain_job(tmp_path / "chain").wheel
    hello = repairs.contents(program)["chain-1.0.data/scripts/hello"]
    wheel = repairs.make_wheel(
        tmp_path / "in",
        {"pkg/a.so": module, "pkg/b.so": module, "pkg/hello": hello, "pkg/c.so": module},
        modes={"pkg/a.so": 0o644, "pkg/c.so": 0o600},
    )
    libs = (repairs.SAMPLE_LIBS, repairs.WHEELS / "x86_64")
    output = repair(wheel, tmp_path / "out", Options(lib_paths=libs)).output
    expected = {"pkg/a.so": 0o644, "pkg/b.so": 0o755, "pkg/c.so": 0o600, "pkg/hello": 0o755}
    assert {p: m for p, m in repairs.modes(output).items() if p in expected} == expected


def test_inv12_patched_bytes_never_reach_a_source(
    either: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After every single edit, not only in the end; the libraries have second names besides."""
    for library in list(either.libs.iterdir()):
        library.with_name(f"hard-{library.name}").hardlink_to(library)
    before = repairs.state(either.wheel.parent, either.libs)
    seen: list[bool] = []

    def look(file: Path) -> None:
        del file
        seen.append(repairs.state(either.wheel.parent, either.libs) == before)

    spies.before_edit(monkeypatch, look)
    spies.before_stage(monkeypatch, "verify", lambda: look(either.wheel))
    plan = either.in_files().repair().plan
    assert seen == [True] * (len(plan.touched) - len(plan.inserts) + 1)


def _new_time(file: Path) -> None:
    os.utime(file, ns=(0, 0))


def _new_size(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")


def _new_inode(file: Path) -> None:
    copy = Path(shutil.copy2(file, file.with_name("new")))
    copy.replace(file)


def _gone(file: Path) -> None:
    file.unlink()


CHANGES = pytest.mark.parametrize(
    "change", [_new_time, _new_size, _new_inode, _gone], ids=lambda f: f.__name__[1:]
)


@CHANGES
@pytest.mark.parametrize("stage", ["stage", "patch", "verify"])
def test_inv14_a_source_that_changes_is_an_error(
    either: Job, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], stage: str
) -> None:
    spies.before_stage(monkeypatch, stage, lambda: change(either.wheel))
    with pytest.raises(SourceChanged, match=either.wheel.name):
        either.repair()
    assert list(either.out.iterdir()) == []


@CHANGES
def test_inv14_a_library_that_changes_before_it_is_copied_is_an_error(
    either: Job, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    library = either.leaf
    spies.before_stage(monkeypatch, "stage", lambda: change(library))
    with pytest.raises(SourceChanged, match=either.leaf.name):
        either.repair()
    assert list(either.out.iterdir()) == []


@CHANGES
def test_inv14_a_library_that_goes_in_unedited_must_keep_still_too(
    sample: Job, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    """It keeps its name and needs nothing."""
    library = sample.libs / "libword.so.2"
    options = Options(lib_paths=(sample.libs,), no_mangle=("libword*",))
    spies.before_stage(monkeypatch, "stage", lambda: change(library))
    with pytest.raises(SourceChanged, match=r"libword\.so\.2"):
        repair(sample.wheel, sample.out, options)
    assert list(sample.out.iterdir()) == []


@pytest.mark.parametrize("no_mangle", [(), ("lib*",)], ids=["edited", "unedited"])
def test_inv14_a_library_that_changes_once_it_is_copied_does_no_harm(
    either: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, no_mangle: tuple[str, ...]
) -> None:
    """Packing a mapped file that is cut short meanwhile would even kill the process."""
    options = Options(lib_paths=(either.libs,), no_mangle=no_mangle)
    expected = repair(either.wheel, tmp_path / "still", options).output.read_bytes()
    library = either.leaf
    spies.before_stage(
        monkeypatch, "patch", lambda: library.write_bytes(b""), when=lambda item: library == item
    )
    assert repair(either.wheel, either.out, options).output.read_bytes() == expected
    assert library.read_bytes() == b""
