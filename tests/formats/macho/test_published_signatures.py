"""Signatures in published wheels: proved, and made anew to the byte as Apple's codesign did.

Set WHEELFIX_MACOS_WHEELS to a folder of macOS wheels to use those instead of downloading some.
"""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

import pytest
from support.independent_verifier import Seen, examine
from support.macho_files import Bytes

from wheelfix.formats.macho.identifier import recommended
from wheelfix.formats.macho.sign import resign
from wheelfix.formats.macho.signable import Signable, signable
from wheelfix.formats.macho.signature import Signature, signature_of
from wheelfix.formats.macho.verify_signature import verify

pytestmark = [pytest.mark.slow, pytest.mark.network]

WHEELS = (
    ("psycopg2-binary==2.9.13", "macosx_10_9_x86_64"),  # SHA-1 and SHA-256
    ("psycopg2-binary==2.9.13", "macosx_11_0_arm64"),  # pages of 16 KiB
    ("h5py==3.16.0", "macosx_11_0_arm64"),
    ("shapely==2.2.0", "macosx_11_0_arm64"),  # signed by the linker, too
)


@dataclass(frozen=True)
class Published:
    """One slice of a member of a wheel."""

    name: str
    data: bytes

    @cached_property
    def image(self) -> Signable:
        return signable(Bytes(self.data))

    @cached_property
    def signature(self) -> Signature | None:
        return signature_of(Bytes(self.data))

    @property
    def end(self) -> int:
        """Where its signature ends; the rest is reserved and may be anything."""
        assert self.image.signature is not None
        assert self.signature is not None
        return self.image.signature.offset + self.signature.length

    @property
    def filename(self) -> str:
        return PurePosixPath(self.name).name

    def __str__(self) -> str:
        return self.name


def members(wheel: Path) -> Iterator[Published]:
    with zipfile.ZipFile(wheel) as archive:
        for info in archive.infolist():
            data = archive.read(info)
            if data[:4] == b"\xcf\xfa\xed\xfe":
                yield Published(info.filename, data)
            elif data[:4] == b"\xca\xfe\xba\xbe" and data[4:7] == b"\0\0\0":
                for number in range(data[7]):
                    at, size = struct.unpack_from(">2I", data, 16 + 20 * number)
                    yield Published(info.filename, data[at : at + size])


def download(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--python-version"]
    command += ["3.11", "--only-binary", ":all:", "--dest", str(folder)]
    for requirement, platform in WHEELS:
        call = [*command, "--platform", platform, requirement]
        if subprocess.run(call, check=False, capture_output=True).returncode:
            pytest.skip("needs pip and a package index with macOS wheels")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> list[Published]:
    given = os.environ.get("WHEELFIX_MACOS_WHEELS")
    folder = Path(given) if given else tmp_path_factory.mktemp("wheels")
    if not given:
        download(folder)
    return [member for wheel in sorted(folder.glob("*.whl")) for member in members(wheel)]


@pytest.fixture(scope="module")
def apples(published: list[Published]) -> list[Published]:
    """Give those that Apple's codesign signed ad hoc."""
    found = [p for p in published if p.signature and p.signature.kind == "adhoc"]
    assert len(found) > 20
    return found


def signed(data: bytes, filename: str) -> bytes:
    file = io.BytesIO(data)
    assert resign(file, 0, len(data), filename) == len(file.getvalue())
    return file.getvalue()


def other(data: bytes) -> Seen:
    (seen,) = examine(data)
    return seen


def test_both_verifiers_accept_every_one(published: list[Published]) -> None:
    for one in published:
        assert verify(Bytes(one.data)) == (), one
        assert other(one.data).problems == [], one
        assert other(one.data).signed == (one.signature is not None), one


def test_all_are_signed_anew(published: list[Published]) -> None:
    for one in published:
        result = signed(one.data, one.filename)
        assert verify(Bytes(result)) == (), one
        assert other(result).problems == [], one
        assert other(result).flags == 0x2, one


def test_signing_again_gives_apples_bytes(apples: list[Published]) -> None:
    for one in apples:
        result = signed(one.data, one.filename)
        assert result[: one.end] == one.data[: one.end], one
        assert len(result) == len(one.data), one
        assert not any(result[one.end :]), one


def test_identifiers_are_apples(apples: list[Published]) -> None:
    told = {one.name: one.signature.identifier for one in apples if one.signature}
    assert {one.name: recommended(one.filename, one.image.unique()) for one in apples} == told


def unsigned(one: Published) -> bytes:
    """Take the signature off, its load command included, which must be the last one."""
    image = one.image
    assert image.signature is not None
    assert image.signature_command == image.raw.end - 16
    header = image.raw.header
    data = bytearray(one.data[: image.signature.offset])
    data[image.raw.end - 16 : image.raw.end] = bytes(16)
    struct.pack_into("<2I", data, 16, header.ncmds - 1, header.sizeofcmds - 16)
    found = image.segment(b"__LINKEDIT")
    assert found is not None
    command, linkedit = found
    size = len(data) - linkedit.fileoff
    struct.pack_into("<Q", data, command + 32, -(-size // 4096) * 4096)
    struct.pack_into("<Q", data, command + 48, size)
    return bytes(data)


def test_signing_from_nothing_gives_apples_bytes(apples: list[Published]) -> None:
    compared = 0
    for one in apples:
        seen = other(one.data)
        # Without an old signature pages are 4 KiB; Apple's codesign takes 16 KiB in new versions.
        if seen.page_size == 4096 and one.image.signature_command == one.image.raw.end - 16:
            result = signed(unsigned(one), one.filename)
            assert result[: one.end] == one.data[: one.end], one
            compared += 1
    assert compared > 10


def renamed(one: Published) -> bytes:
    """Change one letter of the first library that it needs."""
    data = bytearray(one.data)
    command = next(one.image.raw.of(0xC))
    data[command.offset + 24] ^= 2
    return bytes(data)


def test_edited_ones_are_accepted_again(published: list[Published]) -> None:
    for one in published:
        edited = renamed(one)
        if one.signature is not None:
            assert "page 0 at 0x0" in verify(Bytes(edited))[0], one
            assert "page 0 is wrong" in other(edited).problems, one
        result = signed(edited, one.filename)
        assert verify(Bytes(result)) == (), one
        assert other(result).problems == [], one


def test_one_changed_byte_is_found_by_both(published: list[Published]) -> None:
    for one in published:
        if one.image.signature is None:
            continue
        data = bytearray(one.data)
        first = one.image.raw.end
        at = first + zlib.crc32(one.name.encode()) % (one.image.signature.offset - first)
        data[at] ^= 0x40
        page = at // (other(one.data).page_size or 1)
        assert verify(Bytes(bytes(data)))[0].startswith(f"page {page} at "), one
        assert f"page {page} is wrong" in other(bytes(data)).problems, one
