"""Where a file says that its debug symbols are."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.samples import pe as sample

from wheelfix.formats import pe
from wheelfix.hostfile import HostFile
from wheelfix.model import ReplaceNeeded


def symbols(data: bytes, folder: Path, *edits: ReplaceNeeded) -> list[str]:
    """Give the traits that name a path, of the file as edited."""
    file = folder / "file.dll"
    file.write_bytes(data)
    if edits:
        pe.apply(file, edits)
    with HostFile(file) as source:
        (image,) = pe.read(source, watch={})
    return [trait for trait in image.traits if trait.startswith("symbols-")]


TIGHT = sample("lld-amd64-lib-tight.dll").read_bytes()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"D:\\b.pdb\0", ["symbols-D:\\b.pdb"]),
        (b"/bu/b.pdb", ["symbols-/bu/b.pdb"]),
        (b"\\\\s\\b.pdb", ["symbols-\\\\s\\b.pdb"]),
        (b"b\\nd.pdb\0", []),
        (b"tight.pdb", []),
    ],
)
def test_an_absolute_path_is_told_and_survives_an_edit(
    tmp_path: Path, path: bytes, expected: list[str]
) -> None:
    data = TIGHT.replace(b"tight.pdb", path)
    longer = ReplaceNeeded(old="inner.dll", new="inner-0123456789abcdef.dll")
    assert symbols(data, tmp_path) == expected
    assert symbols(data, tmp_path, longer) == expected


@pytest.mark.parametrize("at", [12, 16, 20, 24])
def test_what_makes_no_sense_is_no_path(tmp_path: Path, at: int) -> None:
    """Kind, size and place of the entry: nothing that a loader would look at."""
    data = TIGHT.replace(b"tight.pdb", b"D:\\b.pdb\0")
    where = TIGHT.index(b"RSDS")
    entry = data.index(where.to_bytes(4, "little")) - 24
    broken = data[: entry + at] + b"\xff\xff\xff\x7f" + data[entry + at + 4 :]
    assert symbols(broken, tmp_path) == ([] if at < 24 else ["symbols-D:\\b.pdb"])
