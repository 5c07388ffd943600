"""Two verifiers, written apart, find the same damage."""

from __future__ import annotations

import io
import plistlib
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.independent_verifier import examine
from support.macho_files import Bytes
from support.tiny_macho import (
    MACOS_10_9,
    MACOS_11,
    Tiny,
    blob,
    code_directory,
    superblob,
    universal,
)

from wheelfix.errors import BadBinary, CannotEdit
from wheelfix.formats.macho.sign import lost, resign
from wheelfix.formats.macho.signature import signature_of
from wheelfix.formats.macho.verify_signature import problems, verify

CLAIMS = blob(0xFADE7171, plistlib.dumps({"com.apple.security.cs.allow-jit": True}))


def made(platform: tuple[int, ...] = MACOS_11, cpu: int = 0x01000007) -> bytes:
    tiny = Tiny(
        platform=platform,
        cpu=cpu,
        plist=b"<plist/>",
        linkedit=bytes(range(251)) * 120,
        signature=superblob({0: code_directory(0x2), 5: CLAIMS}),
    )
    file = io.BytesIO(tiny.build())
    resign(file, 0, len(file.getvalue()), "libtiny.dylib")
    return file.getvalue()


SIGNED = made()
AGILE = made(MACOS_10_9)
LIMIT = struct.unpack_from("<I", SIGNED, SIGNED.index(struct.pack("<2I", 0x1D, 16)) + 8)[0]
COMMANDS = 32 + struct.unpack_from("<I", SIGNED, 20)[0]


def changed(data: bytes, at: int, value: int | None = None) -> bytes:
    copy = bytearray(data)
    copy[at] = copy[at] ^ 1 if value is None else value
    return bytes(copy)


@given(at=st.integers(COMMANDS, LIMIT - 1), bit=st.integers(1, 255))
def test_a_changed_byte_anywhere_names_its_page(at: int, bit: int) -> None:
    data = changed(SIGNED, at, SIGNED[at] ^ bit)
    (other,) = examine(data)
    page = at // 4096
    mine = verify(Bytes(data))
    assert f"page {page} at 0x{page * 4096:x} does not match its SHA-256 hash" in mine
    assert f"page {page} is wrong" in other.problems


def test_a_changed_load_command_is_found() -> None:
    data = changed(SIGNED, SIGNED.index(b"__text") + 5)
    assert verify(Bytes(data)) == ("page 0 at 0x0 does not match its SHA-256 hash",)
    assert examine(data)[0].problems == ["page 0 is wrong"]


def test_both_hashes_of_a_page_are_checked() -> None:
    data = changed(AGILE, LIMIT - 1)
    assert [p.split()[-2] for p in verify(Bytes(data))] == ["SHA-1", "SHA-256"]


def test_many_bad_pages_are_counted() -> None:
    data = bytearray(SIGNED)
    for at in range(COMMANDS, LIMIT, 4096):
        data[at] ^= 1
    mine = verify(Bytes(bytes(data)))
    assert mine[-1] == f"{-(-LIMIT // 4096) - 5} further pages do not match their SHA-256 hashes"


@pytest.mark.parametrize("slot", [2, 5, 7])
def test_embedded_blobs_are_checked(slot: int) -> None:
    signature = signature_of(Bytes(SIGNED))
    assert signature is not None
    found = signature.blob(slot)
    assert found is not None
    data = changed(SIGNED, found.extent.end - 1)
    assert verify(Bytes(data)) == (f"the SHA-256 hash of special slot {slot} does not match",)
    assert examine(data)[0].problems == [f"special slot {slot} is wrong"]


def test_a_blob_that_is_gone_is_missed() -> None:
    signature = signature_of(Bytes(SIGNED))
    assert signature is not None
    start = signature.blobs[0].extent.offset - 12 - 8 * len(signature.blobs)
    data = bytearray(SIGNED)
    at = start + 12 + 8 * [b.slot for b in signature.blobs].index(7)
    data[at : at + 4] = struct.pack(">I", 0x10001)
    assert "the SHA-256 hash of special slot 7 does not match" in verify(Bytes(bytes(data)))


def test_the_embedded_property_list_is_checked() -> None:
    data = changed(SIGNED, SIGNED.index(b"<plist/>"))
    assert "the SHA-256 hash of __TEXT,__info_plist does not match" in verify(Bytes(data))


def test_more_code_than_the_signature_covers_is_found() -> None:
    directory = SIGNED.index(struct.pack(">I", 0xFADE0C02), LIMIT)
    data = bytearray(SIGNED)
    data[directory + 32 : directory + 36] = struct.pack(">I", LIMIT - 16)
    assert "CodeDirectory covers" in verify(Bytes(bytes(data)))[0]


def test_a_signature_that_does_not_end_the_image_is_found() -> None:
    problems = verify(Bytes(SIGNED + b"\0"))
    assert problems == ("__LINKEDIT does not end the image",)


def test_reading_who_signed_takes_headers_only() -> None:
    sizes: list[int] = []

    class Counted(Bytes):
        def read(self, offset: int, size: int) -> bytes:
            sizes.append(size)
            return super().read(offset, size)

    signature = signature_of(Counted(AGILE))
    assert signature is not None
    assert (signature.kind, signature.identifier) == ("adhoc", "org.example.old")
    assert (signature.first.page_size, signature.hash_types) == (4096, (1, 2))
    assert signature.blob(5) is not None
    assert not signature.has_requirements
    assert sum(sizes) < 8192


def test_every_slice_is_checked_and_named() -> None:
    arm = changed(made(cpu=0x0100000C), LIMIT - 1)
    page = (LIMIT - 1) // 4096
    data = universal(SIGNED, arm)
    assert problems(Bytes(data)) == (
        f"slice arm64: page {page} at 0x{page * 4096:x} does not match its SHA-256 hash",
    )
    assert [seen.problems for seen in examine(data)] == [[], [f"page {page} is wrong"]]
    assert problems(Bytes(arm)) == (problems(Bytes(data))[0].removeprefix("slice arm64: "),)


def test_what_signing_takes_away_is_said_slice_by_slice() -> None:
    hardened = Tiny(cpu=0x0100000C, signature=superblob({0: code_directory(0x10002)})).build()
    assert lost(Bytes(universal(SIGNED, hardened))) == (
        "slice arm64: loses the protections runtime",
    )
    assert lost(Bytes(hardened)) == ("loses the protections runtime",)


def test_unsigned_is_wrong_for_arm64_alone() -> None:
    assert verify(Bytes(Tiny().build())) == ()
    assert "arm64" in verify(Bytes(Tiny(cpu=0x0100000C).build()))[0]


@given(st.data())
def test_no_bytes_whatever_raise_what_is_not_expected(data: st.DataObject) -> None:
    copy = bytearray(AGILE)
    spans = [(0, COMMANDS), (LIMIT, LIMIT + 600)]
    for _ in range(data.draw(st.integers(1, 6))):
        first, last = data.draw(st.sampled_from(spans))
        copy[data.draw(st.integers(first, last))] = data.draw(st.integers(0, 255))
    end = data.draw(st.sampled_from([len(copy), LIMIT + 50, LIMIT, COMMANDS, 40, 3]))
    with suppress(BadBinary):
        verify(Bytes(bytes(copy[:end])))
    file = io.BytesIO(copy[:end])
    with suppress(BadBinary, CannotEdit):
        resign(file, 0, end, "libtiny.dylib")
        assert verify(Bytes(file.getvalue())) == ()
