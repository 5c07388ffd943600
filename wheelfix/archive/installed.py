"""Installed distributions: found by name and read by RECORD. Nothing is imported or run.

Sources: PyPA's "Recording installed projects", "Direct URL", "Names and normalization".
"""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from wheelfix.archive.filename import filename_for, wheel_filename, wheel_info
from wheelfix.archive.oddities import Oddities
from wheelfix.archive.record import Row, Rows, read_record
from wheelfix.archive.tree import SUFFIX, read_about, small
from wheelfix.archive.unpacked import Original, Unpacked, check_names, members_of, original
from wheelfix.errors import BadRecord, NotSupported, UsageError
from wheelfix.model import Shape, WheelPath

_SITES = (
    "lib/python*/site-packages",
    "lib64/python*/site-packages",
    "lib/pypy*/site-packages",
    "Lib/site-packages",
    "lib/python*/dist-packages",
    "local/lib/python*/dist-packages",
)
"""Below an environment's folder: POSIX, Red Hat, PyPy, Windows, Debian."""


def find_installed(name: str, env: Path) -> Path:
    """Give the folder that describes the distribution `name` in an environment.

    `env` is the environment's folder, or one that distributions were installed into. Raises
    UsageError where there is none or more than one.
    """
    sites = _sites(env)
    key = _key(name)
    found = [each for site in sites for each in _described(site) if _key(_project(each)) == key]
    if len(found) == 1 and found[0].name.endswith(SUFFIX):
        return found[0]
    if not found:
        raise UsageError(
            subject=name,
            problem="no distribution of this name is installed",
            details=tuple(f"looked in {site}" for site in sites),
            hint="say which environment is meant: `--env .venv`, or the folder of its packages",
        )
    if len(found) == 1:
        raise UsageError(
            subject=name,
            problem="was installed without being built as a wheel, and has no list of its files",
            details=(f"found {found[0]}",),
            hint=f"install it again: `pip install --force-reinstall {name}`",
        )
    raise UsageError(
        subject=name,
        problem="is installed more than once",
        details=tuple(f"found {each}" for each in found),
        hint="say which one is meant: `--env DIR`, the folder of packages that it is in",
    )


def _sites(env: Path) -> tuple[Path, ...]:
    """Give the folders of packages of an environment; links to the same folder count once."""
    inner = (site for pattern in _SITES for site in sorted(env.glob(pattern)))
    real: dict[str, Path] = {}
    for site in (env, *inner):
        real.setdefault(os.path.realpath(site), site)
    return tuple(real.values())


def _described(site: Path) -> Iterator[Path]:
    for suffix in (SUFFIX, ".egg-info", ".egg-link"):
        yield from sorted(site.glob(f"*{suffix}"))


def _project(described: Path) -> str:
    """Give the project's name; a version begins with a digit, or with an epoch's."""
    return re.split(r"-(?=[0-9])", described.stem, maxsplit=1)[0]


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def open_installed(dist_info: Path) -> Unpacked:
    """Look at an installed distribution: what its RECORD lists, where it lies.

    What pip puts outside site-packages gets the path that it has in a wheel. Raises NotSupported
    where RECORD does not tell what is there, `BadRecord` where it tells what is not true.
    """
    dist_info = dist_info.absolute()
    _refuse_editable(dist_info)
    about = read_about(dist_info)
    stem = dist_info.name.removesuffix(SUFFIX)
    filename = filename_for(stem, about)
    rows = {_member(path, stem): row for path, row in _rows(dist_info).items()}
    check_names(rows, filename)
    members = _present(dist_info.parent, rows)
    _check_sizes(rows, members)
    name = wheel_filename(filename, filename.platforms)
    info = wheel_info(name, filename, members, dist_info.name, about, Shape.INSTALLED)
    return members_of(info, members.values())


def _refuse_editable(dist_info: Path) -> None:
    try:
        origin = json.loads(small(dist_info / "direct_url.json"))
    except (FileNotFoundError, ValueError, RecursionError):
        return
    about = origin.get("dir_info") if isinstance(origin, dict) else None
    if isinstance(about, dict) and about.get("editable") is True:
        raise NotSupported(
            problem="is installed in editable mode: its files lie in its project",
            details=(str(origin.get("url", "")),),
            hint="build a wheel of the project and check that, or install it without `-e`",
        )


def _rows(dist_info: Path) -> Mapping[WheelPath, Row]:
    try:
        rows = read_record(small(dist_info / "RECORD"), Oddities())
    except FileNotFoundError:
        rows = Rows()
    if rows:
        return rows
    raise NotSupported(
        problem="has no RECORD, so that nothing tells which files are its own",
        details=("Debian, conda and their kin keep such lists elsewhere",),
        hint="install its wheel with pip or uv, or check its binaries one by one: "
        f"`wheelfix check {dist_info.parent}/PACKAGE/*.so`",
    )


def _member(path: str, stem: str) -> WheelPath:
    """Give the path in a wheel of what RECORD lists relative to site-packages."""
    inside = posixpath.normpath(path)
    if not inside.startswith(("../", "/")):
        return WheelPath(inside)
    outside = re.sub(r"^(\.\./|/)+", "", inside)
    folder, _, name = outside.rpartition("/")
    if folder.lower() in ("bin", "scripts"):
        return WheelPath(f"{stem}.data/scripts/{name}")
    return WheelPath(f"{stem}.data/data/{outside}")


def _present(site: Path, rows: Mapping[WheelPath, Row]) -> dict[WheelPath, Original]:
    """Look at every file; raises `BadRecord` with those that are gone.

    Compiled Python may be gone: it is made anew when it is needed.
    """
    members: dict[WheelPath, Original] = {}
    gone = []
    for path, row in rows.items():
        file = Path(os.path.normpath(site / row.path))
        if os.path.lexists(file):
            members[path] = original(path, file)
        elif not path.endswith(".pyc"):
            gone.append(row.path)
    if gone:
        raise _contradicted("RECORD lists files that are not there", sorted(gone))
    return members


def _check_sizes(rows: Mapping[WheelPath, Row], members: Mapping[WheelPath, Original]) -> None:
    wrong = [
        f"{rows[path].path}: {rows[path].size} bytes; it has {member.size}"
        for path, member in members.items()
        if rows[path].size not in (None, member.size)
    ]
    if wrong:
        raise _contradicted("RECORD tells other sizes than the files have", sorted(wrong))


def _contradicted(problem: str, lines: Iterable[str]) -> BadRecord:
    shown = list(lines)
    more = [f"and {len(shown) - 20} more"] if len(shown) > 20 else []
    return BadRecord(
        problem=problem,
        details=(*shown[:20], *more),
        hint="install it again: `pip install --force-reinstall --no-deps NAME`",
    )
