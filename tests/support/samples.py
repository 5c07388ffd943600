"""The samples in testdata, as its manifest lists them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

TESTDATA = Path(__file__).parents[2] / "testdata"
MANIFEST = json.loads((TESTDATA / "manifest.json").read_text())


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample binary; the README of testdata says what the fields may hold."""

    path: Path
    arch: str
    libc: str
    kind: str
    what: str
    soname: str | None
    """What others call it in a chain; None for files that no other sample needs."""
    features: tuple[str, ...]
    compiler: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MachOSample:
    """A Mach-O sample; the README of testdata says what the fields may hold."""

    path: Path
    arch: str
    system: str
    kind: str
    what: str
    features: tuple[str, ...]
    compiler: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeSample:
    """A PE sample; the README of testdata says what the fields may hold."""

    path: Path
    arch: str
    kind: str
    what: str
    features: tuple[str, ...]
    compiler: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleWheel:
    """An unrepaired wheel, and the folder of the libraries that it lacks."""

    path: Path
    libs: Path
    arch: str
    libc: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A file with one defect."""

    path: Path
    defect: str
    verdict: str
    """`refuse`, `read`, `locked` or `any`."""
    base: Path
    """The good file it was made from."""


def samples() -> list[Sample]:
    """List all sample binaries by path."""
    return [
        Sample(
            path=TESTDATA / entry["path"],
            arch=entry["arch"],
            libc=entry["libc"],
            kind=entry["kind"],
            what=entry["what"],
            soname=entry["soname"],
            features=tuple(entry["features"]),
            compiler=entry["compiler"],
        )
        for entry in MANIFEST["files"]
    ]


def macho_samples() -> list[MachOSample]:
    """List all Mach-O samples by path."""
    return [
        MachOSample(
            path=TESTDATA / entry["path"],
            arch=entry["arch"],
            system=entry["system"],
            kind=entry["kind"],
            what=entry["what"],
            features=tuple(entry["features"]),
            compiler=entry["compiler"],
        )
        for entry in MANIFEST["macho"]
    ]


def pe_samples() -> list[PeSample]:
    """List all PE samples by path."""
    return [
        PeSample(
            path=TESTDATA / entry["path"],
            arch=entry["arch"],
            kind=entry["kind"],
            what=entry["what"],
            features=tuple(entry["features"]),
            compiler=entry["compiler"],
        )
        for entry in MANIFEST["pe"]
    ]


def pe(name: str) -> Path:
    """Give the PE sample of that file name, which must be in the manifest."""
    found = [each.path for each in pe_samples() if each.path.name == name]
    if len(found) != 1:
        raise LookupError(name)
    return found[0]


def macho(name: str) -> Path:
    """Give the Mach-O sample of that file name, which must be in the manifest."""
    found = [each.path for each in macho_samples() if each.path.name == name]
    if len(found) != 1:
        raise LookupError(name)
    return found[0]


def sample(name: str) -> Path:
    """Give the sample of that file name, which must be in the manifest."""
    found = [each.path for each in samples() if each.path.name == name]
    if len(found) != 1:
        raise LookupError(name)
    return found[0]


def wheels() -> list[SampleWheel]:
    """List all sample wheels: first the extension for CPython, then the chains."""
    return [
        SampleWheel(
            path=TESTDATA / entry["path"],
            libs=TESTDATA / entry["libs"],
            arch=entry["arch"],
            libc=entry["libc"],
        )
        for entry in MANIFEST["wheels"]
    ]


def chain(arch: str, libc: str) -> SampleWheel:
    """Give the wheel with the chain of that machine and libc."""
    found = [wheel for wheel in wheels() if (wheel.arch, wheel.libc) == (arch, libc)]
    return next(wheel for wheel in found if wheel.path.name.startswith("chain"))


def malformed(of: str = "elf") -> list[Malformed]:
    """List all defective files of a format by name."""
    folder = TESTDATA / "malformed"
    expected = json.loads((folder / "expected.json").read_text())
    return [
        Malformed(
            path=folder / name,
            defect=entry["defect"],
            verdict=entry["verdict"],
            base=TESTDATA / entry["base"],
        )
        for name, entry in expected.items()
        if entry["base"].startswith(f"{of}/")
    ]
