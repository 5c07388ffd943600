"""A Windows wheel with 300 small extensions that need two DLLs each, made here."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from peers import move_into_place
from unrepair import Unrepaired, pack, write_record

EXTENSIONS = 300
PACKAGES = 30
"""They are spread over so many folders."""
COMPILER = "x86_64-w64-mingw32-gcc"
NUMBER = b"number 000"
"""Bytes in which the extensions differ."""
SOURCE = """
int first(void);
int second(void);
const char *number(void) { return "number 000"; }
__declspec(dllexport) void *PyInit_many(void) { return first() + second() ? 0 : (void *) number; }
"""
TAG = "cp311-abi3-win_amd64"
METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: many\nVersion: 1.0\n",
    "WHEEL": f"Wheel-Version: 1.0\nGenerator: made\nRoot-Is-Purelib: false\nTag: {TAG}\n",
}


def many_wheel(folder: Path) -> Unrepaired:
    """Give the wheel and the folder of the DLLs that it needs; made on first use by mingw-w64."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
        _make(new)
        move_into_place(new, folder)
    (wheel,) = folder.glob("*.whl")
    return Unrepaired(wheel=wheel, libraries=folder / "ext")


def _make(folder: Path) -> None:
    libraries = folder / "ext"
    libraries.mkdir()
    for name in ("first", "second"):
        (folder / f"{name}.c").write_text(f"__declspec(dllexport) int {name}(void) {{ return 1; }}")
        _link(folder, f"ext/{name}.dll", f"{name}.c")
    (folder / "many.c").write_text(SOURCE)
    _link(folder, "many.pyd", "many.c", "ext/first.dll", "ext/second.dll")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        tree = Path(scratch)
        _fill(tree, (folder / "many.pyd").read_bytes())
        pack(tree, folder / f"many-1.0-{TAG}.whl", executable=set())


def _link(folder: Path, output: str, *inputs: str) -> None:
    """Link without symbols: delvewheel edits no file with something behind its sections."""
    subprocess.run(
        [COMPILER, "-shared", "-s", "-O1", "-o", output, *inputs], cwd=folder, check=True
    )


def _fill(tree: Path, extension: bytes) -> None:
    assert extension.count(NUMBER) == 1
    for number in range(EXTENSIONS):
        package = tree / "many" / f"part{number % PACKAGES:02}"
        package.mkdir(parents=True, exist_ok=True)
        own = extension.replace(NUMBER, NUMBER[:-3] + f"{number:03}".encode())
        (package / f"_ext{number:03}.pyd").write_bytes(own)
        (package / "__init__.py").touch()
    (tree / "many" / "__init__.py").touch()
    info = tree / "many-1.0.dist-info"
    info.mkdir()
    for name, text in METADATA.items():
        (info / name).write_text(text)
    write_record(tree, info / "RECORD")
