"""What LLVM's otool reads in Mach-O files, and whether dyld would find what they ask for."""

from __future__ import annotations

import posixpath
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from unrepair_mac import Llvm, find_llvm

MAGICS = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf")
SYSTEM = re.compile(r"/usr/lib/|/System/Library/|@rpath/libswift[A-Z]")
LOADS = re.compile(
    r"cmd LC_(?:LOAD|REEXPORT_DYLIB|LAZY_LOAD|LOAD_WEAK|LOAD_UPWARD)(?:_DYLIB)?\n.*\n +name (.*) \("
)
RPATHS = re.compile(r"cmd LC_RPATH\n.*\n +path (.*) \(")
IDS = re.compile(r"cmd LC_ID_DYLIB\n.*\n +name (.*) \(")


def llvm() -> Llvm:
    """Find LLVM's programs, or skip."""
    found = find_llvm()
    if found is None:
        pytest.skip(
            "needs llvm-otool and llvm-install-name-tool: on Debian, `apt-get install llvm`"
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What otool says of one slice, in file order."""

    own_name: str | None
    needed: tuple[str, ...]
    rpaths: tuple[str, ...]


def seen(file: Path) -> tuple[Seen, ...]:
    """Let otool read every slice."""
    command = [str(llvm().otool), "-arch", "all", "-l", str(file)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    slices = re.split(rf"^{re.escape(str(file))}.*:$", text, flags=re.MULTILINE)[1:]
    return tuple(
        Seen(
            own_name=next(iter(IDS.findall(part)), None),
            needed=tuple(LOADS.findall(part)),
            rpaths=tuple(RPATHS.findall(part)),
        )
        for part in slices
    )


def binaries(tree: Path) -> dict[str, Path]:
    """Give the Mach-O files below `tree` by their place in it."""
    files = (file for file in sorted(tree.rglob("*")) if file.is_file())
    return {f.relative_to(tree).as_posix(): f for f in files if f.read_bytes()[:4] in MAGICS}


def faults(tree: Path) -> list[str]:
    """Tell what no user's dyld would find in an installed tree, and what names a build machine.

    Every binary must find by its own rpaths what it needs: stricter than dyld.
    """
    found = binaries(tree)
    said = []
    for place, file in found.items():
        for part in seen(file):
            said += [f"{place}: rpath {r}" for r in part.rpaths if _outside(place, r)]
            said += [
                f"{place}: needs {name}"
                for name in part.needed
                if not SYSTEM.match(name) and _target(place, name, part.rpaths) not in found
            ]
            if len(set(part.rpaths)) < len(part.rpaths):
                said.append(f"{place}: an rpath stands twice")
    return said


def _outside(place: str, rpath: str) -> bool:
    if rpath.startswith("@executable_path"):
        return False
    folder = _expanded(place, rpath)
    return folder is None or folder.startswith("..")


def _expanded(place: str, name: str) -> str | None:
    anchor, _, rest = name.partition("/")
    if anchor != "@loader_path":
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), rest))


def _target(place: str, name: str, rpaths: tuple[str, ...]) -> str | None:
    if not name.startswith("@rpath/"):
        return _expanded(place, name)
    rest = name.removeprefix("@rpath/")
    tried = (_expanded(place, f"{rpath}/{rest}") for rpath in rpaths)
    return next((path for path in tried if path is not None), None)
