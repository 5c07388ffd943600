"""What libdeflate's levels make of what repairs compress, beside zlib's 6, which the peers use.

    python benchmarks/levels.py

Says for each published wheel, in bytes and seconds of one thread, what its libraries and edited
members come to; ratios count what is carried too, as in an output.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable
from functools import partial

import floor
from deflate import deflate_compress
from jobs import job_of
from peers import peers
from subjects import subjects

LEVELS = (4, 5, 6, 7)


def main() -> None:
    """Go through the wheels."""
    for name, subject in subjects(peers()).items():
        if subject.group != "published":
            continue
        job = job_of(subject.prepare())
        if job["kind"] != "repair":
            continue
        source = os.open(job["wheel"], os.O_RDONLY)
        contents = [bytes(floor.inflate(source, *where)) for where in job["touched"]]
        contents += [bytes(floor.mapped(path)) for path, _ in job["brought"]]
        os.close(source)
        carried = sum(size for _, size in job["carried"])
        theirs, took = total(contents, lambda content: zlib.compress(content, 6))
        words = [f"{name}: zlib 6 {(carried + theirs) / 1e6:.2f} MB {took:.2f} s"]
        for level in LEVELS:
            size, spent = total(contents, partial(_packed, level))
            words.append(f"{level}: {(carried + size) / (carried + theirs):.4f} {spent:.2f} s")
        print(", ".join(words), flush=True)


def _packed(level: int, content: bytes) -> bytes:
    return bytes(deflate_compress(content, level))


def total(contents: list[bytes], pack: Callable[[bytes], bytes]) -> tuple[int, float]:
    """Give bytes and processor seconds."""
    start = time.process_time()
    size = sum(len(pack(content)) for content in contents if content)
    return size, time.process_time() - start


if __name__ == "__main__":
    main()
