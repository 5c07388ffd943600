"""The plan for Mach-O files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.facts import library, link, member, report

from wheelfix.model import Artifact, OnHost, Options, ReplaceNeeded
from wheelfix.plan import plan

FILENAME = "pkg-1.0-cp311-cp311-macosx_11_0_arm64.whl"
NAMES = ("/opt/lib/liba.dylib", "/opt/lib/liba.1.dylib")


def macho(artifact: Artifact) -> Artifact:
    images = tuple(
        replace(image, arch="arm64", libc=None, minimum_system="macos 11.0")
        for image in artifact.images
    )
    return replace(artifact, format="macho", images=images)


def test_a_library_needed_under_two_names_is_spelt_in_two_ways() -> None:
    """delocate leaves the second name as it was; the same one twice dyld refuses.

    `duplicate linked dylib`, an error for what was linked for macOS 15 or later.
    """
    real = Path(NAMES[1])
    links = [
        replace(link("pkg/_ext.so", name, OnHost(found=Path(name), real=real)), arch="arm64")
        for name in NAMES
    ]
    artifacts = [macho(member("pkg/_ext.so", *NAMES)), macho(library(str(real)))]
    made = plan(report(artifacts, links, filename=FILENAME, arch="arm64"), Options())
    (graft,) = made.grafts
    (patch,) = made.patches
    new = {edit.old: edit.new for edit in patch.edits if isinstance(edit, ReplaceNeeded)}
    name = graft.path.rpartition("/")[2]
    folder = next(iter(new.values())).rpartition("/")[0]
    assert list(new) == list(NAMES)
    assert list(new.values()) == [f"{folder}/{name}", f"{folder}/./{name}"]
