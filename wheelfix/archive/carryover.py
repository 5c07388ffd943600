"""A wheel that needs no change, under the name that it is to have."""

from __future__ import annotations

import os
from pathlib import Path

from wheelfix.archive.output import cannot_write, replacing, same_bytes, taken
from wheelfix.archive.wheel import OpenWheel
from wheelfix.clone import clone


def copy_wheel(wheel: OpenWheel, output: Path, *, overwrite: bool = False) -> None:
    """Make `output` a copy of the wheel's bytes: a reflink where that can be.

    Does nothing when it is the wheel itself. Raises `CannotWrite` and `SourceChanged`.
    """
    wheel.check_unchanged()
    with cannot_write(output):
        if output.is_file() and (output.samefile(wheel.path) or same_bytes(wheel.path, output)):
            return
        if os.path.lexists(output) and not overwrite:
            raise taken(output)
    with replacing(output, overwrite=overwrite) as temporary, cannot_write(output):
        clone(wheel.path, temporary)
        wheel.check_unchanged()
