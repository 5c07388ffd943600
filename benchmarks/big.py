"""A wheel with a library of 400 MB, as those of machine learning have, made here."""

from __future__ import annotations

import platform
import random
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from measure import Cost, cost
from peers import ROOT, Call, move_into_place
from tables import Row, median_row
from unrepair import Unrepaired

NOISE = 300 << 20
"""Bytes of the library that no deflate makes smaller …"""
STRUCTURE = 100 << 20
"""… and bytes that it does, as code and tables are."""
PIECE = 1 << 20
PROVIDER = "libanswer.so.1"
NEW_NAME = "libanswer-0123456789abcdef.so.1"
ENTRY = "$ORIGIN/../big.libs"
SOURCE = """
extern const unsigned char data[];
int answer(void);
int big(int at) { return answer() + data[at]; }
__asm__(".section .rodata\\n.global data\\ndata:\\n.incbin \\"data.bin\\"\\n.previous");
"""


def big_wheel(folder: Path) -> Unrepaired:
    """Give the wheel and the folder of the library that it needs; made on first use by gcc."""
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
    (folder / "answer.c").write_text("int answer(void) { return 42; }\n")
    (folder / "big.c").write_text(SOURCE)
    _write_data(folder / "data.bin")
    provider = str(libraries / PROVIDER)
    _gcc(folder, "-o", provider, f"-Wl,-soname,{PROVIDER}", "answer.c")
    _gcc(folder, "-o", "_big.so", "big.c", provider)
    _zip(folder)
    (folder / "data.bin").unlink()


def _gcc(folder: Path, *arguments: str) -> None:
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", *arguments], cwd=folder, check=True)


def _write_data(file: Path) -> None:
    numbers = random.Random(0)
    with file.open("wb") as data:
        for _ in range(NOISE // PIECE):
            data.write(numbers.randbytes(PIECE))
        for _ in range(STRUCTURE // PIECE):
            data.write(numbers.randbytes(PIECE // 16).hex(" ", 4)[: PIECE // 8].encode() * 8)


def _zip(folder: Path) -> None:
    tag = f"cp311-abi3-linux_{platform.machine()}"
    fields = ("Wheel-Version: 1.0", "Generator: made", "Root-Is-Purelib: false", f"Tag: {tag}")
    metadata = ("Metadata-Version: 2.1", "Name: big", "Version: 1.0")
    members = ("big/__init__.py", "big/_big.so", *(f"big-1.0.dist-info/{n}" for n in NAMES))
    record = "".join(f"{member},,\n" for member in members)
    with zipfile.ZipFile(folder / f"big-1.0-{tag}.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big/__init__.py", "")
        archive.write(folder / "_big.so", "big/_big.so")
        for name, lines in zip(NAMES, (metadata, fields, record.splitlines()), strict=True):
            archive.writestr(f"big-1.0.dist-info/{name}", "\n".join((*lines, "")))


NAMES = ("METADATA", "WHEEL", "RECORD")


def edits(subject: Unrepaired, patchelf: Path, rounds: int) -> tuple[Row, ...]:
    """Let wheelfix and patchelf edit a private copy of the library, turn about."""
    library = subject.wheel.parent / "_big.so"
    with tempfile.TemporaryDirectory(dir=library.parent.parent) as scratch:
        copy = Path(scratch) / library.name
        calls = {"wheelfix": _our_edit(copy), "patchelf": _their_edit(copy, patchelf)}
        costs: dict[str, list[Cost]] = {tool: [] for tool in calls}
        sizes = {}
        for number in range(rounds + 1):
            for tool, call in calls.items():
                shutil.copyfile(library, copy)
                spent = cost(call, watch_memory=True)
                sizes[tool] = copy.stat().st_size
                costs[tool] += [spent] * bool(number)
    return tuple(median_row(tool, costs[tool], sizes[tool]) for tool in calls)


def _our_edit(file: Path) -> Call:
    script = str(Path(__file__).with_name("edit.py"))
    command = (sys.executable, script, str(file), PROVIDER, NEW_NAME, ENTRY)
    return Call(command=command, environment={"PYTHONPATH": str(ROOT)})


def _their_edit(file: Path, patchelf: Path) -> Call:
    rename = ("--replace-needed", PROVIDER, NEW_NAME)
    command = (str(patchelf), *rename, "--force-rpath", "--set-rpath", ENTRY, str(file))
    return Call(command=command, environment={})
