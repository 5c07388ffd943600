"""What we read of PE files, against what other people's programs read."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import pe_checks as checks
from support.elf_checks import OpenFile
from support.macho_files import Bytes
from support.samples import PeSample, pe, pe_samples

from wheelfix.formats import pe as format_
from wheelfix.formats.interface import Loaded
from wheelfix.formats.pe.loadconfig import forbids
from wheelfix.host import Host
from wheelfix.model import Image, ImageKind, Needed, NeededKind
from wheelfix.value import replace

LOADED = [each for each in pe_samples() if each.kind in {"lib", "exe"}]


def name(each: PeSample) -> str:
    return each.path.name


def needed(found: Image) -> list[tuple[str, str]]:
    return [(need.name, need.kind.value) for need in found.needed]


def forwarded(texts: tuple[str, ...]) -> list[str]:
    modules = [text.rpartition(".")[0] for text in texts]
    return list(dict.fromkeys(m if "." in m else f"{m}.dll" for m in modules))


@pytest.mark.parametrize("each", LOADED, ids=name)
@pytest.mark.parametrize("reader", ["by_pefile", "by_lief", "by_readobj"])
def test_needed_names_are_those_that_others_read(each: PeSample, reader: str) -> None:
    if "old-delay-load" in each.features and reader != "by_pefile":
        pytest.skip("only pefile knows that such descriptors hold addresses, not RVAs")
    seen, found = getattr(checks, reader)(each.path), checks.image(each.path)
    assert checks.names_by_us(found, NeededKind.NORMAL) == [dll for dll, _ in seen.imports]
    assert checks.names_by_us(found, NeededKind.DELAY) == [dll for dll, _ in seen.delays]
    assert checks.names_by_us(found, NeededKind.FORWARD) == forwarded(seen.forwards)


@pytest.mark.parametrize("each", LOADED, ids=name)
def test_machine_and_kind_are_those_of_the_name(each: PeSample) -> None:
    found = checks.image(each.path)
    assert found.arch == each.arch
    assert found.kind is (ImageKind.LIBRARY if each.kind == "lib" else ImageKind.PROGRAM)
    assert (found.own_name is None) == (each.kind == "exe")
    assert found.minimum_system == {"lld": "windows 6.0", "made": "windows 6.0"}.get(
        each.compiler.partition(" ")[0], found.minimum_system
    )


def test_all_kinds_of_needs_in_the_order_of_the_file() -> None:
    found = checks.image(pe("lld-x86-lib-delay.dll"))
    assert needed(found) == [("KERNEL32.dll", "normal"), ("inner.dll", "delay")]
    found = checks.image(pe("lld-arm64-lib-forward.dll"))
    assert needed(found) == [("inner.dll", "forward"), ("another.dll", "forward")]
    assert found.own_name == "forward.dll"
    assert found.toolset == "14.0"


@pytest.mark.parametrize(
    ("what", "locked", "trait", "signature"),
    [
        ("made-amd64-lib-signed.dll", None, None, "authenticode"),
        ("made-amd64-lib-bound.dll", None, "bound-imports", None),
        ("lld-arm64-lib-flags.dll", None, "dependent-load-flags", None),
        ("made-arm64-lib-arm64x.dll", "hybrid", "arm64x", None),
        ("made-amd64-lib-arm64ec.dll", "hybrid", "arm64ec", None),
        ("made-amd64-lib-packed.dll", "UPX", "upx", None),
        ("made-x86-lib-old-delay.dll", "Visual C++ 6", None, None),
        ("made-amd64-lib-overlay.dll", None, None, None),
        ("mingw-amd64-lib-symbols.dll", None, None, None),
    ],
)
def test_peculiarities_are_seen(
    what: str, locked: str | None, trait: str | None, signature: str | None
) -> None:
    found = checks.image(pe(what))
    assert found.traits == (() if trait is None else (trait,))
    assert found.signature == signature
    assert (locked or "") in (found.locked or "")
    assert (found.locked is None) == (locked is None)


@pytest.mark.parametrize("mark", [b"Wine builtin DLL", b"Wine placeholder DLL"])
def test_a_part_of_wine_is_nothing_to_bring_in(mark: bytes) -> None:
    """Its DLLs have the names of Windows' own, and work in that Wine alone."""
    data = bytearray(pe("lld-amd64-lib-inner.dll").read_bytes())
    data[64 : 64 + len(mark)] = mark
    (wines,) = format_.read(Bytes(bytes(data)), watch={})
    user = checks.image(pe("lld-amd64-lib-outer.dll"))
    assert wines.traits == ("wine-builtin",)
    assert format_.misfit(user, wines) == "a part of Wine, not of Windows nor for it"
    assert format_.misfit(user, checks.image(pe("lld-amd64-lib-inner.dll"))) is None


WINES = Path("/usr/lib/x86_64-linux-gnu/wine/x86_64-windows/msvcp140.dll")


@pytest.mark.skipif(not WINES.exists(), reason="needs Debian's Wine: `apt-get install libwine`")
def test_debians_wine_says_so() -> None:
    assert checks.image(WINES).traits == ("wine-builtin",)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (0, False),
        (0x800, True),  # System32 only
        (0x100, True),  # no folders that were added
        (0x1000, True),  # not beside the file
        (0x1100, False),
        (0x500, False),
        (0x1180, True),  # signed DLLs only
        (0x2000, False),
    ],
)
def test_load_flags_that_hide_what_lies_beside(flags: int, expected: bool) -> None:  # noqa: FBT001
    assert forbids(flags) is expected


def test_the_certificate_is_lost_by_an_edit_and_nothing_else_is() -> None:
    for each in pe_samples():
        losses = format_.losses(OpenFile(each.path))
        assert bool(losses) == ("signed" in each.features), each.path.name
        assert format_.flaws(OpenFile(each.path)) == ()


def test_a_machine_must_be_the_same() -> None:
    images = {arch: checks.image(pe(f"lld-{arch}-lib-inner.dll")) for arch in ("x86", "arm64")}
    assert format_.misfit(images["x86"], images["x86"]) is None
    assert format_.misfit(images["x86"], images["arm64"]) == ("wrong machine: arm64, needed by x86")
    both, emulated = (
        checks.image(pe(f"made-{name}.dll")) for name in ("arm64-lib-arm64x", "amd64-lib-arm64ec")
    )
    plain = checks.image(pe("lld-amd64-lib-outer.dll"))
    assert format_.misfit(images["arm64"], both) is None
    assert format_.misfit(plain, emulated) == "wrong machine: arm64ec, needed by amd64"
    assert format_.misfit(plain, both) == "wrong machine: arm64x, needed by amd64"
    for library in (plain, both, emulated):
        assert format_.misfit(emulated, library) is None
    assert format_.misfit(both, images["arm64"]) is None
    assert format_.misfit(both, plain) == "wrong machine: amd64, needed by arm64x"
    assert format_.misfit(emulated, images["arm64"]) == "wrong machine: arm64, needed by arm64ec"
    program = checks.image(pe("lld-amd64-exe-hello.exe"))
    assert format_.misfit(plain, program) == "a program, not a library"


def test_the_importers_own_folder_comes_before_path() -> None:
    user = checks.image(pe("lld-amd64-lib-outer.dll"))
    for path in ("/opt/a:/opt/b", "/opt/a;/opt/b"):
        known = format_.defaults(Host({"PATH": path}), user)
        chain = (Loaded(image=user, folder=Path("/opt/own")),)
        places = format_.candidates("inner.dll", chain, known)
        found = [place.file for place in places if not place.anywhere]
        assert found == [Path(f"/opt/{x}/inner.dll") for x in ("own", "a", "b")]


def test_names_in_no_encoding_come_back_as_the_bytes_they_are() -> None:
    """delvewheel: a DLL name that is not ASCII is a traceback."""
    data = bytearray(pe("lld-amd64-lib-outer.dll").read_bytes())
    at = data.index(b"inner.dll\0")
    data[at : at + 5] = b"\xe9n\xff\xfe~"
    (found,) = format_.read(Bytes(bytes(data)), watch={})
    assert found.needed[0].name.encode("utf-8", "surrogateescape") == b"\xe9n\xff\xfe~.dll"


def test_headers_are_all_that_is_read(tmp_path: Path) -> None:
    big = tmp_path / "big.dll"
    big.write_bytes(pe("lld-amd64-lib-outer.dll").read_bytes())
    with big.open("ab") as file:
        file.truncate(1 << 30)
    source = OpenFile(big)
    (found,) = format_.read(source, watch={})
    assert found == replace(checks.image(pe("lld-amd64-lib-outer.dll")))
    assert sum(size for _, size in source.reads) < 1 << 17
    assert found.needed == (Needed(name="inner.dll"),)


@pytest.mark.parametrize("place", [1 << 12, 1 << 16])
def test_headers_may_lie_far_behind_the_beginning(place: int) -> None:
    """A program for DOS stands before them, which may be a large one."""
    data = pe("lld-amd64-lib-outer.dll").read_bytes()
    start = int.from_bytes(data[0x3C:0x40], "little")
    moved = data[:0x3C] + place.to_bytes(4, "little") + data[0x40:]
    moved = moved.ljust(place, b"\0") + data[start:0x400]
    (one,), (two,) = (format_.read(Bytes(each), watch={}) for each in (data, moved))
    assert (two.arch, two.needed, two.own_name) == (one.arch, one.needed, one.own_name)
    assert one.needed
