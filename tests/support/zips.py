"""A zip writer that obeys, whatever it is told: wheels with any single thing wrong."""

from __future__ import annotations

import base64
import bz2
import hashlib
import lzma
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

FILENAME = "pkg-1.0-cp312-cp312-linux_x86_64.whl"
DIST_INFO = "pkg-1.0.dist-info"
WHEEL_TEXT = (
    b"Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: false\n"
    b"Tag: cp312-cp312-linux_x86_64\n"
)
FILES: Mapping[str, bytes] = {
    "pkg/__init__.py": b"from pkg import _core\n" * 9,
    "pkg/_core.so": b"\x7fELF" + bytes(range(256)) * 40,
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """A member; `local` and `central` override the fields of its two headers by name."""

    name: bytes
    data: bytes = b""
    method: int = 8
    flags: int = 0
    system: int = 3
    mode: int = 0o100644
    payload: bytes | None = None
    local: Mapping[str, int] = field(default_factory=dict)
    central: Mapping[str, int] = field(default_factory=dict)
    local_name: bytes | None = None
    local_extra: bytes = b""
    central_extra: bytes = b""
    comment: bytes = b""
    descriptor: bytes = b""
    before: bytes = b""
    """Bytes of no member, in front of the local header."""

    @property
    def compressed(self) -> bytes:
        return compress(self.data, self.method) if self.payload is None else self.payload


def deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


def compress(data: bytes, method: int) -> bytes:
    match method:
        case 8:
            return deflate(data)
        case 12:
            return bz2.compress(data)
        case 14:
            alone = lzma.compress(data, lzma.FORMAT_ALONE)  # with an end marker
            return b"\x09\x14\x05\x00" + alone[:5] + alone[13:]
        case _:
            return data


def parts(
    files: Mapping[str, bytes] = FILES,
    *,
    wheel: bytes | None = WHEEL_TEXT,
    record: bytes | None = b"",
    dist_info: str = DIST_INFO,
) -> list[Part]:
    """Make a wheel's members; `record` None is none, empty is a right one, else its bytes."""
    metadata = b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n"
    contents = {**files, f"{dist_info}/METADATA": metadata}
    if wheel is not None:
        contents[f"{dist_info}/WHEEL"] = wheel
    if record is not None:
        contents[f"{dist_info}/RECORD"] = record or record_of(contents, dist_info)
    return [Part(name=name.encode(), data=data) for name, data in contents.items()]


def record_of(contents: Mapping[str, bytes], dist_info: str = DIST_INFO) -> bytes:
    rows = [f"{name},{hash_of(data)},{len(data)}" for name, data in contents.items()]
    return "\n".join([*rows, f"{dist_info}/RECORD,,", ""]).encode()


def hash_of(data: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, data).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def changed(members: Sequence[Part], name: str, **changes: object) -> list[Part]:
    """Give `members` with the fields of one of them replaced."""
    assert any(part.name == name.encode() for part in members)
    return [
        replace(part, **changes) if part.name == name.encode() else part  # type: ignore[arg-type]
        for part in members
    ]


def build(
    members: Sequence[Part],
    *,
    prefix: bytes = b"",
    gap: bytes = b"",
    comment: bytes = b"",
    tail: bytes = b"",
    end: Mapping[str, int] | None = None,
) -> bytes:
    """Put a zip together; offsets count from the first byte behind `prefix`."""
    body, central = bytearray(), bytearray()
    for part in members:
        body += part.before
        offset = len(body)
        body += _local(part)
        central += _central(part, offset)
    body += gap
    fields = {
        "disk": 0,
        "start": 0,
        "here": len(members),
        "count": len(members),
        "size": len(central),
        "offset": len(body),
        **(end or {}),
    }
    last = struct.pack("<4s4H2LH", b"PK\5\6", *fields.values(), len(comment))
    return prefix + bytes(body + central) + last + comment + tail


def _numbers(part: Part) -> dict[str, int]:
    return {
        "needed": 20,
        "flags": part.flags,
        "method": part.method,
        "time": 0x6000,
        "date": 0x5921,
        "crc": zlib.crc32(part.data),
        "packed": len(part.compressed),
        "size": len(part.data),
    }


def _local(part: Part) -> bytes:
    fields = {**_numbers(part), **part.local}
    name = part.name if part.local_name is None else part.local_name
    head = struct.pack("<4s5H3L2H", b"PK\3\4", *fields.values(), len(name), len(part.local_extra))
    return head + name + part.local_extra + part.compressed + part.descriptor


def _central(part: Part, offset: int) -> bytes:
    fields = {**_numbers(part), "disk": 0, "offset": offset, **part.central}
    disk, offset = fields.pop("disk"), fields.pop("offset")
    sizes = (len(part.name), len(part.central_extra), len(part.comment), disk, 0)
    head = struct.pack(
        "<4s6H3L5H2L",
        b"PK\1\2",
        part.system << 8 | 20,
        *fields.values(),
        *sizes,
        part.mode << 16,
        offset,
    )
    return head + part.name + part.central_extra + part.comment


def save(folder: Path, content: bytes, filename: str = FILENAME) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / filename
    path.write_bytes(content)
    return path


def wheel(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    """Save a plain wheel with nothing wrong."""
    return save(folder, build(parts(files)))
