"""Mach-O files of this test session, and what wheelfix reads them through."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = """
int counter = 3;
int big[9000] = {1};
const char *greeting = "hello";
int add(int x) { return x + counter + big[x]; }
"""


@dataclass(frozen=True)
class Bytes:
    """Bytes in memory as a `ByteSource`."""

    data: bytes

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self.data)

    def read(self, offset: int, size: int) -> bytes:
        """Give what is there."""
        return self.data[offset : offset + size]


def compiled(folder: Path, target: str, *flags: str) -> Path:
    """Compile a library with zig, whose linker signs for arm64 and not for x86_64."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("needs ziglang to link Mach-O files")
    source, out = folder / "lib.c", folder / f"lib{target.partition('-')[0]}.dylib"
    source.write_text(SOURCE)
    command = [sys.executable, "-m", "ziglang", "cc", "-target", target, "-shared", "-g0", "-O1"]
    subprocess.run([*command, *flags, "-o", out, source], check=True, capture_output=True)
    return out
