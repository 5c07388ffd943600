"""Platform tags: which ones are ours, and what they say. Pure, and without the policy data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from wheelfix.policy.apple import is_apple_python
from wheelfix.policy.versions import Level

LEGACY: Final[Mapping[str, Level]] = MappingProxyType(
    {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
)
"""Tags from before PEP 600, and the glibc each stands for (PEP 600, "Legacy manylinux tags")."""

_NUMBER = "(0|[1-9][0-9]{0,8})"
_ARCH = "([a-z0-9_]+)"
_PERENNIAL = re.compile(f"(manylinux|musllinux)_{_NUMBER}_{_NUMBER}_{_ARCH}")
_LEGACY = re.compile(f"({'|'.join(LEGACY)})_{_ARCH}")
_ANDROID = re.compile(f"android_{_NUMBER}_{_ARCH}")
_LINUX = re.compile(f"linux_{_ARCH}")

_PYTHON_LIBRARY = re.compile(
    r"libpython[0-9]+(\.[0-9]+)?[a-z]*\.so(\.[0-9]+)*|libpypy[0-9.]*-c\.so(\.[0-9]+)*"
)


def parse_platform(tag: str) -> tuple[str, Level, str] | None:
    """Give family, level and arch of a platform tag; None for tags that are not ours.

    It tells the form only: whether such a system exists, `policy` tells.
    """
    if match := _PERENNIAL.fullmatch(tag):
        return match[1], (int(match[2]), int(match[3])), match[4]
    if match := _LEGACY.fullmatch(tag):
        return "manylinux", LEGACY[match[1]], match[2]
    if match := _ANDROID.fullmatch(tag):
        return "android", (int(match[1]), 0), match[2]
    if match := _LINUX.fullmatch(tag):
        return "linux", (0, 0), match[1]
    return None


def spell(family: str, level: Level, arch: str) -> str:
    """Write a platform tag: what `parse_platform` reads."""
    match family:
        case "linux":
            return f"linux_{arch}"
        case "android":
            return f"android_{level[0]}_{arch}"
        case _:
            return f"{family}_{level[0]}_{level[1]}_{arch}"


def legacy_tags(family: str, level: Level, arch: str) -> tuple[str, ...]:
    """Give the older names of a tag; empty for almost all."""
    if family != "manylinux":
        return ()
    return tuple(f"{stem}_{arch}" for stem, own in LEGACY.items() if own == level)


def is_python_library(name: str) -> bool:
    """Tell whether a needed name is the interpreter itself, which is never grafted."""
    return is_apple_python(name) or _PYTHON_LIBRARY.fullmatch(name) is not None
