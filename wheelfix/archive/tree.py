"""Unpacked wheels and single binaries: files on disk looked at as a wheel's members would be."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from wheelfix.archive.filename import FileName, filename_for, wheel_filename, wheel_info
from wheelfix.archive.metadata import WheelFile, read_wheel_file
from wheelfix.archive.oddities import Oddities, Oddity
from wheelfix.archive.record import Rows, read_record
from wheelfix.archive.recorded import check_rows, signatures
from wheelfix.archive.unpacked import Original, Unpacked, check_names, members_of, original
from wheelfix.errors import BadWheel, UsageError, unreadable
from wheelfix.model import Shape, WheelInfo, WheelPath
from wheelfix.value import replace

LARGEST_METADATA = 64 << 20
"""Most bytes that WHEEL or RECORD may have."""
SUFFIX = ".dist-info"

_AGAIN = "unpack the wheel again: `python -m wheel unpack WHEEL`"


def dist_infos(folder: Path) -> tuple[str, ...]:
    """Give the names of the folders in `folder` that describe a distribution, sorted."""
    return tuple(sorted(found.name for found in folder.glob(f"*{SUFFIX}/")))


def tree_filename(folder: Path) -> str:
    """Give the file name that an unpacked wheel would have; raises as `open_tree` does."""
    *_, filename = _named(folder)
    return wheel_filename(filename, filename.platforms)


def _named(folder: Path) -> tuple[str, WheelFile, FileName]:
    dist_info = _dist_info(folder)
    about = read_about(folder / dist_info)
    return dist_info, about, filename_for(dist_info.removesuffix(SUFFIX), about)


def open_tree(folder: Path) -> Unpacked:
    """Look at an unpacked wheel; raises UsageError for what is none, else `BadWheel`.

    What Python compiled since is left out unless RECORD lists it. RECORD's hashes are not
    checked: that would be to read every file.
    """
    dist_info, about, filename = _named(folder)
    found = dict(_walk(folder))
    record = WheelPath(f"{dist_info}/RECORD")
    oddities = Oddities()
    rows = Rows()
    if record in found:
        rows = read_record(small(found[record]), oddities)
    members = {
        path: _plain(original(path, file))
        for path, file in found.items()
        if path in rows or not _is_compiled(path)
    }
    check_names(members, filename)
    _check_record(rows, members, record, oddities)
    name = wheel_filename(filename, filename.platforms)
    info = wheel_info(name, filename, members, dist_info, about, Shape.TREE)
    return members_of(info, members.values(), oddities.notes())


def _plain(found: Original) -> Original:
    """Keep of a mode what tells programs: the rest is the umask's of who unpacked the wheel."""
    return replace(found, mode=stat.S_IFREG | (0o755 if found.mode & 0o111 else 0o644))


def _check_record(
    rows: Rows,
    members: Mapping[WheelPath, Original],
    record: WheelPath,
    oddities: Oddities,
) -> None:
    for signature in signatures(record) & members.keys():
        oddities.add(Oddity.SIGNATURE, signature)
    if record in members:
        sizes = {path: member.size for path, member in members.items()}
        check_rows(rows, sizes, record=record, oddities=oddities)
    else:
        oddities.add(Oddity.NO_RECORD)


def _dist_info(folder: Path) -> str:
    found = dist_infos(folder)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            subject=str(folder),
            problem=f"is a folder without a {SUFFIX} folder in it",
            hint="name a wheel, the folder that one was unpacked into, or binaries: `libs/*.so`",
        )
    raise UsageError(
        subject=str(folder),
        problem="holds several distributions",
        details=(*found[:20], *([f"and {len(found) - 20} more"] if len(found) > 20 else [])),
        hint=f"name those to look at: `wheelfix check --env {folder} --installed NAME`",
    )


def read_about(dist_info: Path) -> WheelFile:
    """Read the WHEEL file in a folder that describes a distribution; raises `BadWheel`."""
    try:
        content = small(dist_info / "WHEEL")
    except FileNotFoundError:
        raise BadWheel(problem=f"has no '{dist_info.name}/WHEEL'", hint=_AGAIN) from None
    return read_wheel_file(content)


def small(file: Path) -> bytes:
    """Read a file of metadata; raises FileNotFoundError, UsageError, `BadWheel`."""
    try:
        with file.open("rb") as stream:
            content = stream.read(LARGEST_METADATA + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(file, error) from error
    if len(content) > LARGEST_METADATA:
        raise BadWheel(problem=f"{file.name!r} is absurdly large", hint=_AGAIN)
    return content


def _walk(folder: Path) -> Iterator[tuple[WheelPath, Path]]:
    """Give every file below `folder` by its path from there. No link to a folder is followed."""
    for here, folders, files in os.walk(folder, onerror=_raise):
        for name in folders:
            _refuse_link(Path(here, name))
        for name in files:
            file = Path(here, name)
            yield WheelPath(file.relative_to(folder).as_posix()), file


def _raise(error: OSError) -> None:
    raise unreadable(Path(str(error.filename)), error) from error


def _refuse_link(folder: Path) -> None:
    if folder.is_symlink():
        raise UsageError(
            subject=str(folder),
            problem="is a link to a folder, which no wheel can hold",
            hint="copy the tree with what its links lead to: `cp -rL FROM TO`",
        )


def _is_compiled(path: str) -> bool:
    return path.endswith(".pyc") and "__pycache__" in path.split("/")[:-1]


def open_lone(file: Path) -> Unpacked:
    """Look at a single binary as if it were all that a wheel for any system holds."""
    path = WheelPath(file.name)
    told = re.search(r"\.(?:cp|cpython-)(3[0-9]+)-", path)
    python = f"cp{told[1]}" if told else "py3"
    info = WheelInfo(
        filename=path,
        name=path,
        version="",
        build="",
        pythons=(python,),
        abis=("none",),
        platforms=("any",),
        label="",
        dist_info="",
        tags=(f"{python}-none-any",),
        root_is_purelib=False,
        shape=Shape.BINARY,
    )
    return members_of(info, (original(path, file),))
