"""Wheels that are made here: many small extensions, very many tiny files, nothing to repair."""

from __future__ import annotations

import platform
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peers import CACHE, move_into_place
from unrepair import Unrepaired, pack, write_record

EXTENSIONS = 300
LIBRARIES = 10
TINY_FILES = 13_000
PACKAGE_FILES = 100
"""Tiny files that share a folder."""
NUMBER = b"number 000"
"""Bytes in which the extensions differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """How extensions are made for a system."""

    compiler: str
    flags: tuple[str, ...]
    extension: str
    library: str
    """File name of the library of a number."""
    tag: str

    def link(self, folder: Path, output: str, *inputs: str) -> None:
        """Link stripped: delvewheel edits no file with something behind its sections."""
        command = (self.compiler, "-shared", "-s", "-O1", *self.flags, "-o", output, *inputs)
        subprocess.run(command, cwd=folder, check=True)


MACHINE = platform.machine()
LINUX = Toolchain(
    compiler="gcc",
    flags=("-fPIC", "-Wl,--no-as-needed"),  # libc by name: auditwheel wants one
    extension=".so",
    library="libpart{:03}.so.1",
    tag=f"cp311-abi3-linux_{MACHINE}",
)
WINDOWS = Toolchain(
    compiler="x86_64-w64-mingw32-gcc",
    flags=(),
    extension=".pyd",
    library="part{:03}.dll",
    tag="cp311-abi3-win_amd64",
)


def made(name: str, make: Callable[[Path], None]) -> Unrepaired:
    """Give the wheel of that name and its folder of libraries; made on first use."""
    folder = CACHE / "performance" / name
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
        (new / "ext").mkdir()
        make(new)
        move_into_place(new, folder)
    (wheel,) = folder.glob("*.whl")
    return Unrepaired(wheel=wheel, libraries=folder / "ext")


def many(
    tools: Toolchain, *, extensions: int = EXTENSIONS, libraries: int = LIBRARIES
) -> Unrepaired:
    """Give a wheel with small extensions that need all of the same small libraries."""

    def make(folder: Path) -> None:
        binary = extension(tools, folder, libraries)
        wheel(folder, "many", tools.tag, lambda tree: _fill(tree, tools, binary, extensions))

    return made(f"many-{extensions}x{libraries}-{tools.tag}", make)


def tiny(tools: Toolchain, *, files: int = TINY_FILES) -> Unrepaired:
    """Give a wheel with very many tiny files and one extension that needs one library."""

    def make(folder: Path) -> None:
        binary = extension(tools, folder, 1)

        def fill(tree: Path) -> None:
            write_tiny(tree / "tiny", files)
            (tree / "tiny" / f"_ext{tools.extension}").write_bytes(binary)

        wheel(folder, "tiny", tools.tag, fill)

    return made(f"tiny-{files}-{tools.tag}", make)


def pure(files: int) -> Unrepaired:
    """Give a wheel without binaries; few files are large, many are tiny."""

    def fill(tree: Path) -> None:
        if files > 1000:
            write_tiny(tree / "pure", files)
        else:
            _write_data(tree / "pure", files)

    return made(f"pure-{files}", lambda folder: wheel(folder, "pure", "py3-none-any", fill))


def wheel(folder: Path, project: str, tag: str, fill: Callable[[Path], None]) -> None:
    """Pack what `fill` puts into a folder, with the metadata of a wheel, into `folder`."""
    pure_tag = tag.endswith("-any")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        tree = Path(scratch)
        (tree / project).mkdir()
        (tree / project / "__init__.py").touch()
        fill(tree)
        info = tree / f"{project}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n")
        fields = f"Wheel-Version: 1.0\nGenerator: made\nRoot-Is-Purelib: {str(pure_tag).lower()}\n"
        (info / "WHEEL").write_text(f"{fields}Tag: {tag}\n")
        write_record(tree, info / "RECORD")
        pack(tree, folder / f"{project}-1.0-{tag}.whl", executable=set())


def extension(tools: Toolchain, folder: Path, libraries: int) -> bytes:
    """Make libraries in `ext`, and give an extension that needs them all."""
    for number in range(libraries):
        _make_library(tools, folder, number)
    needs = "".join(f"int part{number:03}(void);\n" for number in range(libraries))
    calls = " + ".join(f"part{number:03}()" for number in range(libraries))
    exported = "__declspec(dllexport) " if tools is WINDOWS else ""
    (folder / "ext.c").write_text(
        f'{needs}const char *number(void) {{ return "{NUMBER.decode()}"; }}\n'
        f"{exported}void *PyInit__ext(void) {{ return {calls} ? 0 : (void *) number; }}\n"
    )
    names = [f"ext/{tools.library.format(number)}" for number in range(libraries)]
    tools.link(folder, "ext.bin", "ext.c", *names)
    return (folder / "ext.bin").read_bytes()


def _make_library(tools: Toolchain, folder: Path, number: int) -> None:
    exported = "__declspec(dllexport) " if tools is WINDOWS else ""
    source = f"part{number:03}.c"
    (folder / source).write_text(
        f"{exported}int part{number:03}(void) {{ return {number + 1}; }}\n"
    )
    name = tools.library.format(number)
    soname = () if tools is WINDOWS else (f"-Wl,-soname,{name}",)
    tools.link(folder, f"ext/{name}", source, *soname)


def _fill(tree: Path, tools: Toolchain, binary: bytes, extensions: int) -> None:
    assert binary.count(NUMBER) == 1
    for number in range(extensions):
        package = tree / "many" / f"part{number // 10:02}"
        package.mkdir(parents=True, exist_ok=True)
        own = binary.replace(NUMBER, NUMBER[:-3] + f"{number:03}".encode())
        (package / f"_ext{number:03}{tools.extension}").write_bytes(own)
        (package / "__init__.py").touch()


def write_tiny(folder: Path, files: int) -> None:
    """Write modules of a few lines, each different."""
    for number in range(files):
        package = folder / f"part{number // PACKAGE_FILES:03}"
        package.mkdir(parents=True, exist_ok=True)
        text = f"# module {number}\n\n\ndef answer():\n    return {number}\n"
        (package / f"module_{number:05}.py").write_text(text)


def _write_data(folder: Path, files: int) -> None:
    """Write a megabyte of numbers into each file, as tables have them."""
    for number in range(files):
        table = (f"{number},{row},{row * row % 9973}\n" for row in range(number, number + 65_000))
        (folder / f"table_{number:04}.csv").write_text("".join(table))
