"""Reading Mach-O: what samples hold, as macholib and LIEF see it too; and their kinds."""

from __future__ import annotations

from pathlib import Path

import lief
import pytest
from macholib.mach_o import (
    LC_ID_DYLIB,
    LC_LOAD_DYLIB,
    LC_LOAD_UPWARD_DYLIB,
    LC_LOAD_WEAK_DYLIB,
    LC_REEXPORT_DYLIB,
    LC_RPATH,
)
from macholib.MachO import MachO
from support.elf_checks import OpenFile
from support.macho_checks import CountingSource
from support.samples import MachOSample, macho, macho_samples

from wheelfix.formats import identify
from wheelfix.formats import macho as format_
from wheelfix.formats.macho.system import System, parse
from wheelfix.model import Image, ImageKind, Needed, NeededKind

LOADED = [each for each in macho_samples() if each.kind in {"lib", "ext", "exe"}]
UNKNOWN = {"unknown-command", "use-flags", "lazy"}
"""What macholib refuses or reads otherwise."""
ID_DYLIB = lief.MachO.LoadCommand.TYPE.ID_DYLIB
MACHOLIB_KINDS = {
    LC_LOAD_DYLIB: NeededKind.NORMAL,
    LC_LOAD_WEAK_DYLIB: NeededKind.WEAK,
    LC_REEXPORT_DYLIB: NeededKind.REEXPORT,
    LC_LOAD_UPWARD_DYLIB: NeededKind.UPWARD,
}


def name(each: MachOSample) -> str:
    return each.path.name


def images(path: Path) -> tuple[Image, ...]:
    return format_.read(OpenFile(path), watch={})


def one(file: str) -> Image:
    (image,) = images(macho(file))
    return image


@pytest.mark.parametrize("each", macho_samples(), ids=name)
def test_name_tells_machine_kind_and_system(each: MachOSample) -> None:
    if not format_.matches(each.path.read_bytes()[:16]):
        assert each.kind == "java"
        return
    found = images(each.path)
    if each.kind not in {"lib", "ext", "exe"}:
        assert found == ()
        return
    archs = ("x86_64", "arm64") if each.arch == "universal2" else (each.arch,)
    assert tuple(image.arch for image in found) == archs
    wanted = ImageKind.PROGRAM if each.kind == "exe" else ImageKind.LIBRARY
    assert {image.kind for image in found} == {wanted}
    assert {str(image.minimum_system).partition(" ")[0] for image in found} == {each.system}
    assert all((image.own_name is None) == (each.kind != "lib") for image in found)


@pytest.mark.parametrize("each", [e for e in LOADED if e.what not in UNKNOWN], ids=name)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_macholib_sees_the_same(each: MachOSample) -> None:
    theirs = []
    for header in MachO(str(each.path)).headers:
        texts = [(c.cmd, data) for c, _, data in header.commands if isinstance(data, bytes)]
        commands = [(cmd, data.rstrip(b"\0").decode("latin1")) for cmd, data in texts]
        needed = [
            Needed(name=text, kind=MACHOLIB_KINDS[cmd])
            for cmd, text in commands
            if cmd in MACHOLIB_KINDS
        ]
        own = [text for cmd, text in commands if cmd == LC_ID_DYLIB]
        rpaths = [text for cmd, text in commands if cmd == LC_RPATH]
        theirs.append((tuple(needed), own, tuple(rpaths)))
    ours = [
        (image.needed, [image.own_name] if image.own_name else [], image.search.entries)
        for image in images(each.path)
    ]
    assert ours == theirs


@pytest.mark.parametrize(
    "each", [e for e in LOADED if e.what != "fat64" and e.arch != "ppc"], ids=name
)
def test_lief_sees_the_same(each: MachOSample) -> None:
    fat = lief.MachO.parse(str(each.path))
    assert fat is not None
    theirs = []
    for binary in fat:
        dylibs = [(c.name, c.command is ID_DYLIB) for c in binary.libraries]
        own = [text for text, is_own in dylibs if is_own]
        needed = [text for text, is_own in dylibs if not is_own]
        theirs.append((needed, own, [r.path for r in binary.rpaths], binary.has_code_signature))
    ours = [
        (
            [n.name for n in image.needed],
            [image.own_name] if image.own_name else [],
            list(image.search.entries),
            image.signature is not None,
        )
        for image in images(each.path)
    ]
    assert ours == theirs


def test_kinds_of_dependencies_are_kept_apart() -> None:
    files = (
        "lld-x86_64-macos-lib-outer",
        "lld-x86_64-macos-lib-weak",
        "lld-x86_64-macos-lib-reexport",
        "made-x86_64-macos-lib-lazy",
        "made-x86_64-macos-lib-upward",
    )
    kinds = [{n.kind for n in one(f"{file}.dylib").needed} for file in files]
    normal = {NeededKind.NORMAL}
    others = [NeededKind.WEAK, NeededKind.REEXPORT, NeededKind.LAZY, NeededKind.UPWARD]
    assert kinds == [normal, *({*normal, kind} for kind in others)]


def test_flags_of_new_dylib_commands_tell_the_kind() -> None:
    needed = one("made-x86_64-macos-lib-use-flags.dylib").needed
    assert needed[-2:] == (
        Needed(name="/usr/lib/liba.dylib", kind=NeededKind.WEAK),
        Needed(name="@rpath/b", kind=NeededKind.UPWARD),
    )


def test_slices_that_differ_are_read_apart() -> None:
    """delocate#273 and the peers' tables by install name mix them up."""
    intel, arm = images(macho("made-universal2-macos-lib-differs.dylib"))
    assert (intel.own_name, arm.own_name) == ("@rpath/libweak.1.dylib", "@rpath/libouter.1.dylib")
    assert intel.search.entries == ()
    assert arm.search.entries == ("/opt/build/lib", "@loader_path/../inside.dylibs")


def test_duplicate_rpaths_stay_duplicate() -> None:
    entries = one("made-x86_64-macos-lib-twice.dylib").search.entries
    assert entries == ("/opt/build/lib", "@loader_path/../inside.dylibs", "/opt/build/lib")


def test_minimum_system_of_old_and_new_commands() -> None:
    assert one("lld-x86_64-macos-lib-old.dylib").minimum_system == "macos 10.9.5"
    assert one("lld-x86_64-macos-lib-inner.dylib").minimum_system == "macos 11.0"
    assert one("lld-arm64-ios-lib-phone.dylib").minimum_system == "ios 13.2.1"
    assert one("lld-arm64-iossimulator-lib-phone.dylib").minimum_system == "iossimulator 13.2.1"


def test_versions_are_read_as_they_are_spelt() -> None:
    assert parse("macos 11.0") == System(platform="macos", version=11 << 16)
    assert parse("ios 13.2.1") == System(platform="ios", version=13 << 16 | 2 << 8 | 1)
    for text in ("macos 11", "macos 11.0.0", "macos", "macos 11.256", "macos 1.2.3.4", "macos ²"):
        assert parse(text) is None


def test_signers() -> None:
    assert one("lld-x86_64-macos-lib-inner.dylib").signature is None
    assert one("lld-x86_64-macos-lib-signed.dylib").signature == "linker"
    assert one("lld-arm64-macos-lib-unsigned.dylib").signature is None


def test_a_java_class_is_no_universal_file() -> None:
    head = macho("made-none-none-java-Empty.class").read_bytes()[:16]
    assert head[:4] == macho("made-universal2-macos-lib-outer.dylib").read_bytes()[:4]
    assert not format_.matches(head)
    assert identify(head) is None


@pytest.mark.parametrize(
    ("user", "candidate", "why"),
    [
        ("lld-x86_64-macos-ext-ext.so", "lld-x86_64-macos-lib-outer.dylib", None),
        (
            "lld-x86_64-macos-ext-ext.so",
            "lld-arm64-macos-lib-outer.dylib",
            "wrong machine: arm64, needed by x86_64",
        ),
        (
            "lld-arm64-macos-ext-ext.so",
            "lld-arm64-iossimulator-lib-phone.dylib",
            "wrong platform: iossimulator, needed by macos",
        ),
        (
            "lld-arm64-macos-ext-ext.so",
            "lld-arm64-macos-exe-hello",
            "a program, not a library",
        ),
        (
            "lld-arm64-macos-ext-ext.so",
            "lld-arm64-macos-ext-ext.so",
            "a bundle, which is loaded by its path alone (it has no install name)",
        ),
    ],
)
def test_what_a_loader_passes_over(user: str, candidate: str, why: str | None) -> None:
    assert format_.misfit(one(user), one(candidate)) == why


@pytest.mark.parametrize("each", LOADED, ids=name)
def test_only_headers_are_read(each: MachOSample) -> None:
    """The rest of a member need not be inflated, but for the end that holds the signature."""
    source = CountingSource(each.path)
    found = format_.read(source, watch={})
    assert source.total < 4096 * len(found)
