"""Wheels unpacked, and installed by other people's installers."""

from __future__ import annotations

import sys
import venv
import zipfile
from pathlib import Path

from support import repairs


def unpacked(wheel: Path, folder: Path) -> Path:
    """Unzip a wheel, with the modes that its archive tells."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            file = Path(archive.extract(member, folder))
            file.chmod(member.external_attr >> 16 & 0o777 or 0o644)
    return folder


def uv(*words: str | Path) -> None:
    """Run uv, which needs no network for what it is asked here."""
    repairs.run(sys.executable, "-m", "uv", *words, "--offline", "-q")


def pip(*words: str | Path) -> None:
    """Run pip, which does without an index."""
    repairs.run(sys.executable, "-m", "pip", *words, "-q", "--disable-pip-version-check")


def environment(folder: Path) -> Path:
    """Make a virtual environment without anything in it."""
    venv.create(folder, with_pip=False, symlinks=True)
    return folder


def install_by_uv(env: Path, *wheels: str | Path) -> None:
    """Install wheels as they are."""
    uv("pip", "install", "--python", env / "bin" / "python", "--no-deps", "--no-index", *wheels)


def install_by_pip(env: Path, *wheels: str | Path) -> None:
    """Install wheels as they are."""
    pip("--python", env / "bin" / "python", "install", "--no-deps", "--no-index", *wheels)
