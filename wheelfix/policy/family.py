"""Which family of systems a binary or a wheel is for."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

from wheelfix.policy.tags import parse_platform
from wheelfix.typed import Final

BY_LIBC: Final = MappingProxyType({"glibc": "manylinux", "musl": "musllinux", "bionic": "android"})


def family_of(libc: str | None, platforms: tuple[str, ...]) -> str:
    """Give the family of policies for a C library; without one, what the wheel's tags claim.

    What links to no C library at all runs with any; it gets manylinux tags unless it claims others.
    """
    return _claimed(platforms) if libc is None else BY_LIBC[libc]


@cache
def _claimed(platforms: tuple[str, ...]) -> str:
    parsed = [claim for platform in platforms if (claim := parse_platform(platform))]
    families = [family for family, _level, _arch in parsed if family != "linux"]
    return families[0] if families else "manylinux"
