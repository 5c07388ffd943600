"""What needs no search: the target system or the interpreter brings it wherever the wheel goes.

What a system provides is imported when the first library for it turns up: most wheels have one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from wheelfix.model import FromPython, Image, OnSystem, WheelInfo
from wheelfix.policy.tags import is_python_library
from wheelfix.typed import TypeAlias

Brought: TypeAlias = OnSystem | FromPython | None


def provider_of(format_name: str, name: str, image: Image, wheel: WheelInfo) -> Brought:
    """Say who brings the library `name` that `image` needs; None when it must be searched for.

    `OnSystem` where every policy for the image's machine has it, and where no wheel may bring it.
    """
    if is_python_library(name):
        return FromPython()
    return _BY_FORMAT[format_name](name, image, wheel)


def may_be_replaced(format_name: str, name: str) -> bool:
    """Tell whether a wheel's own copy of a library that the system brings comes before that.

    On Linux and Android all that a search path leads to does, but for what belongs to the loader.
    """
    if format_name != "elf":
        return False
    return name not in _OF_THE_LOADER and not name.startswith(("ld-", "ld64.", "libc.musl-"))


_OF_THE_LOADER = frozenset(
    {
        *("libanl.so.1", "libc.so.6", "libdl.so.2", "libm.so.6", "libmvec.so.1", "libnsl.so.1"),
        *("libpthread.so.0", "libresolv.so.2", "librt.so.1", "libutil.so.1"),
        *("libc.so", "libdl.so", "libm.so"),
    }
)
"""Libraries of glibc, then of bionic: loader and libraries are of one version, or crash."""


def last_resort(format_name: str, name: str, image: Image, wheel: WheelInfo) -> Brought:
    """Say who brings a library that was searched for and not found; None for nobody."""
    if format_name != "pe":
        return None
    from wheelfix.policy.windows import lowest_windows, windows_origin

    perhaps = windows_origin(name, image.arch, lowest_windows(wheel.pythons)) == "perhaps-windows"
    return OnSystem() if perhaps else None


def newest_wins(format_name: str, name: str) -> bool:
    """Tell whether of all libraries that fit the newest is taken, not the first.

    So it is with runtimes that every newer version stands in for.
    """
    if format_name != "pe":
        return False
    from wheelfix.policy.runtimes import is_redistributable

    return is_redistributable(name)


def not_for_us(format_name: str, name: str, folder: Path, files: frozenset[str]) -> str | None:
    """Say why a library in a folder that others share must not be taken; None when it may be.

    `files` is what else lies there.
    """
    if format_name != "pe":
        return None
    from wheelfix.policy.windows import may_take, owner_of_folder

    owner = owner_of_folder(str(folder), files)
    return None if may_take(name, owner) else f"belongs to {owner}"


def _linux(name: str, image: Image, wheel: WheelInfo) -> Brought:
    from wheelfix.policy.family import family_of

    family = family_of(image.libc, wheel.platforms)
    return OnSystem() if name in _always_there(family, image.arch) else None


@cache
def _always_there(family: str, machine: str) -> frozenset[str]:
    from wheelfix.policy.policies import any_provides, arch_of

    arch = arch_of(family, machine)
    return any_provides(family, arch) if arch else frozenset()


def _apple(name: str, image: Image, wheel: WheelInfo) -> Brought:
    from wheelfix.policy.apple import apple_provides

    del image, wheel
    return OnSystem() if apple_provides(name) else None


def _windows(name: str, image: Image, wheel: WheelInfo) -> Brought:
    from wheelfix.policy.runtimes import interpreter_brings, is_abandoned
    from wheelfix.policy.windows import lowest_windows, windows_origin

    if interpreter_brings(name, wheel.pythons, wheel.abis, image.arch):
        return FromPython()
    if is_abandoned(image.own_name or "", name):
        return OnSystem()
    origin = windows_origin(name, image.arch, lowest_windows(wheel.pythons))
    return None if origin in (None, "perhaps-windows") else OnSystem()


_BY_FORMAT: Mapping[str, Callable[[str, Image, WheelInfo], Brought]] = MappingProxyType(
    {"elf": _linux, "macho": _apple, "pe": _windows}
)
