"""Platform tags: which ones are ours, and what they say. Pure, and without the policy data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from wheelfix.typed import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wheelfix.policy.versions import Level

LEGACY: Final[Mapping[str, Level]] = MappingProxyType(
    {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
)
"""Tags from before PEP 600, and the glibc each stands for (PEP 600, "Legacy manylinux tags")."""

_NUMBER = "(0|[1-9][0-9]{0,8})"
_ARCH = "([a-z0-9_]+)"
_PERENNIAL = f"(manylinux|musllinux)_{_NUMBER}_{_NUMBER}_{_ARCH}"
_LEGACY = f"({'|'.join(LEGACY)})_{_ARCH}"
_ANDROID = f"android_{_NUMBER}_{_ARCH}"
_LINUX = f"linux_{_ARCH}"
_BEGINNINGS = ("linux_", "manylinux", "musllinux", "android")
"""Of all of them: the patterns take longer to compile than a tag to be told apart."""

_PYTHON_LIBRARY = r"libpython[0-9]+(\.[0-9]+)?[a-z]*\.so(\.[0-9]+)*|libpypy[0-9.]*-c\.so(\.[0-9]+)*"


def parse_platform(tag: str) -> tuple[str, Level, str] | None:
    """Give family, level and arch of a platform tag; None for tags that are not ours.

    It tells the form only: whether such a system exists, `policy` tells.
    """
    if not tag.startswith(_BEGINNINGS):
        return None
    if match := re.fullmatch(_LINUX, tag):
        return "linux", (0, 0), match[1]
    if match := re.fullmatch(_PERENNIAL, tag):
        return match[1], (int(match[2]), int(match[3])), match[4]
    if match := re.fullmatch(_LEGACY, tag):
        return "manylinux", LEGACY[match[1]], match[2]
    if match := re.fullmatch(_ANDROID, tag):
        return "android", (int(match[1]), 0), match[2]
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


@cache
def is_python_library(name: str) -> bool:
    """Tell whether a needed name is the interpreter itself, which is never grafted."""
    if name.lower().endswith(".dll"):
        from wheelfix.policy.runtimes import is_python_dll

        return is_python_dll(name)
    if name.startswith("libpy") and re.fullmatch(_PYTHON_LIBRARY, name):
        return True
    if "ython" not in name:
        return False
    from wheelfix.policy.apple import is_apple_python

    return is_apple_python(name)
