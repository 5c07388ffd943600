"""Packages of Debian, downloaded once and unpacked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from peers import CACHE

READY = all(shutil.which(tool) for tool in ("apt-get", "dpkg-deb"))


def unpacked(package: str) -> Path:
    """Give the folder with a package's files; an empty one for a package that is not to be had."""
    folder = CACHE / "debian-windows"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / package.replace(":", "-")
    if not target.exists():
        _unpack(package, target)
    return target


def _unpack(package: str, target: Path) -> None:
    new = target.with_name(f"new-{target.name}-{os.getpid()}")
    new.mkdir()
    subprocess.run(["apt-get", "download", package], cwd=new, capture_output=True, check=False)
    for deb in new.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", deb, new], check=True)
        deb.unlink()
    try:
        new.rename(target)
    except OSError:
        if not target.is_dir():  # else somebody was faster
            raise
