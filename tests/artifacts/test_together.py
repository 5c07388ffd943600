"""Many runs at once on the same inputs and the same folders: one set of bytes, none disturbed.

By default 8 processes of 3 rounds each; WHEELFIX_FULL=1 makes it 50 of 20.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import site
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from support import free_threaded, repairs
from support.artifacts import Build
from support.environments import Environment, environment
from support.full import FULL
from support.repairs import Job

import wheelfix
from wheelfix import Repaired

pytestmark = repairs.linux_only

PROCESSES, ROUNDS, VICTIMS = (50, 20, 10) if FULL else (8, 3, 2)

ARTIFACTS = """
import sys
sys.path.insert(0, {tests!r})
from hashlib import sha256
from pathlib import Path
from support import artifacts
import wheelfix
assert wheelfix.__file__.startswith(sys.prefix)
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
assert wheelfix.__file__.startswith(sys.prefix)
wheel, libs, out, rounds = sys.argv[1:]
for _ in range(int(rounds)):
    wheelfix.repair(Path(wheel), Path(out), wheelfix.Options(lib_paths=(Path(libs),)))
    print("repaired", flush=True)
"""


def installed(home: Path) -> Environment:
    """Make an environment with a copy of wheelfix in it, as an isolated build has one."""
    made = environment(home, *(Path(site) for site in site.getsitepackages()))
    shutil.copytree(repairs.ROOT / "wheelfix", made.site_packages / "wheelfix")
    return made


def from_its_own(home: Environment, script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start the script in that environment."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [home.home / "bin" / "python", "-W", "error", "-B", "-c", script, *arguments],
        cwd=home.home,  # or else a wheelfix in the working folder came first
        env={"PATH": os.environ["PATH"]},
        text=True,
        stdout=pipe,
        stderr=pipe,
    )


def all_at_once(folder: Path, script: str, *arguments: str) -> list[str]:
    """Run the script in many processes, some more of which are killed; give what the rest say.

    Each has an environment of its own, which goes as soon as it ends, while others still run.
    """
    homes = [installed(folder / f"environment-{n}") for n in range(PROCESSES + VICTIMS)]
    words = (*arguments, str(ROUNDS))
    started = {home.home: from_its_own(home, script, *words) for home in homes}
    chance = random.Random(1)
    doomed = {home: started[home] for home in chance.sample(tuple(started), VICTIMS)}

    def kill() -> None:
        for victim in doomed.values():
            time.sleep(chance.uniform(0.1, 0.6))
            victim.kill()

    def ended(home: Path) -> list[str]:
        process = started[home]
        out, err = process.communicate(timeout=1500)
        shutil.rmtree(home)
        if home in doomed:
            return []
        assert (process.returncode, err) == (0, "")
        return out.split()

    with ThreadPoolExecutor(len(homes) + 1) as threads:
        killing = threads.submit(kill)
        lines = [line for said in threads.map(ended, started) for line in said]
    killing.result()
    return lines


def digest(repaired: Repaired) -> str:
    """Give one digest of all paths and bytes."""
    found = sha256()
    for each in repaired.ready:
        found.update(each.path.encode() + each.file.read_bytes())
    return found.hexdigest()


@pytest.mark.slow
def test_processes_at_once_on_one_build(
    build: Build, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    before = build.state()
    with build.repair() as repaired:
        alone = digest(repaired)
    name = request.node.callspec.params["build"].__name__
    script = ARTIFACTS.format(tests=str(repairs.ROOT / "tests"))
    lines = all_at_once(tmp_path / "environments", script, name, str(build.scratch.parent))
    assert len(lines) == PROCESSES * ROUNDS
    assert set(lines) == {alone}
    assert build.state() == before
    assert len(list(build.scratch.iterdir())) <= VICTIMS
    with build.repair() as repaired:
        assert digest(repaired) == alone


@pytest.mark.slow
def test_processes_at_once_on_one_wheel_and_one_output_folder(either: Job, tmp_path: Path) -> None:
    before = repairs.state(either.wheel.parent, either.libs)
    alone = either.again(tmp_path / "alone").repair().output
    lines = all_at_once(
        tmp_path / "environments", WHEELS, str(either.wheel), str(either.libs), str(either.out)
    )
    assert len(lines) == PROCESSES * ROUNDS
    assert [file.name for file in either.out.glob("*.whl")] == [alone.name]
    assert (either.out / alone.name).read_bytes() == alone.read_bytes()
    left = [file for file in either.out.iterdir() if file.suffix != ".whl"]
    assert len(left) <= 2 * VICTIMS  # a scratch folder and a temporary file of each that was killed
    assert all(file.name.startswith(".wheelfix-") for file in left)
    assert repairs.state(either.wheel.parent, either.libs) == before


def test_threads_of_one_process(build: Build) -> None:
    def once(_: int) -> str:
        with build.repair() as repaired:
            return digest(repaired)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(once, range(24)))) == 1
    assert list(build.scratch.iterdir()) == []


THREADS = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
import wheelfix

build, wheel, libs, scratch = sys.argv[1:]
artifacts = {path: Path(file) for path, file in json.loads(build).items()}
options = wheelfix.Options(scratch=Path(scratch), jobs=2)

def answer(_):
    with wheelfix.repair_artifacts(
        artifacts, wheel=wheel, options=options, link_paths=(Path(libs),)
    ) as repaired:
        found = sha256()
        for each in repaired.ready:
            found.update(each.path.encode() + each.file.read_bytes())
        return found.hexdigest()

with ThreadPoolExecutor(8) as threads:
    print(*set(threads.map(answer, range(48))))
assert not sys._is_gil_enabled()
"""


def test_threads_of_one_process_without_the_interpreters_lock(build: Build, tmp_path: Path) -> None:
    """They really run at once; the answer is the one that this Python gives."""
    python = free_threaded.find()
    with build.repair() as repaired:
        alone = digest(repaired)
    before = build.state()
    outputs = json.dumps({path: str(file) for path, file in build.artifacts.items()})
    words = (outputs, build.wheel, build.libs, build.scratch)
    env = free_threaded.environment(tmp_path / "beside")
    assert repairs.run(python, "-W", "error", "-c", THREADS, *words, env=env).split() == [alone]
    assert build.state() == before
    assert list(build.scratch.iterdir()) == []


MANY_WHEELS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
import wheelfix

wheel, libs, out = map(Path, sys.argv[1:])

def output(number):
    options = wheelfix.Options(lib_paths=(libs,), jobs=2)
    made = wheelfix.repair(wheel, out / str(number % 4), options).output
    return sha256(made.read_bytes()).hexdigest()

with ThreadPoolExecutor(8) as threads:
    print(*set(threads.map(output, range(24))))
assert not sys._is_gil_enabled()
"""


def test_threads_write_wheels_without_the_interpreters_lock(either: Job, tmp_path: Path) -> None:
    """Pairs of them into one folder. Their compression is this Python's own: it has but zlib."""
    python = free_threaded.find()
    before = repairs.state(either.wheel.parent, either.libs)
    env = free_threaded.environment(tmp_path / "beside")
    words = (either.wheel, either.libs, either.out)
    said = repairs.run(python, "-W", "error", "-c", MANY_WHEELS, *words, env=env)
    assert len(said.split()) == 1
    made = sorted(either.out.rglob("*.whl"))
    expected = either.again(tmp_path / "alone").repair().output
    assert [(file.parent.name, file.name) for file in made] == [
        (str(number), expected.name) for number in range(4)
    ]
    assert repairs.contents(made[0]).keys() == repairs.contents(expected).keys()
    assert wheelfix.check(made[0]).plan.nothing_to_do
    assert repairs.state(either.wheel.parent, either.libs) == before
