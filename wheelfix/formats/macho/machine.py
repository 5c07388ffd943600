"""Machines and platforms, by Apple's names."""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.layout import FatArch, Header

_FAMILIES: Mapping[int, str] = {
    c.CPU_TYPE_X86: "i386",
    c.CPU_TYPE_X86_64: "x86_64",
    c.CPU_TYPE_ARM: "arm",
    c.CPU_TYPE_ARM64: "arm64",
    c.CPU_TYPE_ARM64_32: "arm64_32",
    c.CPU_TYPE_POWERPC: "ppc",
    c.CPU_TYPE_POWERPC64: "ppc64",
}
_MEMBERS: Mapping[tuple[int, int], str] = {
    (c.CPU_TYPE_X86_64, 8): "x86_64h",
    (c.CPU_TYPE_ARM, 6): "armv6",
    (c.CPU_TYPE_ARM, 9): "armv7",
    (c.CPU_TYPE_ARM, 10): "armv7f",
    (c.CPU_TYPE_ARM, 11): "armv7s",
    (c.CPU_TYPE_ARM, 12): "armv7k",
    (c.CPU_TYPE_ARM64, 1): "arm64v8",
    (c.CPU_TYPE_ARM64, 2): "arm64e",
}
"""The subtypes that loaders tell apart, as `lipo` spells them."""

PLATFORMS: Mapping[int, str] = {
    c.PLATFORM_MACOS: "macos",
    c.PLATFORM_IOS: "ios",
    c.PLATFORM_TVOS: "tvos",
    c.PLATFORM_WATCHOS: "watchos",
    5: "bridgeos",
    6: "maccatalyst",
    c.PLATFORM_IOSSIMULATOR: "iossimulator",
    c.PLATFORM_TVOSSIMULATOR: "tvossimulator",
    c.PLATFORM_WATCHOSSIMULATOR: "watchossimulator",
    10: "driverkit",
    11: "visionos",
    12: "visionossimulator",
}

_DEVICES: Mapping[int, int] = {
    c.LC_VERSION_MIN_MACOSX: c.PLATFORM_MACOS,
    c.LC_VERSION_MIN_IPHONEOS: c.PLATFORM_IOS,
    c.LC_VERSION_MIN_TVOS: c.PLATFORM_TVOS,
    c.LC_VERSION_MIN_WATCHOS: c.PLATFORM_WATCHOS,
}
_SIMULATORS: Mapping[int, int] = {
    c.PLATFORM_IOS: c.PLATFORM_IOSSIMULATOR,
    c.PLATFORM_TVOS: c.PLATFORM_TVOSSIMULATOR,
    c.PLATFORM_WATCHOS: c.PLATFORM_WATCHOSSIMULATOR,
}
_INTEL = frozenset({c.CPU_TYPE_X86, c.CPU_TYPE_X86_64})
_FOUR_KIB = frozenset({*_INTEL, c.CPU_TYPE_POWERPC, c.CPU_TYPE_POWERPC64})


def arch(header: Header | FatArch) -> str:
    """Name the machine; `cpu_<type>` for one without a name."""
    member = header.cpusubtype & ~c.CPU_SUBTYPE_MASK
    family = _FAMILIES.get(header.cputype, f"cpu_{header.cputype:x}")
    return _MEMBERS.get((header.cputype, member), family)


def page_shift(cputype: int) -> int:
    """Give the binary logarithm of a machine's page, to which `lipo` aligns its slice."""
    return 12 if cputype in _FOUR_KIB else 14


def platform(number: int) -> str:
    """Name the platform of LC_BUILD_VERSION; `platform<number>` for one without a name."""
    return PLATFORMS.get(number, f"platform{number}")


def minimum_platform(cmd: int, cputype: int) -> int:
    """Give the platform that an LC_VERSION_MIN command means.

    It has no word for simulators; dyld tells them by the Intel processor that no device has.
    """
    device = _DEVICES[cmd]
    return _SIMULATORS.get(device, device) if cputype in _INTEL else device
