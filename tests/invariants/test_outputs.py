"""The output among strangers: tools that edit it, indexes that judge it, installers."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from support import needs, repairs, strangers
from support.index_rules import breaches
from support.samples import wheels

from wheelfix import Options, repair
from wheelfix.formats import elf
from wheelfix.model import SetOwnName, SetSearchPath

pytestmark = repairs.linux_only

ENV = {"PATH": os.environ["PATH"]}


def _sites(folder: Path) -> tuple[Path, Path]:
    """Repair and unpack the sample and the chain; their sources are gone afterwards."""
    sites = []
    for name, make in (("sample", repairs.job), ("chain", repairs.chain_job)):
        job = make(folder / name)
        sites.append(repairs.unpack(job.repair().output, folder / f"{name}-site"))
        shutil.rmtree(job.libs)
    return sites[0], sites[1]


def _binaries(site: Path) -> list[Path]:
    files = [file for file in sorted(site.rglob("*")) if file.is_file()]
    return [file for file in files if file.read_bytes().startswith(b"\x7fELF")]


def _still_work(sample: Path, chain: Path) -> None:
    assert repairs.greeting(sample) == repairs.GREETING
    for program in ("hello", "hello-nopie"):
        assert repairs.run(chain / "chain" / program).strip() == repairs.CHAIN_LINE
    assert repairs.run(chain / "chain.scripts" / "hello").strip() == repairs.SCRIPT_LINE


@repairs.loads_here
@pytest.mark.parametrize("name", strangers.ELF_TOOLS)
def test_inv24_the_output_survives_other_peoples_tools(tmp_path: Path, name: str) -> None:
    """Every binary goes through the tool, twice; the loader is the judge."""
    sample, chain = _sites(tmp_path)
    _still_work(sample, chain)
    strangers.elf_tool(name, *_binaries(sample), *_binaries(chain))
    _still_work(sample, chain)


@repairs.loads_here
@pytest.mark.parametrize(
    "options",
    [("--add-needed", "libc.so.6"), ("--force-rpath", "--add-rpath", "$ORIGIN/" + "long/" * 40)],
    ids=["needed", "rpath"],
)
@pytest.mark.parametrize("flags", [["-Wl,--build-id"], []], ids=["build-id", "no-build-id"])
def test_inv24_the_output_survives_patchelf(
    tmp_path: Path, options: tuple[str, ...], flags: list[str]
) -> None:
    """Three times, and then us again.

    patchelf takes the first sections, up to one that lies elsewhere, for all that its longer
    program headers could overwrite. (What LLVM's linker made with version definitions does not
    survive patchelf 0.14 twice, repaired or not: it moves them and tells nobody.)
    """
    patchelf = needs.tool("patchelf", "patchelf")
    library = repairs.build_library(
        tmp_path / "libs" / "libword.so.1", "int word(void) { return 5; }", flags=flags
    )
    source = "int word(void); int user(void) { return word(); }"
    user = repairs.build_library(tmp_path / "user.so", source, library, flags=flags)
    wheel = repairs.make_wheel(tmp_path / "in", {"pkg/user.so": user.read_bytes()})
    output = repair(wheel, tmp_path / "out", Options(lib_paths=(library.parent,))).output
    library.unlink()
    site = repairs.unpack(output, tmp_path / "site")
    code = "import ctypes, sys; print(ctypes.CDLL(sys.argv[1]).user())"
    for turn in range(4):
        for binary in _binaries(site):
            if turn < 3:
                repairs.run(patchelf, *options, binary, env=ENV)
            else:
                elf.apply(binary, (SetSearchPath(entries=("$ORIGIN/../pkg.libs", "x" * 999)),))
        assert repairs.run(sys.executable, "-c", code, site / "pkg/user.so") == "5\n"


@repairs.loads_here
def test_inv24_the_output_survives_a_second_edit_by_us(tmp_path: Path) -> None:
    """Longer and longer; and the same again, which must not grow the file."""
    sample, chain = _sites(tmp_path)
    for binary in (*_binaries(sample), *_binaries(chain)):
        for turn in range(3):
            path = ("$ORIGIN", "$ORIGIN/../sample.libs", "$ORIGIN/../chain.libs", "x" * 99 * turn)
            elf.apply(binary, (SetSearchPath(entries=path),))
        size = binary.stat().st_size
        elf.apply(binary, (SetSearchPath(entries=path),))
        assert binary.stat().st_size == size
    _still_work(sample, chain)


@repairs.loads_here
@pytest.mark.parametrize("name", ["strip", "eu-strip", "llvm-strip"])
def test_inv24_a_stripped_output_can_be_edited_again(tmp_path: Path, name: str) -> None:
    program, options, package = strangers.ELF_TOOLS[name]
    found = needs.tool(program, package)
    sample, chain = _sites(tmp_path)
    for binary in (*_binaries(sample), *_binaries(chain)):
        repairs.run(found, *options, binary, env=ENV)
        path = ("$ORIGIN", "$ORIGIN/../sample.libs", "$ORIGIN/../chain.libs", "y" * 250)
        elf.apply(binary, (SetSearchPath(entries=path), SetOwnName(name=f"{'z' * 99}.so")))
    _still_work(sample, chain)


def _outputs(folder: Path) -> list[Path]:
    """Repair every sample wheel, and one whose archive breaks what can be broken."""
    done = [
        repair(one.path, folder / one.path.stem, Options(lib_paths=(one.libs,))).output
        for one in wheels()
    ]
    odd = repairs.make_wheel(folder, {"päckage/ä.py": b"", "b.txt": b""}, "odd-1-py3-none-any")
    with zipfile.ZipFile(odd, "a") as archive:
        archive.comment = b"comment"
        archive.writestr(zipfile.ZipInfo("folder/"), b"")
        entry = zipfile.ZipInfo("unrecorded.bz2")
        entry.compress_type, entry.comment = zipfile.ZIP_BZIP2, b"of a member"
        archive.writestr(entry, b"text" * 99)
    assert breaches(odd)
    return [*done, repair(odd, folder / "out").output]


def test_inv25_the_output_passes_what_it_meets_next(tmp_path: Path) -> None:
    """The package index's check, written anew from its rules."""
    outputs = _outputs(tmp_path)
    assert len(outputs) > 10
    assert {wheel.name: breaches(wheel) for wheel in outputs if breaches(wheel)} == {}


def test_inv25_the_index_rules_see_what_they_are_for(tmp_path: Path) -> None:
    """Each breach, put into a good output, is seen."""
    good = repairs.job(tmp_path).repair().output.read_bytes()
    cases: Mapping[str, Callable[[bytes], bytes]] = {
        "trailing": lambda raw: raw + b"\0",
        "leading": lambda raw: b"\0" + raw,
        "descriptor": lambda raw: raw[:6] + b"\x08" + raw[7:],
        "checksum": lambda raw: raw[:14] + bytes(4) + raw[18:],
        "record": lambda raw: raw.replace(b"RECORDPK", b"RECORCPK"),
    }
    for name, breach in cases.items():
        bad = tmp_path / f"{name}-1.0-py3-none-any.whl"
        bad.write_bytes(breach(good))
        try:
            assert breaches(bad), name
        except (ValueError, OSError, IndexError, ArithmeticError):
            continue


PIP = ("install", "--no-index", "--no-deps", "-q", "--disable-pip-version-check", "--target")
UV = ("pip", "install", "--offline", "--no-deps", "-q", "--python", sys.executable, "--target")
INSTALLER = ("--prefix", "/usr", "--destdir")


@repairs.loads_here
@pytest.mark.parametrize(
    ("name", "options"),
    [("pip", PIP), ("uv", UV), ("installer", INSTALLER)],
    ids=["pip", "uv", "installer"],
)
def test_inv25_installers_take_the_output_and_it_works(
    tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs the package `{name}` in the environment of the tests")
    job = repairs.job(tmp_path / "job")
    output = job.repair().output
    shutil.rmtree(job.libs)
    site = tmp_path / "site"
    home = {"HOME": str(tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache")}
    repairs.run(sys.executable, "-m", name, *options, site, output, env={**ENV, **home})
    (package,) = site.rglob("sample/__init__.py")
    assert repairs.greeting(package.parents[1]) == repairs.GREETING
