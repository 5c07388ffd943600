"""Whatever the user said, wherever, to the same frozen Options."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wheelfix.errors import UsageError
from wheelfix.model import Options, Verify
from wheelfix.policy import policy


def make_options(values: Mapping[str, Any]) -> Options:
    """Make options of named values, as the command line spells them; raises UsageError.

    Values that are absent keep their defaults. Folders to search must exist, the tag be one.
    """
    given = dict(values)
    folders = [*given.get("lib_path", ()), *_split(given.get("ldpaths", ""))]
    plat = given.get("plat", "auto")
    if plat != "auto":
        policy(plat)
    elif given.get("only_plat"):
        raise UsageError(problem="--only-plat needs a tag", hint="say which one with `--plat TAG`")
    lib_sdir = given.get("lib_sdir", ".libs")
    _check_lib_sdir(lib_sdir)
    return Options(
        plat=plat,
        only_plat=given.get("only_plat", False),
        lib_paths=tuple(_folder(text) for text in folders),
        exclude=tuple(given.get("exclude", ())),
        lib_sdir=lib_sdir,
        no_mangle=tuple(given.get("no_mangle", ())),
        level=given.get("compression_level", 6),
        jobs=given.get("jobs", 0),
        verify=Verify(given.get("verify", Verify.HEADER)),
        overwrite=given.get("overwrite", False),
        scratch=given.get("scratch"),
    )


def _split(paths: str) -> list[str]:
    return [path for path in paths.split(os.pathsep) if path]


def _folder(text: str) -> Path:
    folder = Path(os.path.expanduser(text)).absolute()  # noqa: PTH111 - Path's raises for `~nobody`
    if not os.path.isdir(folder):  # noqa: PTH112 - Path's raises where we may not look
        raise UsageError(
            subject=text,
            problem="no such folder to search for libraries",
            hint="check the spelling of `--lib-path`",
        )
    return folder


def _check_lib_sdir(text: str) -> None:
    if not re.fullmatch(r"[\w.+-]*[\w+-]", text, re.ASCII):  # elsewhere a last dot is dropped
        raise UsageError(
            subject=text or "''",
            problem="not the end of a folder's name",
            hint="`--lib-sdir .libs` puts libraries into `{name}.libs`",
        )


def expand(paths: Sequence[str]) -> tuple[Path, ...]:
    """Turn arguments into wheels: files as they are, folders and globs into the wheels in them.

    Windows shells do not expand globs, so that we do; a path that exists is never taken as one.
    Raises UsageError for an argument that gives no wheel, and for different wheels of one name:
    both would become one output, and which one must not depend on their order.
    """
    found: dict[str, Path] = {}
    for path in (wheel for text in paths for wheel in _expand_one(text)):
        other = found.setdefault(path.name, path)
        if path != other and not (path.exists() and other.exists() and path.samefile(other)):
            raise UsageError(
                subject=str(path),
                problem=f"has the same name as {other}",
                hint="repair them one after the other, each into a folder of its own (`-w DIR`)",
            )
    return tuple(found.values())


def _expand_one(text: str) -> tuple[Path, ...]:
    path = Path(text)
    if os.path.isdir(path):  # noqa: PTH112 - Path's raises where we may not look: that comes later
        wheels = tuple(sorted(path.glob("*.whl")))
        if not wheels:
            raise UsageError(
                subject=text,
                problem="no wheel in this folder",
                hint="name the wheel, or the folder that the build writes wheels to",
            )
        return wheels
    if not any(mark in text for mark in "*?[") or os.path.exists(path):  # noqa: PTH110
        return (path,)
    wheels = tuple(Path(match) for match in sorted(glob.glob(text)))  # noqa: PTH207 - any anchor
    if not wheels:
        raise UsageError(
            subject=text,
            problem="no file matches",
            hint="check the folder; wheels end in .whl",
        )
    return wheels
