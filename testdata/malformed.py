"""Files with one defect each, made from good ones, and what a reader must make of them.

Verdicts: `refuse`: reading raises an error that names the defect; `read`: harmless, reads as its
base does; `locked`: reads as its base does, but must never be edited; `any`: loaders differ, so a
reader may do any of the three, or pass the file over, soon, and raise nothing else.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from macho_malformed import spoilt_machos
from pe_malformed import spoilt_pes
from toolchain import ELF, HERE

MALFORMED = HERE / "malformed"
LIBRARY = "zig-x86_64-glibc-lib-outer.so"
PROGRAM = "zig-x86_64-glibc-pie-hello"
NOTES = "gcc-x86_64-glibc-lib-many-notes.so"
LIBRARY_32 = "zig-i686-glibc-lib-outer.so"

E_PHOFF, E_SHOFF, E_PHENTSIZE, E_PHNUM, E_SHENTSIZE = 32, 40, 54, 56, 58
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_TLS = 1, 2, 3, 4, 7
DT_NULL, DT_NEEDED, DT_STRTAB, DT_STRSZ, DT_SONAME = 0, 1, 5, 10, 14
DT_VERDEF, DT_VERDEFNUM = 0x6FFFFFFC, 0x6FFFFFFD
DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
FAR = 1 << 40


class Elf:
    """The bytes of a little-endian ELF64 file whose first segment has address = offset."""

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)

    def put(self, form: str, at: int, *values: int) -> None:
        """Overwrite what lies at `at`."""
        struct.pack_into("<" + form, self.data, at, *values)

    def get(self, form: str, at: int) -> int:
        """Read one number."""
        return int(struct.unpack_from("<" + form, self.data, at)[0])

    def segment(self, kind: int, index: int = 0) -> int:
        """Give the offset of the program header of that kind."""
        table, count = self.get("Q", E_PHOFF), self.get("H", E_PHNUM)
        entries = range(table, table + 56 * count, 56)
        return [at for at in entries if self.get("I", at) == kind][index]

    def entry(self, tag: int) -> int:
        """Give the offset of the dynamic entry of that tag; its value lies 8 bytes further."""
        at = self.get("Q", self.segment(PT_DYNAMIC) + 8)
        while self.get("Q", at) != tag:
            at += 16
        return at

    def value(self, tag: int) -> int:
        """Give the value of the dynamic entry of that tag."""
        return self.get("Q", self.entry(tag) + 8)

    def set_value(self, tag: int, value: int) -> None:
        """Overwrite the value of the dynamic entry of that tag."""
        self.put("Q", self.entry(tag) + 8, value)

    def cut(self, size: int) -> None:
        """Keep the first `size` bytes."""
        del self.data[size:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """How one file is spoilt."""

    says: str
    """The defect, for people."""
    spoil: Callable[[Elf], None]
    verdict: str = "refuse"
    base: str = LIBRARY


def _header(at: int, form: str, value: int) -> Callable[[Elf], None]:
    return lambda elf: elf.put(form, at, value)


def _cut(size: int) -> Callable[[Elf], None]:
    return lambda elf: elf.cut(size)


def _segment(kind: int, field: int, value: int, index: int = 0) -> Callable[[Elf], None]:
    """Overwrite an 8-byte field of a program header: 8 offset, 16 vaddr, 32 filesz, 48 align."""
    return lambda elf: elf.put("Q", elf.segment(kind, index) + field, value)


def _dynamic(tag: int, value: int) -> Callable[[Elf], None]:
    return lambda elf: elf.set_value(tag, value)


def _retag(old: int, new: int) -> Callable[[Elf], None]:
    return lambda elf: elf.put("Q", elf.entry(old), new)


def _at(tag: int, field: int, form: str, value: int) -> Callable[[Elf], None]:
    """Overwrite a field of what a dynamic entry points to."""
    return lambda elf: elf.put(form, elf.value(tag) + field, value)


def _needed_bytes(name: bytes) -> Callable[[Elf], None]:
    def spoil(elf: Elf) -> None:
        at = elf.value(DT_STRTAB) + elf.value(DT_NEEDED)
        elf.data[at : at + len(name)] = name

    return spoil


def _strings_in_zeros(elf: Elf) -> None:
    load = elf.segment(PT_LOAD, 2)
    elf.set_value(DT_STRTAB, elf.get("Q", load + 16) + elf.get("Q", load + 32))


def _unterminated(elf: Elf) -> None:
    start = elf.value(DT_STRTAB)
    soname = elf.value(DT_SONAME)
    end = elf.data.index(0, start + soname) - start
    elf.set_value(DT_STRSZ, end)
    elf.data[start + end] = ord("x")


def _no_null(elf: Elf) -> None:
    at = elf.segment(PT_DYNAMIC)
    elf.put("Q", at + 32, elf.get("Q", at + 32) - 16)
    elf.put("Q", at + 40, elf.get("Q", at + 40) - 16)
    elf.put("Q", elf.entry(DT_NULL), DT_NEEDED)


def _pn_xnum(elf: Elf) -> None:
    section = elf.get("Q", E_SHOFF)
    elf.put("I", section + 44, elf.get("H", E_PHNUM))  # sh_info of section 0 has the true count
    elf.put("H", E_PHNUM, 0xFFFF)


def _payload(elf: Elf) -> None:
    tail = io.BytesIO()
    with zipfile.ZipFile(tail, "w") as archive:
        archive.writestr(zipfile.ZipInfo("payload.txt"), "what the program reads from itself\n")
    elf.data += tail.getvalue()


def _overlap(elf: Elf) -> None:
    first, second = elf.segment(PT_LOAD), elf.segment(PT_LOAD, 1)
    elf.put("Q", second + 16, elf.get("Q", first + 16) + (elf.get("Q", second + 8) & 0xFFF))


def _swap(elf: Elf) -> None:
    first, second = elf.segment(PT_LOAD, 1), elf.segment(PT_LOAD, 2)
    one, two = elf.data[first : first + 56], elf.data[second : second + 56]
    elf.data[first : first + 56], elf.data[second : second + 56] = two, one


def _second_dynamic(elf: Elf) -> None:
    tls, dynamic = elf.segment(PT_TLS), elf.segment(PT_DYNAMIC)
    elf.data[tls : tls + 56] = elf.data[dynamic : dynamic + 56]


def _dynamic_outside(elf: Elf) -> None:
    elf.put("QQQ", elf.segment(PT_DYNAMIC) + 8, FAR, FAR, FAR)


def _interp_unterminated(elf: Elf) -> None:
    at = elf.segment(PT_INTERP)
    size = elf.get("Q", at + 32)
    elf.put("B", elf.get("Q", at + 8) + size - 1, ord("x"))


def _note(field: int, value: int) -> Callable[[Elf], None]:
    """Overwrite a 4-byte field of the first note: 0 name size, 4 text size, 20 property size."""
    return lambda elf: elf.put("I", elf.get("Q", elf.segment(PT_NOTE) + 8) + field, value)


def _verneed_wraps(elf: Elf) -> None:
    """Step back by 16 bytes, if 32-bit arithmetic wraps; the file is ELF32."""
    table = elf.get("I", 28)
    count = elf.get("H", 44)
    headers = [table + 32 * i for i in range(count)]
    dynamic = next(elf.get("I", at + 4) for at in headers if elf.get("I", at) == PT_DYNAMIC)
    while elf.get("I", dynamic) != DT_VERNEED:
        dynamic += 8
    elf.put("I", elf.get("I", dynamic + 4) + 12, 0xFFFFFFF0)


HEADER = {
    "magic-only": Defect(says="nothing behind the magic", spoil=_cut(4)),
    "truncated-ident": Defect(says="ends in e_ident", spoil=_cut(10)),
    "truncated-header": Defect(says="ends in the file header", spoil=_cut(40)),
    "truncated-phdrs": Defect(says="ends in the program headers", spoil=_cut(100)),
    "truncated-half": Defect(says="ends before .dynamic", spoil=_cut(1400)),
    "class-unknown": Defect(says="EI_CLASS is 7", spoil=_header(4, "B", 7)),
    "class-wrong": Defect(says="EI_CLASS says 32 bits, it is 64", spoil=_header(4, "B", 1)),
    "data-unknown": Defect(says="EI_DATA is 9", spoil=_header(5, "B", 9)),
    "data-wrong": Defect(
        says="EI_DATA is wrong, and so e_type", spoil=_header(5, "B", 2), verdict="any"
    ),
    "phoff-outside": Defect(says="e_phoff behind the end", spoil=_header(E_PHOFF, "Q", FAR)),
    "phoff-overflow": Defect(
        says="e_phoff + size overflows", spoil=_header(E_PHOFF, "Q", (1 << 64) - 8)
    ),
    "phentsize-wrong": Defect(says="e_phentsize is 32", spoil=_header(E_PHENTSIZE, "H", 32)),
    "phnum-zero": Defect(says="no program headers", spoil=_header(E_PHNUM, "H", 0)),
    "phnum-lie": Defect(
        says="more program headers than the file holds", spoil=_header(E_PHNUM, "H", 0xFFF0)
    ),
    "pn-xnum": Defect(
        says="e_phnum is PN_XNUM, the count is in section 0", spoil=_pn_xnum, verdict="locked"
    ),
    "shoff-outside": Defect(
        says="e_shoff behind the end; no loader looks, but an editor cannot keep it true",
        spoil=_header(E_SHOFF, "Q", FAR),
        verdict="any",
    ),
    "shentsize-wrong": Defect(
        says="e_shentsize is 7; unused", spoil=_header(E_SHENTSIZE, "H", 7), verdict="read"
    ),
    "payload": Defect(says="a zip archive behind the end", spoil=_payload, verdict="locked"),
}
SEGMENTS = {
    "dynamic-outside": Defect(says="PT_DYNAMIC in no segment", spoil=_dynamic_outside),
    "dynamic-offset": Defect(
        says="PT_DYNAMIC's offset behind the end; loaders go by its address",
        spoil=_segment(PT_DYNAMIC, 8, FAR),
        verdict="any",
    ),
    "dynamic-huge": Defect(
        says="PT_DYNAMIC longer than the file; loaders stop at DT_NULL",
        spoil=_segment(PT_DYNAMIC, 32, FAR),
        verdict="any",
    ),
    "dynamic-twice": Defect(says="two PT_DYNAMIC", spoil=_second_dynamic, verdict="any"),
    "load-overlap": Defect(says="two PT_LOAD share addresses", spoil=_overlap, verdict="any"),
    "load-order": Defect(says="PT_LOAD not ascending", spoil=_swap, verdict="any"),
    "load-outside": Defect(
        says="a PT_LOAD longer than the file", spoil=_segment(PT_LOAD, 32, FAR), verdict="any"
    ),
    "load-align": Defect(
        says="p_align is no power of two", spoil=_segment(PT_LOAD, 48, 3000), verdict="any"
    ),
    "interp-outside": Defect(
        says="PT_INTERP behind the end", spoil=_segment(PT_INTERP, 8, FAR), base=PROGRAM
    ),
    "interp-unterminated": Defect(
        says="PT_INTERP without its NUL", spoil=_interp_unterminated, base=PROGRAM, verdict="any"
    ),
    "note-name-huge": Defect(
        says="a note's namesz is 0xfffffff0", spoil=_note(0, 0xFFFFFFF0), base=NOTES, verdict="any"
    ),
    "note-text-huge": Defect(
        says="a note's descsz is 0xfffffff0", spoil=_note(4, 0xFFFFFFF0), base=NOTES, verdict="any"
    ),
    "note-property-huge": Defect(
        says="a property's size is 0xfffffff0",
        spoil=_note(20, 0xFFFFFFF0),
        base=NOTES,
        verdict="any",
    ),
}
DYNAMIC = {
    "strtab-outside": Defect(says="DT_STRTAB in no segment", spoil=_dynamic(DT_STRTAB, FAR)),
    "strtab-in-zeros": Defect(says="DT_STRTAB where no file bytes are", spoil=_strings_in_zeros),
    "strtab-missing": Defect(says="DT_NEEDED without DT_STRTAB", spoil=_retag(DT_STRTAB, 0x6FF0)),
    "strsz-huge": Defect(
        says="DT_STRSZ beyond the segment; loaders do not look",
        spoil=_dynamic(DT_STRSZ, FAR),
        verdict="any",
    ),
    "strsz-zero": Defect(says="DT_STRSZ is 0", spoil=_dynamic(DT_STRSZ, 0)),
    "needed-outside": Defect(
        says="a DT_NEEDED behind the string table", spoil=_dynamic(DT_NEEDED, 0xFFFF)
    ),
    "needed-empty": Defect(
        says="a DT_NEEDED with an empty name", spoil=_dynamic(DT_NEEDED, 0), verdict="any"
    ),
    "needed-not-utf8": Defect(
        says="a DT_NEEDED that is not UTF-8", spoil=_needed_bytes(b"lib\xff\xfe"), verdict="any"
    ),
    "needed-control": Defect(
        says="a DT_NEEDED with control characters", spoil=_needed_bytes(b"\x1b[31m"), verdict="any"
    ),
    "soname-outside": Defect(
        says="DT_SONAME behind the string table", spoil=_dynamic(DT_SONAME, 0xFFFF)
    ),
    "string-unterminated": Defect(
        says="the string table ends inside DT_SONAME's string", spoil=_unterminated
    ),
    "dynamic-no-null": Defect(says="no DT_NULL in PT_DYNAMIC", spoil=_no_null, verdict="any"),
    "verneed-outside": Defect(says="DT_VERNEED in no segment", spoil=_dynamic(DT_VERNEED, FAR)),
    "verneed-endless": Defect(
        says="DT_VERNEEDNUM is 2^32 - 1, the list ends after three",
        spoil=_dynamic(DT_VERNEEDNUM, 0xFFFFFFFF),
        verdict="any",
    ),
    "verneed-short": Defect(
        says="DT_VERNEEDNUM is 1, the list goes on", spoil=_dynamic(DT_VERNEEDNUM, 1), verdict="any"
    ),
    "verneed-next-far": Defect(
        says="vn_next leads out of the file", spoil=_at(DT_VERNEED, 12, "I", 0x7FFFFFF0)
    ),
    "verneed-aux-far": Defect(
        says="vn_aux leads out of the file", spoil=_at(DT_VERNEED, 8, "I", 0x7FFFFFF0)
    ),
    "verneed-file-outside": Defect(
        says="vn_file behind the string table", spoil=_at(DT_VERNEED, 4, "I", 0xFFFF)
    ),
    "verneed-aux-endless": Defect(
        says="vn_cnt is 65535, the list is shorter",
        spoil=_at(DT_VERNEED, 2, "H", 0xFFFF),
        verdict="any",
    ),
    "verneed-loop": Defect(
        says="vn_next leads back, if 32-bit sums wrap", spoil=_verneed_wraps, base=LIBRARY_32
    ),
    "verdef-outside": Defect(
        says="DT_VERDEF in no segment", spoil=_dynamic(DT_VERDEF, FAR), verdict="any"
    ),
    "verdef-endless": Defect(
        says="DT_VERDEFNUM is 2^32 - 1", spoil=_dynamic(DT_VERDEFNUM, 0xFFFFFFFF), verdict="any"
    ),
}
DEFECTS = {**HEADER, **SEGMENTS, **DYNAMIC}


def malformed() -> list[Path]:
    """Write every defective file, and `expected.json`, which says what to make of each."""
    MALFORMED.mkdir(exist_ok=True)
    for old in MALFORMED.iterdir():
        old.unlink()
    for name, defect in DEFECTS.items():
        good = (ELF / defect.base).read_bytes()
        elf = Elf(good)
        defect.spoil(elf)
        if elf.data == good:
            raise SystemExit(f"{name} is not spoilt")
        (MALFORMED / f"{name}.so").write_bytes(elf.data)
    expected = {
        f"{name}.so": {"defect": d.says, "verdict": d.verdict, "base": f"elf/{d.base}"}
        for name, d in sorted(DEFECTS.items())
    }
    expected |= spoilt_machos(MALFORMED) | spoilt_pes(MALFORMED)
    (MALFORMED / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    return sorted(MALFORMED.iterdir())
