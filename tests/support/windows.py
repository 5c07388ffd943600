"""Windows CPythons under Wine: run code in them and see what it says.

They are set up by `wine_setup.py`, which .ci/test runs. Where one is missing, its test is skipped
with a sentence that says so, or fails if WHEELFIX_REQUIRE_LOADERS=1 is in the environment.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import wine_setup
from support.needs import missing

VERSIONS = tuple(each.version for each in wine_setup.CPYTHONS)
"""The oldest that is repaired for, one in between, and the newest that can be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsPython:
    """One CPython for x86-64 Windows."""

    version: str
    home: Path

    def run(
        self, code: str, *sites: Path, without: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run `code` with these folders first on `sys.path`; never raises for what it does.

        `without` names DLLs of Wine's own that shall not be there.

        Nothing is written there: no bytecode. The exit code is the process's modulo 256, so that
        an access violation (0xC0000005) is 5 and an unhandled delay-load error (0xC06D007E) 126.
        """
        paths = [windows_path(site) for site in sites]
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "script.py")
            script.write_text(f"import sys; sys.path[:0] = {paths!r}\n{code}\n", "utf-8")
            return wine_setup.run(
                self.home / "python.exe",
                *("-I", "-B", "-X", "utf8", windows_path(script)),
                prefix=wine_setup.prefix(),
                without=without,
            )

    def says(self, code: str, *sites: Path) -> str:
        """Run `code`, which must succeed, and give what it prints."""
        done = self.run(code, *sites)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


def windows_path(path: Path) -> str:
    """Give the name by which Wine knows a file of this machine."""
    return "Z:" + str(path.resolve()).replace("/", "\\")


def find(version: str) -> WindowsPython:
    """Give the CPython of that version, or skip or fail the test when it is not here."""
    if sys.platform != "linux" or wine_setup.wine() is None:
        missing("needs Wine: on Debian, `apt-get install wine64 wine`")
    cpython = next(each for each in wine_setup.CPYTHONS if each.version == version)
    if not (cpython.home / "python.exe").exists() or not wine_setup.prefix().exists():
        missing(f"needs Windows CPython {version}: run `python tests/support/wine_setup.py`")
    return WindowsPython(version=version, home=cpython.home)


@contextmanager
def awake() -> Iterator[None]:
    """Keep Wine's services up by a process that waits: a start then takes a sixth of the time.

    It ends with this process, however that ends. Skips or fails the test as `find` does.
    """
    python = find(VERSIONS[0])
    with _one_at_a_time():
        waiting = _waiting(python)
    try:
        yield
    finally:
        waiting.communicate(b"\n", timeout=wine_setup.SECONDS)


def _waiting(python: WindowsPython) -> subprocess.Popen[bytes]:
    """Start a process that waits for a line of input; fails with what Wine says instead."""
    code = "print('up', flush=True); input()"
    process = subprocess.Popen(
        [str(wine_setup.wine()), python.home / "python.exe", "-I", "-c", code],
        env=wine_setup.environment(wine_setup.prefix()),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = [process.stdout.readline()]
    while said[-1].strip() not in {b"up", b""}:
        said.append(process.stdout.readline())
    assert said[-1], b"Wine does not stay up: " + b"".join(said)
    return process


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let no other process start Wine meanwhile: two that start its services hang now and then."""
    import fcntl  # not on Windows, where all this is skipped

    with (wine_setup.FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
