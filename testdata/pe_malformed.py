"""PE files with one defect each; the verdicts are those of `malformed`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pe_made import BOUND, DELAY, IMPORT, LOAD_CONFIG, Binary
from pes import PE

EXPORT = 0
LIBRARY, FORWARD = "lld-amd64-lib-outer.dll", "lld-amd64-lib-forward.dll"
DELAYED, CONFIGURED = "lld-x86-lib-delay.dll", "lld-arm64-lib-flags.dll"
SIGNED, BOUND_ONE = "made-amd64-lib-signed.dll", "made-amd64-lib-bound.dll"
FAR = 0x7FFFF000


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """How one file is spoilt."""

    says: str
    """The defect, for people."""
    spoil: Callable[[Binary], object]
    verdict: str = "refuse"
    base: str = LIBRARY


def _cut(size: int) -> Callable[[Binary], object]:
    return lambda image: image.data.__delitem__(slice(size, None))


def _head(at: int, form: str, value: int) -> Callable[[Binary], object]:
    """Overwrite a field, counted from the magic of PE."""
    return lambda image: image.put(form, image.head + at, value)


def _section(number: int, at: int, form: str, value: int) -> Callable[[Binary], object]:
    return lambda image: image.put(form, image.sections()[number] + at, value)


def _directory(number: int, *values: int) -> Callable[[Binary], object]:
    return lambda image: image.put("I" * len(values), image.directory(number), *values)


def _table(number: int, at: int, form: str, value: int) -> Callable[[Binary], object]:
    """Overwrite a field of what a data directory points to."""
    return lambda image: image.put(form, image.table(number) + at, value)


def _text(number: int, field: int, text: bytes) -> Callable[[Binary], object]:
    """Overwrite a text that a field of a table points to."""

    def spoil(image: Binary) -> None:
        at = image.offset(image.get("I", image.table(number) + field))
        image.data[at : at + len(text)] = text

    return spoil


def _at_the_end(image: Binary) -> None:
    """Let the import directory begin so late in its section that its end is not in the file."""
    at = image.sections()[1]
    start, size = image.get("I", at + 12), image.get("I", at + 16)
    end = image.get("I", at + 20) + size
    image.put("I", at + 8, size)
    image.put("I", image.directory(IMPORT), start + size - 20)
    image.data[end - 20 : end] = image.data[image.offset(start) :][:20]
    image.put("II", end - 8, start + 16, start + 16)


def _append(data: bytes) -> Callable[[Binary], object]:
    return lambda image: image.data.extend(data)


DEFECTS = {
    "short": Defect(says="ends in the DOS header", spoil=_cut(40)),
    "truncated-magic": Defect(says="ends before `PE`", spoil=_cut(100)),
    "truncated-header": Defect(says="ends in the file header", spoil=_cut(130)),
    "truncated-optional": Defect(says="ends in the optional header", spoil=_cut(200)),
    "truncated-sections": Defect(says="ends in the section headers", spoil=_cut(420)),
    "truncated-half": Defect(says="ends in a section", spoil=_cut(1500)),
    "magic-other": Defect(
        says="no `PE`: a program for DOS", spoil=_head(0, "I", 0x454E), verdict="any"
    ),
    "optional-magic": Defect(
        says="neither PE32 nor PE32+", spoil=_head(24, "H", 0x107), verdict="any"
    ),
    "optional-short": Defect(says="an optional header of 100 bytes", spoil=_head(20, "H", 100)),
    "directories-more": Defect(
        says="fewer data directories than it says", spoil=_head(20, "H", 0xC0)
    ),
    "sections-many": Defect(says="5,000 sections", spoil=_head(6, "H", 5000)),
    "section-outside": Defect(
        says="a section lies behind the end", spoil=_section(1, 20, "I", 1 << 30)
    ),
    "section-order": Defect(
        says="two sections overlap in memory",
        spoil=_section(2, 12, "I", 0x1000),
        verdict="any",
    ),
    "section-alignment": Defect(says="sections aligned to 0", spoil=_head(24 + 32, "I", 0)),
    "file-alignment": Defect(says="a file alignment of 513", spoil=_head(24 + 36, "I", 513)),
    "low-alignment": Defect(
        says="sections that do not begin on pages",
        spoil=_head(24 + 32, "I", 512),
        verdict="locked",
    ),
    "import-outside": Defect(says="no import directory there", spoil=_directory(IMPORT, FAR)),
    "import-ends-in-memory": Defect(
        says="the import directory ends in memory alone", spoil=_at_the_end, verdict="read"
    ),
    "import-name-outside": Defect(
        says="a DLL's name lies nowhere", spoil=_table(IMPORT, 12, "I", FAR)
    ),
    "import-name-empty": Defect(says="a DLL without a name", spoil=_text(IMPORT, 12, b"\0")),
    "import-name-not-utf8": Defect(
        says="a DLL's name is not UTF-8", spoil=_text(IMPORT, 12, b"\xff\xfe"), verdict="any"
    ),
    "delay-outside": Defect(
        says="no delay-load directory there", spoil=_directory(DELAY, FAR), base=DELAYED
    ),
    "delay-name-outside": Defect(
        says="a delayed DLL's name lies nowhere", spoil=_table(DELAY, 4, "I", FAR), base=DELAYED
    ),
    "export-outside": Defect(says="no export directory there", spoil=_directory(EXPORT, FAR)),
    "export-count": Defect(
        says="2 billion exports", spoil=_table(EXPORT, 20, "I", 1 << 31), base=FORWARD
    ),
    "export-name-outside": Defect(
        says="its own name lies nowhere", spoil=_table(EXPORT, 12, "I", FAR)
    ),
    "config-outside": Defect(
        says="no load configuration there", spoil=_directory(LOAD_CONFIG, FAR), base=CONFIGURED
    ),
    "force-integrity": Defect(
        says="must be signed", spoil=_head(24 + 70, "H", 0x80), verdict="locked", base=SIGNED
    ),
    "zip": Defect(
        says="a zip archive follows",
        spoil=_append(b"#!python\r\nPK\x05\x06" + bytes(18)),
        verdict="locked",
    ),
    "installer": Defect(
        says="an NSIS installer follows",
        spoil=_append(bytes(4) + b"\xef\xbe\xad\xdeNullsoftInst" + bytes(40)),
        verdict="locked",
    ),
    "bound-outside": Defect(
        says="notes on bound imports lie nowhere",
        spoil=_directory(BOUND, FAR, 1 << 20),
        verdict="any",
        base=BOUND_ONE,
    ),
}


def spoilt_pes(folder: Path) -> dict[str, dict[str, str]]:
    """Write them all into `folder`, and say what to make of each."""
    for name, defect in DEFECTS.items():
        good = (PE / defect.base).read_bytes()
        image = Binary(good)
        defect.spoil(image)
        if image.data == good:
            raise SystemExit(f"{name} is not spoilt")
        (folder / f"pe-{name}.dll").write_bytes(image.data)
    return {
        f"pe-{name}.dll": {"defect": d.says, "verdict": d.verdict, "base": f"pe/{d.base}"}
        for name, d in sorted(DEFECTS.items())
    }
