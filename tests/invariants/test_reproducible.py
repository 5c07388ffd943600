"""The bytes depend on the inputs alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import needs, repairs
from support.repairs import Job

from wheelfix import Options, repair

pytestmark = repairs.linux_only


Make = Callable[[Path], Job]


JOBS = {"elf": repairs.chain_job, "macho": repairs.mac_job, "pe": repairs.win_job}


@pytest.fixture(scope="module", params=list(JOBS.values()), ids=list(JOBS))
def make(request: pytest.FixtureRequest) -> Make:
    """Give what copies a wheel, with programs where a format has them, and what it lacks."""
    found: Make = request.param
    return found


@pytest.fixture(scope="module")
def expected(make: Make, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Give what a repair makes, whatever else is different."""
    return make(tmp_path_factory.mktemp("expected")).repair().output.read_bytes()


VARIANTS: Mapping[str, tuple[list[str], dict[str, str], int]] = {
    "one-thread": (["-j1"], {}, 0o022),
    "eight-threads": (["-j8"], {}, 0o022),
    "umask-0": ([], {}, 0),
    "umask-077": ([], {}, 0o077),
    "hash-seed-0": ([], {"PYTHONHASHSEED": "0"}, 0o022),
    "hash-seed-4711": ([], {"PYTHONHASHSEED": "4711"}, 0o022),
    "locale-c": ([], {"LC_ALL": "C", "PYTHONUTF8": "0"}, 0o022),
    "locale-posix-ascii": (
        [],
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        0o022,
    ),
    "locale-turkish": ([], {"LC_ALL": "tr_TR.UTF-8"}, 0o022),
    "zone-kiritimati": ([], {"TZ": "Pacific/Kiritimati"}, 0o022),
    "zone-behind": ([], {"TZ": "XXX+12", "SOURCE_DATE_EPOCH": "1"}, 0o022),
    "optimised": ([], {"PYTHONOPTIMIZE": "2"}, 0o022),
    "quiet-and-checked": (["-q", "--verify", "full"], {}, 0o022),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_inv21_the_bytes_depend_on_the_inputs_alone(
    tmp_path: Path, make: Make, expected: bytes, variant: str
) -> None:
    job = make(tmp_path)
    options, env, umask = VARIANTS[variant]
    done = repairs.command([*job.arguments, *options], env=env, umask=umask)
    assert done.returncode == 0, done.stderr
    (output,) = job.out.iterdir()
    assert output.read_bytes() == expected
    assert output.stat().st_mode & 0o777 == 0o644


def test_inv21_neighbours_and_the_order_of_arguments_change_nothing(
    tmp_path: Path, make: Make, expected: bytes
) -> None:
    """Six processes at once, three of them on the same wheel into the same folder."""
    jobs = [make(tmp_path / str(number)) for number in range(4)]
    others = [str(job.wheel) for job in map(repairs.job, [tmp_path / "a", tmp_path / "b"])]
    lines = [job.arguments for job in [*jobs, jobs[0], jobs[0]]]
    libs = ["-l", str(repairs.SAMPLE_LIBS)]
    lines[1] = [*lines[1][:-1], *libs, others[0], lines[1][-1]]
    lines[2] = ["repair", lines[2][-1], others[1], *libs, *lines[2][1:-1]]
    with ThreadPoolExecutor(6) as pool:
        finished = list(pool.map(repairs.command, lines))
    assert [(done.returncode, done.stderr) for done in finished if done.returncode] == []
    name = jobs[0].wheel.name.partition("-")[0]
    for job in jobs:
        (output,) = job.out.glob(f"{name}-*.whl")
        assert output.read_bytes() == expected
    samples = [output.read_bytes() for job in jobs for output in job.out.glob("sample-*.whl")]
    assert len(samples) == 2
    assert samples[0] == samples[1]


def test_inv21_a_repair_leaves_the_process_as_it_was(
    tmp_path: Path, make: Make, expected: bytes
) -> None:
    job = make(tmp_path)
    mask = os.umask(0o022)
    os.umask(mask)
    before = (dict(os.environ), Path.cwd(), sys.path[:], signal.getsignal(signal.SIGINT))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: job.repair(), range(8)))
    assert (dict(os.environ), Path.cwd(), sys.path[:], signal.getsignal(signal.SIGINT)) == before
    assert os.umask(mask) == mask
    (output,) = job.out.iterdir()
    assert output.read_bytes() == expected


def test_inv21_nothing_in_the_output_names_this_machine(tmp_path: Path, make: Make) -> None:
    job = make(tmp_path / "a-folder-of-ours")
    found = repairs.contents(job.repair().output)
    text = b"\0".join(found.values())
    assert b"a-folder-of-ours" not in text
    assert str(Path.home()).encode() + b"/" not in text


LARGE = 12
"""Megabytes of a library that takes long enough to be caught at it."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Job:
    folder = tmp_path_factory.mktemp("large")
    library = repairs.large_library(folder / "libs" / "liblarge.so.1", LARGE)
    source = "int large(void);\nint user(void) { return large(); }\n"
    user = repairs.build_library(folder / "user.so", source, library).read_bytes()
    wheel = repairs.make_wheel(folder / "in", {"pkg/user.so": user})
    return Job(wheel=wheel, libs=library.parent, out=folder / "out")


@pytest.fixture(scope="module")
def large_output(large: Job, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return repair(large.wheel, tmp_path_factory.mktemp("whole"), large.options).output.read_bytes()


def _scratch_made(out: Path) -> bool:
    return any(out.glob(".wheelfix-*"))


def _copy_made(out: Path) -> bool:
    return any(file.stat().st_size > LARGE << 19 for file in out.glob(".wheelfix-*/0*"))


def _wheel_begun(out: Path) -> bool:
    return any(out.glob(".wheelfix-*.tmp"))


MOMENTS = [_scratch_made, _copy_made, _wheel_begun]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda f: f.__name__[1:])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
def test_inv22_a_killed_run_leaves_nothing_like_a_wheel(
    large: Job,
    large_output: bytes,
    tmp_path: Path,
    moment: Callable[[Path], bool],
    number: signal.Signals,
) -> None:
    """Killed for good where the disk shows that it is in the middle; the next run does not mind.

    Interrupted, it even cleans up.
    """
    before = repairs.state(large.wheel, large.libs)
    out = tmp_path / "out"
    arguments = ["repair", "-j1", "-l", str(large.libs), "-w", str(out), str(large.wheel)]
    process = subprocess.Popen(
        [sys.executable, "-m", "wheelfix", *arguments],
        env=repairs.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for(process, moment, out)
        process.send_signal(number)
        _, errors = process.communicate(timeout=repairs.SECONDS)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == (130 if number is signal.SIGINT else -number), errors
    assert "Traceback" not in errors
    assert list(out.glob("*.whl")) == []
    assert repairs.state(large.wheel, large.libs) == before
    if number is signal.SIGINT:
        assert list(out.iterdir()) == []
    assert repair(large.wheel, out, large.options).output.read_bytes() == large_output
    assert len(list(out.glob("*.whl"))) == 1


def _wait_for(process: subprocess.Popen[str], moment: Callable[[Path], bool], out: Path) -> None:
    limit = time.monotonic() + repairs.SECONDS
    while time.monotonic() < limit and process.poll() is None:
        try:
            if moment(out):
                return
        except FileNotFoundError:  # gone between listing and looking
            continue
    pytest.fail(f"never came to {moment.__name__[1:]}; exit code {process.poll()}")


CALLS = ("mkdir:when=2", "write:when=1", "write:when=2", "pread64:when=3", "link:when=1")
"""Where the kernel kills: counted in each thread of its own."""


@pytest.mark.parametrize("call", CALLS)
def test_inv22_a_run_killed_at_any_system_call_leaves_nothing_like_a_wheel(
    tmp_path: Path, make: Make, call: str
) -> None:
    """At the first copy, amid reading and editing, and when the wheel is to get its name."""
    job = make(tmp_path)
    before = repairs.state(job.wheel, job.libs)
    name = call.partition(":")[0]
    strace = [needs.tool("strace", "strace"), "-f", "-qq", "-o", str(tmp_path / "log")]
    kill = [*strace, "-e", f"trace={name}", "-e", f"inject={call}:signal=SIGKILL"]
    done = repairs.command([*job.in_files().arguments, "-q"], before=kill)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert list(job.out.glob("*.whl")) == []
    assert repairs.state(job.wheel, job.libs) == before
    assert job.repair().output.exists()


def test_inv22_a_failure_at_the_very_end_leaves_nothing(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make(tmp_path)

    def refuse(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("wheelfix.archive.write.write_record", refuse)
    with pytest.raises(MemoryError):
        job.repair()
    assert list(job.out.iterdir()) == []


def test_inv22_an_older_output_stays_until_the_new_one_is_whole(tmp_path: Path, make: Make) -> None:
    job = make(tmp_path)
    output = job.repair().output
    output.write_bytes(b"what was there before")
    before = repairs.state(output)
    bad = tmp_path / "bad" / job.wheel.name
    bad.parent.mkdir()
    shutil.copy(job.wheel, bad)
    (payload,) = (data for path, data in repairs.payloads(bad).items() if "/_ext." in path)
    bad.write_bytes(bad.read_bytes().replace(payload, payload[:-9] + bytes(9)))
    done = repairs.command([*job.arguments[:-1], "--overwrite", str(bad)])
    assert done.returncode == 1
    assert repairs.state(output) == before
    repair(job.wheel, job.out, Options(lib_paths=(job.libs,), overwrite=True))
    assert output.stat().st_size > 1000
