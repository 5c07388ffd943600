"""The samples are what their names say, and few enough bytes to live in the repository."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pefile
import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.segments import InterpSegment
from support.samples import (
    MANIFEST,
    TESTDATA,
    Malformed,
    PeSample,
    Sample,
    SampleWheel,
    malformed,
    pe_samples,
    samples,
    wheels,
)

BOUND = 8 << 19
EACH = 16 << 10
"""Bytes that one sample may have; GNU ld pads each segment to a page."""

MACHINES = {
    "x86_64": ("EM_X86_64", 64, True),
    "x32": ("EM_X86_64", 32, True),
    "i686": ("EM_386", 32, True),
    "aarch64": ("EM_AARCH64", 64, True),
    "aarch64_be": ("EM_AARCH64", 64, False),
    "armel": ("EM_ARM", 32, True),
    "armv7l": ("EM_ARM", 32, True),
    "ppc": ("EM_PPC", 32, False),
    "ppc64": ("EM_PPC64", 64, False),
    "ppc64le": ("EM_PPC64", 64, True),
    "s390x": ("EM_S390", 64, False),
    "riscv64": ("EM_RISCV", 64, True),
    "loongarch64": ("EM_LOONGARCH", 64, True),
    "mips": ("EM_MIPS", 32, False),
}
"""e_machine, bits, little-endian."""
TYPES = {
    "lib": "ET_DYN",
    "ext": "ET_DYN",
    "pie": "ET_DYN",
    "exe": "ET_EXEC",
    "static": "ET_EXEC",
    "staticpie": "ET_DYN",
    "obj": "ET_REL",
    "core": "ET_CORE",
}
ARM_HARD_FLOAT, ARM_SOFT_FLOAT = 0x400, 0x200
FILES = [each for each in samples() if each.kind in TYPES]
DYNAMIC = [each for each in FILES if each.kind in {"lib", "ext", "pie", "exe"}]


def name(each: Sample | SampleWheel | Malformed) -> str:
    return each.path.name


def dynamic(elf: ELFFile) -> dict[str, list[str]]:
    """Collect needed names, own name and search paths, by tag."""
    found: dict[str, list[str]] = {}
    for segment in elf.iter_segments():
        if isinstance(segment, DynamicSegment):
            for tag in segment.iter_tags():
                kind = str(tag.entry.d_tag)  # a number where pyelftools knows no name
                text = getattr(tag, kind.removeprefix("DT_").lower(), "")
                found.setdefault(kind, []).append(str(text))
    return found


def interpreter(elf: ELFFile) -> str | None:
    for segment in elf.iter_segments():
        if isinstance(segment, InterpSegment):
            return str(segment.get_interp_name())
    return None


def libc_of(needed: list[str], loader: str | None) -> str:
    """Tell the libc by the interpreter, else by the library's own names of it."""
    evidence = [*needed, *([Path(loader).name] if loader else [])]
    if any(each.startswith("linker") for each in evidence):
        return "bionic"
    if any(each.startswith(("libc.so.6", "ld-linux", "ld64.so")) for each in evidence):
        return "glibc"
    return "musl" if {"libc.so"} & set(evidence) or "musl" in str(loader) else "none"


@pytest.mark.parametrize("each", samples(), ids=name)
def test_name_is_spelt_as_the_manifest_says(each: Sample) -> None:
    stem = each.path.name.removesuffix(each.path.suffix)
    compiler, arch, libc, kind, what = stem.split("-", 4)
    assert (arch, libc, kind, what) == (each.arch, each.libc, each.kind, each.what)
    words = {"made": "build.py", "zig": "ziglang", "ld": "GNU ld", "gcc": "gcc"}
    assert each.compiler.startswith(words[compiler])


@pytest.mark.parametrize("each", FILES, ids=name)
def test_name_tells_machine_and_type(each: Sample) -> None:
    with each.path.open("rb") as stream:
        elf = ELFFile(stream)
        found = (elf.header.e_machine, elf.elfclass, elf.little_endian)
        assert found == MACHINES[each.arch]
        assert elf.header.e_type == TYPES[each.kind]
        if elf.header.e_machine == "EM_ARM":
            hard = {"armv7l": ARM_HARD_FLOAT, "armel": ARM_SOFT_FLOAT}[each.arch]
            assert elf.header.e_flags & (ARM_HARD_FLOAT | ARM_SOFT_FLOAT) == hard


@pytest.mark.parametrize("each", FILES, ids=name)
def test_name_tells_program_from_library(each: Sample) -> None:
    with each.path.open("rb") as stream:
        elf = ELFFile(stream)
        assert (interpreter(elf) is not None) == (each.kind in {"pie", "exe"})
        assert bool(dynamic(elf)) == (each in DYNAMIC or each.kind == "staticpie")


@pytest.mark.parametrize("each", [e for e in DYNAMIC if e.libc != "bionic"], ids=name)
def test_name_tells_the_libc(each: Sample) -> None:
    with each.path.open("rb") as stream:
        elf = ELFFile(stream)
        needed = dynamic(elf).get("DT_NEEDED", [])
        assert libc_of(needed, interpreter(elf)) == each.libc


def test_bionic_samples_carry_the_note_of_the_ndk() -> None:
    found = [each.path.read_bytes() for each in samples() if each.libc == "bionic"]
    note = struct.pack("<III8sI", 8, 4, 1, b"Android\0", 24)
    assert [note in data for data in found] == [True, True]


@pytest.mark.parametrize("each", [e for e in DYNAMIC if e.what in {"outer", "chain"}], ids=name)
def test_chain_needs_the_next_link_by_version(each: Sample) -> None:
    with each.path.open("rb") as stream:
        elf = ELFFile(stream)
        following = {"outer": "libinner.so.2", "chain": "libouter.so.1"}[each.what]
        assert following in dynamic(elf)["DT_NEEDED"]
        verneed = elf.get_section_by_name(".gnu.version_r")
        assert isinstance(verneed, GNUVerNeedSection)
        assert following in {need.name for need, _ in verneed.iter_versions()}
        assert "PT_TLS" in {segment.header.p_type for segment in elf.iter_segments()}
        assert dynamic(elf)["DT_SONAME"] == [each.soname]


@pytest.mark.parametrize("each", [e for e in DYNAMIC if "gib-bss" in e.features], ids=name)
def test_bss_is_a_gibibyte_and_not_in_the_file(each: Sample) -> None:
    with each.path.open("rb") as stream:
        loads = [s.header for s in ELFFile(stream).iter_segments() if s.header.p_type == "PT_LOAD"]
    assert max(load.p_memsz - load.p_filesz for load in loads) >= 1 << 30


def tags(sample: str) -> dict[str, list[str]]:
    with (TESTDATA / "elf" / sample).open("rb") as stream:
        return dynamic(ELFFile(stream))


def test_features_are_there() -> None:
    paths = tags("made-x86_64-glibc-lib-rpath-and-runpath.so")
    assert paths["DT_RPATH"] == ["$ORIGIN/../inside.libs"]
    assert paths["DT_RUNPATH"] == ["/opt/build/lib:$ORIGIN/../inside.libs"]
    assert "DT_RUNPATH" not in tags("gcc-x86_64-glibc-lib-rpath.so")
    assert "DT_RPATH" not in tags("gcc-x86_64-glibc-lib-runpath.so")
    assert "DT_GNU_HASH" not in tags("gcc-x86_64-glibc-lib-hash-sysv.so")
    assert "DT_HASH" not in tags("gcc-x86_64-glibc-lib-hash-gnu.so")
    assert tags("gcc-x86_64-none-lib-aliases.so")["DT_NEEDED"] == ["libalias.so", "libalias.so.1"]
    assert "libouter.so.1" not in tags("gcc-x86_64-glibc-lib-dlopen.so")["DT_NEEDED"]
    assert "DT_TEXTREL" in tags("zig-i686-none-lib-textrel.so")
    assert "DT_SONAME" not in tags("gcc-x86_64-glibc-lib-no-soname.so")
    assert "DT_AUXILIARY" in tags("gcc-x86_64-glibc-lib-filter.so")
    assert len(tags("gcc-x86_64-glibc-lib-no-spare.so")["DT_NULL"]) == 1


PE_MACHINES = {"x86": 0x14C, "amd64": 0x8664, "arm64": 0xAA64}


@pytest.mark.parametrize("each", pe_samples(), ids=lambda each: each.path.name)
def test_pe_samples_are_what_their_names_say(each: PeSample) -> None:
    compiler, arch, kind, what = each.path.stem.split("-", 3)
    assert (arch, kind, what) == (each.arch, each.kind, each.what)
    words = {"made": "build.py", "zig": "ziglang", "lld": "Debian LLD", "mingw": "x86_64-w64"}
    assert each.compiler.startswith(words[compiler])
    if kind == "dos":
        return
    with pefile.PE(str(each.path), fast_load=True) as file:
        assert file.FILE_HEADER.Machine == PE_MACHINES[arch]
        assert file.is_dll() == (kind == "lib")
        assert bool(file.FILE_HEADER.NumberOfSymbols) == ("coff-symbols" in each.features)
        assert bool(file.OPTIONAL_HEADER.CheckSum) == ("checksum" in each.features)
        bound = file.OPTIONAL_HEADER.DATA_DIRECTORY[11].VirtualAddress
        assert bool(bound) == ("bound-imports" in each.features)
        room = file.sections[0].PointerToRawData - file.sections[-1].get_file_offset() - 40
        assert (room < 40) == ("no-header-room" in each.features)


@pytest.mark.parametrize("each", [e for e in samples() if "no-section-headers" in e.features])
def test_no_section_headers(each: Sample) -> None:
    with each.path.open("rb") as stream:
        elf = ELFFile(stream)
        assert (elf.header.e_shoff, elf.num_sections()) == (0, 0)


@pytest.mark.parametrize("each", [*malformed(), *malformed("macho"), *malformed("pe")], ids=name)
def test_malformed_file_differs_from_its_base(each: Malformed) -> None:
    spoilt, good = each.path.read_bytes(), each.base.read_bytes()
    assert spoilt != good
    assert each.verdict in {"refuse", "read", "locked", "any"}
    same = sum(a == b for a, b in zip(spoilt, good, strict=False))
    assert same >= min(len(spoilt), len(good)) - 128  # one defect, not another file


@pytest.mark.parametrize("each", wheels(), ids=name)
def test_wheel_lists_what_it_holds(each: SampleWheel) -> None:
    with zipfile.ZipFile(each.path) as archive:
        listed = archive.read(next(n for n in archive.namelist() if n.endswith("/RECORD")))
        names = [line.split(",")[0] for line in listed.decode().splitlines()]
        assert sorted(names) == sorted(archive.namelist())
    assert each.path.name.endswith(f"-linux_{each.arch}.whl")
    assert len(list(each.libs.iterdir())) == 2


FORMATS = ("elf", "macho", "pe")
LISTS = ("files", "macho", "pe", "wheels", "mac_wheels")


def test_nothing_is_there_that_the_manifest_does_not_list() -> None:
    listed = {entry["path"] for each in LISTS for entry in MANIFEST[each]}
    folders = [file for of in FORMATS for file in (TESTDATA / of).iterdir()]
    there = {*folders, *(TESTDATA / "wheels").glob("*.whl")}
    assert {path.relative_to(TESTDATA).as_posix() for path in there} == listed
    names = {each.path.name for of in FORMATS for each in malformed(of)}
    names.add("expected.json")
    assert {path.name for path in (TESTDATA / "malformed").iterdir()} == names


def test_testdata_stays_small() -> None:
    files = {path.relative_to(TESTDATA) for path in TESTDATA.rglob("*") if path.is_file()}
    kept = [path for path in files if not path.parts[0].startswith((".", "__"))]
    assert sum((TESTDATA / path).stat().st_size for path in kept) < BOUND
    assert max(each.path.stat().st_size for each in samples()) < EACH
