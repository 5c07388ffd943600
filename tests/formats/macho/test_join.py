"""Universal files made of thin ones: the bytes are `lipo`'s, whatever the slices hold."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.macho_checks import run_lipo
from support.macho_files import Bytes
from support.samples import TESTDATA
from support.tiny_macho import Tiny, universal

from wheelfix.errors import BadBinary
from wheelfix.formats import macho
from wheelfix.formats.macho import join
from wheelfix.formats.macho.layout import FatArch
from wheelfix.hostfile import HostFile

SAMPLES = TESTDATA / "macho"
INTEL, ARM = (SAMPLES / f"lld-{arch}-macos-lib-outer.dylib" for arch in ("x86_64", "arm64"))
OLD = SAMPLES / "made-i386-macos-lib-old.dylib"
OBJECTS = tuple(SAMPLES / f"zig-{arch}-macos-obj-alone.o" for arch in ("x86_64", "arm64"))
ARM64 = 0x0100000C
GIB = 1 << 30


def joined(target: Path, *files: Path) -> bytes:
    join.join([Bytes(file.read_bytes()) for file in files], target)
    return target.read_bytes()


def lipo(target: Path, *files: Path) -> bytes:
    """Let LLVM's lipo do the same, or skip."""
    run_lipo("-create", *files, "-output", target)
    return target.read_bytes()


def archive(*members: tuple[bytes, bytes], bsd: bool = False) -> bytes:
    """Make a static archive as GNU's ar does, or BSD's with long names."""
    made = b"!<arch>\n"
    for name, data in members:
        title, body = (b"#1/%d" % len(name), name + data) if bsd else (name + b"/", data)
        made += title.ljust(16) + b"0".ljust(12) + b"0     " * 2 + b"100644  "
        made += str(len(body)).encode().ljust(10) + b"`\n" + body + b"\n" * (len(body) % 2)
    return made


def test_the_bytes_are_those_of_lipo(tmp_path: Path) -> None:
    assert joined(tmp_path / "ours", INTEL, ARM) == lipo(tmp_path / "lipo", INTEL, ARM)


def test_the_order_of_the_files_does_not_matter(tmp_path: Path) -> None:
    assert joined(tmp_path / "one", INTEL, ARM) == joined(tmp_path / "two", ARM, INTEL)


def test_three_machines_stand_as_lipo_has_them(tmp_path: Path) -> None:
    files = (ARM, OLD, INTEL)
    assert joined(tmp_path / "ours", *files) == lipo(tmp_path / "lipo", *files)


def test_a_universal_file_gives_the_slices_that_are_missing(tmp_path: Path) -> None:
    joined(tmp_path / "two", OLD, INTEL)
    three = joined(tmp_path / "three", tmp_path / "two", ARM)
    assert three == joined(tmp_path / "again", OLD, INTEL, ARM)
    assert three == joined(tmp_path / "equal", tmp_path / "two", INTEL, ARM)


def test_object_files_and_debug_files_are_joined(tmp_path: Path) -> None:
    assert joined(tmp_path / "ours.o", *OBJECTS) == lipo(tmp_path / "lipo.o", *OBJECTS)
    (dsym,) = join.parts(Bytes((SAMPLES / "made-arm64-macos-dsym-inner").read_bytes()))
    assert dsym.arch == "arm64"


@pytest.mark.parametrize("bsd", [False, True])
def test_static_archives_are_joined_as_lipo_does(tmp_path: Path, *, bsd: bool) -> None:
    files = []
    for number, file in enumerate(OBJECTS):
        path = tmp_path / f"lib{number}.a"
        path.write_bytes(archive((b"a.o", file.read_bytes()), (b"b.o", file.read_bytes()), bsd=bsd))
        files.append(path)
    assert joined(tmp_path / "ours.a", *files) == lipo(tmp_path / "lipo.a", *files)
    assert macho.read(Bytes((tmp_path / "ours.a").read_bytes()), watch={}) == ()


def test_archives_of_no_or_two_machines_are_no_slice() -> None:
    intel, arm = (file.read_bytes() for file in OBJECTS)
    assert join.parts(Bytes(archive((b"a.o", intel), (b"b.o", arm)))) == ()
    assert join.parts(Bytes(archive((b"a.o", b"\x7fELF" + bytes(60))))) == ()
    assert join.parts(Bytes(archive())) == ()


def test_java_classes_and_text_are_no_slices() -> None:
    java = (SAMPLES / "made-none-none-java-Empty.class").read_bytes()
    assert join.parts(Bytes(java)) == ()
    assert join.parts(Bytes(b"")) == ()
    assert join.parts(Bytes(b"import os\n")) == ()


@pytest.mark.parametrize("size", [b"", b"1e3", b"-1", b"99999"])
def test_an_archive_with_an_impossible_size_is_damaged(size: bytes) -> None:
    good = archive((b"a.o", OBJECTS[0].read_bytes()))
    with pytest.raises(BadBinary, match="archive"):
        join.parts(Bytes(good[:56] + size.ljust(10) + good[66:]))


def test_the_same_slice_twice_is_no_clash_and_another_one_is() -> None:
    one = Bytes(Tiny().build())
    other = Bytes(Tiny(room=128).build())
    arm = Tiny(cpu=ARM64).build()
    assert join.clashes(one, one) == ()
    assert join.clashes(one, other) == ("x86_64",)
    assert join.clashes(one, Bytes(arm)) == ()
    assert join.clashes(Bytes(universal(Tiny().build(), arm)), other) == ("x86_64",)


def test_from_4_gib_on_numbers_have_64_bits() -> None:
    def part(cputype: int, align: int) -> join.Part:
        entry = FatArch(cputype=cputype, cpusubtype=3, offset=0, size=3 * GIB, align=align)
        return join.Part(source=Bytes(b""), entry=entry)

    intel, arm = part(0x01000007, 12), part(ARM64, 14)
    assert join.placed([intel]).codec.bits == 32
    table = join.placed([intel, arm])
    assert table.codec.bits == 64
    assert [arch.offset for arch in table.archs] == [4096, 3 * GIB + (1 << 14)]
    assert len(table.table) == 64


@pytest.mark.parametrize("at", [0x1000, -1])
def test_a_changed_byte_is_seen(tmp_path: Path, at: int) -> None:
    sources = [Bytes(INTEL.read_bytes()), Bytes(ARM.read_bytes())]
    target = tmp_path / "joined"
    good = bytearray(joined(target, INTEL, ARM))
    assert join.damage(Bytes(bytes(good)), sources) is None
    good[at] ^= 1
    assert "has changed" in str(join.damage(Bytes(bytes(good)), sources))


def test_a_lost_slice_is_seen() -> None:
    sources = [Bytes(INTEL.read_bytes()), Bytes(ARM.read_bytes())]
    assert join.damage(sources[0], sources) == "it has other slices than went in"
    assert join.damage(Bytes(b"\xca\xfe\xba\xbe\0\0\0\2"), sources) is not None


def test_a_source_that_ends_early_is_an_error(tmp_path: Path) -> None:
    class Short(Bytes):
        @property
        def size(self) -> int:
            return len(self.data) + 1

    with pytest.raises(BadBinary, match="ends inside its slice"):
        join.join([Short(INTEL.read_bytes()), Bytes(ARM.read_bytes())], tmp_path / "out")


def test_it_is_read_as_two_images_with_whole_signatures(tmp_path: Path) -> None:
    joined(tmp_path / "both", INTEL, ARM)
    with HostFile(tmp_path / "both") as source:
        both = macho.read(source, watch={})
        assert macho.flaws(source) == ()
    each = [macho.read(Bytes(file.read_bytes()), watch={})[0] for file in (INTEL, ARM)]
    assert list(both) == each


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_bytes_are_read_or_refused(data: st.DataObject) -> None:
    base = data.draw(
        st.sampled_from(
            [
                archive((b"a.o", OBJECTS[0].read_bytes()[:200])),
                archive((b"long name.o", OBJECTS[1].read_bytes()[:200]), bsd=True),
                universal(Tiny().build(), Tiny(cpu=ARM64).build()),
                struct.pack(">2I", 0xCAFEBABF, 1) + bytes(40),
            ]
        )
    )
    at = data.draw(st.integers(0, min(len(base), 400) - 1))
    changed = base[:at] + data.draw(st.binary(max_size=12)) + base[at + 8 :]
    try:
        found = join.parts(Bytes(changed))
    except BadBinary:
        return
    assert all(part.entry.offset + part.entry.size <= len(changed) for part in found)
