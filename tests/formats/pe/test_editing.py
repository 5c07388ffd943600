"""Edited PE files: others read the same tables but for the names, and nothing else changed."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pefile
import pytest
from support import pe_checks as checks
from support.pe_checks import DELAY, EXPORT, IAT, IMPORT, OURS
from support.samples import PeSample, pe, pe_samples

from wheelfix.errors import CannotEdit
from wheelfix.formats import pe as format_
from wheelfix.model import (
    DropNeeded,
    Edit,
    NeededKind,
    ReplaceNeeded,
    SetMinimumSystem,
    SetOwnName,
    SetSearchPath,
    after,
)

LONGER = "inner-0123456789abcdef.dll"
RENAME = (ReplaceNeeded(old="inner.dll", new=LONGER),)
EDITABLE = [
    each
    for each in pe_samples()
    if each.kind in {"lib", "exe"}
    and checks.image(each.path).locked is None
    and checks.image(each.path).needed
]
LOCKED = [each for each in pe_samples() if each.kind == "lib" and checks.image(each.path).locked]


def name(each: PeSample) -> str:
    return each.path.name


def copied(sample: Path, folder: Path) -> Path:
    return Path(shutil.copyfile(sample, folder / "copy.dll"))


def edited(sample: str, folder: Path, edits: tuple[Edit, ...] = RENAME) -> Path:
    copy = copied(pe(sample), folder)
    before = checks.image(copy)
    format_.apply(copy, edits)
    assert checks.image(copy) == after(before, edits)
    assert checks.faults(copy) == []
    return copy


def longer(each: PeSample) -> dict[str, str]:
    names = dict.fromkeys(need.name for need in checks.image(each.path).needed)
    return {old: f"{old.removesuffix('.dll')}-0123456789abcdef.dll" for old in names}


def directory(path: Path, number: int) -> tuple[int, int]:
    with pefile.PE(str(path), fast_load=True) as file:
        found = file.OPTIONAL_HEADER.DATA_DIRECTORY[number]
        return found.VirtualAddress, found.Size


def sections(path: Path) -> dict[str, bytes]:
    with pefile.PE(str(path), fast_load=True) as file:
        return {s.Name.rstrip(b"\0").decode(): s.get_data() for s in file.sections}


def at_rva(path: Path, rva: int, size: int) -> bytes:
    with pefile.PE(str(path), fast_load=True) as file:
        return bytes(file.get_data(rva, size))


@pytest.mark.parametrize("each", EDITABLE, ids=name)
@pytest.mark.parametrize("reader", ["by_pefile", "by_lief", "by_readobj"])
def test_others_read_the_new_names_and_nothing_else(
    each: PeSample, reader: str, tmp_path: Path
) -> None:
    names = longer(each)
    before = getattr(checks, reader)(each.path)
    edits = tuple(ReplaceNeeded(old=old, new=new) for old, new in names.items())
    copy = edited(each.path.name, tmp_path, edits)
    assert getattr(checks, reader)(copy) == before.renamed(names)
    assert len(checks.image(copy).needed) == len(checks.image(each.path).needed)


@pytest.mark.parametrize("each", [e for e in EDITABLE if e.arch != "arm64"], ids=name)
def test_objdump_finds_every_dll_in_one_table(each: PeSample, tmp_path: Path) -> None:
    """delvewheel #49: objdump -p shows only part of the list when names lie elsewhere."""
    names = longer(each)
    edits = tuple(ReplaceNeeded(old=old, new=new) for old, new in names.items())
    copy = edited(each.path.name, tmp_path, edits)
    regular = checks.names_by_us(checks.image(each.path), NeededKind.NORMAL)
    assert checks.dll_names_by_objdump(copy) == [names[dll] for dll in regular]


CHANGED = {"delay-load", "bound-imports", "dependent-load-flags", "no-header-room"}
"""Where descriptors, thunks, flags or pointers must change inside a section."""


@pytest.mark.parametrize(
    "each",
    [e for e in EDITABLE if not CHANGED & {*e.features}],
    ids=name,
)
def test_bytes_that_the_headers_map_stay_as_they_are(each: PeSample, tmp_path: Path) -> None:
    edits = tuple(ReplaceNeeded(old=old, new=new) for old, new in longer(each).items())
    before, behind = sections(each.path), sections(edited(each.path.name, tmp_path, edits))
    del behind[OURS]
    assert behind == before


@pytest.mark.parametrize("each", EDITABLE, ids=name)
def test_a_second_edit_does_not_grow_the_file_again(each: PeSample, tmp_path: Path) -> None:
    first = tuple(ReplaceNeeded(old=old, new=new) for old, new in longer(each).items())
    again = tuple(ReplaceNeeded(old=e.new, new=f"{e.new[:-5]}0.dll") for e in first)
    back = tuple(
        ReplaceNeeded(old=e.new, new=f"{f.new[:-4]}x.dll")
        for e, f in zip(again, first, strict=True)
    )
    copy = edited(each.path.name, tmp_path, first)
    size = copy.stat().st_size
    for edits in (again, back):
        format_.apply(copy, edits)
        assert copy.stat().st_size == size
        assert checks.faults(copy) == []
        assert list(sections(copy)).count(OURS) == 1
    seen = checks.by_pefile(copy)
    names = {e.old: f.new for e, f in zip(first, back, strict=True)}
    assert seen == checks.by_pefile(each.path).renamed(names)


def test_our_section_shrinks_with_its_names(tmp_path: Path) -> None:
    long = "x" * 2000 + ".dll"
    copy = edited("lld-amd64-lib-outer.dll", tmp_path, (ReplaceNeeded(old="inner.dll", new=long),))
    size = copy.stat().st_size
    edits = (ReplaceNeeded(old=long, new="another-name-of-the-same-dll.dll"),)
    format_.apply(copy, edits)  # fits where the old one was: nothing moves
    assert copy.stat().st_size == size
    more: tuple[Edit, ...] = (
        ReplaceNeeded(old="another-name-of-the-same-dll.dll", new="y" * 100 + ".dll"),
        SetOwnName(name="outer-0123456789.dll"),
    )
    format_.apply(copy, more)
    assert copy.stat().st_size < size
    assert checks.faults(copy) == []


def test_a_name_that_fits_is_written_over_the_old_one(tmp_path: Path) -> None:
    copy = edited(
        "lld-amd64-lib-outer.dll", tmp_path, (ReplaceNeeded(old="inner.dll", new="in.dll"),)
    )
    assert OURS not in sections(copy)
    old, new = pe("lld-amd64-lib-outer.dll").read_bytes(), copy.read_bytes()
    assert new == old.replace(b"inner.dll\0", b"in.dll\0\0\0\0", 1)


def test_a_name_that_somebody_else_reads_too_is_not_overwritten(tmp_path: Path) -> None:
    copy = copied(pe("lld-x86-lib-delay.dll"), tmp_path)
    with pefile.PE(str(copy)) as file:
        shared = file.DIRECTORY_ENTRY_DELAY_IMPORT[0].struct.szName
        file.DIRECTORY_ENTRY_IMPORT[0].struct.Name = shared + 2
        file.write(str(tmp_path / "shared.dll"))
    shared_copy = tmp_path / "shared.dll"
    assert [need.name for need in checks.image(shared_copy).needed] == ["ner.dll", "inner.dll"]
    format_.apply(shared_copy, (ReplaceNeeded(old="ner.dll", new="n.dll"),))
    assert [need.name for need in checks.image(shared_copy).needed] == ["n.dll", "inner.dll"]


@pytest.mark.parametrize("arch", ["x86", "amd64", "arm64"])
def test_delay_load_descriptors_stay_where_code_looks_for_them(arch: str, tmp_path: Path) -> None:
    """delvewheel's delay-loaded DLLs: code passes the address of the original descriptor."""
    sample = pe(f"lld-{arch}-lib-delay.dll")
    copy = edited(sample.name, tmp_path)
    rva, size = directory(sample, DELAY)
    assert directory(copy, DELAY) == (rva, size)
    old, new = (struct.unpack("<8I", at_rva(path, rva, 32)) for path in (sample, copy))
    assert [*old[:1], *old[2:]] == [*new[:1], *new[2:]]
    assert at_rva(copy, new[1], len(LONGER) + 1) == LONGER.encode() + b"\0"
    assert directory(copy, IMPORT) == directory(sample, IMPORT)  # nothing there was renamed


@pytest.mark.parametrize("arch", ["x86", "amd64", "arm64"])
def test_forwards_lie_inside_the_export_directory_and_nothing_else_does(
    arch: str, tmp_path: Path
) -> None:
    """delvewheel never looks at forwarders: they point to a name that is no longer there."""
    sample = pe(f"lld-{arch}-lib-forward.dll")
    edits = (*RENAME, ReplaceNeeded(old="another.dll", new="and.another.dll"))
    copy = edited(sample.name, tmp_path, edits)
    seen = checks.by_pefile(copy)
    stem = LONGER.removesuffix(".dll")
    assert sorted(seen.forwards) == sorted(
        [f"{stem}.inner", f"{stem}.inner1", f"{stem}.inner_value", "and.another.dll.inner2"]
    )
    start, size = directory(copy, EXPORT)
    with pefile.PE(str(copy), fast_load=True) as file:
        file.parse_data_directories([EXPORT])
        inside = {s.forwarder is not None: s for s in file.DIRECTORY_ENTRY_EXPORT.symbols}
        for symbol in file.DIRECTORY_ENTRY_EXPORT.symbols:
            assert (start <= symbol.address < start + size) == (symbol.forwarder is not None)
        assert set(inside) == {True, False}


def test_a_shorter_forward_is_written_over_the_old_one(tmp_path: Path) -> None:
    sample = "lld-amd64-lib-forward.dll"
    copy = edited(sample, tmp_path, (ReplaceNeeded(old="inner.dll", new="in.dll"),))
    assert directory(copy, EXPORT) == directory(pe(sample), EXPORT)
    assert "in.inner1" in checks.by_lief(copy).forwards


def test_exports_are_not_passed_on_to_a_name_without_a_dot(tmp_path: Path) -> None:
    copy = copied(pe("lld-amd64-lib-forward.dll"), tmp_path)
    with pytest.raises(CannotEdit, match="a name without a dot"):
        format_.apply(copy, (ReplaceNeeded(old="inner.dll", new="inner"),))


@pytest.mark.parametrize("arch", ["x86", "amd64", "arm64"])
def test_longer_headers_move_every_pointer_into_the_file(arch: str, tmp_path: Path) -> None:
    """delvewheel leaves the debug directory's file pointers where they were, and strips symbols."""
    sample = pe(f"lld-{arch}-lib-tight.dll")
    copy = edited(sample.name, tmp_path)
    old, new = checks.by_pefile(sample), checks.by_pefile(copy)
    assert new.kept == old.kept
    assert old.kept["debug"]
    assert old.kept["symbols"]
    with pefile.PE(str(sample), fast_load=True) as a, pefile.PE(str(copy), fast_load=True) as b:
        assert b.sections[0].PointerToRawData == a.sections[0].PointerToRawData + 512
        assert b.FILE_HEADER.PointerToSymbolTable == a.FILE_HEADER.PointerToSymbolTable + 512


def test_bound_imports_go_with_the_header_that_takes_their_place(tmp_path: Path) -> None:
    """delvewheel overwrites the notes behind the section headers and leaves directory 11."""
    sample = pe("made-amd64-lib-bound.dll")
    copy = edited(sample.name, tmp_path)
    assert directory(sample, 11) != (0, 0)
    assert directory(copy, 11) == (0, 0)
    with pefile.PE(str(copy), fast_load=True) as file:
        file.parse_data_directories([IMPORT])
        (entry,) = file.DIRECTORY_ENTRY_IMPORT
        assert (entry.struct.TimeDateStamp, entry.struct.ForwarderChain) == (0, 0)
        names = file.get_data(entry.struct.OriginalFirstThunk, 22 * 8)
        assert file.get_data(entry.struct.FirstThunk, 22 * 8) == names
    plain = checks.by_pefile(pe("lld-amd64-lib-outer.dll"))
    assert checks.by_pefile(copy).imports == plain.renamed({"inner.dll": LONGER}).imports


def test_a_bound_import_is_void_even_where_its_name_fits(tmp_path: Path) -> None:
    edits = (ReplaceNeeded(old="inner.dll", new="in.dll"),)
    copy = edited("made-amd64-lib-bound.dll", tmp_path, edits)
    expected = edited("lld-amd64-lib-outer.dll", tmp_path, edits)
    assert copy.read_bytes() == expected.read_bytes()


def test_a_certificate_at_the_end_goes_and_nothing_else(tmp_path: Path) -> None:
    """delvewheel drops signatures in silence; here `losses` and the image say so."""
    copy = edited("made-amd64-lib-signed.dll", tmp_path)
    assert directory(copy, 4) == (0, 0)
    signed = copy.read_bytes()
    assert signed == edited("lld-amd64-lib-outer.dll", tmp_path).read_bytes()


def test_what_follows_a_certificate_is_kept(tmp_path: Path) -> None:
    sample = tmp_path / "signed.dll"
    data = pe("made-amd64-lib-signed.dll").read_bytes() + b"something else" * 40
    sample.write_bytes(data)
    format_.apply(sample, RENAME)
    assert directory(sample, 4) == (0, 0)
    assert data[3584:] in sample.read_bytes()


def test_an_overlay_is_kept_before_our_section(tmp_path: Path) -> None:
    """delvewheel #3, #15, #21, #33: a file with trailing data is refused, or stripped."""
    sample = pe("made-amd64-lib-overlay.dll")
    copy = edited(sample.name, tmp_path)
    old, new = sample.read_bytes(), copy.read_bytes()
    assert new[3584 : len(old)] == old[3584:]
    assert new.index(LONGER.encode()) > len(old)


@pytest.mark.parametrize("what", ["symbols", "stripped"])
@pytest.mark.parametrize("arch", ["x86", "amd64"])
def test_a_checksum_is_right_again_where_there_was_one(
    what: str, arch: str, tmp_path: Path
) -> None:
    copy = edited(f"mingw-{arch}-lib-{what}.dll", tmp_path)
    with pefile.PE(str(copy), fast_load=True) as file:
        assert file.OPTIONAL_HEADER.CheckSum
        assert file.verify_checksum()
    odd = tmp_path / "odd.dll"
    odd.write_bytes(pe(f"mingw-{arch}-lib-{what}.dll").read_bytes() + b"odd")
    format_.apply(odd, (ReplaceNeeded(old="inner.dll", new="in.dll"),))
    assert odd.stat().st_size % 2 != copy.stat().st_size % 2 or what == "symbols"
    assert checks.faults(odd) == []


def test_flags_that_hide_grafts_are_cleared(tmp_path: Path) -> None:
    for arch in ("x86", "amd64", "arm64"):
        copy = edited(f"lld-{arch}-lib-flags.dll", tmp_path)
        start, _ = directory(copy, 10)
        assert at_rva(copy, start + (0x36 if arch == "x86" else 0x4E), 2) == b"\0\0"
        assert checks.image(copy).traits == ()


def test_import_addresses_in_read_only_memory_are_named(tmp_path: Path) -> None:
    """Without directory 12 Windows makes writable the section that holds the import directory."""
    copy = edited("made-amd64-lib-no-iat.dll", tmp_path)
    assert directory(copy, IAT) == directory(pe("lld-amd64-lib-outer.dll"), IAT)


def test_own_name_and_all_else_at_once(tmp_path: Path) -> None:
    edits = (SetOwnName(name="forward-0123456789.dll"), *RENAME)
    copy = edited("lld-x86-lib-forward.dll", tmp_path, edits)
    with pefile.PE(str(copy), fast_load=True) as file:
        file.parse_data_directories([EXPORT])
        assert file.DIRECTORY_ENTRY_EXPORT.name == b"forward-0123456789.dll"


def test_a_file_without_exports_has_no_name_of_its_own(tmp_path: Path) -> None:
    copy = copied(pe("lld-amd64-exe-hello.exe"), tmp_path)
    with pytest.raises(CannotEdit, match="exports nothing"):
        format_.apply(copy, (SetOwnName(name="hello.exe"),))


@pytest.mark.parametrize(
    "edit",
    [
        DropNeeded(name="inner.dll"),
        SetMinimumSystem(version="windows 10.0"),
        SetSearchPath(entries=("a",)),
    ],
    ids=lambda edit: type(edit).__name__,
)
def test_what_windows_has_no_words_for_is_refused(edit: Edit, tmp_path: Path) -> None:
    copy = copied(pe("lld-amd64-lib-outer.dll"), tmp_path)
    with pytest.raises(CannotEdit):
        format_.apply(copy, (edit,))
    assert copy.read_bytes() == pe("lld-amd64-lib-outer.dll").read_bytes()


@pytest.mark.parametrize("each", LOCKED, ids=name)
def test_what_is_locked_is_not_touched(each: PeSample, tmp_path: Path) -> None:
    copy = copied(each.path, tmp_path)
    with pytest.raises(CannotEdit, match="must not be edited"):
        format_.apply(copy, RENAME)
    assert copy.read_bytes() == each.path.read_bytes()


def test_nothing_is_written_when_nothing_changes(tmp_path: Path) -> None:
    copy = copied(pe("made-amd64-lib-signed.dll"), tmp_path)
    before = copy.stat()
    format_.apply(copy, (ReplaceNeeded(old="nobody.dll", new="somebody.dll"),))
    format_.apply(copy, (ReplaceNeeded(old="inner.dll", new=LONGER, arch="x86"),))
    assert copy.stat() == before


def test_unknown_bytes_behind_the_section_headers_are_not_overwritten(tmp_path: Path) -> None:
    copy = copied(pe("lld-amd64-lib-outer.dll"), tmp_path)
    data = bytearray(copy.read_bytes())
    data[560:568] = b"whatever"
    copy.write_bytes(data)
    with pytest.raises(CannotEdit, match="something unknown"):
        format_.apply(copy, RENAME)


@pytest.mark.parametrize("behind", ["certificate", "overlay", "section"])
def test_our_section_is_found_again_behind_other_peoples_work(behind: str, tmp_path: Path) -> None:
    copy = edited("lld-amd64-lib-outer.dll", tmp_path)
    size = copy.stat().st_size
    data = bytearray(copy.read_bytes())
    if behind == "certificate":
        head = struct.unpack_from("<I", data, 60)[0]
        struct.pack_into("<II", data, head + 24 + 112 + 32, size, 16)
        data += struct.pack("<IHH8x", 16, 0x200, 2)
    else:
        data += b"put here by somebody" * 20
    if behind == "section":
        add_section(data, size)
    copy.write_bytes(data)
    for new in ("inner-abcdefghijklmno.dll", "i" * 4000 + ".dll", "j" * 4000 + ".dll"):
        before = checks.image(copy)
        edits = (ReplaceNeeded(old=before.needed[0].name, new=new), SetOwnName(name=new))
        format_.apply(copy, edits)
        assert checks.image(copy) == after(before, edits)
        assert checks.faults(copy) == []
    if behind != "certificate":
        assert b"put here by somebody" * 20 in copy.read_bytes()


def add_section(data: bytearray, start: int) -> None:
    """Let a section header say what lies at the end, as the next tool in line might."""
    head = struct.unpack_from("<I", data, 60)[0]
    count = struct.unpack_from("<H", data, head + 6)[0]
    table = head + 24 + struct.unpack_from("<H", data, head + 20)[0]
    address = struct.unpack_from("<I", data, head + 24 + 56)[0]
    data += bytes(-len(data) % 512)
    size = len(data) - start
    fields = (b".next", size, address, size, start, 0, 0, 0, 0, 0x40000040)
    struct.pack_into("<8sIIIIIIHHI", data, table + 40 * count, *fields)
    struct.pack_into("<H", data, head + 6, count + 1)
    struct.pack_into("<I", data, head + 24 + 56, address + 0x1000)


@pytest.mark.parametrize("tool", ["strip", "objcopy", "llvm-strip", "llvm-objcopy"])
@pytest.mark.parametrize(
    "sample", ["lld-amd64-lib-outer.dll", "mingw-x86-lib-symbols.dll", "lld-amd64-lib-tight.dll"]
)
def test_the_output_survives_other_peoples_tools(tool: str, sample: str, tmp_path: Path) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}: `apt-get install binutils llvm`")
    copy, out = edited(sample, tmp_path), tmp_path / "out.dll"
    how = [tool, str(copy), str(out)]
    if tool.endswith("strip"):
        how = [tool, "-o", str(out), str(copy)]
    subprocess.run(how, check=True, capture_output=True)
    assert checks.by_pefile(out).imports == checks.by_pefile(copy).imports
    assert checks.image(out).needed == checks.image(copy).needed
    again = (ReplaceNeeded(old=LONGER, new=LONGER.replace("inner", "another")),)
    format_.apply(out, again)
    assert checks.image(out).needed[0].name == LONGER.replace("inner", "another")
    assert checks.faults(out) == []


@pytest.mark.parametrize("what", ["name", "descriptors"])
def test_tables_may_end_in_memory_behind_the_bytes_of_their_section(
    what: str, tmp_path: Path
) -> None:
    """The rest of a section's last page is zero, and so ends what stands at the end of its bytes.

    No linker does so, but packers and size-coders do, and Windows does not mind.
    """
    copy = copied(pe("lld-amd64-lib-outer.dll"), tmp_path)
    with pefile.PE(str(copy)) as file:
        section = next(s for s in file.sections if s.Name.startswith(b".rdata"))
        found = file.DIRECTORY_ENTRY_IMPORT[0].struct
        end = section.VirtualAddress + section.SizeOfRawData
        if what == "name":
            file.set_bytes_at_rva(end - 9, b"inner.dll")
            found.Name = end - 9
        else:
            file.set_bytes_at_rva(end - 20, found.__pack__())
            file.OPTIONAL_HEADER.DATA_DIRECTORY[IMPORT].VirtualAddress = end - 20
        file.write(str(tmp_path / "end.dll"))
    end_copy = tmp_path / "end.dll"
    assert [need.name for need in checks.image(end_copy).needed] == ["inner.dll"]
    format_.apply(end_copy, RENAME)
    assert checks.by_pefile(end_copy).imports[0][0] == LONGER
    assert checks.faults(end_copy) == []
