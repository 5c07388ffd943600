"""The README's sample wheel: cannot be imported as it is, greets when its libraries are found."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import loaders
from support.samples import wheels

import wheelfix

SAMPLE = next(wheel for wheel in wheels() if wheel.path.name.startswith("sample-"))
GREETING = "Hello, Ada!\n"


def greet(wheel: Path, folder: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    """Unpack the wheel as pip would, and let it greet; the loader's path is `path`."""
    loaders.find("x86_64")
    if sys.implementation.name != "cpython":
        pytest.skip("needs CPython: the sample's extension module uses its stable ABI")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    env = {"PYTHONPATH": str(folder), "LD_LIBRARY_PATH": ":".join(map(str, path))}
    command = [sys.executable, "-m", "sample", "Ada"]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_sample_cannot_be_imported_as_built(tmp_path: Path) -> None:
    done = greet(SAMPLE.path, tmp_path)
    assert done.returncode == 1
    assert "ImportError: libgreet.so.1: cannot open shared object file" in done.stderr


def test_sample_greets_when_the_loader_is_told_where(tmp_path: Path) -> None:
    done = greet(SAMPLE.path, tmp_path, SAMPLE.libs)
    assert (done.stdout, done.stderr) == (GREETING, "")


def test_sample_greets_after_the_repair(tmp_path: Path) -> None:
    options = wheelfix.Options(lib_paths=(SAMPLE.libs,))
    outcome = wheelfix.repair(SAMPLE.path, tmp_path / "wheelhouse", options)
    done = greet(outcome.output, tmp_path / "site")
    assert (done.stdout, done.stderr) == (GREETING, "")
