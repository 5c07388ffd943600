"""What must be true of every ELF file we wrote, seen with eyes that are not ours."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import lief
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from wheelfix.formats import elf
from wheelfix.model import Image


class OpenFile:
    """A file as a `ByteSource`; counts what is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size
        self.reads: list[tuple[int, int]] = []

    def read(self, offset: int, size: int) -> bytes:
        self.reads.append((offset, size))
        with self._path.open("rb", buffering=0) as handle:
            handle.seek(offset)
            return handle.read(size)


def image(path: Path) -> Image:
    """Read the only image of a file."""
    (found,) = elf.read(OpenFile(path), watch={})
    return found


def layout_faults(path: Path, page: int) -> list[str]:
    """Tell what a kernel with pages of `page` bytes or a loader would not forgive."""
    with path.open("rb") as handle:
        file = ELFFile(handle)
        loads = [s.header for s in file.iter_segments("PT_LOAD")]
        headers = [s.header for s in file.iter_segments("PT_PHDR")]
        table = (file["e_phoff"], file["e_phnum"] * file["e_phentsize"])
    faults = []
    for load in loads:
        if (load.p_vaddr - load.p_offset) % max(load.p_align, 1):
            faults.append(f"PT_LOAD at {load.p_vaddr:#x} is not congruent")
        if load.p_offset + load.p_filesz > path.stat().st_size:
            faults.append(f"PT_LOAD at {load.p_vaddr:#x} ends behind the file")
    for one, other in pairwise(loads):
        if one.p_vaddr + one.p_memsz > other.p_vaddr:
            faults.append(f"PT_LOAD at {other.p_vaddr:#x} begins before the one ahead ends")
    last = loads[-1].p_vaddr // page
    if any((s.p_vaddr + s.p_memsz - 1) // page >= last for s in loads[:-1]):
        faults.append("the last PT_LOAD shares a page")
    faults += ["PT_PHDR is not the table" for p in headers if (p.p_offset, p.p_filesz) != table]
    if not any(s.p_offset <= table[0] and sum(table) <= s.p_offset + s.p_filesz for s in loads):
        faults.append("the program headers are not loaded")
    return faults


def moving_size(path: Path) -> int:
    """Give the bytes of what must move: string table, and where one more program header goes."""
    with path.open("rb") as handle:
        file = ELFFile(handle)
        start = file["e_phoff"] + file["e_phnum"] * file["e_phentsize"]
        end = start + file["e_phentsize"]
        moving = [
            section["sh_size"]
            for section in file.iter_sections()
            if section.name == ".dynstr"
            or (section["sh_offset"] < end and section["sh_offset"] + section["sh_size"] > start)
        ]
    return sum(moving)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What all readers must agree upon."""

    soname: str | None
    needed: tuple[str, ...]
    rpath: str | None
    runpath: str | None
    versions: tuple[tuple[str, tuple[str, ...]], ...]


def by_us(found: Image) -> Seen:
    """Put our image into the words of the others."""
    path = ":".join(found.search.entries) or None
    is_rpath = found.search.kind == "rpath"
    return Seen(
        soname=found.own_name,
        needed=tuple(need.name for need in found.needed),
        rpath=path if is_rpath else ":".join(found.search.shadowed) or None,
        runpath=None if is_rpath else path,
        versions=tuple((need.library, need.versions) for need in found.version_needs),
    )


def by_pyelftools(path: Path) -> Seen:
    """Read with pyelftools: the dynamic segment, and section headers for the versions."""
    tags: dict[str, list[str]] = {}
    with path.open("rb") as handle:
        file = ELFFile(handle)
        (segment,) = file.iter_segments("PT_DYNAMIC")
        assert isinstance(segment, DynamicSegment)
        for tag in segment.iter_tags():
            for kind in ("soname", "needed", "rpath", "runpath"):
                if tag.entry.d_tag == f"DT_{kind.upper()}":
                    tags.setdefault(kind, []).append(getattr(tag, kind))
        versions = tuple(
            (str(need.name), tuple(aux.name for aux in auxiliaries))
            for section in file.iter_sections()
            if isinstance(section, GNUVerNeedSection)
            for need, auxiliaries in section.iter_versions()
        )
    return Seen(
        soname=tags.get("soname", [None])[-1],
        needed=tuple(tags.get("needed", [])),
        rpath=tags.get("rpath", [None])[-1] or None,
        runpath=tags.get("runpath", [None])[-1] or None,
        versions=versions,
    )


def by_lief(path: Path) -> Seen:
    """Read with LIEF, symbols left out."""
    config = lief.ELF.ParserConfig()
    config.parse_dyn_symbols = False
    config.parse_symtab_symbols = False
    config.parse_relocations = False
    config.parse_overlay = False
    binary = lief.ELF.parse(str(path), config)
    assert binary is not None
    rpath = [e.rpath for e in binary.dynamic_entries if isinstance(e, lief.ELF.DynamicEntryRpath)]
    runpath = [
        e.runpath for e in binary.dynamic_entries if isinstance(e, lief.ELF.DynamicEntryRunPath)
    ]
    soname = [e.name for e in binary.dynamic_entries if isinstance(e, lief.ELF.DynamicSharedObject)]
    return Seen(
        soname=str(soname[-1]) if soname else None,
        needed=tuple(map(str, binary.libraries)),
        rpath=str(rpath[-1]) or None if rpath else None,
        runpath=str(runpath[-1]) or None if runpath else None,
        versions=tuple(
            (str(need.name), tuple(str(aux.name) for aux in need.get_auxiliary_symbols()))
            for need in binary.symbols_version_requirement
        ),
    )


def complaints(path: Path) -> set[str]:
    """Give what readelf and eu-elflint have to say against a file, numbers left out."""
    said: set[str] = set()
    for command, stream in ((["readelf", "-a", "-W"], "stderr"), (["eu-elflint", "--gnu-ld"], "")):
        done = subprocess.run(
            [*command, str(path)],
            capture_output=True,
            text=True,
            errors="replace",
            env={"LC_ALL": "C"},
            timeout=300,
            check=False,
        )
        text = done.stderr if stream else done.stdout + done.stderr
        said |= {_plain(line, path) for line in text.splitlines()}
    return said - {"No errors", ""}


def _plain(line: str, path: Path) -> str:
    return re.sub(r" *0x[0-9a-f]+| *\d+", "#", line.replace(str(path), "FILE"))
