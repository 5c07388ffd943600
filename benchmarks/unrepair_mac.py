"""Turn a published, repaired macOS wheel back into what its build made.

The editing is llvm-install-name-tool's, so wheelfix has no hand in it. That program writes over
code where a file has no room for longer load commands: such a file is not accepted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from unrepair import Unrepaired, pack, write_record

BUILD = "/opt/build/lib"
"""Where the libraries lay on the machine that built them, as a search path of every file."""
MAGICS = (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


@dataclass(frozen=True, slots=True, kw_only=True)
class Llvm:
    """LLVM's programs for Mach-O files, of one version."""

    install_name_tool: Path
    otool: Path


def find_llvm() -> Llvm | None:
    """Give the newest LLVM here that has both programs; None for none."""
    tool, otool = newest_llvm("llvm-install-name-tool"), newest_llvm("llvm-otool")
    return Llvm(install_name_tool=Path(tool), otool=Path(otool)) if tool and otool else None


def newest_llvm(name: str) -> str | None:
    """Find a program of the newest LLVM that has it; None for none."""
    return shutil.which(name, path=os.pathsep.join([*_folders(), os.environ.get("PATH", "")]))


def _folders() -> list[str]:
    """Give where Debian puts programs of a version that is not the default, newest first."""
    found = Path("/usr/lib").glob("llvm-*/bin")
    return [str(f) for f in sorted(found, key=lambda f: -int(f.parent.name.partition("-")[2]))]


def unrepair_mac(wheel: Path, folder: Path, *, llvm: Llvm) -> Unrepaired:
    """Write the unrepaired wheel and `ext/` into `folder`, which must not hold them yet."""
    libraries = folder / "ext"
    libraries.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        tree = Path(scratch)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tree)
        binaries = sorted(_binaries(tree))
        grafts = {file for file in binaries if file.parent.name.endswith(".dylibs")}
        with ThreadPoolExecutor() as executor:
            for _ in executor.map(
                lambda file: _undo(file, llvm, is_graft=file in grafts), binaries
            ):
                pass
        for graft in grafts:
            shutil.move(graft, libraries / graft.name)
        (info,) = tree.glob("*.dist-info")
        shutil.rmtree(info / "sboms", ignore_errors=True)
        write_record(tree, info / "RECORD")
        pack(tree, folder / wheel.name, executable=set(binaries) - grafts)
    return Unrepaired(wheel=folder / wheel.name, libraries=libraries)


def _binaries(tree: Path) -> Iterator[Path]:
    for file in (path for path in tree.rglob("*") if path.is_file()):
        with file.open("rb") as opened:
            if opened.read(4) in MAGICS:
                yield file


def _undo(file: Path, llvm: Llvm, *, is_graft: bool) -> None:
    """Ask for libraries through the search path again, which names the folder of the build."""
    listed = _run(llvm.otool, "-L", str(file)).splitlines()[1:]
    names = dict.fromkeys(line.strip().partition(" (")[0] for line in listed)
    edits = [] if BUILD in _rpaths(file, llvm) else ["-add_rpath", BUILD]
    for name in names:
        if "/DLC/" in name or ".dylibs/" in name or (is_graft and name.startswith("@loader_path")):
            edits += ["-change", name, f"@rpath/{Path(name).name}"]
    if is_graft:
        edits += ["-id", f"@rpath/{file.name}"]
    before = _first_section(file, llvm)
    _run(llvm.install_name_tool, *edits, str(file))
    if _end_of_commands(file, llvm) > before:
        sys.exit(f"{file.name}: no room for the load commands it had")


def _rpaths(file: Path, llvm: Llvm) -> list[str]:
    return re.findall(r"LC_RPATH\n.*\n +path (.*) \(offset", _run(llvm.otool, "-l", str(file)))


def _first_section(file: Path, llvm: Llvm) -> int:
    """Give the offset of the first section's bytes: load commands must end before it."""
    offsets = re.findall(r"^ +offset ([0-9]+)$", _run(llvm.otool, "-l", str(file)), re.MULTILINE)
    return min(int(offset) for offset in offsets if int(offset))


def _end_of_commands(file: Path, llvm: Llvm) -> int:
    """Give where the load commands end; of a universal file's slices the latest such place."""
    headers = re.findall(
        r"^ 0xfeedfacf(?: +\S+){5} +([0-9]+) ", _run(llvm.otool, "-h", str(file)), re.MULTILINE
    )
    return 32 + max(map(int, headers))


def _run(*command: Path | str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
