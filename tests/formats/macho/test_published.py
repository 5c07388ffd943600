"""Binaries of published macOS wheels: longer names and one more rpath change nothing else.

By default a bounded sample of each wheel; WHEELFIX_FULL=1 takes all of their files. Where the
linker left too little room the edit must be refused, and the file stay as it was.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import published
import pytest
from macholib.mach_o import LC_ID_DYLIB, LC_RPATH
from macholib.MachO import MachO
from published import Pin
from support import macho_checks
from support.elf_checks import OpenFile
from support.full import FULL
from support.macho_files import Bytes

from wheelfix.errors import CannotEdit
from wheelfix.formats import macho as format_
from wheelfix.formats.macho.raw import slices
from wheelfix.formats.macho.verify_signature import verify
from wheelfix.formats.macho.window import Window
from wheelfix.model import Edit, Image, ReplaceNeeded, SetOwnName, SetSearchPath, after

pytestmark = [pytest.mark.network, pytest.mark.slow]

PINS = (
    Pin(project="numpy", version="2.4.6", platforms=("macosx_11_0_arm64",)),
    Pin(project="scipy", version="1.17.1", platforms=("macosx_14_0_arm64",)),
    Pin(project="pillow", version="13.0.0", platforms=("macosx_10_10_x86_64",)),
    Pin(project="h5py", version="3.16.0", platforms=("macosx_11_0_arm64",)),
    Pin(project="h5py", version="3.16.0", platforms=("macosx_10_9_x86_64",)),
    Pin(project="shapely", version="2.2.0", platforms=("macosx_10_9_x86_64",)),
    Pin(project="psycopg2-binary", version="2.9.13", platforms=("macosx_11_0_arm64",)),
    Pin(project="charset-normalizer", version="3.5.2", platforms=("macosx_10_9_universal2",)),
    Pin(project="pyobjc-core", version="13.0", platforms=("macosx_10_9_universal2",)),
)
SAMPLE = 5
LONGER = "@loader_path/../some-other-folder/"
RPATH = "@loader_path/../some-other-folder"
RENAMED = frozenset({"LC_RPATH", "LC_LOAD_DYLIB", "LC_LOAD_WEAK_DYLIB", "LC_REEXPORT_DYLIB"})
EDITED = RENAMED | {"LC_ID_DYLIB", "LC_CODE_SIGNATURE"}
GIVEN_UP = frozenset({"LC_BUILD_VERSION", "LC_SOURCE_VERSION", "LC_DATA_IN_CODE"})
"""What no loader reads, or not that part of it, and room was made of; tables are the same still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A binary before and after."""

    old: Path
    new: Path


def pin_name(pin: Pin) -> str:
    return f"{pin.project}-{pin.platforms[0]}"


def images(path: Path) -> tuple[Image, ...]:
    return format_.read(OpenFile(path), watch={})


def edits_for(image: Image) -> tuple[Edit, ...]:
    """Make everything longer but the last part of a name, by which tables call a library."""
    found: list[Edit] = [SetSearchPath(entries=(*image.search.entries, RPATH))]
    if image.own_name is not None:
        found.append(SetOwnName(name=LONGER + image.own_name.rpartition("/")[2]))
    found += [
        ReplaceNeeded(old=need.name, new=LONGER + need.name.rpartition("/")[2])
        for need in image.needed
        if not need.name.startswith(("/usr/lib/", "/System/"))
    ]
    return tuple(found)


def unpacked(pin: Pin, folder: Path) -> list[Edited]:
    """Write every binary of the wheel twice: one to keep, one to edit."""
    found = []
    with zipfile.ZipFile(published.download(pin)) as archive:
        members = [name for name in archive.namelist() if _is_image(archive.read(name))]
        if not FULL:
            members = members[:: max(1, len(members) // SAMPLE)]
        for number, member in enumerate(members):
            pair = Edited(old=folder / f"old-{number}", new=folder / f"new-{number}")
            for path in (pair.old, pair.new):
                path.write_bytes(archive.read(member))
            found.append(pair)
    return found


def _is_image(content: bytes) -> bool:
    return format_.matches(content[:16]) and bool(format_.read(Bytes(content), watch={}))


def edited(pair: Edited) -> bool:
    """Edit the new one; False when there was no room for it."""
    before = images(pair.old)
    edits = edits_for(before[0])
    try:
        format_.apply(pair.new, edits, filename="same")
    except CannotEdit as error:
        problem = error.problem
    else:
        assert images(pair.new) == tuple(after(image, edits) for image in before)
        return True
    assert problem.startswith("no room for longer load commands")
    assert pair.new.read_bytes() == pair.old.read_bytes()
    return False


def names(path: Path) -> list[tuple[int, str]]:
    """Give what macholib reads of own name, dependencies and rpaths."""
    headers = MachO(str(path)).headers
    needed = [(0, text) for header in headers for _, _, text in header.walkRelocatables()]
    others = [
        (command.cmd, data.rstrip(b"\0").decode())
        for header in headers
        for command, _, data in header.commands
        if command.cmd in (LC_ID_DYLIB, LC_RPATH)
    ]
    return needed + others


def check(pair: Edited) -> None:
    assert macho_checks.tables(pair.new) == macho_checks.tables(pair.old)
    assert macho_checks.code(pair.new) == macho_checks.code(pair.old)
    assert macho_checks.layout_faults(pair.new) == ""
    found = []
    for image in images(pair.new):
        found += [(0, need.name) for need in image.needed]
        found += [] if image.own_name is None else [(LC_ID_DYLIB, image.own_name)]
        found += [(LC_RPATH, entry) for entry in image.search.entries]
    assert sorted(names(pair.new)) == sorted(found)
    source = OpenFile(pair.new)
    for _, raw in slices(Window(source)):
        assert verify(source, raw.window.start, raw.window.size) == ()
    before, behind = (macho_checks.commands(path) for path in (pair.old, pair.new))
    changed = {command.split("cmd ")[1].split()[0] for command in set(before) ^ set(behind)}
    assert changed <= EDITED | GIVEN_UP | {"LC_SEGMENT_64"}
    segments = [c for c in set(before) ^ set(behind) if "cmd LC_SEGMENT_64" in c]
    assert all("segname __LINKEDIT" in command for command in segments)
    assert all(RPATH in image.search.entries for image in images(pair.new))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("pin", PINS, ids=pin_name)
def test_longer_names_change_nothing_else(
    pin: Pin, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    pairs = unpacked(pin, tmp_path)
    done = [pair for pair in pairs if edited(pair)]
    record_property("room", f"{len(done)} of {len(pairs)}")
    for pair in done:
        check(pair)
