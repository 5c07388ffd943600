"""Rebuild every sample, or with `--check` tell which of them came out different.

Needs `ziglang` in the version of `toolchain.ZIG_VERSION` beside this Python, Debian's gcc,
binutils and CPython headers, mingw-w64, and LLVM's `ld64.lld-22`, `lld-link-22` and
`llvm-dlltool-22`. Takes about two minutes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from importlib.metadata import version
from pathlib import Path

from chains import SONAMES, chains
from features import features
from macho_made import made
from machos import MACHO, MachO, linked, made_by
from malformed import malformed
from pe_made import pes_made
from pes import PE, Pe, pe_made_by
from pes import linked as linked_pes
from toolchain import CACHE, ELF, HERE, ZIG_VERSION, Sample, compiler_version
from wheels import WHEELS, Wheel, mac_wheels, wheels

MADE = ("elf", "macho", "pe", "malformed", "wheels")


def main() -> None:
    """Build everything, then write the manifest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="list what differs, and fail")
    arguments = parser.parse_args()
    if version("ziglang") != ZIG_VERSION:
        raise SystemExit(f"needs ziglang {ZIG_VERSION}, this is {version('ziglang')}")
    before = digests()
    build()
    after = digests()
    changed = sorted(path for path in before | after if before.get(path) != after.get(path))
    print("\n".join(changed) or "nothing changed")
    if arguments.check and changed:
        raise SystemExit(1)


def build() -> None:
    """Build everything anew, from an empty cache."""
    shutil.rmtree(CACHE, ignore_errors=True)
    for folder in (ELF, MACHO, PE):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (CACHE, ELF, MACHO, PE, WHEELS):
        folder.mkdir(exist_ok=True)
    samples = [*chains(), *features()]
    machos = [*linked(), *made()]
    pes = [*linked_pes(), *pes_made()]
    malformed()
    manifest = {
        "files": [_file(sample) for sample in sorted(samples, key=lambda s: s.path.name)],
        "macho": [_macho(sample) for sample in sorted(machos, key=lambda s: s.path.name)],
        "pe": [_pe(sample) for sample in sorted(pes, key=lambda s: s.path.name)],
        "wheels": [_wheel(wheel) for wheel in wheels()],
        "mac_wheels": [_wheel(wheel) for wheel in mac_wheels()],
    }
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def digests() -> dict[str, str]:
    """Give the SHA-256 of every file that is made, by its path."""
    files = [path for folder in MADE for path in (HERE / folder).rglob("*") if path.is_file()]
    return {_relative(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _file(sample: Sample) -> dict[str, object]:
    return {
        "path": _relative(sample.path),
        "arch": sample.arch,
        "libc": sample.libc,
        "kind": sample.kind,
        "what": sample.what,
        "soname": SONAMES.get(sample.what) if sample.kind in {"lib", "ext"} else None,
        "features": list(sample.features),
        "compiler": compiler_version(sample.compiler),
    }


def _macho(sample: MachO) -> dict[str, object]:
    return {
        "path": _relative(sample.path),
        "arch": sample.arch,
        "system": sample.system,
        "kind": sample.kind,
        "what": sample.what,
        "features": list(sample.features),
        "compiler": made_by(sample.compiler),
    }


def _pe(sample: Pe) -> dict[str, object]:
    return {
        "path": _relative(sample.path),
        "arch": sample.arch,
        "kind": sample.kind,
        "what": sample.what,
        "features": list(sample.features),
        "compiler": pe_made_by(sample.compiler),
    }


def _wheel(wheel: Wheel) -> dict[str, object]:
    return {
        "path": _relative(wheel.path),
        "libs": _relative(wheel.libs),
        "arch": wheel.arch,
        "libc": wheel.libc,
    }


def _relative(path: Path) -> str:
    return path.relative_to(HERE).as_posix()


if __name__ == "__main__":
    main()
