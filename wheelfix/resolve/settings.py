"""Where a loader looks by default, and what the user says about it."""

from __future__ import annotations

import os
from pathlib import Path

from wheelfix.formats.interface import Defaults, Format
from wheelfix.host import Host
from wheelfix.model import Image, Options
from wheelfix.value import replace


def defaults_for(found: Format, image: Image, host: Host, options: Options) -> Defaults:
    """Gather where the loader of `image` looks when no binary tells it."""
    known = replace(
        found.defaults(host, image), given=options.lib_paths, program=options.executable_path
    )
    if options.ld_paths is not None:
        return replace(
            known,
            environment=(),
            cached={},
            folders=options.ld_paths,
            folders_from="--ld-paths",
        )
    if options.host_libs:
        return known
    if known.root is None:
        return replace(known, environment=(), cached={}, folders=())
    return replace(known, environment=())


def may_look_at(file: Path, options: Options) -> bool:
    """Tell whether the user lets a library be taken from there, links not followed."""
    if options.host_libs:
        return True
    told = (options.sysroot, options.executable_path, *options.lib_paths, *(options.ld_paths or ()))
    path = Path(os.path.normpath(file))
    return any(path.is_relative_to(os.path.normpath(folder)) for folder in told if folder)
