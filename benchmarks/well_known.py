"""A fixed list of published wheels with compiled code: what `check` says of each is on record.

Every system and machine that many people use, several build backends, linkers and repair tools.
"""

from __future__ import annotations

from published import Pin

LINUX_PYTHON = (3, 11)
WINDOWS_PYTHON = (3, 12)
"""Of the Windows CPythons in the tests the one that most projects have wheels for."""

_SYSTEMS = {
    "linux-x86_64": (
        *("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64"),
        "manylinux2014_x86_64",
    ),
    "linux-aarch64": (
        *("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64"),
        "manylinux2014_aarch64",
    ),
    "linux-armv7l": ("manylinux_2_31_armv7l", "manylinux_2_17_armv7l"),
    "linux-ppc64le": ("manylinux_2_28_ppc64le", "manylinux2014_ppc64le"),
    "musl-x86_64": ("musllinux_1_2_x86_64", "musllinux_1_1_x86_64"),
    "musl-aarch64": ("musllinux_1_2_aarch64", "musllinux_1_1_aarch64"),
    "macos-arm64": ("macosx_14_0_arm64",),
    "macos-x86_64": ("macosx_14_0_x86_64",),
    "macos-universal2": ("macosx_11_0_universal2",),
    "win_amd64": ("win_amd64",),
    "win32": ("win32",),
    "win_arm64": ("win_arm64",),
}
"""Tags in the order of preference, as a new system of the kind takes them."""

_LIST = {
    ("numpy", "2.4.6"): (
        *("linux-x86_64", "linux-aarch64", "musl-x86_64"),
        *("macos-arm64", "macos-x86_64", "win_amd64", "win_arm64"),
    ),
    ("scipy", "1.17.1"): (
        *("linux-x86_64", "linux-aarch64", "macos-arm64", "macos-x86_64", "win_amd64"),
    ),
    ("pyarrow", "26.0.1"): (
        *("linux-x86_64", "linux-aarch64", "macos-arm64", "macos-x86_64", "win_amd64"),
    ),
    ("pillow", "13.0.0"): ("linux-x86_64", "musl-aarch64", "macos-x86_64", "win_arm64"),
    ("h5py", "3.16.0"): ("linux-x86_64", "macos-arm64", "win_amd64"),
    ("shapely", "2.2.0"): ("linux-x86_64", "musl-aarch64", "macos-arm64", "win32"),
    ("psycopg2-binary", "2.9.13"): (
        *("linux-x86_64", "linux-ppc64le", "musl-x86_64", "macos-x86_64", "win_amd64"),
    ),
    ("cryptography", "50.0.2"): (*("linux-x86_64", "musl-aarch64", "macos-arm64", "win_amd64"),),
    ("lxml", "6.1.3"): ("linux-x86_64", "linux-armv7l", "musl-x86_64", "macos-universal2", "win32"),
    ("opencv-python-headless", "5.0.0.93"): ("linux-x86_64", "macos-arm64", "win_amd64"),
    ("pyzmq", "27.3.0"): (
        *("linux-aarch64", "musl-aarch64", "macos-universal2", "win_amd64", "win_arm64"),
    ),
    ("grpcio", "1.85.3"): (
        *("linux-x86_64", "linux-aarch64", "musl-x86_64", "macos-universal2", "win_amd64"),
    ),
    ("matplotlib", "3.11.2"): ("linux-x86_64", "musl-x86_64", "macos-arm64", "win_amd64"),
    ("pyobjc-core", "13.0"): ("macos-universal2",),
    ("pywin32", "312"): ("win_amd64",),
    ("scikit-learn", "1.9.1"): ("win_amd64",),
    ("debugpy", "1.8.22"): ("win_amd64",),
}


def _pin(project: str, version: str, system: str) -> Pin:
    python = WINDOWS_PYTHON if system.startswith("win") else LINUX_PYTHON
    return Pin(project=project, version=version, platforms=_SYSTEMS[system], python=python)


WELL_KNOWN = {
    f"{project}-{system}": _pin(project, version, system)
    for (project, version), systems in _LIST.items()
    for system in systems
}
"""By names that stay when the version does not."""
