"""Do what the floor does, and step by step more of what no repair in Python can do without.

    python benchmarks/steps.py STEP JOB OUTPUT

Each STEP has those before it in it. `imports`: the modules that wheelfix imports for this wheel.
`reading`: what is touched is inflated once before, as its headers must be read, and what is brought
in is hashed, as its name has the digest in it. `proof`: each page of both is hashed by itself, as a
signature of Apple's says. Nothing of what wheelfix does with it is in any of them.

For a wheel of which nothing is read `imports` copies it, and `names` lets the standard library's
zipfile list its members and does nothing else. JOB is marshalled: to read JSON is an import.
"""

from __future__ import annotations

import gc
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from floor import Bytes

STEPS = ("imports", "reading", "proof")
NAMES = "names"
PAGE = 4096


def read(job: dict[str, Any], source: int) -> None:
    """Inflate what is touched, then hash what is brought in, each on all cores."""
    from functools import partial
    from hashlib import sha256

    import floor

    def inflate(place: tuple[int, int, int, int]) -> None:
        floor.inflate(source, *place)

    def digest(file: tuple[str, int]) -> None:
        sha256(floor.mapped(file[0])).digest()

    touched = sorted(job["touched"], key=lambda place: -place[3])
    brought = sorted(job["brought"], key=lambda file: -file[1])
    for tasks in (
        [partial(inflate, each) for each in touched],
        [partial(digest, f) for f in brought],
    ):
        crew = floor.Crew()
        crew.start(tasks)
        crew.finish()


def prove(content: Bytes) -> None:
    """Hash the pages."""
    from hashlib import sha256

    with memoryview(content) as view:
        for at in range(0, len(view), PAGE):
            sha256(view[at : at + PAGE]).digest()


def copied(job: dict[str, Any], output: str) -> None:
    """Copy the wheel."""
    with open(job["wheel"], "rb") as source, open(output, "xb") as target:  # noqa: PTH123
        while os.copy_file_range(source.fileno(), target.fileno(), 1 << 30):
            pass


def repaired(job: dict[str, Any], output: str, step: str) -> None:
    """Do what the floor does, and what else the step says."""
    import floor

    source = os.open(job["wheel"], os.O_RDONLY)
    target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    if step != STEPS[0]:
        read(job, source)
    floor.repair(job, source, target, also=prove if step == STEPS[2] else None)


def main() -> None:
    """Do the job."""
    gc.set_threshold(100_000)  # as wheelfix does
    step, file, output = sys.argv[1:]
    with open(file, "rb") as opened:  # noqa: PTH123 - pathlib is one of the modules that count
        job = marshal.load(opened)
    if step == NAMES:
        from zipfile import ZipFile

        ZipFile(job["wheel"]).namelist()
        os._exit(0)
    for name in job["modules"]:
        __import__(name)
    if job["kind"] == "read":
        copied(job, output)
    else:
        repaired(job, output, step)
    os._exit(0)


if __name__ == "__main__":
    main()
