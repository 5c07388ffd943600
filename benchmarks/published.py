"""Published wheels, pinned: downloaded once, and turned back into what their builds made."""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from peers import CACHE, move_into_place, pip
from unrepair import Unrepaired, unrepair
from unrepair_mac import Llvm, unrepair_mac
from unrepair_windows import unrepair_windows

WHEELS = {
    "psycopg2-binary": "2.9.13",
    "h5py": "3.16.0",
    "shapely": "2.2.0",
    "pillow": "13.0.0",
}
"""A version each, so that two runs compare the same files."""

MAC_PLATFORMS = {
    "psycopg2-binary": ("macosx_10_9_x86_64", "macosx_11_0_arm64"),
    "h5py": ("macosx_10_9_x86_64", "macosx_11_0_arm64"),
    "shapely": ("macosx_10_9_x86_64", "macosx_11_0_arm64"),
    "pillow": ("macosx_10_10_x86_64", "macosx_11_0_arm64"),
}

WINDOWS_WHEELS = {"psycopg2-binary": "2.9.13", "shapely": "2.2.0", "numpy": "2.4.6"}

LARGE_WHEELS = {"numpy": "2.4.6", "scipy": "1.17.1", "opencv-python-headless": "5.0.0.93"}
"""Timed too, and too large for the tests that repair every pinned wheel."""

LARGE_MAC_PLATFORMS = {
    "numpy": ("macosx_11_0_arm64",),
    "scipy": ("macosx_12_0_arm64",),
    "opencv-python-headless": ("macosx_13_0_arm64",),
}

HERE = sys.version_info[:2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One wheel of an index; `platforms` are those of another machine, () for this one."""

    project: str
    version: str
    platforms: tuple[str, ...] = ()
    python: tuple[int, int] = HERE

    @property
    def folder(self) -> str:
        """Tell apart what is cached for different Pythons and machines."""
        python = "cp{}{}".format(*self.python)
        where = self.platforms[0] if self.platforms else sysconfig.get_platform()
        return f"{self.project}-{self.version}-{python}-{where}"


def pins() -> tuple[Pin, ...]:
    """Give the pinned wheels for this machine."""
    return tuple(Pin(project=project, version=version) for project, version in WHEELS.items())


def mac_pins() -> tuple[Pin, ...]:
    """Give the pinned wheels for both machines of macOS."""
    return tuple(
        Pin(project=project, version=WHEELS[project], platforms=(platform,))
        for project, platforms in MAC_PLATFORMS.items()
        for platform in platforms
    )


def windows_pins(python: tuple[int, int] = HERE) -> tuple[Pin, ...]:
    """Give the pinned wheels for Windows on amd64."""
    return tuple(
        Pin(project=project, version=version, platforms=("win_amd64",), python=python)
        for project, version in WINDOWS_WHEELS.items()
    )


def timed_pins() -> dict[str, tuple[Pin, ...]]:
    """Give all that the benchmarks repair, by system."""
    every = WHEELS | LARGE_WHEELS
    platforms = MAC_PLATFORMS | LARGE_MAC_PLATFORMS
    return {
        "Linux": tuple(Pin(project=p, version=v) for p, v in every.items()),
        "macOS": tuple(
            Pin(project=p, version=v, platforms=(platform,))
            for p, v in every.items()
            for platform in platforms[p]
        ),
        "Windows": tuple(
            Pin(project=p, version=v, platforms=("win_amd64",)) for p, v in every.items()
        ),
    }


def download(pin: Pin, cache: Path = CACHE) -> Path:
    """Give the wheel, from the index on first use; raises CalledProcessError without one."""
    folder = cache / "wheels" / pin.folder
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
        foreign = [part for platform in pin.platforms for part in ("--platform", platform)]
        if pin.python != HERE:
            foreign += ["--python-version", "{}.{}".format(*pin.python)]
        wanted = ("--no-deps", "--only-binary=:all:", *foreign, f"{pin.project}=={pin.version}")
        pip("download", *wanted, "--dest", str(new))
        move_into_place(new, folder)
    (wheel,) = folder.glob("*.whl")
    return wheel


def as_published(pin: Pin, cache: Path = CACHE) -> Unrepaired:
    """Give the pinned wheel, which its makers repaired; its folder of libraries is empty."""
    wheel = download(pin, cache)
    nowhere = cache / "performance" / "nothing"
    nowhere.mkdir(parents=True, exist_ok=True)
    return Unrepaired(wheel=wheel, libraries=nowhere)


def unrepaired(pin: Pin, *, patchelf: Path, cache: Path = CACHE) -> Unrepaired:
    """Give the pinned wheel as it was before its repair; made on first use."""

    def undo(wheel: Path, folder: Path) -> None:
        unrepair(wheel, folder, patchelf=patchelf)

    return _kept(pin, cache, undo)


def unrepaired_mac(pin: Pin, *, llvm: Llvm, cache: Path = CACHE) -> Unrepaired:
    """Give the pinned macOS wheel as it was before its repair; made on first use."""

    def undo(wheel: Path, folder: Path) -> None:
        unrepair_mac(wheel, folder, llvm=llvm)

    return _kept(pin, cache, undo)


def unrepaired_windows(pin: Pin, *, cache: Path = CACHE) -> Unrepaired:
    """Give the pinned Windows wheel as it was before its repair; made on first use."""

    def undo(wheel: Path, folder: Path) -> None:
        unrepair_windows(wheel, folder)

    return _kept(pin, cache, undo)


def _kept(pin: Pin, cache: Path, undo: Callable[[Path, Path], None]) -> Unrepaired:
    folder = cache / "unrepaired" / pin.folder
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
        undo(download(pin, cache), new)
        move_into_place(new, folder)
    (wheel,) = folder.glob("*.whl")
    return Unrepaired(wheel=wheel, libraries=folder / "ext")
