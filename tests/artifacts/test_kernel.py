"""What the kernel saw of a repair: which files it opened how, and what a disk shares afterwards."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest
from support import artifacts, needs, repairs, strace
from support.artifacts import Build
from support.disks import Disk

from wheelfix import Kind, Options, Plan, StagedBy, Treatment, WheelPath, repair_artifacts

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
    watch = [needs.tool("strace", "strace"), "-f", "-y", "-qq", "-s", "9999", "-o", str(log)]
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


@repairs.as_root
@pytest.mark.parametrize("kind", list(Kind))
def test_originals_on_a_read_only_file_system_can_be_repaired(
    build: Build, kind: Kind, request: pytest.FixtureRequest
) -> None:
    """Root may write whatever the modes say, so that only a mount tells."""
    name = request.node.callspec.params["build"].__name__
    mounts = "; ".join(
        f"mount --bind '{folder}' '{folder}'; mount -o remount,bind,ro '{folder}'"
        for folder in (build.root, build.libs)
    )
    script = WATCHED.format(tests=str(repairs.ROOT / "tests"))
    words = (sys.executable, "-c", script, name, str(build.scratch.parent), kind.value)
    repairs.run(*repairs.in_own_mounts(mounts), *words, env=repairs.environment())
    assert list(build.scratch.iterdir()) == []


HEADERS_ONLY = """
import sys
from pathlib import Path
import wheelfix
path, file, wheel, scratch = sys.argv[1:]
options = wheelfix.Options(scratch=Path(scratch))
with wheelfix.repair_artifacts({path: Path(file)}, wheel=wheel, options=options) as repaired:
    assert repaired.files == {path: Path(file)}
    (binary,) = wheelfix.detect_artifacts({path: Path(file)}, wheel=wheel).artifacts
"""


def test_of_an_untouched_gibibyte_only_headers_are_read(build: Build, tmp_path: Path) -> None:
    """Not its end, and nothing is written for it anywhere."""
    path, large = next(
        (path, file)
        for path, file in build.artifacts.items()
        if path not in build.touched and file.stat().st_size > 1000
    )
    os.truncate(large, 1 << 30)  # a hole, which would be read like anything else
    log = tmp_path / "strace"
    watch = [needs.tool("strace", "strace"), "-f", "-y", "-qq", "-s", "0", "-o", str(log)]
    words = (path, large, build.wheel, build.scratch)
    repairs.run(*watch, sys.executable, "-c", HEADERS_ONLY, *words, env=repairs.environment())
    calls = [line for line in strace.calls(log) if f"<{large}>" in line]
    read = [int(line.rpartition("= ")[2]) for line in calls if re.search(r"\bp?read(64)?\(", line)]
    assert 0 < sum(read) < 1 << 20
    assert [
        line for line in calls if re.search(r"\b(write|mmap|copy_file_range|ioctl)\(", line)
    ] == []
    assert list(build.scratch.iterdir()) == []


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


def _moved(make: Callable[[Path], Build], folder: Path) -> Generator[Build, None, None]:
    """Make a build there: what it links from is on another disk first, then on the same one."""
    build = make(folder)
    try:
        yield build
        yield replace(build, libs=Path(shutil.copytree(build.libs, folder / "near")))
    finally:
        shutil.rmtree(build.libs)
        shutil.rmtree(folder)


Way: TypeAlias = tuple[Treatment, StagedBy | None]
"""What became of a file, and how its private copy came to be."""


def _expected(build: Build, plan: Plan, here: StagedBy, grafted: StagedBy) -> Counter[Way]:
    texts, patches, grafts = map(len, (plan.inserts, plan.patches, plan.grafts))
    assert patches > 0
    assert grafts > 0
    return Counter(
        {
            (Treatment.PATCHED, None): texts,
            (Treatment.PATCHED, here): patches,
            (Treatment.ADDED, grafted): grafts,
            (Treatment.UNCHANGED, None): len(build.artifacts) - texts - patches,
        }
    )


@pytest.mark.parametrize("make", artifacts.BUILDS, ids=lambda make: make.__name__)
def test_staged_by_counts_are_as_predicted(disk: Disk, make: Callable[[Path], Build]) -> None:
    """On one disk it is what this can do; from another one a copy; of text there is neither."""
    here = StagedBy.REFLINKED if disk.shares else StagedBy.COPIED
    with closing(_moved(make, disk.folder / make.__name__)) as moves:
        for build, grafted in zip(moves, (StagedBy.COPIED, here), strict=True):
            with build.repair() as repaired:
                found = Counter((each.treatment, each.by) for each in repaired.ready)
                assert found == _expected(build, repaired.plan, here, grafted)


@pytest.mark.parametrize("make", artifacts.BUILDS, ids=lambda make: make.__name__)
def test_an_editable_build_stages_what_it_links_and_no_more(
    disk: Disk, make: Callable[[Path], Build]
) -> None:
    here = StagedBy.REFLINKED if disk.shares else StagedBy.COPIED
    with (
        closing(_moved(make, disk.folder / make.__name__)) as moves,
        next(moves).repair(Kind.EDITABLE) as repaired,
    ):
        patches = {patch.path for patch in repaired.plan.patches}
        copies = {each.path: each.by for each in repaired.ready if each.by}
        assert copies == dict.fromkeys(patches, here)


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


@pytest.mark.slow
def test_a_gibibyte_is_staged_in_about_the_time_that_cp_takes_to_share_it(sharing: Path) -> None:
    """At most twice that, the best of five each; of the result only the edit is its own."""
    folder = sharing / "large"
    seven = repairs.build_library(folder / "libs" / "libseven.so", "int seven(void) { return 7; }")
    (folder / "blob").write_bytes(os.urandom(16 << 20))
    source = (
        f'__asm__(".data\\n.rept 64\\n.incbin \\"{folder}/blob\\"\\n.endr\\n.previous");\n'
        "int seven(void); int eight(void) { return seven() + 1; }\n"
    )
    large = repairs.build_library(folder / "build" / "large.so", source, seven)
    with large.open("rb") as file:
        os.fsync(file.fileno())
    env = {"PATH": os.environ["PATH"]}
    sharing_takes, staging_takes = [], []
    for number in range(5):
        begin = time.perf_counter()
        repairs.run("cp", "--reflink=always", large, folder / f"copy-{number}", env=env)
        sharing_takes.append(time.perf_counter() - begin)
        with repair_artifacts(
            {WheelPath("p/large.so"): large},
            wheel="p-1.0-py3-none-linux_x86_64.whl",
            options=Options(scratch=folder),
            link_paths=(seven.parent,),
        ) as repaired:
            staging_takes.append(dict(repaired.seconds)["stage"])
            patched = repaired.files[WheelPath("p/large.so")]
            with patched.open("rb") as file:
                os.fsync(file.fileno())
            shared, own = shared_and_own(patched)
            assert shared > 1023 << 20
            assert own < 1 << 20
    assert min(staging_takes) <= 2 * min(sharing_takes)
    repairs.run("rm", "-rf", folder, env=env)
