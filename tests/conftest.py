"""Something to repair, the command line to do it, and a file system that shares extents."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support import windows
from support.disks import DISKS, SHARING, Disk, mounted
from support.full import FULL
from support.repairs import Job, job, mac_job, win_job
from support.said import Said, Say

from wheelfix.cli import main

REFLINK_DIR = "WHEELFIX_REFLINK_DIR"

# Only WHEELFIX_FULL=1 looks at new examples each time: otherwise a run is the same as the one
# before. A machine that is busy for a fifth of a second is no failure.
settings.register_profile("wheelfix", deadline=None, derandomize=not FULL)
settings.load_profile("wheelfix")

# A job in the background ignores interrupts, and so would the programs that the tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def sample(tmp_path: Path) -> Job:
    """Give private copies of the sample wheel and the two libraries it lacks."""
    return job(tmp_path)


@pytest.fixture(params=[job, mac_job, win_job], ids=["elf", "macho", "pe"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Job:
    """Give a sample wheel for Linux, for macOS, for Windows: what must hold for every format."""
    make: Callable[[Path], Job] = request.param
    return make(tmp_path)


@pytest.fixture(scope="session")
def reflinks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder on a file system that shares extents: a given one, or btrfs in a file."""
    given = os.environ.get(REFLINK_DIR)
    if given:
        made = Path(given) / f"tests-{os.getpid()}"
        made.mkdir(exist_ok=True)
        yield made
        return
    with mounted(tmp_path_factory.mktemp("btrfs"), "btrfs") as folder:
        yield folder


@pytest.fixture(scope="session", params=DISKS)
def disk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Disk]:
    """Give each file system in turn: in a file, or in memory."""
    with mounted(tmp_path_factory.mktemp(request.param), request.param) as folder:
        yield Disk(folder=folder, shares=request.param in SHARING)


@pytest.fixture(scope="session", params=SHARING)
def sharing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Give a folder on each file system that shares extents, made in a file."""
    with mounted(tmp_path_factory.mktemp(request.param), request.param) as folder:
        yield folder


@pytest.fixture(params=[job, mac_job, win_job], ids=["elf", "macho", "pe"])
def on_reflinks(reflinks: Path, request: pytest.FixtureRequest) -> Job:
    """Give each sample on a file system that shares extents."""
    make: Callable[[Path], Job] = request.param
    return make(reflinks / request.node.name.replace("/", "-"))


@pytest.fixture(scope="session")
def wine() -> Iterator[None]:
    """Keep Wine awake until the last test is done."""
    with windows.awake():
        yield


@pytest.fixture(params=windows.VERSIONS)
def windows_python(request: pytest.FixtureRequest, wine: None) -> windows.WindowsPython:
    """Give each Windows CPython in turn."""
    del wine
    return windows.find(request.param)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Give what runs the command line in this process; a traceback fails the test."""

    def run_main(*words: str | Path) -> Said:
        try:
            code = main([str(word) for word in words])
        except SystemExit as stop:  # argparse
            code = int(str(stop.code))
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Said(code=code, out=said.out, err=said.err)

    return run_main
