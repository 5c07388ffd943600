"""What must be true of every PE file we wrote, seen with eyes that are not ours."""

from __future__ import annotations

import hashlib
import re
import subprocess
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import lief
import pefile

from wheelfix.formats import pe
from wheelfix.model import Image, NeededKind

from . import llvm
from .elf_checks import OpenFile

OURS = "wheelfix"
IMPORT, DELAY, EXPORT, RESOURCE, RELOCATION, DEBUG, IAT = 1, 13, 0, 2, 5, 6, 12

Imports = tuple[tuple[str, tuple[str, ...]], ...]
"""DLLs in file order, each with what is imported from it, by name or by `#ordinal`."""


def image(path: Path) -> Image:
    """Read the only image of a file."""
    (found,) = pe.read(OpenFile(path), watch={})
    return found


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What another program reads of a file: all that an edit may change, and all it may not."""

    imports: Imports
    delays: Imports
    forwards: tuple[str, ...]
    """`DLL.name` in the order of the export address table."""
    kept: Mapping[str, object] = field(default_factory=dict)
    """What must be the same before and after."""

    def renamed(self, names: Mapping[str, str]) -> Seen:
        """Give what should be read once these DLLs have other names."""
        return Seen(
            imports=tuple((names.get(dll, dll), what) for dll, what in self.imports),
            delays=tuple((names.get(dll, dll), what) for dll, what in self.delays),
            forwards=tuple(_forward(text, names) for text in self.forwards),
            kept=self.kept,
        )


def _forward(text: str, names: Mapping[str, str]) -> str:
    module, _, what = text.rpartition(".")
    dll = module if "." in module else f"{module}.dll"
    if dll not in names:
        return text
    stem = names[dll].removesuffix(".dll")
    return f"{names[dll] if '.' in stem else stem}.{what}"


def opened(path: Path) -> pefile.PE:
    """Open with pefile; of bytes, as it collects all garbage to close a file, for 90 ms."""
    return pefile.PE(data=path.read_bytes(), fast_load=True)


def by_pefile(path: Path) -> Seen:
    """Read with pefile, sections and the bytes behind them included."""
    file = opened(path)
    file.parse_data_directories([IMPORT, DELAY, EXPORT, RELOCATION, DEBUG])
    symbols = list(getattr(getattr(file, "DIRECTORY_ENTRY_EXPORT", 0), "symbols", ()))
    forwards = {s.ordinal: s.forwarder.decode() for s in symbols if s.forwarder}
    own = [s for s in file.sections if s.Name.rstrip(b"\0").decode("latin-1") == OURS]
    kept = {
        "sections": [_section(s) for s in file.sections if s not in own],
        "exports": [(s.ordinal, s.name, s.forwarder is None and s.address) for s in symbols],
        "relocations": _relocations(file),
        "debug": [
            (d.struct.Type, file.__data__[d.struct.PointerToRawData :][: d.struct.SizeOfData])
            for d in getattr(file, "DIRECTORY_ENTRY_DEBUG", ())
        ],
        "symbols": _symbols(file),
        "entry": file.OPTIONAL_HEADER.AddressOfEntryPoint,
        "directories": [
            (d.VirtualAddress, d.Size)
            for number, d in enumerate(file.OPTIONAL_HEADER.DATA_DIRECTORY)
            if number in {RESOURCE, RELOCATION, 3, 9, 10, DELAY, DEBUG, 14}
        ],
    }
    return Seen(
        imports=_imports(getattr(file, "DIRECTORY_ENTRY_IMPORT", ())),
        delays=_imports(getattr(file, "DIRECTORY_ENTRY_DELAY_IMPORT", ())),
        forwards=tuple(forwards[ordinal] for ordinal in sorted(forwards)),
        kept=kept,
    )


def _imports(entries: object) -> Imports:
    found = []
    for entry in entries:  # type: ignore[attr-defined]
        names = tuple(
            f"#{each.ordinal}" if each.import_by_ordinal else each.name.decode("latin-1")
            for each in entry.imports  # else by a name that it knows for the DLL's ordinal
        )
        found.append((entry.dll.decode("latin-1"), names))
    return tuple(found)


def _section(section: pefile.SectionStructure) -> tuple[object, ...]:
    """Say what a section's header says, but for where it lies in the file."""
    return (
        section.Name,
        section.VirtualAddress,
        section.Misc_VirtualSize,
        section.SizeOfRawData,
        section.Characteristics,
    )


def _relocations(file: pefile.PE) -> str:
    blocks = getattr(file, "DIRECTORY_ENTRY_BASERELOC", ())
    text = repr([[(e.rva, e.type) for e in block.entries] for block in blocks])
    return hashlib.sha256(text.encode()).hexdigest()


def _symbols(file: pefile.PE) -> bytes:
    """Give the COFF symbol table and its strings as bytes."""
    start, count = file.FILE_HEADER.PointerToSymbolTable, file.FILE_HEADER.NumberOfSymbols
    if not start:
        return b""
    names = start + 18 * count
    size = int.from_bytes(file.__data__[names : names + 4], "little")
    return bytes(file.__data__[start : names + size])


def by_lief(path: Path) -> Seen:
    """Read with LIEF."""
    config = lief.PE.ParserConfig()
    config.parse_signature = False
    binary = lief.PE.parse(str(path), config)
    assert binary is not None, path
    export = binary.get_export()
    exported = () if export is None else tuple(export.entries)
    return Seen(
        imports=_lief_imports(binary.imports),
        delays=_lief_imports(binary.delay_imports),
        forwards=tuple(
            f"{e.forward_information.library}.{e.forward_information.function}"
            for e in sorted(exported, key=lambda e: e.ordinal)
            if e.is_forwarded
        ),
        kept={
            "exports": [(e.ordinal, _lief_name(e), e.is_forwarded or e.address) for e in exported],
            "relocations": [
                [(e.position, str(e.type)) for e in block.entries] for block in binary.relocations
            ],
            "debug": [(str(d.type), bytes(d.payload)) for d in binary.debug],
            "symbols": [(s.name, s.value, s.section_idx) for s in binary.symbols],
            "resources": _resources(binary.resources),
        },
    )


def _lief_name(entry: lief.PE.ExportEntry) -> str:
    """Give the name of an export; LIEF takes the text of a forward without one for its name."""
    return str(entry.name) if entry.address or entry.is_forwarded else ""


def _resources(node: lief.PE.ResourceNode | None) -> tuple[object, ...]:
    """Give a node's number, its name, its bytes and those below it."""
    if node is None:
        return ()
    content = bytes(node.content) if isinstance(node, lief.PE.ResourceData) else b""
    return node.id, node.name, content, [_resources(child) for child in node.childs]


def _lief_imports(entries: object) -> Imports:
    return tuple(
        (
            entry.name,
            tuple(f"#{e.ordinal}" if e.is_ordinal else str(e.name) for e in entry.entries),
        )
        for entry in entries  # type: ignore[attr-defined]
    )


def by_readobj(path: Path) -> Seen:
    """Read with llvm-readobj; its complaints count too."""
    tables = ("--coff-imports", "--coff-exports", "--coff-basereloc")
    text = _run(llvm.tool("llvm-readobj"), *tables, path)
    return Seen(
        imports=tuple(_readobj_imports(text, "Import")),
        delays=tuple(_readobj_imports(text, "DelayImport")),
        forwards=tuple(re.findall(r"^  ForwardedTo: (.*)$", text, re.MULTILINE)),
        kept={
            "exports": re.findall(r"^  (?:Ordinal|RVA): .*\n(?:  Name: .*)?", text, re.MULTILINE),
            "relocations": text[text.find("BaseReloc [") :],
        },
    )


def _readobj_imports(text: str, what: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for block in re.findall(rf"^{what} {{\n(.*?)^}}", text, re.MULTILINE | re.DOTALL):
        (name,) = re.findall(r"^  Name: (.*)$", block, re.MULTILINE)
        pairs = re.findall(r"Symbol: (.*) \((\d+)\)$", block, re.MULTILINE)
        yield name, tuple(symbol or f"#{number}" for symbol, number in pairs)


def dll_names_by_objdump(path: Path) -> list[str]:
    """Give the DLLs that GNU objdump finds in the import directory."""
    return re.findall(r"^\tDLL Name: (.*)$", _run("objdump", "-p", path), re.MULTILINE)


def _run(*command: str | Path) -> str:
    """Give what a program prints: complaints too, which it may have of the file as it was."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, check=False, encoding="latin-1"
    )
    # The file's own path is part of what they print.
    return (done.stdout + done.stderr).replace(str(command[-1]), "")


def faults(path: Path) -> list[str]:
    """Tell what Windows' loader would not forgive."""
    file = opened(path)
    optional = file.OPTIONAL_HEADER
    found = []
    end = optional.SizeOfHeaders
    for section in file.sections:
        name = section.Name.rstrip(b"\0")
        if section.VirtualAddress % optional.SectionAlignment:
            found.append(f"{name!r} does not begin on a page")
        if section.VirtualAddress < end:
            found.append(f"{name!r} overlaps what comes before it")
        if section.SizeOfRawData and section.PointerToRawData % 512:
            found.append(f"{name!r} does not begin on a sector")
        if section.PointerToRawData + section.SizeOfRawData > len(file.__data__):
            found.append(f"{name!r} ends behind the file")
        end = section.VirtualAddress + (section.Misc_VirtualSize or section.SizeOfRawData)
    align = optional.SectionAlignment
    if optional.SizeOfImage != -(-end // align) * align:
        found.append(f"SizeOfImage is {optional.SizeOfImage:#x}, the sections end at {end:#x}")
    table = file.sections[-1].get_file_offset() + 40
    if optional.SizeOfHeaders < table:
        found.append("SizeOfHeaders ends inside the section headers")
    if any(0 < s.PointerToRawData < table for s in file.sections):
        found.append("a section begins inside the section headers")
    if optional.CheckSum and optional.CheckSum != checksum(
        bytes(file.__data__), optional.get_field_absolute_offset("CheckSum")
    ):
        found.append("the checksum is wrong")
    return found


def file_alignment(path: Path) -> int:
    """Give by how much a file may grow at least."""
    return int(opened(path).OPTIONAL_HEADER.FileAlignment)


def checksum(data: bytes, field: int) -> int:
    """Add up 16-bit words as imagehlp does; pefile's own loop takes a second for each megabyte."""
    words = array("H", data[:field] + bytes(4) + data[field + 4 :] + bytes(len(data) % 2))
    total = sum(words)
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total + len(data)


def names_by_us(found: Image, kind: NeededKind) -> list[str]:
    """Give the names of one kind that we read."""
    return [need.name for need in found.needed if need.kind is kind]
