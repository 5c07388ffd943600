"""Edited samples, loaded under Wine: imports, 20 delay-loaded calls, forwards, circular pairs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from support import wine_setup
from support.samples import pe
from support.windows import WindowsPython, windows_path

from wheelfix.formats import pe as format_
from wheelfix.model import ReplaceNeeded

LONGER = "inner-0123456789abcdef.dll"
RENAME = (ReplaceNeeded(old="inner.dll", new=LONGER),)
OUTERS = (
    "lld-amd64-lib-outer.dll",
    "lld-amd64-lib-delay.dll",
    "lld-amd64-lib-flags.dll",
    "lld-amd64-lib-tight.dll",
    "made-amd64-lib-bound.dll",
    "made-amd64-lib-no-iat.dll",
    "made-amd64-lib-overlay.dll",
    "made-amd64-lib-signed.dll",
    "mingw-amd64-lib-stripped.dll",
    "mingw-amd64-lib-symbols.dll",
)
STRIPPERS = (None, "strip", "objcopy", "llvm-strip", "llvm-objcopy")
SAID = "inner 210"
"""What inner says, and the sum of the 20 calls."""
REFUSED = re.compile(r"err:module:\w+ Library .* not found|execute access to 0{16} ")
"""A library that is not found; a delay-loaded one leaves the address that is called at 0."""
STARTS = 3

pytestmark = pytest.mark.usefixtures("wine")


def laid_out(folder: Path, outer: str) -> Path:
    """Put the program and its libraries into one folder, inner under its longer name only."""
    for sample, name in (
        ("lld-amd64-exe-hello.exe", "hello.exe"),
        (outer, "outer.dll"),
        ("lld-amd64-lib-inner.dll", LONGER),
    ):
        shutil.copyfile(pe(sample), folder / name)
    return folder


def said(folder: Path) -> str:
    """Run the program and give what it says, or why Windows refuses it.

    Wine itself comes to grief once in thousands of starts on a busy machine, and then says neither.
    """
    for _ in range(STARTS):
        code, output, complaint = started(folder)
        if code == 0 and output:
            return output
        if REFUSED.search(complaint):
            return complaint
    raise AssertionError(f"Wine ends with {code} and says: {complaint or 'nothing'}")


def started(folder: Path) -> tuple[int, str, str]:
    """Give the exit code and both outputs: by files, as Wine's services may keep a pipe open."""
    with (folder / "said.txt").open("w+") as output, (folder / "err.txt").open("w+") as complaint:
        code = subprocess.call(
            [str(wine_setup.wine()), str(folder / "hello.exe")],
            env=wine_setup.environment(wine_setup.prefix(), debug="-all,err+module"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=complaint,
            timeout=120,
        )
        output.seek(0)
        complaint.seek(0)
        return code, output.read(), complaint.read()


@pytest.mark.parametrize("outer", OUTERS)
def test_a_renamed_library_is_found_and_called(outer: str, tmp_path: Path) -> None:
    """delvewheel: a delay-loaded DLL under its new name is never asked for."""
    folder = laid_out(tmp_path, outer)
    assert REFUSED.search(said(folder))
    format_.apply(folder / "outer.dll", RENAME)
    assert said(folder) == SAID
    (folder / LONGER).rename(folder / f"y{LONGER}")
    assert REFUSED.search(said(folder))
    again = (ReplaceNeeded(old=LONGER, new=f"y{LONGER}"),)
    format_.apply(folder / "outer.dll", again)
    assert said(folder) == SAID


@pytest.mark.parametrize("tool", STRIPPERS[1:])
@pytest.mark.parametrize("outer", [OUTERS[0], OUTERS[-1]])
def test_it_still_loads_after_other_peoples_tools(tool: str, outer: str, tmp_path: Path) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}: `apt-get install binutils llvm`")
    folder = laid_out(tmp_path, outer)
    format_.apply(folder / "outer.dll", RENAME)
    (folder / "outer.dll").rename(folder / "edited.dll")
    how = [str(folder / "edited.dll"), str(folder / "outer.dll")]
    if tool.endswith("strip"):
        how = ["-o", how[1], how[0]]
    subprocess.run([tool, *how], check=True, capture_output=True)
    assert said(folder) == SAID


def test_a_program_finds_its_library_under_another_name(tmp_path: Path) -> None:
    folder = laid_out(tmp_path, OUTERS[0])
    format_.apply(folder / "outer.dll", RENAME)
    (folder / "outer.dll").rename(folder / "outer-0123456789abcdef.dll")
    assert REFUSED.search(said(folder))
    edits = (ReplaceNeeded(old="outer.dll", new="outer-0123456789abcdef.dll"),)
    format_.apply(folder / "hello.exe", edits)
    assert said(folder) == SAID


CALLS = """
import ctypes, os
os.add_dll_directory({folder!r})
first = [ctypes.CDLL({folder!r} + "\\\\" + name) for name in {first!r}]
library = ctypes.CDLL({folder!r} + "\\\\{name}")
"""


def test_forwarded_exports_reach_the_library_under_its_new_name(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    """delvewheel: forwards dangle once the library they name is renamed.

    Both are loaded first, by their path: for GetProcAddress Wine looks for what a forward names
    neither beside the file nor in folders that were added.
    """
    shutil.copyfile(pe("lld-amd64-lib-forward.dll"), tmp_path / "forward.dll")
    shutil.copyfile(pe("lld-amd64-lib-inner.dll"), tmp_path / LONGER)
    shutil.copyfile(pe("lld-amd64-lib-inner.dll"), tmp_path / "another.one.dll")
    first = (LONGER, "another.one.dll")
    code = CALLS.format(folder=windows_path(tmp_path), name="forward.dll", first=first) + (
        "print(library.own(), library.inner1(), library.other(),"
        " ctypes.c_int.in_dll(library, 'inner_value').value)"
    )
    assert windows_python.run(code).returncode != 0
    edits = (*RENAME, ReplaceNeeded(old="another.dll", new="another.one.dll"))
    format_.apply(tmp_path / "forward.dll", edits)
    assert windows_python.says(code) == "7 1 2 42"


def test_libraries_that_need_each_other(windows_python: WindowsPython, tmp_path: Path) -> None:
    """delvewheel: circular imports are a CycleError and a traceback."""
    for own, other in (("left", "right"), ("right", "left")):
        file = tmp_path / f"{own}-0123456789abcdef.dll"
        shutil.copyfile(pe(f"lld-amd64-lib-{own}.dll"), file)
        edits = (ReplaceNeeded(old=f"{other}.dll", new=f"{other}-0123456789abcdef.dll"),)
        format_.apply(file, edits)
    name = "left-0123456789abcdef.dll"
    code = CALLS.format(folder=windows_path(tmp_path), name=name, first=())
    assert windows_python.says(f"{code}print(library.left(6), library.left(7))") == "1 2"
