"""Build, repair, build again: nothing is built because of us, and the result is the same."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import backend, extension, needs, repairs

import wheelfix

pytestmark = repairs.loads_here

FLAGS = "-shared -fPIC -nostdlib -fno-stack-protector"

MAKE = f"""
all: _ext.so
libseven.so.1: seven.c
\tgcc {FLAGS} -Wl,-soname,libseven.so.1 -o $@ $<
_ext.so: ext.c libseven.so.1
\tgcc {FLAGS} -o $@ ext.c libseven.so.1
"""

NINJA = f"""
rule library
  command = gcc {FLAGS} -Wl,-soname,$out -o $out $in
build libseven.so.1: library seven.c
build _ext.so: library ext.c libseven.so.1
default _ext.so
"""


def _make(folder: Path) -> str:
    env = {"PATH": os.environ["PATH"]}
    (folder / "Makefile").exists() or (folder / "Makefile").write_text(MAKE)
    return repairs.run(needs.tool("make", "make"), "-C", folder, env=env)


def _ninja(folder: Path) -> str:
    env = {"PATH": os.environ["PATH"]}
    (folder / "build.ninja").exists() or (folder / "build.ninja").write_text(NINJA)
    return repairs.run(needs.tool("ninja", "ninja-build"), "-v", "-C", folder, env=env)


def _repaired(folder: Path) -> dict[str, bytes]:
    outputs = {wheelfix.WheelPath("pkg/_ext.so"): folder / "_ext.so"}
    wheel = "pkg-1.0-cp311-abi3-linux_x86_64.whl"
    options = wheelfix.Options(scratch=folder.parent)
    with wheelfix.repair_artifacts(
        outputs, wheel=wheel, options=options, link_paths=(folder,)
    ) as repaired:
        assert repaired.plan.touched
        return {path: file.read_bytes() for path, file in repaired.files.items()}


def _packed(folder: Path, out: Path) -> Path:
    outputs = {"pkg/_ext.so": folder / "_ext.so"}
    wheel = "pkg-1.0-cp311-abi3-linux_x86_64.whl"
    made: Path = backend.page().pack(outputs, wheel, (folder,), backend.Writer(out))
    assert any(name.startswith("pkg.libs/") for name in repairs.contents(made))
    return made


@pytest.mark.parametrize("build", [_make, _ninja], ids=["make", "ninja"])
def test_a_second_build_finds_nothing_to_do(build: Callable[[Path], str], tmp_path: Path) -> None:
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "ext.c").write_text(extension.MODULE)
    (folder / "seven.c").write_text(extension.SEVEN)
    assert build(folder).count("gcc") == 2
    before = repairs.state(folder)
    first = _packed(folder, tmp_path / "first")
    assert repairs.state(folder) == before
    assert "gcc" not in build(folder)
    assert _packed(folder, tmp_path / "second").read_bytes() == first.read_bytes()
    assert repairs.state(folder) == before


@pytest.mark.parametrize("build", [_make, _ninja], ids=["make", "ninja"])
def test_the_next_link_finds_the_library_under_its_own_name(
    build: Callable[[Path], str], tmp_path: Path
) -> None:
    """An output patched in place made it ask for a graft's name, which no build has (cargo's)."""
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "ext.c").write_text(extension.MODULE)
    (folder / "seven.c").write_text(extension.SEVEN)
    build(folder)
    first = _repaired(folder)
    (folder / "ext.c").write_text(extension.MODULE + "\n/* changed */\n")
    os.utime(folder / "ext.c", (2e9, 2e9))
    assert build(folder).count("gcc") == 1
    assert _repaired(folder).keys() == first.keys()


SETUP = """
from setuptools import Extension, setup
setup(name="pkg", version="1.0", packages=["pkg"], ext_modules=[
    Extension(f"pkg._{{name}}", [f"{{name}}.c", "shared.c"], extra_link_args=[{library!r}])
    for name in ("one", "two", "three")
])
"""


def _setuptools(folder: Path, jobs: int) -> tuple[str, Path]:
    """Build in `folder`, which is the working folder; give what was said, and the outputs."""
    if importlib.util.find_spec("setuptools") is None:
        needs.missing("needs setuptools: `pip install setuptools`")
    words = ("setup.py", "-v", "build", f"--build-base=b{jobs}", f"--parallel={jobs}")
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "CC": "gcc", "LDSHARED": "gcc -shared"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (folder / f"b{jobs}").glob("lib*")
    return done.stdout, built


def test_a_second_setuptools_build_compiles_nothing_whatever_j_says(tmp_path: Path) -> None:
    """Builds of one source folder, each with another `-j`, at the same time."""
    extension.needed()
    library = repairs.build_library(
        tmp_path / "native" / "libseven.so", extension.SEVEN, soname="libseven.so.1"
    )
    library.with_name("libseven.so.1").symlink_to(library.name)
    project = tmp_path / "project"
    (project / "pkg").mkdir(parents=True)
    (project / "pkg" / "__init__.py").touch()
    for name in ("one", "two", "three"):
        code = extension.MODULE.replace("_ext", f"_{name}").replace("seven", "shared")
        (project / f"{name}.c").write_text(code)
    (project / "shared.c").write_text("int seven(void); int shared(void) { return seven(); }\n")
    (project / "setup.py").write_text(SETUP.format(library=str(library)))

    def build_and_repair(jobs: int) -> tuple[str, dict[str, bytes]]:
        said, built = _setuptools(project, jobs)
        before = repairs.state(built)
        files = [file for file in sorted(built.rglob("*")) if file.is_file()]
        outputs = {wheelfix.WheelPath(str(file.relative_to(built))): file for file in files}
        with wheelfix.repair_artifacts(
            outputs,
            wheel="pkg-1.0-cp311-abi3-linux_x86_64.whl",
            options=wheelfix.Options(scratch=tmp_path),
            link_paths=(library.parent,),
        ) as repaired:
            assert len(repaired.treated(wheelfix.Treatment.PATCHED)) == 3
            made = {str(path): file.read_bytes() for path, file in repaired.files.items()}
        assert repairs.state(built) == before
        return said, made

    with ThreadPoolExecutor(2) as threads:
        (first, alone), (_, together) = threads.map(build_and_repair, (1, 4))
    assert " -c one.c" in first
    assert alone == together
    again, same = build_and_repair(1)
    assert " -c " not in again
    assert same == alone


CARGO = """
[package]
name = "seven"
version = "1.0.0"
edition = "2018"
[lib]
name = "_ext"
crate-type = ["cdylib"]
"""

BUILD_RS = 'fn main() {{ println!("cargo:rustc-link-search=native={folder}"); }}\n'

LIB_RS = """
#[link(name = "seven")]
extern "C" { fn seven() -> i32; }
#[no_mangle]
pub extern "C" fn eight() -> i32 { unsafe { seven() + 1 } }
"""


def test_a_second_cargo_build_is_fresh(tmp_path: Path) -> None:
    """Patched in place, an output made the next build look for a graft's name."""
    cargo = needs.tool("cargo", "cargo")
    library = repairs.build_library(tmp_path / "native" / "libseven.so", extension.SEVEN)
    crate = tmp_path / "crate"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text(CARGO)
    (crate / "build.rs").write_text(BUILD_RS.format(folder=library.parent))
    (crate / "src" / "lib.rs").write_text(LIB_RS)

    def build_and_repair() -> tuple[str, dict[str, bytes]]:
        done = subprocess.run(
            [cargo, "build", "--release", "--offline", "--message-format=json"],
            cwd=crate,
            env={**os.environ, "CARGO_TARGET_DIR": str(crate / "target")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        messages = [json.loads(line) for line in done.stdout.splitlines()]
        (built,) = (m for m in messages if m.get("target", {}).get("name") == "_ext")
        output = Path(built["filenames"][0])
        (linked,) = (m for m in messages if m["reason"] == "build-script-executed")
        folders = tuple(Path(each.partition("=")[2]) for each in linked["linked_paths"])
        before = repairs.state(output, output.parent / "deps")
        with wheelfix.repair_artifacts(
            {wheelfix.WheelPath("pkg/_ext.so"): output},
            wheel="pkg-1.0-py3-none-linux_x86_64.whl",
            options=wheelfix.Options(scratch=tmp_path),
            link_paths=folders,
        ) as repaired:
            assert repaired.plan.touched
            made = {str(path): file.read_bytes() for path, file in repaired.files.items()}
        assert repairs.state(output, output.parent / "deps") == before
        return "fresh" if built["fresh"] else "built", made

    first, made = build_and_repair()
    second, again = build_and_repair()
    assert (first, second) == ("built", "fresh")
    assert again == made


MATURIN = """
[build-system]
requires = ["maturin>=1,<2"]
build-backend = "maturin"
[project]
name = "eight"
version = "1.0.0"
[tool.maturin]
bindings = "bin"
"""

MAIN_RS = """
#[link(name = "seven")]
extern "C" { fn seven() -> i32; }
fn main() { println!("{}", unsafe { seven() + 1 }); }
"""


def test_maturin_makes_the_same_wheel_after_its_output_was_repaired(tmp_path: Path) -> None:
    """A program among the scripts: what goes into the wheel is a launcher, and the program."""
    needs.tool("cargo", "cargo")
    if importlib.util.find_spec("maturin") is None:
        needs.missing("needs maturin: `pip install maturin`")
    library = repairs.build_library(tmp_path / "native" / "libseven.so", extension.SEVEN)
    crate = tmp_path / "crate"
    (crate / "src").mkdir(parents=True)
    manifest = CARGO.partition("[lib]")[0].replace("seven", "eight")
    (crate / "Cargo.toml").write_text(manifest)
    (crate / "pyproject.toml").write_text(MATURIN)
    (crate / "build.rs").write_text(BUILD_RS.format(folder=library.parent))
    (crate / "src" / "main.rs").write_text(MAIN_RS)

    def build(out: str) -> tuple[str, Path]:
        words = (
            "build",
            "--release",
            "--offline",
            "--auditwheel",
            "skip",
            "-o",
            str(tmp_path / out),
        )
        done = subprocess.run(
            [sys.executable, "-m", "maturin", *words],
            cwd=crate,
            env={**os.environ, "SOURCE_DATE_EPOCH": "1600000000"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (wheel,) = (tmp_path / out).glob("*.whl")
        return done.stdout + done.stderr, wheel

    said, wheel = build("first")
    assert "Compiling eight" in said
    output = crate / "target" / "release" / "eight"
    before = repairs.state(crate / "target" / "release")
    script = wheelfix.WheelPath("eight-1.0.0.data/scripts/eight")
    with wheelfix.repair_artifacts(
        {script: output},
        wheel=wheel.name,
        options=wheelfix.Options(scratch=tmp_path),
        link_paths=(library.parent,),
    ) as repaired:
        packed = wheelfix.repair(
            wheel, tmp_path / "repaired", wheelfix.Options(lib_paths=(library.parent,))
        )
        expected = repairs.contents(packed.output)
        for path, file in repaired.files.items():
            assert file.read_bytes() == expected[path], path
        assert len(repaired.files) == 3
    assert repairs.state(crate / "target" / "release") == before
    again, second = build("second")
    assert "Compiling" not in again
    assert second.read_bytes() == wheel.read_bytes()
