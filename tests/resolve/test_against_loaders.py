"""Which file a loader takes and which one we take: the same trees, asked of both."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.facts import read_member, wheel_info
from support.loaders import Loader, find
from support.samples import TESTDATA

from wheelfix.host import Host
from wheelfix.model import InWheel, Link, Missing, OnHost, Options
from wheelfix.resolve import resolve

NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """A file to be linked; `@` stands for the host folder in all its strings."""

    needed: tuple[str, ...] = ()
    rpath: str = ""
    runpath: str = ""
    soname: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A tree, and where each needed name must lead: `host/…` or `site/…`."""

    program: Binary
    files: Mapping[str, Binary] = field(default_factory=dict)
    """By path: `host/r/libx.so`, or `site/…` for further members of the wheel."""
    environment: str = ""
    glibc: Mapping[str, str] | None = None
    musl: Mapping[str, str] | None = None
    """None for a loader that is not asked."""


def lib(*needed: str, rpath: str = "", runpath: str = "", soname: str = "") -> Binary:
    return Binary(needed=needed, rpath=rpath, runpath=runpath, soname=soname)


def copies(name: str, *folders: str) -> dict[str, Binary]:
    return {f"host/{folder}/{name}": Binary() for folder in folders}


CASES = {
    "own RPATH before the environment": Case(
        program=lib("libx.so", rpath="@/r"),
        files=copies("libx.so", "r", "e"),
        environment="@/e",
        glibc={"libx.so": "host/r/libx.so"},
        musl={"libx.so": "host/e/libx.so"},
    ),
    "environment before own RUNPATH": Case(
        program=lib("libx.so", runpath="@/r"),
        files=copies("libx.so", "r", "e"),
        environment="@/e",
        glibc={"libx.so": "host/e/libx.so"},
        musl={"libx.so": "host/e/libx.so"},
    ),
    "own RUNPATH": Case(
        program=lib("libx.so", runpath="@/none:@/r:@/q"),
        files=copies("libx.so", "r", "q"),
        glibc={"libx.so": "host/r/libx.so"},
        musl={"libx.so": "host/r/libx.so"},
    ),
    "RPATH is inherited": Case(
        program=lib("liba.so", rpath="@/r"),
        files={"host/r/liba.so": lib("libb.so"), **copies("libb.so", "r")},
        glibc={"liba.so": "host/r/liba.so", "libb.so": "host/r/libb.so"},
        musl={"liba.so": "host/r/liba.so", "libb.so": "host/r/libb.so"},
    ),
    "RUNPATH is inherited by musl alone": Case(
        program=lib("liba.so", runpath="@/r"),
        files={"host/r/liba.so": lib("libb.so"), **copies("libb.so", "r")},
        glibc={"liba.so": "host/r/liba.so", "libb.so": NOWHERE},
        musl={"liba.so": "host/r/liba.so", "libb.so": "host/r/libb.so"},
    ),
    "a RUNPATH switches the inherited RPATH off": Case(
        program=lib("liba.so", rpath="@/r"),
        files={"host/r/liba.so": lib("libb.so", runpath="@/q"), **copies("libb.so", "r")},
        glibc={"liba.so": "host/r/liba.so", "libb.so": NOWHERE},
        musl={"liba.so": "host/r/liba.so", "libb.so": "host/r/libb.so"},
    ),
    "the nearest RPATH of the chain comes first": Case(
        program=lib("liba.so", rpath="@/r"),
        files={"host/r/liba.so": lib("libb.so", rpath="@/q"), **copies("libb.so", "r", "q")},
        glibc={"liba.so": "host/r/liba.so", "libb.so": "host/q/libb.so"},
        musl={"liba.so": "host/r/liba.so", "libb.so": "host/q/libb.so"},
    ),
    "a RUNPATH in the middle of the chain": Case(
        program=lib("liba.so", rpath="@/r"),
        files={
            "host/r/liba.so": lib("libb.so", runpath="@/q"),
            "host/q/libb.so": lib("libc1.so"),
            **copies("libc1.so", "r", "q"),
        },
        glibc={"libb.so": "host/q/libb.so", "libc1.so": "host/r/libc1.so"},
        musl={"libb.so": "host/q/libb.so", "libc1.so": "host/q/libc1.so"},
    ),
    "already loaded under this own name": Case(
        program=lib("libreal.so", "libb.so", rpath="@/r"),
        files={
            "host/r/libreal.so": lib(soname="libalias.so"),
            "host/r/libb.so": lib("libalias.so", runpath="@/q"),
            **copies("libalias.so", "q"),
        },
        glibc={"libreal.so": "host/r/libreal.so", "libalias.so": "host/r/libreal.so"},
        musl={"libreal.so": "host/r/libreal.so", "libalias.so": "host/q/libalias.so"},
    ),
    "breadth first": Case(
        program=lib("liba.so", "libb.so", rpath="@/r"),
        files={"host/r/liba.so": lib("libb.so", runpath="@/q"), **copies("libb.so", "r", "q")},
        glibc={"libb.so": "host/r/libb.so"},
        musl={"libb.so": "host/r/libb.so"},
    ),
    "$ORIGIN of a library": Case(
        program=lib("liba.so", rpath="@/r"),
        files={
            "host/r/liba.so": lib("libb.so", "libc1.so", runpath="$ORIGIN/sub:${ORIGIN}/../q/"),
            **copies("libb.so", "r/sub"),
            **copies("libc1.so", "q"),
        },
        glibc={"libb.so": "host/r/sub/libb.so", "libc1.so": "host/q/libc1.so"},
        musl={"libb.so": "host/r/sub/libb.so", "libc1.so": "host/q/libc1.so"},
    ),
    "$ORIGIN of a member": Case(
        program=lib("libx.so", rpath="$ORIGIN/../libs:$ORIGIN"),
        files={"site/libs/libx.so": lib("liby.so"), "site/libs/liby.so": lib()},
        glibc={"libx.so": "site/libs/libx.so", "liby.so": "site/libs/liby.so"},
        musl={"libx.so": "site/libs/libx.so", "liby.so": "site/libs/liby.so"},
    ),
    "entries that are empty or relative": Case(
        program=lib("libx.so", rpath=":lib:@/r"),
        files=copies("libx.so", "r"),
        glibc={"libx.so": "host/r/libx.so"},
        musl={"libx.so": "host/r/libx.so"},
    ),
    "a name with a slash": Case(
        program=lib("@/x/libx.so", rpath="@/r"),
        files=copies("libx.so", "x", "r"),
        glibc={"@/x/libx.so": "host/x/libx.so"},
        musl={"@/x/libx.so": "host/x/libx.so"},
    ),
    "a semicolon in the environment": Case(
        program=lib("libx.so"),
        files=copies("libx.so", "f"),
        environment="@/e;@/f",
        glibc={"libx.so": "host/f/libx.so"},
        musl={"libx.so": NOWHERE},
    ),
    "what only looks like a token": Case(
        program=lib("libx.so", rpath="@/$LIBRARY:@/r"),
        files=copies("libx.so", "$LIBRARY", "r"),
        glibc={"libx.so": "host/$LIBRARY/libx.so"},
        musl=None,  # gives up on a search path with any dollar but $ORIGIN's
    ),
    "a circle": Case(
        program=lib("liba.so", rpath="@/r"),
        files={"host/r/liba.so": lib("libb.so"), "host/r/libb.so": lib("liba.so")},
        glibc={"liba.so": "host/r/liba.so", "libb.so": "host/r/libb.so"},
        musl={"liba.so": "host/r/liba.so", "libb.so": "host/r/libb.so"},
    ),
    "a library that every system has, in the wheel": Case(
        program=lib("libz.so.1", runpath="$ORIGIN/../libs"),
        files={"site/libs/libz.so.1": lib()},
        glibc={"libz.so.1": "site/libs/libz.so.1"},
        musl={"libz.so.1": "site/libs/libz.so.1"},
    ),
    "found nowhere": Case(
        program=lib("libx.so", rpath="@/r"), glibc={"libx.so": NOWHERE}, musl={"libx.so": NOWHERE}
    ),
}
ASKED = [
    pytest.param(case, libc, id=f"{libc}-{name}")
    for name, case in CASES.items()
    for libc in ("glibc", "musl")
    if getattr(case, libc) is not None
]


@pytest.mark.parametrize(("case", "libc"), ASKED)
def test_we_take_the_file_that_the_loader_takes(case: Case, libc: str, tmp_path: Path) -> None:
    loader = find("x86_64", libc)
    build(case, loader, tmp_path)
    expected: dict[str, str] = getattr(case, libc)
    wanted = {name.replace("@", str(tmp_path / "host")): path for name, path in expected.items()}
    theirs, ours = listed(loader, case, tmp_path), resolved(case, tmp_path)
    assert {name: ours[name] for name in wanted} == wanted
    assert {name: path for name, path in theirs.items() if name in wanted}.items() <= wanted.items()
    assert theirs.keys() >= wanted.keys() - {"libalias.so"}  # glibc lists a file under one name


def test_a_library_of_another_machine_is_passed_over(tmp_path: Path) -> None:
    loader = find("x86_64")
    case = Case(program=lib("libinner.so.2", rpath="@/r:@/q"), files=copies("libinner.so.2", "q"))
    build(case, loader, tmp_path)
    (tmp_path / "host/r").mkdir()
    foreign = TESTDATA / "elf/zig-i686-glibc-lib-inner.so"
    shutil.copy(foreign, tmp_path / "host/r/libinner.so.2")
    assert listed(loader, case, tmp_path)["libinner.so.2"] == "host/q/libinner.so.2"
    assert resolved(case, tmp_path)["libinner.so.2"] == "host/q/libinner.so.2"


@pytest.mark.parametrize("libc", ["glibc", "musl"])
def test_origin_is_the_folder_in_which_a_link_was_found(libc: str, tmp_path: Path) -> None:
    loader = find("x86_64", libc)
    case = Case(
        program=lib("liba.so", rpath="@/r"),
        files={
            "host/real/liba.so": lib("libb.so", rpath="$ORIGIN/sub"),
            **copies("libb.so", "r/sub", "real/sub"),
        },
    )
    build(case, loader, tmp_path)
    (tmp_path / "host/r/liba.so").symlink_to("../real/liba.so")
    assert listed(loader, case, tmp_path)["libb.so"] == "host/r/sub/libb.so"
    assert resolved(case, tmp_path)["libb.so"] == "host/r/sub/libb.so"


def build(case: Case, loader: Loader, root: Path) -> None:
    """Link every file of a case below `root`, each against stubs of what it needs."""
    if shutil.which("ld") is None:
        pytest.skip("needs ld (Debian: binutils) to link the trees that loaders are asked about")
    (root / "cwd").mkdir()
    empty = root / "empty.o"
    subprocess.run(["ld", "-r", "-b", "binary", "/dev/null", "-o", empty], check=True)
    program = ("-pie", "-e", "0", "--dynamic-linker", str(loader.loader))
    _link(case.program, root / "site/pkg/prog", root, program)
    for path, binary in case.files.items():
        name = path.rpartition("/")[2]
        _link(binary, root / path, root, ("-shared", "-soname", binary.soname or name))


def _link(binary: Binary, file: Path, root: Path, how: tuple[str, ...]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    search = binary.runpath or binary.rpath
    tags = "--enable-new-dtags" if binary.runpath else "--disable-new-dtags"
    stubs = [_stub(name.replace("@", str(root / "host")), root) for name in binary.needed]
    path = ("-rpath", search.replace("@", str(root / "host"))) if search else ()
    command = ["ld", *how, tags, *path, "--no-as-needed", "--unresolved-symbols=ignore-all"]
    subprocess.run([*command, root / "empty.o", *stubs, "-o", file], check=True)


def _stub(name: str, root: Path) -> Path:
    stub = root / "stubs" / name.replace("/", "_")
    stub.parent.mkdir(exist_ok=True)
    subprocess.run(["ld", "-shared", "-soname", name, root / "empty.o", "-o", stub], check=True)
    return stub


def listed(loader: Loader, case: Case, root: Path) -> dict[str, str]:
    """Ask the loader itself, in an empty folder."""
    environment = {"LD_LIBRARY_PATH": case.environment.replace("@", str(root / "host"))}
    if loader.libc == "glibc":  # whose --list gives up at the first library that is missing
        environment["LD_TRACE_LOADED_OBJECTS"] = "1"
    lists = ("--list",) if loader.libc == "musl" else ()
    command = [loader.loader, *lists, root / "site/pkg/prog"]
    done = subprocess.run(
        command, cwd=root / "cwd", env=environment, check=False, capture_output=True, text=True
    )
    found = re.findall(r"^\s*(\S+) (?:=> )?(/\S+ )?\(", done.stdout, re.MULTILINE)
    paths = {name: _below(Path(path.strip() or name), root) for name, path in found}
    lost = re.findall(r"(\S+) => not found|shared library (\S+?):", done.stdout + done.stderr)
    return paths | {first or second: NOWHERE for first, second in lost}


def resolved(case: Case, root: Path) -> dict[str, str]:
    """Ask ourselves: what is below `site` is the wheel, the rest is the host."""
    environment = {"LD_LIBRARY_PATH": case.environment.replace("@", str(root / "host"))}
    members = sorted(file for file in (root / "site").rglob("*") if file.is_file())
    artifacts = [read_member(m, str(m.relative_to(root / "site"))) for m in members]
    found = resolve(wheel_info(), tuple(artifacts), Host(environment), Options(), watch={})
    return {link.needed: _provided(link, root) for link in found.links}


def _provided(link: Link, root: Path) -> str:
    match link.provider:
        case OnHost(found=path):
            return _below(path, root)
        case InWheel(path=member):
            return f"site/{member}"
        case Missing():
            return NOWHERE
        case other:
            raise AssertionError(other)


def _below(path: Path, root: Path) -> str:
    parts = Path(re.sub(r"[^/]+/\.\./", "", str(path)))
    return str(parts.relative_to(root)) if parts.is_relative_to(root) else str(parts)
