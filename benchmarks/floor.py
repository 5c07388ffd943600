"""Do only what no repair can do without, and nothing of wheelfix is imported.

    python benchmarks/floor.py JOB OUTPUT

JOB is JSON, made by jobs.py beforehand. To repair is to copy what is carried, as it is, and to
inflate, hash and deflate what is touched or brought in, on all cores. Where nothing is to be
repaired it is to copy the wheel and to inflate each binary once, up to the last byte that a reader
of headers asks for.
"""

from __future__ import annotations

import json
import mmap
import os
import sys
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from threading import Condition, Thread
from typing import Any, TypeAlias

from deflate import crc32, deflate_compress, deflate_decompress

LEVEL = 5
BESIDE = 1 << 20
"""Content from this size on is hashed in a thread of its own."""
FEED = 1 << 16
DEFLATED = 8

Bytes: TypeAlias = bytes | bytearray | mmap.mmap
Task: TypeAlias = Callable[[], None]


class Crew:
    """One thread a core; those who wait take the next task, and tasks may add tasks."""

    def __init__(self) -> None:
        self._tasks: list[Task] = []
        self._open = 0
        self._changed = Condition()
        self._failures: list[BaseException] = []
        self._threads = [Thread(target=self._labour) for _ in range(os.cpu_count() or 1)]

    def start(self, tasks: Sequence[Task]) -> None:
        """Begin with these, in their order."""
        self._tasks += reversed(tasks)
        self._open = len(tasks)
        for thread in self._threads:
            thread.start()

    def add(self, task: Task) -> None:
        """Do this one next."""
        with self._changed:
            self._tasks.append(task)
            self._open += 1
            self._changed.notify()

    def finish(self) -> None:
        """Wait for all of it."""
        for thread in self._threads:
            thread.join()
        for failure in self._failures:
            raise failure

    def _labour(self) -> None:
        while True:
            with self._changed:
                while self._open and not self._tasks:
                    self._changed.wait()
                if not self._tasks:
                    return
                task = self._tasks.pop()
            try:
                task()
            except BaseException as failure:  # noqa: BLE001 - raised again by `finish`
                self._failures.append(failure)
            with self._changed:
                self._open -= 1
                self._changed.notify_all()


def repair(
    job: dict[str, Any], source: int, target: int, also: Callable[[Bytes], None] | None = None
) -> None:
    """Copy what is carried while what is touched or brought in is made anew.

    `also` is done with each of its contents besides, if that is asked for.
    """
    done: list[Bytes] = []
    crew = Crew()

    def make(read: Callable[[], Bytes]) -> None:
        content = read()
        if also:
            also(content)
        sums: list[tuple[int, bytes]] = []
        if len(content) >= BESIDE:
            crew.add(partial(hash_of, content, sums))
        else:
            hash_of(content, sums)
        done.append(deflate_compress(content, LEVEL) if content else b"")

    jobs: list[tuple[int, Callable[[], Bytes]]] = []
    for offset, packed, method, size in job["touched"]:
        jobs.append((size, partial(inflate, source, offset, packed, method, size)))
    jobs += [(size, partial(mapped, path)) for path, size in job["brought"]]
    largest = sorted(jobs, key=lambda item: -item[0])
    crew.start([partial(make, read) for _, read in largest])
    for offset, size in job["carried"]:
        copy(source, target, offset, size)
    crew.finish()
    for payload in done:
        write(target, payload)


def hash_of(content: Bytes, sums: list[tuple[int, bytes]]) -> None:
    """Make what the archive and its RECORD say of a member."""
    sums.append((crc32(content), sha256(content).digest()))


def inflate(source: int, offset: int, packed: int, method: int, size: int) -> Bytes:
    """Give a member's bytes."""
    data = os.pread(source, packed, offset)
    return deflate_decompress(data, size) if method == DEFLATED else data


def mapped(path: str) -> Bytes:
    """Give a library's bytes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)


def read(job: dict[str, Any], source: int, target: int) -> None:
    """Copy the wheel while its binaries are inflated."""
    largest = sorted(job["reads"], key=lambda item: -item[3])
    crew = Crew()
    crew.start([partial(inflate_to, source, *item) for item in largest])
    copy(source, target, 0, os.fstat(source).st_size)
    crew.finish()


def inflate_to(source: int, offset: int, packed: int, method: int, reach: int) -> None:
    """Inflate the first `reach` bytes of a member."""
    if method != DEFLATED:
        os.pread(source, reach, offset)
        return
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    end = offset + packed
    while reach > 0 and offset < end:
        data = os.pread(source, min(FEED, end - offset), offset)
        offset += len(data)
        while data and reach > 0:
            reach -= len(stream.decompress(data, min(reach, 4 * FEED)))
            data = stream.unconsumed_tail


def copy(source: int, target: int, offset: int, size: int) -> None:
    """Let the kernel copy."""
    while size:
        step = os.copy_file_range(source, target, size, offset)
        offset, size = offset + step, size - step


def write(target: int, data: Bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def main() -> None:
    """Do the job."""
    file, output = sys.argv[1:]
    with open(file, "rb") as opened:  # noqa: PTH123 - pathlib is not needed for the work
        job = json.load(opened)
    source = os.open(job["wheel"], os.O_RDONLY)
    target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    {"repair": repair, "read": read}[job["kind"]](job, source, target)
    os._exit(0)


if __name__ == "__main__":
    main()
