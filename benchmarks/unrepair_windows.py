"""Turn a published, repaired Windows wheel back into what its build made.

The DLLs that delvewheel brought in go to a folder beside, under the names they had before: these
are shorter, so that they fit where the names with digests stood. What delvewheel put into Python
files and metadata goes.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from unrepair import Unrepaired, move, pack, plain_name, write_record

START = "# start delvewheel patch"
END = "# end delvewheel patch"


def unrepair_windows(wheel: Path, folder: Path) -> Unrepaired:
    """Write the unrepaired wheel and `ext/` into `folder`, which must not hold them yet."""
    libraries = folder / "ext"
    libraries.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        tree = Path(scratch)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tree)
        grafts = sorted(tree.glob("*.libs/*.dll"))
        names = {library.name: plain_name(library.name) for library in grafts}
        for file in sorted(path for path in tree.rglob("*") if path.is_file()):
            _give_names_back(file, names)
        for library in grafts:
            move(library, libraries / names[library.name])
        for folder_of_grafts in tree.glob("*.libs"):
            shutil.rmtree(folder_of_grafts)
        for source in tree.rglob("__init__.py"):
            _take_shim_out(source)
        (info,) = tree.glob("*.dist-info")
        (info / "DELVEWHEEL").unlink(missing_ok=True)
        write_record(tree, info / "RECORD")
        pack(tree, folder / wheel.name, executable=set())
    return Unrepaired(wheel=folder / wheel.name, libraries=libraries)


def _give_names_back(file: Path, names: Mapping[str, str]) -> None:
    """Let a PE file ask for its DLLs by their old names, ended by zeros as any string there is."""
    content = file.read_bytes()
    if not content.startswith(b"MZ"):
        return
    for mangled, plain in names.items():
        old = mangled.encode() + b"\0"
        content = content.replace(old, plain.encode().ljust(len(old), b"\0"))
    file.write_bytes(content)


def _take_shim_out(source: Path) -> None:
    """Drop the lines from the mark of the shim's start to the mark of its end."""
    content = source.read_bytes().decode("utf-8", "surrogateescape")
    if START in content:
        kept = "".join(_outside(content.splitlines(keepends=True)))
        source.write_bytes(kept.encode("utf-8", "surrogateescape"))


def _outside(lines: list[str]) -> Iterator[str]:
    inside = False
    for line in lines:
        inside = inside or START in line  # an empty docstring may stand before the mark
        if not inside:
            yield line
        inside = inside and END not in line
