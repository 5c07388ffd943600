"""Mach-O files of our own, by zig, where no sample has what a test is about."""

from __future__ import annotations

from pathlib import Path

from wheelfix.formats import macho
from wheelfix.model import Image

from .macho_files import Bytes
from .windows_build import zig

OPENER = """
void *dlopen(const char *, int);
void *open_plugin(void) { return dlopen("@rpath/libplugin.dylib", 1); }
"""


def build(code: str, target: Path, *words: str) -> bytes:
    """Compile and link for arm64, with room for what a repair adds."""
    folder = target.parent
    (folder / "code.c").write_text(code)
    room = "-Wl,-headerpad_max_install_names"
    output = ("-o", target.name, "code.c")
    zig("cc", "-target", "aarch64-macos", "-shared", room, *words, *output, cwd=str(folder))
    (folder / "code.c").unlink()
    return target.read_bytes()


def image(data: bytes) -> Image:
    """Read a thin file."""
    (found,) = macho.read(Bytes(data), watch={})
    return found
