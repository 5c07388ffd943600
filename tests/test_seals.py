"""`check` recomputes the signatures of every Mach-O file in a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import repairs
from support.macho_files import Bytes
from support.samples import macho

from wheelfix import check, repair
from wheelfix.formats import macho as macho_format
from wheelfix.model import Finding

STEM = "pkg-1.0-py3-none-macosx_11_0_arm64"


def seals(folder: Path, data: bytes) -> tuple[Finding, ...]:
    wheel = repairs.make_wheel(folder, {"pkg/lib.dylib": data}, STEM)
    return tuple(f for f in check(wheel).plan.findings if f.code == "WF206")


def test_a_signature_that_holds(tmp_path: Path) -> None:
    assert seals(tmp_path, macho("lld-arm64-macos-lib-inner.dylib").read_bytes()) == ()
    assert seals(tmp_path / "2", macho("made-universal2-macos-lib-outer.dylib").read_bytes()) == ()


@pytest.mark.parametrize("name", ["lld-arm64-macos-lib-inner", "made-universal2-macos-lib-outer"])
def test_a_byte_that_changed_after_signing(tmp_path: Path, name: str) -> None:
    data = bytearray(macho(f"{name}.dylib").read_bytes())
    place = data.rindex(b"\0\0\0\0", 0, data.rindex(b"\xfa\xde\x0c\xc0"))
    data[place] ^= 1
    (found,) = seals(tmp_path, bytes(data))
    assert found.path == "pkg/lib.dylib"
    assert "page" in found.details[0]
    assert "codesign --force --sign -" in found.hint


def test_an_arm64_file_that_nobody_signed(tmp_path: Path) -> None:
    (found,) = seals(tmp_path, macho("lld-arm64-macos-lib-unsigned.dylib").read_bytes())
    assert "not signed" in found.details[0]


def test_an_intel_file_that_nobody_signed_is_right(tmp_path: Path) -> None:
    assert seals(tmp_path, macho("lld-x86_64-macos-lib-inner.dylib").read_bytes()) == ()


def spoilt(data: bytes) -> bytes:
    """Change a byte that no repair reaches, behind the signer's back."""
    changed = bytearray(data)
    changed[0x4100] ^= 1
    assert len(macho_format.flaws(Bytes(bytes(changed)))) == 1
    return bytes(changed)


def test_a_seal_that_never_held_is_made_anew(tmp_path: Path) -> None:
    """All of it, in members and in what is brought in: no page keeps the hash that was wrong."""
    job = repairs.mac_job(tmp_path)
    for library in job.libs.iterdir():
        library.write_bytes(spoilt(library.read_bytes()))
    members = {p: d for p, d in repairs.contents(job.wheel).items() if ".dist-info/" not in p}
    edited = set(job.repair().plan.touched) & members.keys()
    assert edited
    members |= {path: spoilt(members[path]) for path in edited}
    wheel = repairs.make_wheel(tmp_path / "bad", members, job.wheel.stem)
    outcome = repair(wheel, tmp_path / "again", job.options)
    found = repairs.contents(outcome.output)
    assert set(outcome.plan.touched) > edited
    for path in outcome.plan.touched:
        assert macho_format.flaws(Bytes(found[path])) == (), path


def test_a_repair_leaves_what_it_does_not_edit(tmp_path: Path) -> None:
    """A broken signature is the build's, and nothing that repair was asked to mend."""
    data = macho("lld-arm64-macos-lib-unsigned.dylib").read_bytes()
    wheel = repairs.make_wheel(tmp_path / "in", {"pkg/lib.dylib": data}, STEM)
    outcome = repair(wheel, tmp_path / "out")
    assert repairs.contents(outcome.output)["pkg/lib.dylib"] == data
