"""A second verifier of code signatures, which shares no code with wheelfix's.

Written from xnu's osfmk/kern/cs_blobs.h and EXTERNAL_HEADERS/mach-o/loader.h alone. It holds the
whole file in memory, walks plain offsets and dictionaries, and wants more than a kernel would:
also that what an ad-hoc signature must not carry is not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

SPECIAL_BLOBS = {2: 0xFADE0C01, 5: 0xFADE7171, 7: 0xFADE7172}
DIGESTS = {1: ("sha1", 20), 2: ("sha256", 32), 3: ("sha256", 20), 4: ("sha384", 48)}


def big(data: bytes, at: int, width: int = 4) -> int:
    """Read a big-endian number."""
    if at < 0 or at + width > len(data):
        raise ValueError(f"nothing at {at:#x}")
    return int.from_bytes(data[at : at + width], "big")


@dataclass
class Seen:
    """One thin image and the complaints about its signature."""

    data: bytes
    problems: list[str] = field(default_factory=list)
    flags: int | None = None
    identifier: str | None = None
    page_size: int | None = None
    hashes: list[int] = field(default_factory=list)
    blobs: dict[int, bytes] = field(default_factory=dict)

    @property
    def signed(self) -> bool:
        """Whether there is a signature at all."""
        return self.flags is not None


def examine(file: bytes) -> list[Seen]:
    """Look at every slice of a file."""
    if file[:4] not in {b"\xca\xfe\xba\xbe", b"\xca\xfe\xba\xbf"}:
        return [_slice(file)]
    wide = file[3] == 0xBF
    found = []
    for number in range(big(file, 4)):
        at = 8 + number * (32 if wide else 20)
        offset, size = (
            (big(file, at + 8, 8), big(file, at + 16, 8))
            if wide
            else (big(file, at + 8), big(file, at + 12))
        )
        found.append(_slice(file[offset : offset + size]))
    return found


def _slice(data: bytes) -> Seen:
    seen = Seen(data)
    little = data[:4] in {b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"}
    wide = 0xCF in (data[0], data[3])

    def number(at: int, width: int = 4) -> int:
        return int.from_bytes(data[at : at + width], "little" if little else "big")

    commands, at = {}, 32 if wide else 28
    for _ in range(number(16)):
        kind, size = number(at), number(at + 4)
        commands[kind, data[at + 8 : at + 24].rstrip(b"\0")] = at
        at += size
    if at - (32 if wide else 28) != number(20):
        seen.problems.append("sizeofcmds is not the sum of the commands")
    signature = [at for (kind, _), at in commands.items() if kind == 0x1D]
    if not signature:
        return seen
    step, segment = (8, 0x19) if wide else (4, 0x1)
    linkedit, text = commands[segment, b"__LINKEDIT"], commands[segment, b"__TEXT"]
    memory, offset, size = (number(linkedit + 24 + step * n, step) for n in (1, 2, 3))
    start, room = number(signature[0] + 8), number(signature[0] + 12)
    if start % 16:
        seen.problems.append("signature not aligned")
    if not start + room == offset + size == len(data):
        seen.problems.append("signature, __LINKEDIT and image do not end together")
    if memory < size or memory % 4096:
        seen.problems.append("__LINKEDIT's memory is too small or odd")
    base, limit = (number(text + 24 + step * n, step) for n in (2, 3))
    execseg = (base, limit, int(number(12) == 2))
    _signature(seen, data[start : start + room], start, execseg)
    return seen


def _signature(seen: Seen, blob: bytes, limit: int, execseg: tuple[int, int, int]) -> None:
    if big(blob, 0) != 0xFADE0CC0 or big(blob, 4) > len(blob):
        seen.problems.append("no SuperBlob")
        return
    end = 12 + 8 * big(blob, 8)
    slots = [(big(blob, at), big(blob, at + 4)) for at in range(12, end, 8)]
    if [slot for slot, _ in slots] != sorted({slot for slot, _ in slots}):
        seen.problems.append("slots are repeated or out of order")
    for slot, offset in slots:
        content = blob[offset : offset + big(blob, offset + 4)]
        if offset < end or offset + len(content) > big(blob, 4):
            seen.problems.append(f"blob {slot:#x} lies outside")
        end = offset + len(content)
        seen.blobs[slot] = content
    for slot, magic in SPECIAL_BLOBS.items():
        if slot in seen.blobs and big(seen.blobs[slot], 0) != magic:
            seen.problems.append(f"blob {slot:#x} has the wrong magic")
    directories = {s: b for s, b in seen.blobs.items() if s == 0 or 0x1000 <= s < 0x1005}
    for slot in sorted(directories):
        _directory(seen, directories[slot], limit, execseg)


def _directory(seen: Seen, cd: bytes, limit: int, execseg: tuple[int, int, int]) -> None:
    version, flags, first, name, specials, pages, covered = (big(cd, 8 + 4 * n) for n in range(7))
    width, kind, _, shift = cd[36:40]
    algorithm, size = DIGESTS[kind]
    seen.hashes.append(kind)
    seen.flags = flags if seen.flags is None else seen.flags
    seen.page_size = 1 << shift
    seen.identifier = cd[name : cd.index(b"\0", name)].decode()
    if big(cd, 0) != 0xFADE0C02 or width != size or covered != limit:
        seen.problems.append("CodeDirectory with odd magic, hash size or code limit")
    if version >= 0x20400 and flags & 0x2 and not flags & 0x20000:
        segment = tuple(big(cd, at, 8) for at in (64, 72, 80))
        if (*segment[:2], segment[2] & 1) != execseg:
            seen.problems.append("execSeg is not __TEXT")
    if first + pages * size != len(cd):
        seen.problems.append("the hashes do not end the CodeDirectory")

    def digest(data: bytes) -> bytes:
        return hashlib.new(algorithm, data).digest()[:size]

    for slot in {1, *SPECIAL_BLOBS, *range(8, 12)} & (
        set(range(1, specials + 1)) | set(seen.blobs)
    ):
        told = cd[first - slot * size : first - (slot - 1) * size] if slot <= specials else b""
        if slot in seen.blobs and told != digest(seen.blobs[slot]):
            seen.problems.append(f"special slot {slot} is wrong")
        if slot not in seen.blobs and slot != 1 and any(told):
            seen.problems.append(f"special slot {slot} has no blob")
    told = cd[first : first + pages * size]
    seen.problems += _pages(seen.data[:limit], told, size, shift, digest)


def _pages(
    code: bytes, told: bytes, size: int, shift: int, digest: Callable[[bytes], bytes]
) -> list[str]:
    step = 1 << shift if shift else max(len(code), 1)
    starts = range(0, len(code), step)
    if len(told) != len(starts) * size:
        return ["wrong number of pages"]
    return [
        f"page {page} is wrong"
        for page, start in enumerate(starts)
        if told[page * size : (page + 1) * size] != digest(code[start : start + step])
    ]
