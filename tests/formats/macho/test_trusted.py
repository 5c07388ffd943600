"""A new signature takes over hashes of pages that no edit reaches, and is proved afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.elf_checks import OpenFile
from support.samples import MachOSample, macho, macho_samples

from wheelfix.formats import macho as format_
from wheelfix.formats.macho.codesign import CS_HASHTYPE_SHA1, CS_HASHTYPE_SHA256
from wheelfix.formats.macho.edit import apply
from wheelfix.formats.macho.signature import signature_of
from wheelfix.formats.macho.trusted import Trusted, renewed, trusted
from wheelfix.model import Edit, SetMinimumSystem, SetOwnName, SetSearchPath

INNER = "lld-arm64-macos-lib-inner.dylib"
EDITS: tuple[tuple[Edit, ...], ...] = (
    (SetOwnName(name="@rpath/a.dylib"), SetSearchPath(entries=("@loader_path",))),
    (SetMinimumSystem(version="macos 14.0"),),
    (SetMinimumSystem(version="macos 10.9"),),
)
LIBRARIES = [each for each in macho_samples() if each.kind == "lib" and each.system == "macos"]


def name(each: MachOSample) -> str:
    return each.path.name


def flaws(file: Path) -> tuple[str, ...]:
    return format_.flaws(OpenFile(file))


def with_bad_page(folder: Path) -> Path:
    """Change a byte that no edit reaches, behind the signer's back."""
    file = Path(shutil.copyfile(macho(INNER), folder / "bad.dylib"))
    data = bytearray(file.read_bytes())
    data[0x4100] ^= 1
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("edits", EDITS, ids=["names", "system", "old-system"])
@pytest.mark.parametrize("each", LIBRARIES, ids=name)
def test_trust_changes_no_byte(each: MachOSample, edits: tuple[Edit, ...], tmp_path: Path) -> None:
    one, two = (Path(shutil.copyfile(each.path, tmp_path / n)) for n in ("1", "2"))
    apply(one, edits, filename="lib.dylib")
    apply(two, edits, filename="lib.dylib", trusting=True)
    assert one.read_bytes() == two.read_bytes() != each.path.read_bytes()


def test_what_the_source_says_is_taken_over_and_found_out(tmp_path: Path) -> None:
    file = with_bad_page(tmp_path)
    before = flaws(file)
    assert len(before) == 1
    apply(file, EDITS[0], trusting=True)
    assert flaws(file) == before


def test_without_trust_every_page_is_hashed(tmp_path: Path) -> None:
    file = with_bad_page(tmp_path)
    apply(file, EDITS[0])
    assert flaws(file) == ()


def test_hashes_that_the_old_signature_has_not_are_made_beside_those_taken_over(
    tmp_path: Path,
) -> None:
    """Apple's linker signs with SHA-256 alone, and systems before 10.11.4 get SHA-1 too."""
    file = with_bad_page(tmp_path)
    apply(file, (SetMinimumSystem(version="macos 10.9"),), trusting=True)
    assert flaws(file) == ("page 4 at 0x4000 does not match its SHA-256 hash",)


def test_only_hashes_of_the_same_pages_are_taken_over() -> None:
    source = OpenFile(macho(INNER))
    old = signature_of(source)
    assert old is not None
    shift = old.first.page_shift
    pages = old.first.code_limit >> shift
    both = (CS_HASHTYPE_SHA1, CS_HASHTYPE_SHA256)
    known = trusted(source, old, shift, both)
    assert known.count == pages > 1
    assert (tuple(known.hashes), known.others) == ((CS_HASHTYPE_SHA256,), (CS_HASHTYPE_SHA1,))
    assert trusted(source, old, 26 - shift, both).others == both
    assert trusted(source, None, shift, both).others == both


@pytest.mark.parametrize(
    ("written", "hashed"),
    [
        ([], {3}),
        ([range(0)], {3}),
        ([range(4095, 4096)], {0, 3}),
        ([range(4095, 4097)], {0, 1, 3}),
        ([range(1, 8193), range(5)], {0, 1, 2, 3}),
        ([range(20000, 20001)], {3}),
    ],
)
def test_pages_that_writes_reach_are_hashed(
    written: list[range], hashed: set[int], tmp_path: Path
) -> None:
    """Three whole pages are known, and wrongly: what is not hashed keeps the wrong hash."""
    file = tmp_path / "image"
    file.write_bytes(bytes(7) + b"x" * (3 * 4096 + 100))
    known = Trusted(page_shift=12, count=3, hashes={CS_HASHTYPE_SHA256: b"?" * 96}, others=())
    found = renewed(known, OpenFile(file), 7, 3 * 4096 + 100, written)[CS_HASHTYPE_SHA256]
    digests = [found[at : at + 32] for at in range(0, len(found), 32)]
    assert len(digests) == 4
    assert {number for number, each in enumerate(digests) if each != b"?" * 32} == hashed
