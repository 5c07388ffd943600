"""Fresh virtual environments, as a user would make them, and what really gets loaded in them."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

import peers
import pytest

REQUIRED = "WHEELFIX_REQUIRE_NETWORK"
MAPPED = """
import json as _json
with open("/proc/self/maps") as _maps:
    print(_json.dumps(sorted({line.split(None, 5)[5].strip() for line in _maps if "/" in line})))
"""


def no_network(error: subprocess.CalledProcessError) -> None:
    """Skip, or fail where the index must be there."""
    why = f"needs a package index that pip can install from: {error.stderr or error}"
    if os.environ.get(REQUIRED):
        pytest.fail(why)
    pytest.skip(why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment of the running Python."""

    home: Path

    @property
    def site_packages(self) -> Path:
        """Where wheels go, links resolved."""
        (folder,) = self.home.glob("lib/python*/site-packages")
        return folder.resolve()

    def install(self, *wheels: Path) -> None:
        """Install these wheels alone: what they depend on is there already or not wanted."""
        peers.install(self.home, "--no-deps", "--no-index", *(str(wheel) for wheel in wheels))

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run `code` there, with nothing in the environment that a loader would obey."""
        return subprocess.run(
            [self.home / "bin" / "python", "-I", "-c", code],
            cwd=self.home,
            env=peers.clean_environment({}),
            check=False,
            capture_output=True,
            text=True,
        )

    def mapped(self, code: str) -> frozenset[Path]:
        """Run `code`, which must succeed, and give the files that are in memory after it."""
        done = self.run(code + MAPPED)
        assert done.returncode == 0, done.stderr
        return frozenset(map(Path, json.loads(done.stdout.splitlines()[-1])))


def environment(home: Path, *beside: Path) -> Environment:
    """Make an environment; the packages in the folders `beside` can be imported there too."""
    venv.create(home, with_pip=False, symlinks=True)
    made = Environment(home=home)
    paths = "".join(f"{folder}\n" for folder in beside)
    (made.site_packages / "beside.pth").write_text(paths, "utf-8")
    return made
