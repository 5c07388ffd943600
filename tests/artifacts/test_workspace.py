"""A workspace of packages with a backend that calls wheelfix, built by many drivers at once."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import environments, extension, repairs
from support.index_rules import breaches

import wheelfix

pytestmark = [repairs.loads_here, pytest.mark.network, pytest.mark.slow]

NAMES = ("one", "two", "three")
DRIVERS = 3

ROOT = """
[project]
name = "everything"
version = "1.0"
[tool.uv]
package = false
[tool.uv.workspace]
members = ["packages/*"]
"""

MEMBER = """
[build-system]
requires = ["setuptools>=65", "wheelfix @ {wheelfix}"]
build-backend = "backend"
backend-path = ["."]
[project]
name = "{name}"
version = "1.0"
[tool.setuptools]
packages = ["{name}"]
[[tool.setuptools.ext-modules]]
name = "{name}._ext"
sources = ["ext.c"]
libraries = ["seven"]
library-dirs = ["{libs}"]
py-limited-api = true
"""

BACKEND = """
from setuptools.build_meta import *
from setuptools import build_meta

import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import wheelfix

LIBS = Path({libs!r})


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    assert wheelfix.__file__.startswith(sys.prefix), "not in the environment of this build"
    with TemporaryDirectory() as folder:
        name = build_meta.build_wheel(folder, config_settings, metadata_directory)
        built = {{
            wheelfix.WheelPath(file.relative_to(root).as_posix()): file
            for root in Path("build").glob("lib*")
            for file in root.rglob("*")
            if file.is_file()
        }}
        with wheelfix.repair_artifacts(built, wheel=name, link_paths=(LIBS,)) as repaired:
            answer = {{path: file.read_bytes() for path, file in repaired.files.items()}}
        options = wheelfix.Options(lib_paths=(LIBS,))
        output = wheelfix.repair(Path(folder, name), Path(wheel_directory), options).output
    with zipfile.ZipFile(output) as archive:
        assert answer.items() <= {{path: archive.read(path) for path in archive.namelist()}}.items()
    return output.name
"""


def workspace(folder: Path, libs: Path, tool: Path) -> Path:
    """Write the sources of all packages."""
    for name in NAMES:
        home = folder / "packages" / name
        (home / name).mkdir(parents=True)
        (home / name / "__init__.py").touch()
        (home / "ext.c").write_text(extension.MODULE)
        (home / "backend.py").write_text(BACKEND.format(libs=str(libs)))
        text = MEMBER.format(name=name, libs=libs, wheelfix=tool.as_uri())
        (home / "pyproject.toml").write_text(text)
    (folder / "pyproject.toml").write_text(ROOT)
    return folder


def uv_build(cache: Path, *words: str | Path) -> None:
    """Build with uv, or skip where no index can be reached."""
    environment = {
        **os.environ,  # it may say which index to use
        "UV_SYSTEM_CERTS": "1",
        "UV_CACHE_DIR": str(cache),
        "SOURCE_DATE_EPOCH": "1600000000",
        "CFLAGS": "-g0",
        "CC": "gcc",
        "LDSHARED": "gcc -shared",
    }
    options = ("--python", sys.executable, "--no-progress", "--wheel")
    command = [sys.executable, "-m", "uv", "build", *options, *map(str, words)]
    try:
        subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True, timeout=600
        )
    except subprocess.CalledProcessError as error:
        if "Failed to fetch" in error.stderr:
            environments.no_network(error)
        pytest.fail(error.stderr)


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give uv's cache, and wheelfix as a wheel, which every build installs for itself."""
    folder = tmp_path_factory.mktemp("tool")
    uv_build(folder / "cache", "-o", folder / "dist", repairs.ROOT)
    (made,) = (folder / "dist").glob("*.whl")
    return folder / "cache", made


def test_drivers_of_a_workspace_at_once(tool: tuple[Path, Path], tmp_path: Path) -> None:
    """They share the libraries, uv's cache and the output folder; a lone run gives the same."""
    extension.needed()
    cache, made = tool
    seven = repairs.build_library(
        tmp_path / "native" / "libseven.so", extension.SEVEN, soname="libseven.so.1"
    )
    seven.with_name("libseven.so.1").symlink_to(seven.name)
    before = repairs.state(seven.parent)
    spaces = [workspace(tmp_path / f"w{n}", seven.parent, made) for n in range(DRIVERS + 1)]

    def build(space: Path, out: Path) -> None:
        uv_build(cache, "--all-packages", "-o", out, space)

    build(spaces[0], tmp_path / "alone")
    with ThreadPoolExecutor(DRIVERS) as threads:
        list(threads.map(lambda space: build(space, tmp_path / "together"), spaces[1:]))
    assert repairs.state(seven.parent) == before
    alone = {file.name: file.read_bytes() for file in (tmp_path / "alone").glob("*.whl")}
    assert {name.partition("-")[0] for name in alone} == set(NAMES)
    assert {f.name: f.read_bytes() for f in (tmp_path / "together").glob("*.whl")} == alone
    for name in NAMES:
        (wheel,) = (tmp_path / "together").glob(f"{name}-*.whl")
        assert "manylinux" in wheel.name
        assert breaches(wheel) == []
        assert wheelfix.check(wheel).plan.nothing_to_do
        outputs = [
            {
                str(file.relative_to(space)): file.read_bytes()
                for file in built(space / "packages" / name)
            }
            for space in spaces
        ]
        assert outputs[0]
        assert all(each == outputs[0] for each in outputs)
    seven.parent.rename(tmp_path / "away")
    for name in NAMES:
        (wheel,) = (tmp_path / "together").glob(f"{name}-*.whl")
        site = repairs.unpack(wheel, tmp_path / f"site-{name}")
        code = f"from {name} import _ext; print(_ext.ask())"
        assert repairs.run(sys.executable, "-c", code, env={"PYTHONPATH": str(site)}) == "7\n"


def built(package: Path) -> list[Path]:
    """Give what the compiler made, which nobody may have touched."""
    return sorted(file for file in (package / "build").rglob("*.so") if file.is_file())
