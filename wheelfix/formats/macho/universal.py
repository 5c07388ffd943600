"""Universal files: slices are changed apart and put back where they were, or as near as can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from wheelfix.errors import CannotEdit
from wheelfix.formats.files import Held, Opened, OpenFile, blank, copy, put
from wheelfix.formats.macho import fat
from wheelfix.formats.macho.fat import Fat
from wheelfix.formats.macho.layout import FatArch
from wheelfix.formats.macho.machine import page_shift
from wheelfix.formats.macho.window import Window
from wheelfix.value import Value, replace

_SLACK = 65536
"""Bytes at the end that may be padding: more than the largest page."""


class Apart(Value):
    """A slice in a file of its own, to replace the one at `entry`."""

    entry: FatArch
    file: OpenFile
    size: int


@contextmanager
def taken_out(handle: OpenFile, entry: FatArch, folder: Path | None) -> Iterator[OpenFile]:
    """Copy a slice to an unnamed file in `folder`, which is gone afterwards; None for to memory."""
    if folder is None:
        yield Held(bytearray(Opened(handle).read(entry.offset, entry.size)))
        return
    import tempfile  # a thin file needs none

    with tempfile.TemporaryFile(dir=folder, buffering=0) as apart:
        copy(handle, entry.offset, apart, 0, entry.size)
        yield apart


def put_back(handle: OpenFile, parts: tuple[Apart, ...]) -> None:
    """Replace slices; those behind one that grew move up. Raises `errors.CannotEdit`."""
    table = fat.parse(Window(Opened(handle))) if parts else None
    if table is None:
        return
    _check_tail(handle, table)
    placed = _placed(table, {part.entry: part.size for part in parts})
    changed = {part.entry: part for part in parts}
    for old, moved in sorted(placed.items(), key=lambda pair: -pair[0].offset):
        if old not in changed and moved != old:
            copy(handle, old.offset, handle, moved.offset, old.size)
    for old, part in changed.items():
        copy(part.file, 0, handle, placed[old].offset, part.size)
    _tidy(handle, placed)
    new = replace(table, archs=tuple(placed[arch] for arch in table.archs))
    put(handle, fat.HEAD, new.table)


def _placed(table: Fat, sizes: Mapping[FatArch, int]) -> dict[FatArch, FatArch]:
    """Give each slice's new entry: as far in front as its old place, size and alignment allow."""
    placed: dict[FatArch, FatArch] = {}
    end = fat.HEAD + len(table.table)
    for arch in sorted(table.archs, key=lambda a: a.offset):
        new = replace(arch, size=sizes.get(arch, arch.size))
        if arch.offset < end:
            # The table may promise less than the page by which the kernel maps the slice.
            align = max(arch.align, page_shift(arch.cputype))
            new = replace(new, offset=-(-end >> align) << align, align=align)
        placed[arch] = new
        end = new.offset + new.size
    if end >= 1 << table.codec.bits:
        raise CannotEdit(problem="the universal file would grow beyond 4 GiB")
    return placed


def _check_tail(handle: OpenFile, table: Fat) -> None:
    end = max(arch.offset + arch.size for arch in table.archs)
    source = Opened(handle)
    rest = source.size - end
    if rest > _SLACK or any(source.read(end, rest)):
        raise CannotEdit(problem=f"{rest} bytes follow behind its last slice (an archive?)")


def _tidy(handle: OpenFile, placed: Mapping[FatArch, FatArch]) -> None:
    """Leave zeros between the slices and nothing behind them."""
    order = sorted(placed.values(), key=lambda arch: arch.offset)
    for before, behind in pairwise(order):
        blank(handle, before.offset + before.size, behind.offset)
    handle.truncate(order[-1].offset + order[-1].size)
