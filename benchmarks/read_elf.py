"""Read the headers of this machine's ELF files with wheelfix and with pyelftools; compare both.

    python benchmarks/read_elf.py [FOLDER...]

Both give needed names, SONAME, interpreter and symbol-version needs, which must be equal. Prints
the time of each of five rounds, then the reads and how much of the files had to be there for them.
"""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from elftools.elf.elffile import ELFFile

from wheelfix.formats.elf.read import read

Facts: TypeAlias = tuple[list[str], str | None, list[tuple[str, list[str]]], str | None]
FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/bin")


class Source:
    """A file as wheelfix reads it, with a count."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.reads, self.reach = file, 0, 0
        self.size = os.fstat(file.fileno()).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Fulfil `model.ByteSource`."""
        self.reads, self.reach = self.reads + 1, max(self.reach, min(offset + size, self.size))
        return os.pread(self.file.fileno(), size, offset)


class Counted(io.FileIO):
    """A file as pyelftools reads it, with a count; unbuffered, and slower for being counted."""

    reads = reach = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read on, as any file does."""
        data = super().read(-1 if size is None else size)
        self.reads, self.reach = self.reads + 1, max(self.reach, self.tell())
        return data or b""


def ours(source: Source) -> Facts:
    """Read with wheelfix."""
    (image,) = read(source, watch={})
    needs = sorted((v.library, sorted(v.versions)) for v in image.version_needs)
    return [n.name for n in image.needed], image.own_name, needs, image.interpreter


def theirs(file: BinaryIO) -> Facts:
    """Read with pyelftools."""
    elf: Any = ELFFile(file)
    needed, own_name, interpreter = [], None, None
    for segment in elf.iter_segments():
        if segment.header.p_type == "PT_INTERP":
            interpreter = segment.get_interp_name()
        elif segment.header.p_type == "PT_DYNAMIC":
            tags = list(segment.iter_tags())
            needed = [t.needed for t in tags if t.entry.d_tag == "DT_NEEDED"]
            own_name = next((t.soname for t in tags if t.entry.d_tag == "DT_SONAME"), None)
    section = elf.get_section_by_name(".gnu.version_r")
    versions = section.iter_versions() if section else ()
    needs = sorted((v.name, sorted(a.name for a in aux)) for v, aux in versions)
    return needed, own_name, needs, interpreter


def elf_files(folders: list[str]) -> Iterator[Path]:
    """Give the programs and shared libraries right in `folders`."""
    for path in (p for f in folders for p in sorted(Path(f).iterdir())):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                head = file.read(18)
            if head[:4] == b"\x7fELF" and int.from_bytes(head[16:18], "little") in {2, 3}:
                yield path


def seconds(files: list[Path], reader: Callable[[BinaryIO], object], buffering: int) -> float:
    """Time one round over all files."""
    start = time.perf_counter()
    for path in files:
        with path.open("rb", buffering) as file:
            reader(file)
    return time.perf_counter() - start


def main() -> None:
    """Compare the answers, then the times, then the reads."""
    files = list(elf_files(sys.argv[1:] or list(FOLDERS)))
    counts = {"wheelfix": [0, 0.0], "pyelftools": [0, 0.0]}
    for path in files:
        with path.open("rb", 0) as file, Counted(path) as counted:
            source = Source(file)
            if ours(source) != theirs(counted):
                sys.exit(f"{path}: they differ")
        for name, used in (("wheelfix", source), ("pyelftools", counted)):
            counts[name][0] += used.reads
            counts[name][1] += used.reach / source.size
    for _ in range(5):
        mine, other = seconds(files, lambda f: ours(Source(f)), 0), seconds(files, theirs, -1)
        print(f"wheelfix {mine:.2f} s, pyelftools {other:.2f} s: {other / mine:.1f} times")
    for name, (reads, reach) in counts.items():
        print(
            f"{name}: {reads / len(files):.0f} reads a file, up to {reach / len(files):.0%} of it"
        )


if __name__ == "__main__":
    main()
