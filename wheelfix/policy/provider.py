"""What needs no search: the target system or the interpreter brings it wherever the wheel goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import TypeAlias

from wheelfix.model import FromPython, Image, OnSystem, WheelInfo
from wheelfix.policy.apple import apple_provides
from wheelfix.policy.family import family_of
from wheelfix.policy.policies import any_provides, arch_of
from wheelfix.policy.tags import is_python_library

Brought: TypeAlias = OnSystem | FromPython | None


def provider_of(format_name: str, name: str, image: Image, wheel: WheelInfo) -> Brought:
    """Say who brings the library `name` that `image` needs; None when it must be searched for.

    `OnSystem` only where every policy for the image's machine has it.
    """
    if is_python_library(name):
        return FromPython()
    return _BY_FORMAT[format_name](name, image, wheel)


def _linux(name: str, image: Image, wheel: WheelInfo) -> Brought:
    family = family_of(image.libc, wheel.platforms)
    return OnSystem() if name in _always_there(family, image.arch) else None


@cache
def _always_there(family: str, machine: str) -> frozenset[str]:
    arch = arch_of(family, machine)
    return any_provides(family, arch) if arch else frozenset()


def _apple(name: str, image: Image, wheel: WheelInfo) -> Brought:
    del image, wheel
    return OnSystem() if apple_provides(name) else None


_BY_FORMAT: Mapping[str, Callable[[str, Image, WheelInfo], Brought]] = MappingProxyType(
    {"elf": _linux, "macho": _apple}
)
