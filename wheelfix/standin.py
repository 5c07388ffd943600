"""What stands for a wheel: the folder it was unpacked into, an installed one, a lone binary."""

from __future__ import annotations

import os
from pathlib import Path

from wheelfix.archive.tree import SUFFIX, open_lone, open_tree
from wheelfix.archive.unpacked import Unpacked
from wheelfix.errors import UsageError, unreadable
from wheelfix.formats import HEAD, identify
from wheelfix.hostfile import HostFile
from wheelfix.model import Shape


def on_disk(path: Path) -> Unpacked | None:
    """Look at what is no archive; None for what is one or ought to be."""
    if not os.path.isdir(path):  # noqa: PTH112 - Path's raises where we may not look
        return open_lone(path) if _is_binary(path) else None
    if not path.name.endswith(SUFFIX):
        return open_tree(path)
    from wheelfix.archive.installed import open_installed

    return open_installed(path)


def _is_binary(path: Path) -> bool:
    try:
        if not path.is_file():  # to open a pipe is to wait for its writer
            return False
        with HostFile(path) as file:
            return identify(file.read(0, HEAD)) is not None
    except OSError as error:
        raise unreadable(path, error) from error


def refuse_repair(path: Path, contents: Unpacked, written: tuple[Path, ...]) -> None:
    """Raise UsageError for what `check` takes and no wheel can be made of.

    An unpacked wheel must hold none of the folders that are `written` to.
    """
    shape = contents.info.shape
    if shape is not Shape.TREE:
        alone = shape is Shape.BINARY
        raise UsageError(
            problem="is a single binary" if alone else "is installed, and not a wheel any more",
            hint="put it into a wheel, and repair that"
            if alone
            else "repair the wheel that it came from, and install that again",
        )
    for folder in written:
        if Path(os.path.realpath(folder)).is_relative_to(os.path.realpath(path)):
            raise UsageError(
                subject=str(folder),
                problem="is in the unpacked wheel, of which it would become a part",
                hint="choose other folders with `-w DIR` and `--scratch DIR`",
            )
