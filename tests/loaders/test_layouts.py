"""Every layout that linkers make here is loaded by the machine's own loader before and after."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import loaders
from support.samples import Sample, chain, samples

from wheelfix.formats import elf
from wheelfix.model import ReplaceNeeded, SearchKind, SetOwnName, SetSearchPath

LAYOUTS = [
    each
    for each in samples()
    if (each.arch, each.libc, each.kind) == ("x86_64", "glibc", "lib")
    and {"gnu-ld", "lld", "no-section-headers"} & set(each.features)
    and each.what != "outer"
]
LOAD = "import ctypes, sys; f = ctypes.CDLL(sys.argv[1]).feature; f.restype = ctypes.c_char_p"
SCRIPT = LOAD + "; sys.stdout.write(f().decode())"
OLD, NEW = "libinner.so.2", "libinner-of-a-considerably-longer-name-0123456789.so.2"
CPU = "CPU ISA level is lower than required"


def load(library: Path, *path: Path) -> tuple[int, str, str]:
    """Load it in a child process and call it: code, output, complaints."""
    loaders.find("x86_64")
    env = {"LD_LIBRARY_PATH": ":".join(map(str, path))} if path else {}
    command = [sys.executable, "-I", "-S", "-c", SCRIPT, str(library)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def loadable(library: Path) -> None:
    """Skip the test when this machine cannot load the library even when told where to look."""
    code, output, complaint = load(library, chain("x86_64", "glibc").libs)
    if CPU in complaint:
        pytest.skip("needs a CPU of level x86-64-v3")
    assert (code, output) == (0, "feature inner"), complaint


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda each: each.path.name)
def test_layout_needs_its_library(layout: Sample) -> None:
    loadable(layout.path)
    code, output, complaint = load(layout.path)
    assert (code, output) == (1, "")
    assert OLD in complaint


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda each: each.path.name)
def test_layout_loads_after_an_edit(layout: Sample, tmp_path: Path) -> None:
    loadable(layout.path)
    library, inner = tmp_path / "pkg" / "library.so", tmp_path / "libs" / NEW
    for file, source in ((library, layout.path), (inner, chain("x86_64", "glibc").libs / OLD)):
        file.parent.mkdir()
        shutil.copy(source, file)
    path = SetSearchPath(kind=SearchKind.RPATH, entries=("$ORIGIN/../libs",))
    elf.apply(inner, (SetOwnName(name=NEW),))
    elf.apply(library, (SetOwnName(name="library.so"), ReplaceNeeded(old=OLD, new=NEW), path))
    assert load(library) == (0, "feature inner", "")
