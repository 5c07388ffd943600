"""The program: `wheelfix`, or `python -m wheelfix`."""

from __future__ import annotations

import gc
import os

from wheelfix.typed import NoReturn

LARGE = (32 << 20) - (64 << 10)
"""Bytes: near the largest block whose return glibc learns from (mallopt(3), M_MMAP_THRESHOLD)."""

OBJECTS = 100_000
"""New objects between two searches for garbage; a repair of a usual wheel makes fewer."""


def run() -> NoReturn:
    """Run one command and end the process at once.

    Taking the interpreter apart object by object would be a tenth of what a small repair costs,
    and there is nothing left for it to do: all that was printed was flushed, every file is closed
    and every thread has ended.
    """
    gc.set_threshold(OBJECTS)
    bytes(LARGE)  # glibc has now seen one, and keeps what smaller ones leave
    from wheelfix.cli import main

    os._exit(main())


if __name__ == "__main__":
    run()
