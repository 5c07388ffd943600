"""What the kernel saw of a repair: which files it opened how, and what a disk shares afterwards."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import sys
from pathlib import Path

import pytest
from support import artifacts, repairs
from support.artifacts import Build

from wheelfix import Kind, Options, StagedBy, Treatment, WheelPath, repair_artifacts

pytestmark = repairs.linux_only

WATCHED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from support import artifacts
from wheelfix import Kind
make, folder, kind = sys.argv[1:]
build = getattr(artifacts, make)(Path(folder))
Path(folder, "now").mkdir()
with build.repair(Kind(kind)) as repaired:
    assert repaired.plan.touched
Path(folder, "now").rmdir()
"""

CHANGES = re.compile(
    r"^(?:rename|link|symlink|unlink|ch(?:mod|own)|fch(?:mod|own)|lchown|utime|truncate|ftruncate"
    r"|fallocate|setxattr|lsetxattr|fsetxattr|removexattr|mknod|mkdir|rmdir|mount|write|pwrite|futimes)"
)


@pytest.mark.parametrize("kind", list(Kind))
def test_no_source_is_opened_for_writing_renamed_linked_or_given_new_times(
    build: Build, kind: Kind, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    name = request.node.callspec.params["build"].__name__
    log = tmp_path / "strace"
    watch = [repairs.tool("strace", "strace"), "-f", "-y", "-qq", "-s", "9999", "-o", str(log)]
    script = WATCHED.format(tests=str(repairs.ROOT / "tests"))
    command = [*watch, sys.executable, "-c", script, name, str(build.scratch.parent), kind.value]
    repairs.run(*command, env=repairs.environment())
    found = re.findall(r"^\d+ +(\w+)\((.*)$", log.read_text(errors="replace"), re.MULTILINE)
    begin, end = (
        n for n, (_, rest) in enumerate(found) if rest.startswith(f'"{tmp_path}/tree/now"')
    )
    calls = found[begin + 1 : end]
    sources = (f"{build.root}/", f"{build.libs}/", f'{build.root}"', f'{build.libs}"')
    on_sources = [(call, rest) for call, rest in calls if any(s in rest for s in sources)]
    assert on_sources
    assert [
        call for call, rest in on_sources if re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", rest)
    ] == []
    # One call names a source and writes, the copy's: the source is what is read.
    changing = [(call, rest) for call, rest in on_sources if CHANGES.match(call)]
    assert changing == []
    assert [call for call, _ in calls if call.startswith(("rename", "link", "symlink"))] == []


def test_untouched_originals_are_read_and_no_more(tmp_path: Path) -> None:
    """Of a large artifact that needs no edit, not even the end is read."""
    large = repairs.large_library(tmp_path / "build" / "large.so", 16)
    log = tmp_path / "strace"
    watch = [repairs.tool("strace", "strace"), "-f", "-y", "-qq", "-s", "0", "-o", str(log)]
    script = (
        "import sys; from pathlib import Path; import wheelfix\n"
        "with wheelfix.repair_artifacts({'p/large.so': Path(sys.argv[1])},\n"
        "        wheel='p-1.0-py3-none-linux_x86_64.whl') as repaired:\n"
        "    assert repaired.files == {'p/large.so': Path(sys.argv[1])}\n"
    )
    repairs.run(*watch, sys.executable, "-c", script, large, env=repairs.environment())
    calls = [line for line in log.read_text().splitlines() if f"<{large}>" in line]
    read = [int(line.rpartition("= ")[2]) for line in calls if re.search(r"\bp?read(64)?\(", line)]
    assert 0 < sum(read) < 1 << 20
    assert [
        line for line in calls if re.search(r"\b(write|mmap|copy_file_range|ioctl)\(", line)
    ] == []


FIEMAP = 0xC020660B
"""ioctl request of linux/fs.h: where a file's extents lie on the disk."""
SHARED = 0x2000
"""FIEMAP_EXTENT_SHARED of linux/fiemap.h."""


def shared_and_own(file: Path) -> tuple[int, int]:
    """Give how many bytes of a file lie in extents that other files have too, and in its own."""
    most = 1024
    request = bytearray(struct.pack("=QQLLLL", 0, (1 << 64) - 1, 1, 0, most, 0) + bytes(56 * most))
    with file.open("rb") as opened:
        fcntl.ioctl(opened, FIEMAP, request)
    count = struct.unpack_from("=L", request, 20)[0]
    extents = [struct.unpack_from("=QQQQQLLLL", request, 32 + 56 * n) for n in range(count)]
    shared = sum(extent[2] for extent in extents if extent[5] & SHARED)
    return shared, sum(extent[2] for extent in extents) - shared


def _moved(build: Build, folder: Path) -> Build:
    """Make the same build on another file system."""
    return getattr(artifacts, build_name(build))(folder)  # type: ignore[no-any-return]


def build_name(build: Build) -> str:
    """Give the name of the function that makes such a build."""
    return {"sample": "elf", "mac_sample": "macho", "win": "pe"}[build.wheel.partition("-")[0]]


def test_staged_by_counts_are_as_predicted(
    sharing: Path, build: Build, request: pytest.FixtureRequest
) -> None:
    """What is edited is a reflink on one file system; libraries on another are copies."""
    moved = _moved(build, sharing / request.node.name.replace("/", "-"))
    try:
        with moved.repair() as repaired:
            patched = {each.by for each in repaired.ready if each.treatment is Treatment.PATCHED}
            grafted = {each.by for each in repaired.ready if each.treatment is Treatment.ADDED}
            assert patched <= {StagedBy.REFLINKED, None}
            assert StagedBy.REFLINKED in patched
            assert grafted <= {StagedBy.COPIED}  # from where temporary files are
        inside = sharing / "libs"
        inside.mkdir()
        for library in moved.libs.iterdir():
            (inside / library.name).write_bytes(library.read_bytes())
        options = Options(scratch=moved.scratch)
        with repair_artifacts(
            moved.artifacts, wheel=moved.wheel, options=options, link_paths=(inside,)
        ) as repaired:
            assert {each.by for each in repaired.ready} == {None, StagedBy.REFLINKED}
    finally:
        repairs.run("rm", "-rf", moved.libs, sharing / "libs", env={"PATH": os.environ["PATH"]})


def test_all_extents_but_the_edited_ones_stay_shared(sharing: Path) -> None:
    folder = sharing / "extents"
    seven = repairs.build_library(folder / "libs" / "libseven.so", "int seven(void) { return 7; }")
    blob = folder / "blob"
    blob.write_bytes(os.urandom(32 << 20))
    source = (
        f'__asm__(".data\\n.incbin \\"{blob}\\"\\n.previous");\n'
        "int seven(void); int eight(void) { return seven() + 1; }\n"
    )
    large = repairs.build_library(folder / "build" / "large.so", source, seven)
    with large.open("rb") as file:
        os.fsync(file.fileno())
    artifacts = {WheelPath("p/large.so"): large}
    wheel = "p-1.0-py3-none-linux_x86_64.whl"
    options = Options(scratch=folder)
    with repair_artifacts(
        artifacts, wheel=wheel, options=options, link_paths=(seven.parent,)
    ) as repaired:
        (patched,) = (each for each in repaired.ready if each.path == "p/large.so")
        assert patched.by is StagedBy.REFLINKED
        with patched.file.open("rb") as file:
            os.fsync(file.fileno())
        shared, own = shared_and_own(patched.file)
    assert shared > 31 << 20
    assert own < 1 << 20
    repairs.run("rm", "-rf", folder, env={"PATH": os.environ["PATH"]})
