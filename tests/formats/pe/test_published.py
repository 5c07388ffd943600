"""Windows binaries of published wheels and of Debian: one longer name changes nothing else.

By default a bounded sample of each; WHEELFIX_FULL=1 takes all of their files.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import published
import pytest
from published import Pin
from support import debian
from support import pe_checks as checks
from support.full import FULL
from support.macho_files import Bytes

from wheelfix.errors import CannotEdit
from wheelfix.formats import pe as format_
from wheelfix.formats.pe.layout import aligned
from wheelfix.model import Edit, Image, NeededKind, ReplaceNeeded, after

pytestmark = [pytest.mark.network, pytest.mark.slow]

PINS = (
    Pin(project="numpy", version="2.4.6", platforms=("win_amd64",)),
    Pin(project="numpy", version="2.4.6", platforms=("win32",)),
    Pin(project="numpy", version="2.4.6", platforms=("win_arm64",)),
    Pin(project="scipy", version="1.17.1", platforms=("win_amd64",)),
    Pin(project="pillow", version="13.0.0", platforms=("win_amd64",)),
    Pin(project="pillow", version="13.0.0", platforms=("win_arm64",)),
    Pin(project="h5py", version="3.16.0", platforms=("win_amd64",)),
    Pin(project="shapely", version="2.2.0", platforms=("win_amd64",)),
    Pin(project="psycopg2-binary", version="2.9.13", platforms=("win_amd64",)),
    Pin(project="pyarrow", version="26.0.1", platforms=("win_amd64",)),
)
PACKAGES = (
    "libwine",
    "libwine:i386",
    "mingw-w64-x86-64-dev",
    "mingw-w64-i686-dev",
    "gcc-mingw-w64-x86-64-win32-runtime",
    "gcc-mingw-w64-i686-win32-runtime",
    "libz-mingw-w64",
)
"""Debian packages with Windows binaries."""
SAMPLE = 6
LONGER = "-0123456789abcdef"
READERS = (checks.by_pefile, checks.by_lief, checks.by_readobj)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """One file of a wheel or package."""

    name: str
    data: bytes


def pin_name(pin: Pin) -> str:
    return f"{pin.project}-{pin.platforms[0]}"


def in_wheel(wheel: Path) -> list[Binary]:
    with zipfile.ZipFile(wheel) as archive:
        found = ((name, archive.read(name)) for name in archive.namelist())
        return [Binary(name=name, data=data) for name, data in found if is_image(data)]


def in_folder(folder: Path) -> list[Binary]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    found = ((str(path.relative_to(folder)), path) for path in files)
    return [Binary(name=n, data=p.read_bytes()) for n, p in found if is_image(head(p), whole=p)]


def head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def is_image(data: bytes, *, whole: Path | None = None) -> bool:
    if not format_.matches(data[:16]):
        return False
    return bool(format_.read(Bytes(data if whole is None else whole.read_bytes()), watch={}))


def some(found: list[Binary]) -> list[Binary]:
    return found if FULL else found[:: max(1, len(found) // SAMPLE)]


def edits_for(image: Image) -> tuple[Edit, ...]:
    """Rename one of each kind."""
    found = {need.kind: need.name for need in image.needed}
    return tuple(ReplaceNeeded(old=old, new=longer(old)) for old in dict.fromkeys(found.values()))


def longer(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}{LONGER}{dot}{suffix}" if dot else name + LONGER


def differences(binary: Binary, folder: Path) -> Iterator[str]:
    """Edit it, and tell what others read otherwise than they should."""
    old, new = folder / "old.dll", folder / "new.dll"
    for path in (old, new):
        path.write_bytes(binary.data)
    before = checks.image(old)
    edits = edits_for(before)
    if before.locked is not None or not edits:
        yield from refusal(new, edits)
        return
    format_.apply(new, edits)
    if checks.image(new) != after(before, edits):
        yield f"we read {checks.image(new)}"
    names = {edit.old: edit.new for edit in edits if isinstance(edit, ReplaceNeeded)}
    for reader in READERS:
        if reader(new) != reader(old).renamed(names):
            yield f"{reader.__name__} reads something else"
    yield from sorted(set(checks.faults(new)) - set(checks.faults(old)))
    regular = checks.names_by_us(checks.image(new), NeededKind.NORMAL)
    if before.arch != "arm64" and checks.dll_names_by_objdump(new) != regular:
        yield "objdump reads something else"
    size = new.stat().st_size
    again = tuple(
        ReplaceNeeded(old=name, new=f"{name[:-4]}x{name[-4:]}") for name in names.values()
    )
    format_.apply(new, again)
    room = aligned(len(again) + len(checks.by_pefile(old).forwards), checks.file_alignment(old))
    if new.stat().st_size > size + room:
        yield f"a second edit makes {new.stat().st_size} bytes of {size}"


def refusal(path: Path, edits: tuple[Edit, ...]) -> Iterator[str]:
    content = path.read_bytes()
    try:
        format_.apply(path, edits)
    except CannotEdit:
        edits = ()
    if edits or path.read_bytes() != content:
        yield "was edited, although it is locked"


def check(found: list[Binary], folder: Path, note: Callable[[str, object], None]) -> None:
    taken = some(found)
    faults = [f"{each.name}: {what}" for each in taken for what in differences(each, folder)]
    note("files", f"{len(taken)} of {len(found)}")
    assert taken
    assert not faults, "\n".join(faults)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("pin", PINS, ids=pin_name)
def test_one_longer_name_changes_nothing_else(
    pin: Pin, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    check(in_wheel(published.download(pin)), tmp_path, record_property)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.skipif(not debian.READY, reason="needs Debian's apt-get and dpkg-deb")
@pytest.mark.parametrize("package", PACKAGES)
def test_debians_windows_binaries(
    package: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    found = in_folder(debian.unpacked(package))
    if not found:
        pytest.skip(f"`apt-get download {package}` gives nothing here")
    check(found, tmp_path, record_property)
