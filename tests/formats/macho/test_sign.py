"""Signing ad hoc: two verifiers accept the result, and nothing else of the file changes."""

from __future__ import annotations

import hashlib
import io
import plistlib
import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import lief
import pytest
from support.independent_verifier import examine
from support.macho_files import Bytes, compiled
from support.tiny_macho import (
    MACOS_10_9,
    MACOS_11,
    UUID,
    VISIONOS_1,
    WATCHOS_9,
    Tiny,
    blob,
    code_directory,
    superblob,
)

from wheelfix.errors import BadBinary, CannotEdit
from wheelfix.formats import macho
from wheelfix.formats.macho.sign import Losses, losses, resign
from wheelfix.formats.macho.signature import Signature, signature_of
from wheelfix.formats.macho.verify_signature import verify
from wheelfix.model import SetSearchPath

ENTITLEMENTS = 0xFADE7171
REQUIREMENTS = 0xFADE0C01
SHA1, SHA256 = 1, 2


def signed(data: bytes, filename: str = "libtiny.dylib") -> bytes:
    """Sign `data` as a whole file."""
    file = io.BytesIO(data)
    size = resign(file, 0, len(data), filename)
    assert size == len(file.getvalue())
    return file.getvalue()


def seen(data: bytes) -> Signature:
    """Read the signature of what two verifiers have accepted."""
    (other,) = examine(data)
    assert other.signed
    assert other.problems == []
    assert verify(Bytes(data)) == ()
    signature = signature_of(Bytes(data))
    assert signature is not None
    assert signature.identifier == other.identifier
    assert signature.first.flags == other.flags
    assert list(signature.hash_types) == other.hashes
    return signature


@pytest.mark.parametrize("file_type", [2, 6, 8], ids=["program", "library", "bundle"])
@pytest.mark.parametrize("wide", [True, False], ids=["64-bit", "32-bit"])
@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
def test_every_kind_of_unsigned_image_is_signed(order: str, file_type: int, *, wide: bool) -> None:
    tiny = Tiny(order=order, wide=wide, file_type=file_type)
    result = signed(tiny.build())
    signature = seen(result)
    assert signature.kind == "adhoc"
    assert signature.first.flags == 0x2
    assert signature.first.exec_flags == (file_type == 2)
    assert result.count(tiny.linkedit) == 1


PLATFORMS = {
    "macos 10.9": (MACOS_10_9, [SHA1, SHA256]),
    "macos 10.11.3": ((0x24, 0x000A0B03), [SHA1, SHA256]),
    "macos 10.11.4": ((0x24, 0x000A0B04), [SHA256]),
    "macos 11": (MACOS_11, [SHA256]),
    "ios 10.3": ((0x25, 0x000A0300), [SHA1, SHA256]),
    "ios 11": ((0x25, 0x000B0000), [SHA256]),
    "tvos 11": ((0x2F, 0x000B0000), [SHA256]),
    "ios simulator 10": ((0x32, 7, 0x000A0000), [SHA256]),
    "watchos 9": (WATCHOS_9, [SHA1, SHA256]),
    "visionos 1": (VISIONOS_1, [SHA256]),
    "none": ((), [SHA1, SHA256]),
}


@pytest.mark.parametrize(("platform", "hashes"), PLATFORMS.values(), ids=PLATFORMS)
def test_old_systems_get_sha1_as_well(platform: tuple[int, ...], hashes: list[int]) -> None:
    image = Tiny(platform=platform, cpu=0x0100000C).build()
    assert list(seen(signed(image)).hash_types) == hashes


def test_signing_twice_changes_nothing() -> None:
    once = signed(Tiny().build())
    assert signed(once, "another-name.dylib") == once


def test_the_name_comes_from_the_file_and_then_stays() -> None:
    result = signed(Tiny().build(), "libtiny.dylib")
    assert seen(result).identifier == f"libtiny-55554944{UUID.hex()}"
    assert seen(signed(result, "libother.2.dylib")).identifier == f"libtiny-55554944{UUID.hex()}"
    assert seen(signed(Tiny().build(), "libtiny.3.dylib")).identifier == "libtiny.3"


def test_without_a_uuid_the_header_makes_the_name_unique() -> None:
    image = Tiny(uuid=None).build()
    size = struct.unpack_from("<I", image, 20)[0]
    digest = hashlib.sha1(image[:28] + image[32 : 32 + size]).hexdigest()
    assert seen(signed(image, "tiny")).identifier == f"tiny-{digest}"


def test_sixteen_free_bytes_in_the_header_are_enough() -> None:
    seen(signed(Tiny(room=16).build()))


@pytest.mark.parametrize(
    ("tiny", "reason"),
    [
        (Tiny(room=15), "no room for longer load commands: 1 bytes"),
        (Tiny(behind=b"PK"), "data that no segment holds"),
        (Tiny(last=(b"__AFTER", 0x102000)), "a segment follows __LINKEDIT in memory"),
    ],
    ids=["no room", "payload", "segment behind"],
)
def test_what_cannot_be_signed_is_refused_untouched(tiny: Tiny, reason: str) -> None:
    data = tiny.build()
    file = io.BytesIO(data)
    with pytest.raises(CannotEdit, match=reason) as caught:
        resign(file, 0, len(data), "libtiny.dylib")
    assert caught.value.hint
    assert file.getvalue() == data


def test_header_room_that_something_uses_is_not_overwritten() -> None:
    tiny = Tiny()
    data = bytearray(tiny.build())
    end = 32 + struct.unpack_from("<I", data, 20)[0]
    data[end + 8] = 1
    with pytest.raises(CannotEdit, match="something unknown"):
        signed(bytes(data))


def test_memory_does_not_grow_with_the_image(tmp_path: Path) -> None:
    file = tmp_path / "libtiny.dylib"
    file.write_bytes(Tiny(platform=MACOS_11, linkedit=bytes(64 << 20)).build())
    with file.open("r+b", buffering=0) as handle:
        size = handle.seek(0, io.SEEK_END)
        tracemalloc.start()
        resign(handle, 0, size, file.name)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 << 20


def test_a_slice_in_the_middle_leaves_the_rest_of_the_file_alone() -> None:
    image = Tiny().build()
    alone = signed(image)
    file = io.BytesIO(b"F" * 4096 + image + bytes(len(alone) - len(image)) + b"next")
    assert resign(file, 4096, len(image), "libtiny.dylib") == len(alone)
    assert file.getvalue() == b"F" * 4096 + alone + b"next"


def test_a_slice_at_the_end_ends_the_file() -> None:
    image = Tiny(signature=superblob({0: code_directory(0x20002)}).ljust(60000, b"\0")).build()
    file = io.BytesIO(b"F" * 4096 + image)
    size = resign(file, 4096, len(image), "libtiny.dylib")
    assert size < len(image)
    assert len(file.getvalue()) == 4096 + size


def old(blobs: dict[int, bytes], **fields: Any) -> bytes:
    """Make an image that carries these blobs as its signature."""
    return replace(Tiny(signature=superblob(blobs)), **fields).build()


def test_what_would_refuse_adhoc_libraries_goes() -> None:
    requirements = blob(REQUIREMENTS, struct.pack(">I", 0) + bytes(40))
    directory = code_directory(0x10000 | 0x2000 | 0x100 | 0x200 | 0x800, team=b"TEAM123456")
    image = old({0: directory, 2: requirements, 8: blob(0xFADE8181, b"x"), 0x10000: blob(1, b"x")})
    assert losses(Bytes(image)) == Losses(
        identity=True,
        team="TEAM123456",
        flags=("hard", "kill", "library-validation", "runtime"),
        requirements=True,
        constraints=True,
    )
    assert losses(Bytes(image)).lines() == (
        "loses the certificate's signature of team TEAM123456",
        "loses the protections hard, kill, library-validation, runtime",
        "loses its own code requirements",
        "loses its launch constraints",
    )
    signature = seen(signed(image))
    assert signature.first.flags == 0x802
    assert signature.identifier == "org.example.old"
    assert signature.team is None
    assert losses(Bytes(signed(image))).lines() == ()


def test_linker_signatures_become_ordinary_ones() -> None:
    image = old({0: code_directory(0x20002)})
    before = signature_of(Bytes(image))
    assert before is not None
    assert before.kind == "linker"
    assert losses(Bytes(image)) == Losses()
    after = seen(signed(image, "libtiny.4.dylib"))
    assert (after.kind, after.identifier) == ("adhoc", "libtiny.4")


@pytest.mark.parametrize(("shift", "after"), [(12, 12), (14, 14), (0, 12), (16, 12)])
def test_the_page_size_stays_where_systems_know_it(shift: int, after: int) -> None:
    image = old({0: code_directory(0x2, page_shift=shift)}, linkedit=b"x" * 70000)
    assert seen(signed(image)).first.page_shift == after


def test_entitlements_stay_but_for_the_restricted() -> None:
    claims = {
        "com.apple.security.get-task-allow": True,
        "com.apple.security.cs.allow-jit": True,
        "keychain-access-groups": ["TEAM.x"],
    }
    entitlements = blob(ENTITLEMENTS, plistlib.dumps(claims))
    image = old({0: code_directory(0x10000, exec_flags=0x11), 5: entitlements}, file_type=2)
    lost = losses(Bytes(image))
    assert lost.entitlements == ("keychain-access-groups",)
    assert "loses the entitlements keychain-access-groups" in lost.lines()
    result = signed(image)
    signature = seen(result)
    assert signature.first.exec_flags == 0x11
    kept = signature.blob(5)
    assert kept is not None
    content = result[kept.extent.offset + 8 : kept.extent.end]
    assert plistlib.loads(content) == {name: True for name in claims if "apple" in name}
    assert signature.blob(7) is not None


def test_entitlements_that_nobody_can_read_forbid_edits_not_the_reading(tmp_path: Path) -> None:
    """Where nothing has to be edited they are nobody's business."""
    image = old({0: code_directory(0x2), 5: blob(ENTITLEMENTS, b"no property list")})
    (found,) = macho.read(Bytes(image), watch={})
    assert str(found.locked).startswith("it cannot be signed anew: its entitlements cannot be read")
    assert losses(Bytes(image)).entitlements == ()
    file = tmp_path / "copy"
    file.write_bytes(image)
    with pytest.raises(CannotEdit, match="it must not be edited: it cannot be signed anew"):
        macho.apply(file, (SetSearchPath(entries=("@loader_path",)),))
    assert file.read_bytes() == image


def test_entitlements_in_der_alone_go_and_that_is_said() -> None:
    image = old({0: code_directory(0x2), 7: blob(0xFADE7172, b"\x70\0")})
    assert losses(Bytes(image)).entitlements
    assert seen(signed(image)).blob(7) is None


def test_an_embedded_property_list_is_sealed() -> None:
    image = signed(Tiny(plist=b"<plist/>", platform=MACOS_11).build())
    assert hashlib.sha256(b"<plist/>").digest() in image
    assert seen(image)


def test_seals_of_a_bundles_files_stay() -> None:
    seals = {1: b"I" * 32, 3: b"R" * 32}
    image = old({0: code_directory(0x2, special=seals)}, plist=b"<plist/>", platform=MACOS_11)
    result = signed(image)
    assert result.count(b"I" * 32) == result.count(b"R" * 32) == 1
    assert hashlib.sha256(b"<plist/>").digest() not in result
    assert seen(result).first.special_slots == 3


def test_a_signature_that_is_none_is_replaced() -> None:
    image = Tiny(signature=b"\xfa\xde\x0c\xc0" + bytes(28)).build()
    with pytest.raises(BadBinary):
        verify(Bytes(image))
    seen(signed(image))


@pytest.mark.parametrize("signature", [b"", superblob({0: code_directory(0x2)}).ljust(160, b"\0")])
def test_zeros_at_the_end_of_an_image_go(signature: bytes) -> None:
    """As where a universal file counts the padding of a slice as part of it."""
    tiny = Tiny(signature=signature)
    padded = replace(tiny, behind=bytes(3000))
    assert signed(padded.build()) == signed(tiny.build())
    seen(signed(padded.build()))


def test_zeros_behind_a_signature_go_and_other_data_is_refused() -> None:
    blobs = superblob({0: code_directory(0x2)})
    padded = bytearray(Tiny(signature=blobs.ljust(160, b"\0") + bytes(16)).build())
    at = padded.index(struct.pack("<2I", 0x1D, 16)) + 12
    padded[at : at + 4] = struct.pack("<I", 160)
    seen(signed(bytes(padded)))
    padded[-1] = 1
    with pytest.raises(CannotEdit, match="data lies behind its code signature"):
        signed(bytes(padded))


@pytest.fixture(scope="module")
def linked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    targets = ("aarch64-macos", "x86_64-macos.10.13")
    folder = tmp_path_factory.mktemp("zig")
    return {target.partition("-")[0]: compiled(folder, target) for target in targets}


@pytest.mark.parametrize(("arch", "kind"), [("aarch64", "linker"), ("x86_64", None)])
def test_linked_libraries_are_signed_and_lief_reads_them(
    linked: dict[str, Path], arch: str, kind: str | None, tmp_path: Path
) -> None:
    data = linked[arch].read_bytes()
    before = signature_of(Bytes(data))
    assert (before and before.kind) == kind
    assert verify(Bytes(data)) == ()
    file = tmp_path / "lib.dylib"
    file.write_bytes(data)
    with file.open("r+b", buffering=0) as handle:
        size = resign(handle, 0, len(data), "lib.dylib")
    assert file.stat().st_size == size
    seen(file.read_bytes())
    fat = lief.MachO.parse(str(file))
    assert fat is not None
    binary = fat.at(0)
    assert binary is not None
    assert lief.MachO.check_layout(binary)[0]
    command, linkedit = binary.code_signature, binary.get_segment("__LINKEDIT")
    assert command is not None
    assert linkedit is not None
    assert command.data_offset + command.data_size == size
    assert linkedit.file_offset < command.data_offset
