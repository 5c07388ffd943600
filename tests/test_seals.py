"""`check` recomputes the signatures of every Mach-O file in a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import repairs
from support.samples import macho

from wheelfix import check, repair
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


def test_a_repair_leaves_what_it_does_not_edit(tmp_path: Path) -> None:
    """A broken signature is the build's, and nothing that repair was asked to mend."""
    data = macho("lld-arm64-macos-lib-unsigned.dylib").read_bytes()
    wheel = repairs.make_wheel(tmp_path / "in", {"pkg/lib.dylib": data}, STEM)
    outcome = repair(wheel, tmp_path / "out")
    assert repairs.contents(outcome.output)["pkg/lib.dylib"] == data
