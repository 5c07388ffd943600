"""Editing Mach-O: what changes, what does not, and what is refused."""

from __future__ import annotations

import re
import shutil
import struct
from pathlib import Path

import lief
import pytest
from support import macho_checks
from support.elf_checks import OpenFile
from support.samples import MachOSample, macho, macho_samples

from wheelfix.errors import CannotEdit
from wheelfix.formats import macho as format_
from wheelfix.formats.macho.raw import slices
from wheelfix.formats.macho.verify_signature import verify
from wheelfix.formats.macho.window import Window
from wheelfix.model import (
    DropNeeded,
    Edit,
    Image,
    ReplaceNeeded,
    SearchKind,
    SetMinimumSystem,
    SetOwnName,
    SetSearchPath,
)

UNDEFINED = lief.MachO.Symbol.TYPE.UNDEFINED
INNER = "/opt/build/lib/libinner.2.dylib"
SHORTER = (
    SetOwnName(name="@rpath/a.dylib"),
    ReplaceNeeded(old=INNER, new="@rpath/b.dylib"),
    SetSearchPath(entries=("@loader_path",)),
)
LIBRARIES = [each for each in macho_samples() if each.kind == "lib"]
LLVM = [
    each for each in LIBRARIES if each.what not in {"old", "use-flags", "unknown-command", "fat64"}
]
"""What llvm-objdump prints in full, and LIEF reads."""


def name(each: MachOSample) -> str:
    return each.path.name


def images(path: Path) -> tuple[Image, ...]:
    return format_.read(OpenFile(path), watch={})


def copied(sample: str, folder: Path) -> Path:
    return Path(shutil.copyfile(macho(sample), folder / sample))


def bad_signatures(path: Path) -> list[tuple[str, ...]]:
    source = OpenFile(path)
    spans = [(raw.window.start, raw.window.size) for _, raw in slices(Window(source))]
    return [found for span in spans if (found := verify(source, *span))]


def refusal(path: Path, *edits: Edit) -> CannotEdit:
    with pytest.raises(CannotEdit) as caught:
        format_.apply(path, edits)
    return caught.value


@pytest.mark.parametrize("each", LIBRARIES, ids=name)
def test_only_load_commands_and_signature_change(each: MachOSample, tmp_path: Path) -> None:
    copy = Path(shutil.copyfile(each.path, tmp_path / each.path.name))
    before = {raw.window.start: raw for _, raw in slices(Window(OpenFile(each.path)))}
    format_.apply(copy, SHORTER)
    old, new = each.path.read_bytes(), copy.read_bytes()
    for start, raw in before.items():
        linkedit = next(s for s in raw.segments if s.segname.startswith(b"__LINKEDIT"))
        head = start + min(section.offset for section in raw.sections if section.offset)
        tail = start + linkedit.fileoff
        assert old[head:tail] == new[head:tail]
        assert old[head:tail].strip(b"\0")
    assert bad_signatures(copy) == []
    assert [image.own_name for image in images(copy)] == ["@rpath/a.dylib"] * len(before)


@pytest.mark.parametrize("each", LLVM, ids=name)
def test_other_readers_see_no_other_change(each: MachOSample, tmp_path: Path) -> None:
    """llvm-objdump's tables name libraries by the last part of their names: that part stays."""
    copy = Path(shutil.copyfile(each.path, tmp_path / each.path.name))
    rpaths = ("@loader_path",) if images(copy)[0].search.entries else ()
    edits: list[Edit] = [
        SetSearchPath(entries=rpaths),
        ReplaceNeeded(old=INNER, new="@rpath/libinner.2.dylib"),
    ]
    format_.apply(copy, tuple(edits))
    assert macho_checks.tables(copy) == macho_checks.tables(each.path)
    assert macho_checks.code(copy) == macho_checks.code(each.path)
    assert macho_checks.layout_faults(copy) == macho_checks.layout_faults(each.path)
    left = [c for c in macho_checks.commands(copy) if c not in macho_checks.commands(each.path)]
    kinds = {command.split("cmd ")[1].split()[0] for command in left}
    edited = {"LC_RPATH", "LC_LOAD_DYLIB", "LC_LOAD_WEAK_DYLIB", "LC_REEXPORT_DYLIB"}
    signed = {"LC_CODE_SIGNATURE", "LC_SEGMENT_64"}
    assert kinds <= edited | signed | {"LC_LOAD_UPWARD_DYLIB", "LC_LAZY_LOAD_DYLIB"}


def test_an_unknown_command_is_carried(tmp_path: Path) -> None:
    """macholib raises on 0x36 and above."""
    copy = copied("made-x86_64-macos-lib-unknown-command.dylib", tmp_path)
    format_.apply(copy, SHORTER)
    ((_, raw),) = slices(Window(OpenFile(copy)))
    assert [command.data[8:] for command in raw.of(0x7B)] == [b"\1\0\0\0\2\0\0\0"]


def test_nothing_to_change_writes_nothing(tmp_path: Path) -> None:
    copy = copied("made-universal2-macos-lib-outer.dylib", tmp_path)
    stamp = copy.stat().st_mtime_ns
    same = images(copy)[0].search.entries
    format_.apply(copy, (SetSearchPath(entries=same), ReplaceNeeded(old="absent", new="b")))
    assert copy.stat().st_mtime_ns == stamp


def test_a_slice_that_is_not_edited_keeps_its_bytes_and_signature(tmp_path: Path) -> None:
    """delocate signs every slice again after every edit."""
    copy = copied("made-universal2-macos-lib-outer.dylib", tmp_path)
    (_, intel), (_, arm) = slices(Window(OpenFile(copy)))
    old = copy.read_bytes()
    format_.apply(copy, (SetOwnName(name="@rpath/new.dylib", arch="x86_64"),))
    new = copy.read_bytes()
    start = arm.window.start
    assert old[start : start + arm.window.size] == new[start : start + arm.window.size]
    assert images(copy)[1].signature == "linker"
    assert old[: intel.window.size] != new[: intel.window.size]


def test_rpaths_that_differ_between_slices(tmp_path: Path) -> None:
    """delocate crashes: `install_name_tool -delete_rpath` fails for the slice without it."""
    copy = copied("made-universal2-macos-lib-differs.dylib", tmp_path)
    format_.apply(copy, (SetSearchPath(entries=(), arch="arm64"),))
    assert [image.search.entries for image in images(copy)] == [(), ()]
    assert images(copy)[0].own_name == "@rpath/libweak.1.dylib"


@pytest.mark.parametrize("what", ["outer", "fat64"])
def test_slices_behind_one_that_grows_move(what: str, tmp_path: Path) -> None:
    copy = copied(f"made-universal2-macos-lib-{what}.dylib", tmp_path)
    format_.apply(copy, SHORTER)
    once = copy.read_bytes()
    entries = [entry for entry, _ in slices(Window(OpenFile(copy))) if entry is not None]
    assert all(entry.offset % (1 << entry.align) == 0 for entry in entries)
    assert entries[-1].offset + entries[-1].size == len(once)
    assert bad_signatures(copy) == []
    format_.apply(copy, (SetOwnName(name="@rpath/a.dylib"),))
    assert copy.read_bytes() == once


def test_a_first_slice_that_grows_pushes_the_second(tmp_path: Path) -> None:
    copy = tmp_path / "fat"
    arm = macho("lld-arm64-macos-lib-roomy.dylib").read_bytes()
    intel = macho("lld-x86_64-macos-lib-roomy.dylib").read_bytes()
    head = bytes.fromhex("cafebabe 00000002")
    second = 16384 + len(arm) + -len(arm) % 4096
    table = [(0x0100000C, 0, 16384, len(arm), 14), (0x01000007, 3, second, len(intel), 12)]
    head += b"".join(number.to_bytes(4) for entry in table for number in entry)
    copy.write_bytes(head.ljust(16384, b"\0") + arm.ljust(second - 16384, b"\0") + intel)
    format_.apply(copy, (SetOwnName(name="@rpath/" + "n" * 200),))
    (first, _), (moved, raw) = slices(Window(OpenFile(copy)))
    assert first is not None
    assert moved is not None
    assert moved.offset >= first.offset + first.size
    assert moved.size == len(intel)
    assert macho_checks.layout_faults(copy) == ""
    assert bad_signatures(copy) == []
    code = copy.read_bytes()[moved.offset + raw.end : moved.offset + moved.size]
    assert code == intel[raw.end :]


def test_no_room_says_slice_bytes_and_flag(tmp_path: Path) -> None:
    """install_name_tool of LLVM writes over __text and exits 0."""
    copy = copied("lld-x86_64-macos-lib-tight.dylib", tmp_path)
    error = refusal(copy, SetOwnName(name="@rpath/" + "n" * 60))
    assert str(error) == (
        "no room for longer load commands: 24 bytes short\n"
        "  slice x86_64: its first section begins at 0x728\n"
        "\n"
        "hint: link it again with `-Wl,-headerpad_max_install_names`"
    )
    assert copy.read_bytes() == macho("lld-x86_64-macos-lib-tight.dylib").read_bytes()


@pytest.mark.parametrize(
    "sample",
    [
        "lld-arm64-macos-lib-tight.dylib",
        "lld-arm64-macos-lib-tight-classic.dylib",
        "lld-x86_64-macos-lib-tight-classic.dylib",
        "made-universal2-macos-lib-tight.dylib",
    ],
)
def test_without_room_nothing_is_written(sample: str, tmp_path: Path) -> None:
    """Not even the slices before the one that has none; code is never written over."""
    copy = copied(sample, tmp_path)
    arch = images(copy)[-1].arch
    error = refusal(
        copy,
        SetOwnName(name="@rpath/short.dylib"),
        SetOwnName(name="@rpath/" + "n" * 90, arch=arch),
    )
    assert error.details[0].startswith(f"slice {arch}: its first section begins at 0x")
    assert copy.read_bytes() == macho(sample).read_bytes()


def test_what_no_loader_reads_makes_room(tmp_path: Path) -> None:
    """The empty table of data in code goes first, then the linker's version, never more."""
    copy = copied("lld-x86_64-macos-lib-tight.dylib", tmp_path)
    commands = [_named_longer(copy, more) for more in (0, 16, 24)]
    empty = [any("LC_DATA_IN_CODE" in text for text in found) for found in commands]
    tools = [any("ntools 1" in text for text in found) for found in commands]
    assert (empty, tools) == ([True, False, False], [True, True, False])
    assert macho_checks.tables(tmp_path / "named") == macho_checks.tables(copy)
    assert macho_checks.layout_faults(tmp_path / "named") == ""


def _named_longer(source: Path, more: int) -> list[str]:
    """Edit a copy so that its own name takes `more` bytes more; give its load commands."""
    copy = Path(shutil.copyfile(source, source.parent / "named"))
    format_.apply(copy, (SetOwnName(name=f"{images(copy)[0].own_name}{'n' * more}"),))
    return macho_checks.commands(copy)


def test_bytes_that_one_edit_frees_serve_the_next(tmp_path: Path) -> None:
    copy = copied("lld-x86_64-macos-lib-tight.dylib", tmp_path)
    format_.apply(copy, (SetOwnName(name="@rpath/" + "n" * 60), SetSearchPath(entries=())))
    assert images(copy)[0].own_name == "@rpath/" + "n" * 60


def test_what_follows_the_last_slice_is_not_lost(tmp_path: Path) -> None:
    copy = copied("made-universal2-macos-lib-outer.dylib", tmp_path)
    with copy.open("ab") as stream:
        stream.write(b"payload")
    error = refusal(copy, SetSearchPath(entries=()))
    assert error.problem == "7 bytes follow behind its last slice (an archive?)"


def test_what_nobody_describes_behind_the_commands_is_not_written_over(tmp_path: Path) -> None:
    """A packer's segments have no sections, which would tell where its code begins."""
    copy = copied("lld-x86_64-macos-lib-roomy.dylib", tmp_path)
    ((_, raw),) = slices(Window(OpenFile(copy)))
    data = bytearray(copy.read_bytes())
    data[raw.end + 40] = 0x90
    copy.write_bytes(data)
    error = refusal(copy, SetOwnName(name="@rpath/" + "n" * 90))
    assert error.problem == "something unknown lies behind its load commands"
    assert copy.read_bytes() == data
    format_.apply(copy, (SetSearchPath(entries=()),))
    assert copy.read_bytes()[raw.end + 40] == 0x90


def test_a_table_of_symbols_among_the_load_commands_is_not_written(tmp_path: Path) -> None:
    """Numbers of libraries would be changed where now commands are: a fuzzer found it."""
    copy = copied("lld-x86_64-macos-lib-classic.dylib", tmp_path)
    ((_, raw),) = slices(Window(OpenFile(copy)))
    (symbols,) = raw.of(0x2)
    data = bytearray(copy.read_bytes())
    struct.pack_into("<IBBHQ", data, raw.end, 0, 1, 0, 1 << 8, 0)
    struct.pack_into("<2I", data, symbols.offset + 8, raw.end, 1)
    copy.write_bytes(data)
    dropped = images(copy)[0].needed[0].name
    error = refusal(copy, DropNeeded(name=dropped))
    assert error.problem == "its tables of symbols lie among its load commands"
    assert copy.read_bytes() == data


def test_a_slice_that_moves_begins_a_page_of_its_machine(tmp_path: Path) -> None:
    """An arm64 Mac maps nothing by 4 KiB, whatever a table says that another tool wrote."""
    intel = macho("lld-x86_64-macos-lib-signed.dylib").read_bytes()
    arm = macho("lld-arm64-macos-lib-outer.dylib").read_bytes()
    second = -(-(4096 + len(intel)) // 16384) * 16384
    intel_size = second - 4096
    table = [(0x01000007, 3, 4096, len(intel), 12), (0x0100000C, 0, second, len(arm), 12)]
    head = bytes.fromhex("cafebabe 00000002")
    head += b"".join(number.to_bytes(4) for entry in table for number in entry)
    copy = tmp_path / "fat"
    copy.write_bytes(head.ljust(4096, b"\0") + intel.ljust(intel_size, b"\0") + arm)
    format_.apply(copy, (SetOwnName(name="@rpath/x.dylib", arch="x86_64"),))
    (_, (moved, raw)) = slices(Window(OpenFile(copy)))
    assert moved is not None
    assert (moved.offset > second, moved.offset % 16384, moved.align) == (True, 0, 14)
    assert raw.window.read(0, len(arm), "slice") == arm
    assert bad_signatures(copy) == []


def test_padding_is_zeroed(tmp_path: Path) -> None:
    copy = copied("lld-x86_64-macos-lib-roomy.dylib", tmp_path)
    ((_, before),) = slices(Window(OpenFile(copy)))
    format_.apply(copy, (SetSearchPath(entries=()),))
    ((_, after),) = slices(Window(OpenFile(copy)))
    assert after.end < before.end
    assert not any(copy.read_bytes()[after.end : before.end])


@pytest.mark.parametrize(
    ("sample", "edit", "problem"),
    [
        ("ext-ext.so", SetOwnName(name="a"), "no install name that could be changed"),
        ("lib-outer.dylib", SetOwnName(name=""), "cannot stand in a load command"),
        ("lib-outer.dylib", SetOwnName(name="a\0b"), "cannot stand in a load command"),
        ("lib-reexport.dylib", DropNeeded(name=INNER), "exported anew cannot be dropped"),
        (
            "lib-outer.dylib",
            SetSearchPath(entries=("a",), kind=SearchKind.RUNPATH),
            "Mach-O has no runpath",
        ),
        ("lib-outer.dylib", SetMinimumSystem(version="macos 11"), "is no system version"),
        ("lib-outer.dylib", SetMinimumSystem(version="ios 13.0"), "it is for macos"),
    ],
)
def test_what_cannot_be_said_is_refused(
    sample: str, edit: Edit, problem: str, tmp_path: Path
) -> None:
    assert problem in refusal(copied(f"lld-x86_64-macos-{sample}", tmp_path), edit).problem


def test_the_signature_names_what_the_file_will_be_called(tmp_path: Path) -> None:
    copy = copied("lld-arm64-macos-lib-unsigned.dylib", tmp_path)
    format_.apply(copy, (SetOwnName(name="@rpath/a.dylib"),), filename="libfinal.1.dylib")
    assert b"libfinal" in copy.read_bytes()


@pytest.mark.parametrize(
    "each", [each for each in LLVM if each.what not in {"inner", "reexport", "phone"}], ids=name
)
def test_symbols_of_a_dropped_library_are_looked_for_everywhere(
    each: MachOSample, tmp_path: Path
) -> None:
    """An extension that was linked to libpython must do with the Python that loads it."""
    dropped = images(each.path)[0].needed[0].name
    last = dropped.rpartition("/")[2].split(".")[0]
    copy = Path(shutil.copyfile(each.path, tmp_path / each.path.name))
    format_.apply(copy, (DropNeeded(name=dropped),))
    assert dropped not in {need.name for need in images(copy)[0].needed}
    options = ("--bind", "--lazy-bind", "--weak-bind", "--dyld-info", "--exports-trie")
    before, after = (macho_checks.printed(path, *options) for path in (each.path, copy))
    flat = re.compile(rf"\b(flat-namespace|{re.escape(last)})\b *")
    assert re.sub(rf"\b{re.escape(last)}\b *", "ANY ", before) == flat.sub("ANY ", after)
    assert last not in after
    fat = lief.MachO.parse(str(copy))
    assert fat is not None
    for binary in fat:
        numbers = {s.library_ordinal for s in binary.symbols if s.type is UNDEFINED}
        assert numbers <= {0xFE, *range(1, len(images(copy)[0].needed) + 1)}
    assert bad_signatures(copy) == []
