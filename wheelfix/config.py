"""Whatever the user said, wherever, to the same frozen Options."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
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
