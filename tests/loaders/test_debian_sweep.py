"""Every library and program of this machine, edited, read by others, loaded, stripped, loaded.

By default a bounded sample; WHEELFIX_FULL=1 takes all of /usr/lib and /usr/bin. Left out: what
the reader says must not be edited.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import elf_checks as checks
from support.full import FULL

from wheelfix.errors import WheelfixError
from wheelfix.formats import elf
from wheelfix.model import Edit, Image, ReplaceNeeded, SetOwnName, SetSearchPath, after
from wheelfix.value import replace

pytestmark = pytest.mark.slow

ROOTS = (Path("/usr/lib"), Path("/usr/bin"))
LOADER = "/lib64/ld-linux-x86-64.so.2"
SAMPLE = 60
STRIPPERS = (
    ("strip",),
    ("strip", "-g"),
    ("objcopy",),
    ("eu-strip",),
    ("llvm-strip",),
)
STRIP_EVERY = 5
"""Each so many files are also stripped, all five ways."""
GROWTH = 65536 + 4096
"""What a file may grow by, in bytes, beside the tables that must move: they do as a whole."""
DLOPEN = "import ctypes, os, sys; ctypes.CDLL(sys.argv[1], os.RTLD_NOW)"
TOOLS = ("readelf", "eu-elflint", "gcc", *dict.fromkeys(tool[0] for tool in STRIPPERS))


@dataclass(slots=True)
class Tally:
    """What happened to one file."""

    file: Path
    faults: list[str] = field(default_factory=list)
    loaded: int = 0
    stripped: int = 0
    locked: str | None = None
    grew: int = 0


def binaries() -> list[Path]:
    found = []
    for root in ROOTS:
        for folder, _, names in os.walk(root):
            found += [Path(folder) / name for name in names]
    return sorted(p for p in found if is_loadable(p))


def is_loadable(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as handle:
        head = handle.read(20)
    if head[:6] != b"\x7fELF\2\1" or head[16:20] not in {b"\2\0\x3e\0", b"\3\0\x3e\0"}:
        return False
    return bool(elf.read(checks.OpenFile(path), watch={}))  # some hold debug information only


def sample() -> list[Path]:
    found = binaries()
    if FULL:
        return found
    return found[:: max(1, len(found) // SAMPLE)]


@pytest.fixture(scope="module")
def opener(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that opens a library with RTLD_NOW: Python itself brings too many libraries."""
    folder = tmp_path_factory.mktemp("opener")
    source = folder / "opener.c"
    source.write_text(
        "#include <dlfcn.h>\n#include <stdio.h>\n"
        "int main(int n, char **a) { if (dlopen(a[1], RTLD_NOW)) return 0;"
        " puts(dlerror()); return 1; }\n"
    )
    subprocess.run(["gcc", "-o", folder / "opener", source, "-ldl"], check=True)
    return folder / "opener"


def ways(image: Image, opener: Path) -> list[list[str]]:
    """Commands that load a file; the path is to be added."""
    listed = [LOADER, "--list"]
    if image.kind == "program":
        return [listed]
    return [listed, [str(opener)], [sys.executable, "-I", "-S", "-c", DLOPEN]]


def works(command: list[str], path: Path) -> bool:
    # The environment is empty: with the caller's LD_LIBRARY_PATH anything might be found.
    done = subprocess.run(
        [*command, str(path)], env={}, capture_output=True, timeout=120, check=False
    )
    return done.returncode == 0 and b"not found" not in done.stdout + done.stderr


def providers(path: Path) -> dict[str, Path]:
    done = subprocess.run(
        [LOADER, "--list", str(path)], env={}, capture_output=True, text=True, check=False
    )
    pairs = (line.split(" => ") for line in done.stdout.splitlines() if " => /" in line)
    return {name.strip(): Path(where.rpartition(" (")[0]) for name, where in pairs}


def plan(image: Image, path: Path, aside: Path) -> tuple[Edit, ...]:
    """Rename the first library that is there (it is, under its new name, in `aside`)."""
    where = providers(path)
    own = str(path.parent)
    old = [e.replace("${ORIGIN}", own).replace("$ORIGIN", own) for e in image.search.entries]
    folders = dict.fromkeys([str(aside), *old, *(str(file.parent) for file in where.values())])
    edits: list[Edit] = [
        SetOwnName(name=f"libswept-with-a-considerably-longer-name-{path.name}"[:200]),
        SetSearchPath(entries=tuple(folders)),
    ]
    edits += [  # the copy lies elsewhere
        ReplaceNeeded(old=need.name, new=need.name.replace("$ORIGIN", own))
        for need in image.needed
        if "$ORIGIN" in need.name
    ]
    names = [n.name for n in image.needed if n.name in where and not n.name.startswith("ld-")]
    names.sort(key=lambda name: name.startswith("libc."))
    if names:
        new = f"libprovided-under-a-longer-name-{names[0]}"
        aside.mkdir()
        (aside / new).symlink_to(where[names[0]])
        edits.append(ReplaceNeeded(old=names[0], new=new))
    return tuple(edits)


def sweep(path: Path, folder: Path, opener: Path, *, strip: bool) -> Tally:
    tally = Tally(file=path)
    folder.mkdir()
    try:
        examine(tally, folder, opener, strip=strip)
    except (WheelfixError, OSError, subprocess.TimeoutExpired) as error:
        tally.faults.append(repr(error))
    shutil.rmtree(folder)
    return tally


def examine(tally: Tally, folder: Path, opener: Path, *, strip: bool) -> None:
    image = checks.image(tally.file)
    if image.locked is not None:
        tally.locked = image.locked
        return
    copy = folder / tally.file.name
    shutil.copyfile(tally.file, copy)
    copy.chmod(0o755)
    edits = plan(image, tally.file, folder / "aside")
    # A library that knows its libc by that one's name alone no longer does: not what is tested.
    expected = replace(after(image, edits), libc=image.libc)
    elf.apply(copy, edits)
    bytes_once = copy.stat()
    elf.apply(copy, edits)
    if copy.stat().st_mtime_ns != bytes_once.st_mtime_ns:
        tally.faults.append("the same edit again writes again")
    read = replace(checks.image(copy), libc=image.libc)
    if read != expected:
        tally.faults.append(f"we read {read}, not {expected}")
    seen = checks.by_us(expected)
    for reader in (checks.by_pyelftools, checks.by_lief):
        if reader(copy) != seen:
            tally.faults.append(f"{reader.__name__}: {reader(copy)}, not {seen}")
    tally.faults += checks.layout_faults(copy, 4096)
    new = checks.complaints(copy) - checks.complaints(tally.file)
    tally.faults += sorted(new)
    tally.grew = copy.stat().st_size - tally.file.stat().st_size
    if tally.grew - checks.moving_size(tally.file) >= GROWTH:
        tally.faults.append(f"grew by {tally.grew} bytes")
    before = [way for way in ways(image, opener) if works(way, tally.file)]
    tally.loaded = len(before)
    tally.faults += [f"no longer loads: {way[:2]}" for way in before if not works(way, copy)]
    if strip and before:
        strip_all(tally, copy, before)


def strip_all(tally: Tally, copy: Path, before: list[list[str]]) -> None:
    for tool in STRIPPERS:
        stripped = copy.with_name("stripped.so")
        complaint = strip_one(tool, copy, stripped)
        if complaint or not all(works(way, stripped) for way in before):
            # Some files, among them those that patchelf has been at, do not survive as they are.
            strip_one(tool, tally.file, stripped)
            if all(works(way, stripped) for way in before):
                tally.faults.append(f"does not load after {tool}: {complaint}")
        tally.stripped += 1


def strip_one(tool: tuple[str, ...], source: Path, target: Path) -> str:
    shutil.copyfile(source, target)
    target.chmod(0o755)
    done = subprocess.run([*tool, str(target)], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


@pytest.mark.skipif(
    platform.machine() != "x86_64" or not Path(LOADER).exists(),
    reason="needs a Debian-like x86_64 machine with glibc",
)
@pytest.mark.skipif(
    not all(shutil.which(tool) for tool in TOOLS),
    reason=f"needs {', '.join(TOOLS)}: `apt-get install binutils elfutils gcc llvm`",
)
def test_everything_on_this_machine_survives_an_edit(tmp_path: Path, opener: Path) -> None:
    files = sample()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tallies = list(
            pool.map(
                lambda pair: sweep(
                    pair[1],
                    tmp_path / f"f{pair[0]}",
                    opener,
                    strip=not FULL or pair[0] % STRIP_EVERY == 0,
                ),
                enumerate(files),
            )
        )
    edited = [tally for tally in tallies if tally.locked is None]
    report = [f"{t.file}: {fault}" for t in tallies for fault in t.faults]
    numbers = (
        f"{len(edited)} edited, {len(tallies) - len(edited)} locked, "
        f"{sum(t.loaded > 0 for t in edited)} loaded, {sum(t.stripped for t in edited)} stripped, "
        f"grew by {max((t.grew for t in edited), default=0)} at most"
    )
    print(numbers)  # noqa: T201  # what a full run is made for
    assert not report, "\n".join([numbers, *report])
    assert edited
