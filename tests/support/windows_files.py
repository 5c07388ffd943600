"""The binaries of `loaders/windows_files.txt`: read, found, edited, and laid out to be loaded."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import published
from published import Pin

from support import debian, wine_setup
from support.samples import TESTDATA
from support.windows import WindowsPython, windows_path
from wheelfix.formats import pe
from wheelfix.model import ReplaceNeeded

LIST = Path(__file__).parents[1] / "loaders" / "windows_files.txt"
PYTHON = "3.12"
WINES = Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows")
HELD = "held"
"""What the DLL is called until it may be found."""

LOADING = """
import ctypes, json, os

kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
load, find = kernel32.LoadLibraryExW, kernel32.GetProcAddress
load.restype = find.restype = ctypes.c_void_p
load.argtypes = ctypes.c_wchar_p, ctypes.c_void_p, ctypes.c_uint32
find.argtypes = ctypes.c_void_p, ctypes.c_char_p
BESIDE_AND_DEFAULT = 0x1100  # as CPython does it

def tried(file, ask, export):
    handle = load(file, None, BESIDE_AND_DEFAULT)
    if not handle:
        return f"not loaded: {ctypes.get_last_error()}"
    if not ask:
        return "found"
    place = find(handle, export.encode())
    if not place:
        return f"not found: {ctypes.get_last_error()}"
    if ask == "call":
        ctypes.CFUNCTYPE(ctypes.c_int)(place)()
    return "found"
"""
BEFORE = """
tried(os.path.join({folder!r}, {file!r}), "call", {export!r})
"""
EACH = """
for folder, file, held, name, ask, export in json.loads({cases!r}):
    file = os.path.join(folder, file)
    before = "" if ask == "call" else tried(file, ask, export)
    name = os.path.join(folder, name)
    os.rename(os.path.join(folder, held), name)
    if ask:
        load(name, None, BESIDE_AND_DEFAULT)
    with open({said!r}, "a") as said:
        print(json.dumps([before, tried(file, ask, export)]), file=said)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A line of the list."""

    file: str
    """`source:path`."""
    needed: str
    provider: str
    ask: str
    """`call`, `find`, or nothing where loading the file is enough."""
    export: str

    @property
    def source(self) -> str:
        """Say where the file comes from."""
        return self.file.partition(":")[0]

    @property
    def sample(self) -> str:
        """Give the file's name."""
        return _last(self.file)


def listed() -> list[Listed]:
    """Read the list."""
    return [_line(line) for line in LIST.read_text().splitlines() if line and line[0] != "#"]


def _line(line: str) -> Listed:
    file, needed, *more = line.split(" ")
    words = dict(word.split("=", 1) for word in more)
    beside = file.removesuffix(_last(file)) + needed
    ask = next((word for word in ("call", "find") if word in words), "")
    return Listed(
        file=file,
        needed=needed,
        provider=words.get("from", beside),
        ask=ask,
        export=words.get(ask, ""),
    )


def _last(file: str) -> str:
    return file.rpartition(":")[2].rpartition("/")[2]


def content(file: str) -> bytes | None:
    """Get a listed file; None for one that is not here."""
    source, _, path = file.partition(":")
    if source == "wheel":
        project, _, path = path.partition("/")
        with ZipFile(_wheel(project)) as archive:
            return archive.read(path)
    found = _folder(source, path) / _last(file)
    at = next((p for p in found.parent.glob("*") if p.name.lower() == found.name.lower()), None)
    return None if at is None else _native(at.read_bytes())


def _folder(source: str, path: str) -> Path:
    if source == "debian":
        package, _, path = path.partition("/")
        return (debian.unpacked(package) / path).parent
    cpython = next(each for each in wine_setup.CPYTHONS if each.version == PYTHON)
    return {"testdata": TESTDATA / "pe", "cpython": cpython.home, "wine": WINES}[source]


def _wheel(requirement: str) -> Path:
    project, _, version = requirement.partition("==")
    return published.download(Pin(project=project, version=version, platforms=("win_amd64",)))


def _native(data: bytes) -> bytes:
    """Let Wine take a DLL of its own for any other: it does so by the mark in the DOS stub."""
    return data[:64] + bytes(32) + data[96:] if data[64:].startswith(b"Wine builtin DLL") else data


def beside(each: Listed) -> Iterator[tuple[str, bytes]]:
    """Give the libraries of the same origin: what the file needs besides."""
    source, _, path = each.file.partition(":")
    if source == "wheel":
        with ZipFile(_wheel(path.partition("/")[0])) as archive:
            for name in archive.namelist():
                if name.endswith(".dll") and _last(name) not in {each.sample, each.needed}:
                    yield _last(name), archive.read(name)
    if source == "cpython":
        for name in ("libcrypto-3.dll", "libssl-3.dll", "sqlite3.dll", "libffi-8.dll"):
            if name not in {each.sample, each.needed}:
                yield name, content(f"cpython:{name}") or b""
    if source == "debian":
        for name in ("libgcc_s_seh-1.dll", "libquadmath-0.dll", "libwinpthread-1.dll"):
            other = next((e.file for e in listed() if e.sample == name), each.file)
            if name not in {each.sample, each.needed}:
                yield name, content(other) or b""


def loaded(python: WindowsPython, files: list[Listed], folder: Path) -> dict[str, tuple[str, str]]:
    """Edit and load them all in one process; say what became of each before and after.

    Before, the DLL lies there under another name than the file asks for.
    """
    cases = [_laid_out(each, number, folder) for number, each in enumerate(files)]
    fatal = {case: _called_before(python, case, folder) for case in cases if case[4] == "call"}
    said = folder / "said.txt"
    said.touch()
    _run(python, EACH.format(cases=json.dumps(cases), said=windows_path(said)), folder)
    lines = [tuple(json.loads(line)) for line in said.read_text().splitlines()]
    shutil.rmtree(folder)
    lines += [("not reached", "not reached")] * (len(files) - len(lines))
    seen = [(fatal.get(case, line[0]), line[1]) for case, line in zip(cases, lines, strict=True)]
    return {each.file: said for each, said in zip(files, seen, strict=True)}


def _called_before(python: WindowsPython, case: tuple[str, ...], folder: Path) -> str:
    """Call what cannot be called yet, in a process of its own: that is the end of it."""
    where, file, _, _, _, export = case
    code = _run(python, BEFORE.format(folder=where, file=file, export=export), folder)
    return f"not called: {code}" if code else "found"


def _run(python: WindowsPython, code: str, folder: Path) -> int:
    """Run code, and wait for its process alone: some DLLs make Wine start a desktop, for good."""
    script = folder / "script.py"
    script.write_text(LOADING + code)
    process = subprocess.Popen(
        [str(wine_setup.wine()), python.home / "python.exe", "-I", "-B", windows_path(script)],
        env=wine_setup.environment(wine_setup.prefix()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        return process.wait(wine_setup.SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    finally:
        if process.stdout is not None:
            process.stdout.close()


def _laid_out(each: Listed, number: int, parent: Path) -> tuple[str, ...]:
    """Fill a folder for one file; names differ by number, as what is loaded stays loaded."""
    folder = parent / str(number)
    folder.mkdir(parents=True)
    stem, _, suffix = each.needed.rpartition(".")
    name = f"{stem}-{number:016x}.{suffix}"
    edited = folder / _called(each)
    edited.write_bytes(content(each.file) or b"")
    pe.apply(edited, (ReplaceNeeded(old=each.needed, new=name),))
    (folder / HELD).write_bytes(content(each.provider) or b"")
    for other, data in beside(each):
        (folder / other).write_bytes(data)
    return windows_path(folder), edited.name, HELD, name, each.ask, each.export


def _called(each: Listed) -> str:
    """Give a name under which Wine has no DLL of its own, which it would load instead."""
    own = each.sample.rpartition("-")[2]
    return own if each.source == "testdata" else f"edited-{each.sample}"
