"""Mach-O files with one defect each; the verdicts are those of `malformed`."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from macho_made import LC_ID_DYLIB, LC_LOAD_DYLIB, Slice
from machos import MACHO

LIBRARY = "lld-x86_64-macos-lib-outer.dylib"
SIGNED = "lld-arm64-macos-lib-outer.dylib"
UNIVERSAL = "made-universal2-macos-lib-outer.dylib"
LC_SEGMENT_64, LC_RPATH, LC_CODE_SIGNATURE, LC_BUILD_VERSION = 0x19, 0x8000001C, 0x1D, 0x32
NCMDS, SIZEOFCMDS, FLAGS = 16, 20, 24
FAR = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """How one file is spoilt."""

    says: str
    """The defect, for people."""
    spoil: Callable[[Slice], object]
    verdict: str = "refuse"
    base: str = LIBRARY


def _cut(size: int) -> Callable[[Slice], object]:
    return lambda image: image.data.__delitem__(slice(size, None))


def _header(at: int, value: int) -> Callable[[Slice], object]:
    return lambda image: image.put("I", at, value)


def _field(
    cmd: int, field: int, form: str, value: int, index: int = 0
) -> Callable[[Slice], object]:
    """Overwrite a field of a load command."""
    return lambda image: image.put(form, image.command(cmd, index) + field, value)


def _fat(at: int, value: int) -> Callable[[Slice], object]:
    return lambda image: struct.pack_into(">I", image.data, at, value)


def _text(cmd: int, text: bytes) -> Callable[[Slice], object]:
    def spoil(image: Slice) -> None:
        at = image.command(cmd)
        start = at + image.get("I", at + 8)
        image.data[start : start + len(text)] = text

    return spoil


def _unterminated(image: Slice) -> None:
    at = image.command(LC_ID_DYLIB)
    start, end = at + image.get("I", at + 8), at + image.get("I", at + 4)
    image.data[start:end] = b"x" * (end - start)


def _signature(field: int, value: int) -> Callable[[Slice], object]:
    """Overwrite a big-endian number of the signature."""

    def spoil(image: Slice) -> None:
        at = image.get("I", image.command(LC_CODE_SIGNATURE) + 8)
        struct.pack_into(">I", image.data, at + field, value)

    return spoil


def _payload(image: Slice) -> None:
    image.data += b"what the program reads from itself\n"


DEFECTS = {
    "magic-only": Defect(says="nothing behind the magic", spoil=_cut(4)),
    "truncated-header": Defect(says="ends in the header", spoil=_cut(20)),
    "truncated-commands": Defect(says="ends in the load commands", spoil=_cut(600)),
    "truncated-half": Defect(says="ends in __TEXT", spoil=_cut(3000)),
    "truncated-linkedit": Defect(says="ends in __LINKEDIT", spoil=_cut(13000)),
    "ncmds-more": Defect(says="more load commands than fit", spoil=_header(NCMDS, 5000)),
    "ncmds-fewer": Defect(
        says="ncmds stops short; loaders stop too", spoil=_header(NCMDS, 12), verdict="any"
    ),
    "ncmds-zero": Defect(says="no load commands", spoil=_header(NCMDS, 0)),
    "sizeofcmds-huge": Defect(says="sizeofcmds beyond the end", spoil=_header(SIZEOFCMDS, 1 << 31)),
    "sizeofcmds-short": Defect(says="sizeofcmds ends in a command", spoil=_header(SIZEOFCMDS, 900)),
    "cmdsize-zero": Defect(says="cmdsize is 0", spoil=_field(LC_ID_DYLIB, 4, "I", 0)),
    "cmdsize-odd": Defect(says="cmdsize is 41", spoil=_field(LC_ID_DYLIB, 4, "I", 41)),
    "cmdsize-huge": Defect(
        says="cmdsize is 0xfffffff8", spoil=_field(LC_ID_DYLIB, 4, "I", 0xFFFFFFF8)
    ),
    "name-outside": Defect(
        says="the install name lies outside of its command", spoil=_field(LC_ID_DYLIB, 8, "I", 999)
    ),
    "name-in-head": Defect(
        says="the install name overlaps the command's numbers",
        spoil=_field(LC_ID_DYLIB, 8, "I", 8),
    ),
    "name-unterminated": Defect(says="the install name has no NUL", spoil=_unterminated),
    "name-empty": Defect(
        says="a needed name is empty", spoil=_text(LC_LOAD_DYLIB, b"\0"), verdict="any"
    ),
    "name-not-utf8": Defect(
        says="a needed name is not UTF-8", spoil=_text(LC_LOAD_DYLIB, b"\xff\xfe"), verdict="any"
    ),
    "name-control": Defect(
        says="a needed name with control characters",
        spoil=_text(LC_LOAD_DYLIB, b"\x1b[31m"),
        verdict="any",
    ),
    "rpath-outside": Defect(
        says="an rpath lies outside of its command", spoil=_field(LC_RPATH, 8, "I", 0xFFFFFFF0)
    ),
    "segment-outside": Defect(
        says="__DATA lies behind the end", spoil=_field(LC_SEGMENT_64, 40, "Q", FAR, 1)
    ),
    "segment-sections": Defect(
        says="__TEXT has more sections than room", spoil=_field(LC_SEGMENT_64, 64, "I", 5000)
    ),
    "section-outside": Defect(
        says="__text lies behind the end", spoil=_field(LC_SEGMENT_64, 72 + 48, "I", 1 << 30)
    ),
    "section-in-commands": Defect(
        says="__text begins inside the load commands",
        spoil=_field(LC_SEGMENT_64, 72 + 48, "I", 64),
        verdict="any",
    ),
    "version-short": Defect(
        says="LC_BUILD_VERSION as long as its head", spoil=_field(LC_BUILD_VERSION, 4, "I", 8)
    ),
    "in-shared-cache": Defect(
        says="MH_DYLIB_IN_CACHE: taken out of the system's cache",
        spoil=_header(FLAGS, 0x80000000),
        verdict="locked",
    ),
    "payload": Defect(says="bytes behind __LINKEDIT", spoil=_payload, verdict="locked"),
    "signature-outside": Defect(
        says="the signature lies behind the end",
        spoil=_field(LC_CODE_SIGNATURE, 8, "I", 1 << 30),
        base=SIGNED,
    ),
    "signature-magic": Defect(
        says="no signature where it should be", spoil=_signature(0, 0), base=SIGNED
    ),
    "signature-count": Defect(
        says="a signature of 2^31 parts", spoil=_signature(8, 1 << 31), base=SIGNED
    ),
    "fat-empty": Defect(says="a universal file of no slices", spoil=_fat(4, 0), base=UNIVERSAL),
    "fat-more": Defect(says="more slices than there are", spoil=_fat(4, 40), base=UNIVERSAL),
    "fat-outside": Defect(
        says="a slice behind the end", spoil=_fat(8 + 20 + 8, 1 << 30), base=UNIVERSAL
    ),
    "fat-overlap": Defect(says="two slices overlap", spoil=_fat(8 + 20 + 8, 8192), base=UNIVERSAL),
    "fat-align": Defect(says="a slice's alignment is 2^99", spoil=_fat(8 + 16, 99), base=UNIVERSAL),
    "fat-not-macho": Defect(
        says="a slice is no Mach-O", spoil=lambda image: image.put("I", 4096, 1), base=UNIVERSAL
    ),
}


def spoilt_machos(folder: Path) -> dict[str, dict[str, str]]:
    """Write them all into `folder`, and say what to make of each."""
    for name, defect in DEFECTS.items():
        good = (MACHO / defect.base).read_bytes()
        image = Slice(good)
        defect.spoil(image)
        if image.data == good:
            raise SystemExit(f"{name} is not spoilt")
        (folder / f"macho-{name}.dylib").write_bytes(image.data)
    return {
        f"macho-{name}.dylib": {"defect": d.says, "verdict": d.verdict, "base": f"macho/{d.base}"}
        for name, d in sorted(DEFECTS.items())
    }
