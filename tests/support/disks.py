"""File systems of their own, in files or in memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.needs import missing, tool
from support.repairs import run

SHARING = ("btrfs", "xfs")
"""Those whose files can have extents in common."""
DISKS = (*SHARING, "ext4", "tmpfs")
MAKERS = {"btrfs": "btrfs-progs", "xfs": "xfsprogs", "ext4": "e2fsprogs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A file system of its own."""

    folder: Path
    shares: bool
    """Whether its files can have extents in common."""


@contextmanager
def mounted(folder: Path, kind: str) -> Iterator[Path]:
    """Mount a new file system, in a file but for tmpfs, and give the folder it is mounted on.

    Where root has loop devices it must succeed; elsewhere the test is skipped.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip(f"needs root on Linux, to mount {kind}")
    place = folder / "fs"
    place.mkdir()
    mount = ["mount", "-t", kind, *(["tmpfs"] if kind == "tmpfs" else ["-o", "loop"])]
    if kind != "tmpfs":
        mount.append(str(made(folder / "image", kind)))
    done = subprocess.run([*mount, str(place)], capture_output=True, text=True, check=False)
    if done.returncode:
        sentence = f"needs to mount {kind}: {done.stderr.strip()}"
        if Path("/dev/loop-control").exists():
            missing(sentence)
        pytest.skip(sentence)
    yield place
    # Lazily: what a test that failed has still open there is not the next test's concern.
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def made(image: Path, kind: str) -> Path:
    """Make a file system in a file."""
    with image.open("wb") as file:
        file.truncate(4 << 30)  # sparse: it takes what is written
    run(tool(f"mkfs.{kind}", MAKERS[kind]), "-q", image)
    return image
