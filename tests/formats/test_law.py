"""The law: `read(apply(file, edits)) == after(read(file), edits)`, for every format and sample.

A format joins with one entry in `SAMPLES`: its module, and files that it can edit.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.elf_checks import OpenFile
from support.samples import macho_samples, pe_samples, samples

from wheelfix.errors import CannotEdit
from wheelfix.formats import elf, macho, pe
from wheelfix.formats.interface import Format
from wheelfix.model import (
    DropNeeded,
    Edit,
    Image,
    NeededKind,
    ReplaceNeeded,
    SearchKind,
    SetMinimumSystem,
    SetOwnName,
    SetSearchPath,
    after,
)
from wheelfix.value import replace

Edits = st.SearchStrategy[tuple[Edit, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A file that a format can edit."""

    format: Format
    path: Path
    edits: Callable[[tuple[Image, ...]], Edits]
    refusal: str | None = None
    """How an edit may be refused that would be possible in a file with more room; None: never."""

    def read(self, path: Path) -> tuple[Image, ...]:
        return self.format.read(OpenFile(path), watch={})


NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="\0:"), min_size=1, max_size=90
).filter(lambda name: not name.startswith(("ld", "libc.")))
"""Not those by which a file is told to be the loader, or its libc: those facts would follow."""


def edits_for(images: tuple[Image, ...]) -> Edits:
    """Edits of every kind but the system's version; of libraries that are there, or are not."""
    here = {need.name for image in images for need in image.needed}
    known = st.sampled_from([*sorted(n for n in here if not n.startswith("libc.")), "libnobody.so"])
    names = st.one_of(NAMES, known)
    arch = st.sampled_from([None, *(image.arch for image in images), "another"])
    paths = st.lists(NAMES, max_size=4).map(tuple)
    return st.lists(
        st.one_of(
            st.builds(SetOwnName, name=NAMES, arch=arch),
            st.builds(ReplaceNeeded, old=known, new=names, arch=arch),
            st.builds(DropNeeded, name=known, arch=arch),
            st.builds(SetSearchPath, entries=paths, kind=st.sampled_from(SearchKind), arch=arch),
        ),
        max_size=5,
    ).map(tuple)


def macho_edits_for(images: tuple[Image, ...]) -> Edits:
    """Edits that a Mach-O file can always say, if only there is room for them.

    Only what is not exported anew is dropped, and only what has an install name gets one.
    """
    here = {need.name for image in images for need in image.needed}
    known = st.sampled_from([*sorted(here), "libnobody.dylib"])
    arch = st.sampled_from([None, *(image.arch for image in images), "another"])
    paths = st.lists(NAMES, max_size=4).map(tuple)
    platform = (images[0].minimum_system or "").partition(" ")[0]
    versions = st.sampled_from([f"{platform} {number}" for number in ("10.0", "11.2", "14.1.1")])
    kinds: list[st.SearchStrategy[Edit]] = [
        st.builds(ReplaceNeeded, old=known, new=st.one_of(NAMES, known), arch=arch),
        st.builds(SetSearchPath, entries=paths, arch=arch),
        st.builds(SetMinimumSystem, version=versions, arch=arch),
    ]
    anew = {n.name for i in images for n in i.needed if n.kind is NeededKind.REEXPORT}
    if not anew:
        kinds.append(st.builds(DropNeeded, name=known, arch=arch))
    if all(image.own_name for image in images):
        kinds.append(st.builds(SetOwnName, name=NAMES, arch=arch))
    return st.lists(st.one_of(kinds), max_size=5).map(tuple)


def pe_edits_for(images: tuple[Image, ...]) -> Edits:
    """Edits that a PE file can say: names of DLLs, and its own where it has one."""
    here = {need.name for image in images for need in image.needed}
    known = st.sampled_from([*sorted(here), "nobody.dll"])
    names = st.one_of(NAMES.map(lambda name: name + ".dll"), known)
    arch = st.sampled_from([None, *(image.arch for image in images), "another"])
    kinds: list[st.SearchStrategy[Edit]] = [
        st.builds(ReplaceNeeded, old=known, new=names, arch=arch),
        st.builds(SetSearchPath, entries=st.just(()), arch=arch),
    ]
    if all(image.own_name for image in images):
        kinds.append(st.builds(SetOwnName, name=NAMES, arch=arch))
    return st.lists(st.one_of(kinds), max_size=5).map(tuple)


def subjects(
    module: Format,
    paths: list[Path],
    edits: Callable[[tuple[Image, ...]], Edits],
    refusal: str | None = None,
) -> list[Subject]:
    found = [Subject(format=module, path=path, edits=edits, refusal=refusal) for path in paths]
    return [
        subject
        for subject in found
        if module.matches(subject.path.read_bytes()[:16])
        and any(image.locked is None for image in subject.read(subject.path))
    ]


SAMPLES = subjects(elf, [sample.path for sample in samples()], edits_for)
MACHOS = subjects(macho, [each.path for each in macho_samples()], macho_edits_for, "no room")
PES = subjects(pe, [each.path for each in pe_samples()], pe_edits_for)


def predicted(images: tuple[Image, ...], edits: tuple[Edit, ...]) -> tuple[Image, ...]:
    return tuple(after(image, edits) for image in images)


def refused(subject: Subject, copy: Path, edits: tuple[Edit, ...]) -> str | None:
    """Apply the edits; give what is wrong with them, None when they were done."""
    try:
        subject.format.apply(copy, edits)
    except CannotEdit as error:
        return error.problem
    return None


def without_libc(images: tuple[Image, ...]) -> tuple[Image, ...]:
    """Leave out what is concluded from a needed name, where that is all that tells it."""
    return tuple(replace(image, libc=None) for image in images)


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("subjects", [SAMPLES, MACHOS, PES], ids=["elf", "macho", "pe"])
def test_every_edit_reads_as_predicted(subjects: list[Subject], data: st.DataObject) -> None:
    subject = data.draw(st.sampled_from(subjects))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copyfile(subject.path, Path(folder) / "copy"))
        for _ in range(data.draw(st.integers(1, 3))):
            before = subject.read(copy)
            edits = data.draw(subject.edits(before))
            refusal = refused(subject, copy, edits)
            if refusal is not None:
                assert subject.refusal is not None
                assert refusal.startswith(subject.refusal)
                return
            found, expected = subject.read(copy), predicted(before, edits)
            assert without_libc(found) == without_libc(expected)


def test_samples_are_there_for_every_machine() -> None:
    arches = {image.arch for subject in SAMPLES for image in subject.read(subject.path)}
    assert arches >= {"x86_64", "i686", "aarch64", "armv7l", "ppc64le", "s390x", "riscv64"}
    arches = {image.arch for subject in MACHOS for image in subject.read(subject.path)}
    assert arches == {"x86_64", "arm64", "i386", "ppc"}
    arches = {image.arch for subject in PES for image in subject.read(subject.path)}
    assert arches == {"x86", "amd64", "arm64"}
