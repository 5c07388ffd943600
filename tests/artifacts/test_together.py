"""Many runs at once on the same inputs and the same folders: one set of bytes, none disturbed.

By default 8 processes of 3 rounds each; WHEELFIX_SWEEP=all makes it 50 of 20.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from support import repairs
from support.artifacts import Build
from support.repairs import Job

from wheelfix import Repaired

pytestmark = repairs.linux_only

PROCESSES, ROUNDS = (50, 20) if os.environ.get("WHEELFIX_SWEEP") == "all" else (8, 3)

ARTIFACTS = """
import sys
sys.path.insert(0, {tests!r})
from hashlib import sha256
from pathlib import Path
from support import artifacts
make, folder, rounds = sys.argv[1:]
build = getattr(artifacts, make)(Path(folder))
for _ in range(int(rounds)):
    with build.repair() as repaired:
        digest = sha256()
        for each in repaired.ready:
            digest.update(each.path.encode() + each.file.read_bytes())
    print(digest.hexdigest(), flush=True)
"""

WHEELS = """
import sys, wheelfix
from pathlib import Path
wheel, libs, out, rounds = sys.argv[1:]
for _ in range(int(rounds)):
    wheelfix.repair(Path(wheel), Path(out), wheelfix.Options(lib_paths=(Path(libs),)))
    print("repaired", flush=True)
"""


def all_at_once(script: str, *arguments: str, victims: int = 2) -> list[str]:
    """Run the script in many processes, some more of which are killed; give what the rest say."""
    command = [sys.executable, "-c", script, *arguments, str(ROUNDS)]

    def start() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        env = repairs.environment()
        return subprocess.Popen(command, env=env, text=True, stdout=pipe, stderr=pipe)

    doomed = [start() for _ in range(victims)]
    running = [start() for _ in range(PROCESSES)]
    chance = random.Random(1)
    for victim in doomed:
        time.sleep(chance.uniform(0.1, 0.6))
        victim.kill()
        victim.communicate()
    lines: list[str] = []
    for process in running:
        out, err = process.communicate(timeout=600)
        assert (process.returncode, err) == (0, "")
        lines += out.split()
    return lines


def digest(repaired: Repaired) -> str:
    """Give one digest of all paths and bytes."""
    found = sha256()
    for each in repaired.ready:
        found.update(each.path.encode() + each.file.read_bytes())
    return found.hexdigest()


def test_processes_at_once_on_one_build(build: Build, request: pytest.FixtureRequest) -> None:
    before = build.state()
    with build.repair() as repaired:
        alone = digest(repaired)
    name = request.node.callspec.params["build"].__name__
    script = ARTIFACTS.format(tests=str(repairs.ROOT / "tests"))
    lines = all_at_once(script, name, str(build.scratch.parent))
    assert len(lines) == PROCESSES * ROUNDS
    assert set(lines) == {alone}
    assert build.state() == before
    assert len(list(build.scratch.iterdir())) <= 2  # those of the killed
    with build.repair() as repaired:
        assert digest(repaired) == alone


def test_processes_at_once_on_one_wheel_and_one_output_folder(either: Job, tmp_path: Path) -> None:
    before = repairs.state(either.wheel.parent, either.libs)
    alone = either.again(tmp_path / "alone").repair().output
    lines = all_at_once(WHEELS, str(either.wheel), str(either.libs), str(either.out))
    assert len(lines) == PROCESSES * ROUNDS
    assert [file.name for file in either.out.glob("*.whl")] == [alone.name]
    assert (either.out / alone.name).read_bytes() == alone.read_bytes()
    left = [file for file in either.out.iterdir() if file.suffix != ".whl"]
    assert len(left) <= 4  # a scratch folder and a temporary file of each that was killed
    assert all(file.name.startswith(".wheelfix-") for file in left)
    assert repairs.state(either.wheel.parent, either.libs) == before


def test_threads_of_one_process(build: Build) -> None:
    def once(_: int) -> str:
        with build.repair() as repaired:
            return digest(repaired)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(once, range(24)))) == 1
    assert list(build.scratch.iterdir()) == []
