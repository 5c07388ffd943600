"""What the ELF reader makes of good files."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.elf_checks import OpenFile, by_lief, by_pyelftools, by_us, image
from support.samples import Sample, sample, samples

from wheelfix.formats import elf
from wheelfix.model import ImageKind, Needed, SearchKind, SearchPath, VersionNeed

DYNAMIC = [each for each in samples() if each.kind in {"lib", "ext", "pie", "exe"}]
WITH_SECTIONS = [each for each in DYNAMIC if "no-section-headers" not in each.features]
OTHER_NAMES = {"armv5tel": "armel", "mips": "em_8_32be"}
"""Machines without a platform tag of that name; what is known of them is in their headers."""


def named(name: str) -> Path:
    return sample(name)


@pytest.mark.parametrize("each", DYNAMIC, ids=lambda each: each.path.name)
def test_machine_and_kind_are_as_built(each: Sample) -> None:
    found = image(each.path)
    assert found.arch == OTHER_NAMES.get(each.arch, each.arch)
    assert found.kind == (ImageKind.PROGRAM if each.kind in {"pie", "exe"} else ImageKind.LIBRARY)
    assert found.locked is None


@pytest.mark.parametrize(
    "each", [e for e in DYNAMIC if e.what != "aliases"], ids=lambda each: each.path.name
)
def test_libc_is_as_built(each: Sample) -> None:
    assert image(each.path).libc in {each.libc, None}
    if each.libc == "bionic" or each.kind in {"pie", "exe"}:
        assert image(each.path).libc == each.libc


@pytest.mark.parametrize("each", WITH_SECTIONS, ids=lambda each: each.path.name)
def test_other_readers_agree(each: Sample) -> None:
    ours = by_us(image(each.path))
    assert by_pyelftools(each.path) == ours
    assert by_lief(each.path) == ours


@pytest.mark.parametrize("compiler", ["gcc", "zig"])
def test_stripped_section_headers_hide_nothing(compiler: str) -> None:
    bare = image(named(f"made-x86_64-glibc-lib-no-sections-{compiler}.so"))
    assert bare.needed[0] == Needed(name="libinner.so.2")
    assert VersionNeed(library="libinner.so.2", versions=("INNER_1.0",)) in bare.version_needs


def test_runpath_hides_rpath() -> None:
    found = image(named("made-x86_64-glibc-lib-rpath-and-runpath.so")).search
    assert found.kind is SearchKind.RUNPATH
    assert found.entries
    assert found.shadowed


def test_rpath_entries_keep_their_order() -> None:
    found = image(named("gcc-x86_64-glibc-lib-rpath.so")).search
    assert found == SearchPath(
        kind=SearchKind.RPATH, entries=("/opt/build/lib", "$ORIGIN/../inside.libs")
    )


def test_isa_level_is_read_from_the_gnu_property() -> None:
    assert image(named("gcc-x86_64-glibc-lib-isa-v3.so")).isa == "x86-64-v3"
    assert image(named("gcc-x86_64-glibc-lib-plain.so")).isa is None


def test_traits_name_executable_stack_and_text_relocations() -> None:
    assert "executable-stack" in image(named("gcc-x86_64-glibc-lib-execstack.so")).traits
    assert "executable-stack" not in image(named("gcc-x86_64-glibc-lib-plain.so")).traits
    assert "text-relocations" in image(named("zig-i686-none-lib-textrel.so")).traits
    assert "load-align-65536" in image(named("gcc-x86_64-glibc-lib-page-64k.so")).traits


@pytest.mark.parametrize("kind", ["static", "staticpie"])
def test_static_programs_are_locked(kind: str) -> None:
    found = image(named(f"gcc-x86_64-none-{kind}-alone"))
    assert found.kind is ImageKind.PROGRAM
    assert found.needed == ()
    assert "static" in (found.locked or "")


@pytest.mark.parametrize("name", ["gcc-x86_64-none-obj-alone.o", "made-x86_64-none-core-header"])
def test_objects_and_cores_are_no_images(name: str) -> None:
    assert elf.read(OpenFile(named(name)), watch={}) == ()


def test_a_library_that_can_be_started_is_a_library() -> None:
    libc = Path("/lib/x86_64-linux-gnu/libc.so.6")
    if not libc.exists():
        pytest.skip("needs Debian's libc6 on x86_64, which names an interpreter")
    assert image(libc).interpreter
    assert image(libc).kind is ImageKind.LIBRARY


def test_the_loader_itself_is_locked() -> None:
    loader = Path("/lib64/ld-linux-x86-64.so.2")
    if not loader.exists():
        pytest.skip("needs glibc's loader for x86_64")
    assert image(loader.resolve()).locked == "it is the dynamic loader itself"


def test_an_archive_behind_the_file_locks_it(tmp_path: Path) -> None:
    file = tmp_path / "app"
    file.write_bytes(named("gcc-x86_64-glibc-pie-hello").read_bytes() + b"PK\x05\x06" + b"\0" * 18)
    assert "22 bytes follow" in (image(file).locked or "")


@pytest.mark.parametrize("size", [1, 4096])
def test_zero_padding_behind_the_file_does_not(tmp_path: Path, size: int) -> None:
    file = tmp_path / "app"
    file.write_bytes(named("gcc-x86_64-glibc-pie-hello").read_bytes() + b"\0" * size)
    assert image(file).locked is None


def test_watched_symbols_are_reported_when_undefined() -> None:
    user = OpenFile(named("zig-x86_64-glibc-lib-outer.so"))
    asked = frozenset({"strcat", "inner_word", "word", "outer_line", "nobody"})
    (always,) = elf.read(user, watch={"": asked})
    (through,) = elf.read(user, watch={"libinner.so.2": asked, "libother.so": frozenset({"x"})})
    (other,) = elf.read(user, watch={"libother.so": asked})
    assert always.undefined == through.undefined == ("inner_word", "strcat")
    assert other.undefined == ()


@pytest.mark.parametrize("each", DYNAMIC, ids=lambda each: each.path.name)
def test_headers_are_read_with_few_reads(each: Sample) -> None:
    source = OpenFile(each.path)
    elf.read(source, watch={})
    assert source.reads[0][0] == 0
    assert len(source.reads) <= 6
    assert len(source.reads) == len(set(source.reads))


def test_a_large_library_is_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "large.so"
    data = named("zig-x86_64-glibc-lib-outer.so").read_bytes()
    file.write_bytes(data)
    with file.open("r+b") as handle:
        handle.truncate(1 << 33)
    source = OpenFile(file)
    (found,) = elf.read(source, watch={})
    assert found.needed
    assert sum(size for _, size in source.reads) < 100_000


def test_a_library_of_another_machine_does_not_fit() -> None:
    user, other = (image(named(f"zig-{arch}-glibc-lib-outer.so")) for arch in ("x86_64", "aarch64"))
    assert elf.misfit(user, user) is None
    assert elf.misfit(user, other) == "wrong machine: aarch64, needed by x86_64"


def test_x32_is_not_x86_64() -> None:
    (file,) = [each for each in samples() if each.arch == "x32"]
    assert image(file.path).arch == "x32"
