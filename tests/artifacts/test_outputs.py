"""What a backend gets among strangers: tools that edit it, indexes that judge it, installers."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from support import artifacts, backend, repairs, strangers
from support.artifacts import Build
from support.index_rules import breaches

from wheelfix import Repaired, Treatment

pytestmark = repairs.linux_only


def unpacked(repaired: Repaired, site: Path) -> list[Path]:
    """Put the answer where an installer would; give the binaries that were edited."""
    for each in repaired.ready:
        target = site / each.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(each.file, target)
        target.chmod(each.mode)
    texts = {item.path for item in repaired.plan.inserts}
    return [site / path for path in repaired.plan.touched if path not in texts]


TOOLS = [
    pytest.param(make, name, id=f"{make.__name__}-{name}")
    for make, tools in (
        (artifacts.elf, strangers.ELF_TOOLS),
        (artifacts.macho, strangers.MACHO_TOOLS),
        (artifacts.pe, strangers.PE_TOOLS),
    )
    for name in tools
]


@pytest.mark.parametrize(("make", "name"), TOOLS)
def test_inv24_the_answer_survives_other_peoples_tools(
    make: Callable[[Path], Build], name: str, tmp_path: Path
) -> None:
    """An ELF file is loaded; others are looked at by other readers, and edited once more by us."""
    build = make(tmp_path / "tree")
    before = build.state()
    with build.repair() as repaired:
        edited = unpacked(repaired, tmp_path / "site")
    assert edited
    if make is artifacts.elf:
        (tmp_path / "site" / "sample" / "data.so").unlink()
        strangers.elf_tool(name, *edited)
        assert repairs.greeting(tmp_path / "site") == repairs.GREETING
    for binary in edited:
        if make is artifacts.macho:
            strangers.macho_survives(binary, name)
        elif make is artifacts.pe:
            strangers.pe_survives(binary, name)
    assert build.state() == before
    shutil.rmtree(build.libs)


INSTALLERS: Mapping[str, tuple[str, ...]] = {
    "pip": ("install", "--no-index", "--disable-pip-version-check", "--no-deps", "-q"),
    "uv": ("pip", "install", "--offline", "--no-deps", "-q"),
    "installer": ("--prefix", "/usr", "--destdir"),
}
MACHINES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "sample": {"pip": (), "uv": ("--python", sys.executable)},
    "mac_sample": {
        "pip": ("--platform", "macosx_11_0_arm64", "--only-binary", ":all:"),
        "uv": ("--python-platform", "aarch64-apple-darwin"),
    },
    "win": {
        "pip": ("--platform", "win_amd64", "--python-version", "3.12", "--only-binary", ":all:"),
        "uv": ("--python-platform", "x86_64-pc-windows-msvc", "--python-version", "3.12"),
    },
}


def packed(build: Build, folder: Path) -> Path:
    """Have the page for backend authors make a wheel of the build."""
    made: Path = backend.page().pack(
        build.artifacts, build.wheel, (build.libs,), backend.Writer(folder)
    )
    return made


@pytest.mark.parametrize("name", INSTALLERS)
def test_inv25_a_wheel_of_the_answer_passes_what_it_meets_next(
    build: Build, name: str, tmp_path: Path
) -> None:
    """The package index's rules; each installer, which keeps every byte; and us once more."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs the package `{name}` in the environment of the tests")
    made = packed(build, tmp_path / "out")
    assert breaches(made) == []
    site = tmp_path / "site"
    home = {"HOME": str(tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache")}
    machine = MACHINES[build.wheel.partition("-")[0]].get(name, ())
    options = (*INSTALLERS[name], *machine, *(() if name == "installer" else ("--target",)))
    repairs.run(sys.executable, "-m", name, *options, site, made, env={**strangers.ENV, **home})
    expected = {p: data for p, data in repairs.contents(made).items() if ".dist-info/" not in p}
    (first,) = site.rglob(min(expected))
    root = first.parents[min(expected).count("/")]
    assert {path: (root / path).read_bytes() for path in expected} == expected
    if build.wheel.startswith("sample"):
        assert repairs.greeting(root) == repairs.GREETING


def grafts(build: Build) -> dict[str, bytes]:
    """Give what comes along, by file name."""
    with build.repair() as repaired:
        added = repaired.treated(Treatment.ADDED)
        return {path.rpartition("/")[2]: repaired.files[path].read_bytes() for path in added}


def test_inv26_equal_graft_names_mean_equal_bytes(build: Build, tmp_path: Path) -> None:
    """In another version's wheel, from a copy of the libraries, with fewer artifacts."""
    first = grafts(build)
    assert first
    kept = {p: f for p, f in build.artifacts.items() if p in build.touched or p.endswith(".py")}
    assert kept.keys() < build.artifacts.keys()
    moved = Path(shutil.copytree(build.libs, tmp_path / "moved"))
    wheel = build.wheel.replace("-1.0-", "-2.0-")
    assert grafts(replace(build, wheel=wheel, artifacts=kept, libs=moved)) == first


def test_inv26_other_bytes_get_another_name_and_so_do_all_who_need_them(
    build: Build, tmp_path: Path
) -> None:
    first = grafts(build)
    moved = Path(shutil.copytree(build.libs, tmp_path / "moved"))
    (leaf,) = (moved / name for name in repairs.LEAVES if (moved / name).exists())
    content = bytearray(leaf.read_bytes())
    at = content.find(LC_UUID)
    content[at + len(LC_UUID) if at > 0 else UNUSED] ^= 1
    leaf.write_bytes(content)
    second = grafts(replace(build, libs=moved))
    assert len(second) == len(first)
    assert second.keys().isdisjoint(first)


LC_UUID = b"\x1b\0\0\0\x18\0\0\0"
"""The load command and its size, before 16 bytes that nothing depends on."""
UNUSED = 12
"""In ELF and PE files alike, a byte that nobody reads: padding of `e_ident`, `e_maxalloc`."""
