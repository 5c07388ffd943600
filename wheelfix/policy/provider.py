"""What needs no search: the target system or the interpreter brings it wherever the wheel goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from wheelfix.model import FromPython, Image, OnSystem, WheelInfo
from wheelfix.policy.apple import apple_provides
from wheelfix.policy.family import family_of
from wheelfix.policy.policies import any_provides, arch_of
from wheelfix.policy.runtimes import interpreter_brings, is_abandoned, is_redistributable
from wheelfix.policy.tags import is_python_library
from wheelfix.policy.windows import lowest_windows, may_take, owner_of_folder, windows_origin
from wheelfix.typed import TypeAlias

Brought: TypeAlias = OnSystem | FromPython | None


def provider_of(format_name: str, name: str, image: Image, wheel: WheelInfo) -> Brought:
    """Say who brings the library `name` that `image` needs; None when it must be searched for.

    `OnSystem` where every policy for the image's machine has it, and where no wheel may bring it.
    """
    if is_python_library(name):
        return FromPython()
    return _BY_FORMAT[format_name](name, image, wheel)


def last_resort(format_name: str, name: str, image: Image, wheel: WheelInfo) -> Brought:
    """Say who brings a library that was searched for and not found; None for nobody."""
    if format_name != "pe":
        return None
    perhaps = windows_origin(name, image.arch, lowest_windows(wheel.pythons)) == "perhaps-windows"
    return OnSystem() if perhaps else None


def newest_wins(format_name: str, name: str) -> bool:
    """Tell whether of all libraries that fit the newest is taken, not the first.

    So it is with runtimes that every newer version stands in for.
    """
    return format_name == "pe" and is_redistributable(name)


def not_for_us(format_name: str, name: str, folder: Path, files: frozenset[str]) -> str | None:
    """Say why a library in a folder that others share must not be taken; None when it may be.

    `files` is what else lies there.
    """
    if format_name != "pe":
        return None
    owner = owner_of_folder(str(folder), files)
    return None if may_take(name, owner) else f"belongs to {owner}"


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


def _windows(name: str, image: Image, wheel: WheelInfo) -> Brought:
    if interpreter_brings(name, wheel.pythons, wheel.abis, image.arch):
        return FromPython()
    if is_abandoned(image.own_name or "", name):
        return OnSystem()
    origin = windows_origin(name, image.arch, lowest_windows(wheel.pythons))
    return None if origin in (None, "perhaps-windows") else OnSystem()


_BY_FORMAT: Mapping[str, Callable[[str, Image, WheelInfo], Brought]] = MappingProxyType(
    {"elf": _linux, "macho": _apple, "pe": _windows}
)
