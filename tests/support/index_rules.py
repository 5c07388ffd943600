"""What a package index refuses in a wheel, checked byte by byte by a reader of its own.

The rules are those of PyPI's upload check: every byte of the archive belongs to a member, to the
directory or to its end; the local headers say what the directory says; RECORD says what is there.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

LOCAL, CENTRAL, END = "<4s5H3L2H", "<4s6H3L5H2L", "<4s4H2LH"


def breaches(wheel: Path) -> list[str]:
    """Name every rule that the file breaks; empty for a wheel that the index takes."""
    raw = wheel.read_bytes()
    end_size = struct.calcsize(END)
    end = struct.unpack(END, raw[-end_size:])
    if end[0] != b"PK\5\6":
        return ["bytes behind the end, or a comment"]
    _, disk, start, here, count, size, offset, comment = end
    found = []
    if (disk, start, comment) != (0, 0, 0) or here != count:
        found.append("end record")
    if offset + size + end_size != len(raw):
        found.append("gap before the end record")
    members: dict[str, bytes] = {}
    at, data_at = offset, 0
    for _ in range(count):
        name, content, at, data_at, wrong = _member(raw, at, data_at)
        found += [f"{name}: {each}" for each in wrong]
        if name in members:
            found.append(f"{name}: twice")
        members[name] = content
    if (at, data_at) != (offset + size, offset):
        found.append("gap between members and directory")
    return [*found, *_record(members), *_names(members), *_tags(wheel.name, members)]


def _member(raw: bytes, at: int, data_at: int) -> tuple[str, bytes, int, int, list[str]]:
    """Read one record of the directory and its member; say where both end."""
    width = struct.calcsize(CENTRAL)
    central = struct.unpack_from(CENTRAL, raw, at)
    _, _, _, flags, method, time, date, crc, packed, size, *rest = central
    name_size, extra, comment, disk, _, _, offset = rest
    name = raw[at + width : at + width + name_size]
    local = struct.unpack_from(LOCAL, raw, offset)
    local_name_at = offset + struct.calcsize(LOCAL)
    local_name = raw[local_name_at : local_name_at + local[9]]
    begin = local_name_at + local[9] + local[10]
    payload = raw[begin : begin + packed]
    content = zlib.decompress(payload, -15) if method == 8 else payload
    rules = {
        "signature": (central[0], local[0]) == (b"PK\1\2", b"PK\3\4"),
        "gap or overlap before it": offset == data_at,
        "a data descriptor": not flags & 0x8,
        "encrypted": not flags & 0x2041,
        "flags": flags in (0, 0x800) and (flags == 0) == name.isascii(),
        "method": method in (0, 8),
        "comment": comment == 0,
        "extra fields": (extra, local[10]) == (0, 0),
        "on another disk": disk == 0,
        "local header differs": local[2:9] == (flags, method, time, date, crc, packed, size),
        "names differ": local_name == name,
        "size": len(content) == size,
        "checksum": zlib.crc32(content) == crc,
        "a folder": not name.endswith(b"/"),
    }
    wrong = [rule for rule, holds in rules.items() if not holds]
    next_record = at + width + name_size + extra + comment
    return name.decode(), content, next_record, begin + packed, wrong


def _record(members: dict[str, bytes]) -> Iterator[str]:
    (path,) = (name for name in members if name.endswith(".dist-info/RECORD"))
    rows = list(csv.reader(io.StringIO(members[path].decode(), newline=""), strict=True))
    if [row[0] for row in rows] != list(members):
        yield "RECORD lists other members, or in another order"
    for name, digest, size in rows:
        if name == path:
            if (digest, size) != ("", ""):
                yield "RECORD's own row is not empty"
            continue
        content = members.get(name, b"")
        expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
        if (digest, size) != (f"sha256={expected.decode()}", str(len(content))):
            yield f"{name}: RECORD has another hash or size"


def _names(members: dict[str, bytes]) -> Iterator[str]:
    infos = {name.partition("/")[0] for name in members if ".dist-info/" in name}
    if len(infos) != 1:
        yield f"dist-info folders: {sorted(infos)}"
    if len({name.lower() for name in members}) != len(members):
        yield "names that differ only in case"
    for name in members:
        if name.startswith("/") or "\\" in name or not {"", ".", ".."}.isdisjoint(name.split("/")):
            yield f"{name}: leads elsewhere"


def _tags(filename: str, members: dict[str, bytes]) -> Iterator[str]:
    (text,) = (data for name, data in members.items() if name.endswith(".dist-info/WHEEL"))
    listed = [line[5:] for line in text.decode().splitlines() if line.startswith("Tag: ")]
    pythons, abis, platforms = filename.removesuffix(".whl").split("-")[-3:]
    expected = {
        f"{python}-{abi}-{platform}"
        for python in pythons.split(".")
        for abi in abis.split(".")
        for platform in platforms.split(".")
    }
    if set(listed) != expected or len(listed) != len(expected):
        yield f"WHEEL has the tags {listed}, the file name {sorted(expected)}"
