"""A wheel with one library of hundreds of megabytes, as those of machine learning have."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import published
from made import LINUX, made, wheel
from unrepair import Unrepaired

MEGABYTES = 400
PROVIDER = "libanswer.so.1"
SOURCE = """
extern const unsigned char data[];
int answer(void);
int big(int at) { return answer() + data[at]; }
__asm__(".section .rodata\\n.global data\\ndata:\\n.incbin \\"data.bin\\"\\n.previous");
"""
SHARERS, SHARE = 20, 5 << 20
"""How many extensions share a wheel, and bytes of each."""
LEAST = 1 << 20
"""Bytes from which on a binary of a published wheel is taken."""
MAGICS = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


def big_wheel(megabytes: int = MEGABYTES) -> Unrepaired:
    """Give the wheel and the folder of the library that it needs; made on first use by gcc.

    Its one large member holds the code and tables of published libraries, so that it is
    compressed as well as real ones are.
    """

    def make(folder: Path) -> None:
        (folder / "answer.c").write_text("int answer(void) { return 42; }\n")
        (folder / "big.c").write_text(SOURCE)
        _write_data(folder / "data.bin", megabytes << 20)
        LINUX.link(folder, f"ext/{PROVIDER}", f"-Wl,-soname,{PROVIDER}", "answer.c")
        LINUX.link(folder, "_big.so", "big.c", f"ext/{PROVIDER}")

        def fill(tree: Path) -> None:
            (folder / "_big.so").rename(tree / "big" / "_big.so")

        wheel(folder, "big", LINUX.tag, fill)
        (folder / "data.bin").unlink()

    return made(f"big-{megabytes}", make)


def _write_data(file: Path, size: int) -> None:
    with file.open("wb") as data:
        for piece in _code():
            data.write(piece[: size - data.tell()])
            if data.tell() == size:
                return
    raise ValueError(f"the published wheels have fewer than {size} bytes of code")


def _code() -> Iterator[bytes]:
    """Give the large binaries of the pinned published wheels, largest wheels first."""
    pins = [pin for system in published.timed_pins().values() for pin in system]
    wheels = sorted((published.download(pin) for pin in pins), key=lambda w: -w.stat().st_size)
    for path in wheels:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if member.file_size >= LEAST:
                    with archive.open(member) as opened:
                        content = opened.read()
                    if content.startswith(MAGICS):
                        yield content


def shared_wheel(percent: int) -> Unrepaired:
    """Give a wheel with 20 extensions of 5 MB, of which a share needs a library."""

    def make(folder: Path) -> None:
        (folder / "answer.c").write_text("int answer(void) { return 42; }\n")
        (folder / "touched.c").write_text(SOURCE)
        (folder / "carried.c").write_text(SOURCE.replace("int answer(void);", "#define answer() 1"))
        LINUX.link(folder, f"ext/{PROVIDER}", f"-Wl,-soname,{PROVIDER}", "answer.c")
        _write_data(folder / "all.bin", SHARERS * SHARE)

        def fill(tree: Path) -> None:
            with (folder / "all.bin").open("rb") as data:
                for number in range(SHARERS):
                    (folder / "data.bin").write_bytes(data.read(SHARE))
                    touched = number * 100 < percent * SHARERS
                    inputs = ("touched.c", f"ext/{PROVIDER}") if touched else ("carried.c",)
                    LINUX.link(folder, f"{tree}/share/_ext{number:02}.so", *inputs)

        wheel(folder, "share", LINUX.tag, fill)
        (folder / "all.bin").unlink()

    return made(f"share-{percent}", make)
