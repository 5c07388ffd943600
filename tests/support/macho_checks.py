"""What must be true of every Mach-O file we wrote, seen with eyes that are not ours."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import lief

from . import llvm

TABLES = (
    "--exports-trie",
    "--bind",
    "--lazy-bind",
    "--weak-bind",
    "--rebase",
    "--dyld-info",
    "--chained-fixups",
    "--function-starts",
    "--indirect-symbols",
    "--data-in-code",
    "--unwind-info",
)


class CountingSource:
    """A file as a `ByteSource`; counts the bytes that are asked for."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self.size = len(self._data)
        self.total = 0

    def read(self, offset: int, size: int) -> bytes:
        data = self._data[offset : offset + size]
        self.total += len(data)
        return data


def run_lipo(*words: str | Path) -> str:
    """Run LLVM's lipo, or skip."""
    command = [llvm.tool("llvm-lipo"), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def printed(path: Path, *options: str) -> str:
    """Let llvm-objdump print something of all slices, without the file's name."""
    command = [llvm.tool("llvm-objdump"), "--macho", "--arch=all", *options, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.replace(str(path), "FILE")


def tables(path: Path) -> str:
    """Print all tables but the load commands, which edits change."""
    return printed(path, *TABLES)


def commands(path: Path) -> list[str]:
    """Print the load commands, without their numbers."""
    parts = re.split(
        r"^(?:Load command |FILE )", printed(path, "--private-headers"), flags=re.MULTILINE
    )
    return [part.partition("\n")[2] for part in parts if part[:1].isdigit()]


def layout_faults(path: Path) -> str:
    """Tell what LIEF finds wrong with the layout; empty for nothing."""
    fat = lief.MachO.parse(str(path))
    assert fat is not None
    for binary in fat:
        okay, message = lief.MachO.check_layout(binary)
        if not okay:
            return message
    return ""


def code(path: Path) -> list[bytes]:
    """Give the bytes of each __text, and of every other section of __TEXT, by LIEF."""
    fat = lief.MachO.parse(str(path))
    assert fat is not None
    return [
        bytes(section.content)
        for binary in fat
        for section in binary.sections
        if section.segment_name == "__TEXT"
    ]
