"""The platform and version that an image runs on, and its spelling `macos 11.0`."""

from __future__ import annotations

from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.machine import PLATFORMS, minimum_platform, platform
from wheelfix.formats.macho.raw import Command, Raw
from wheelfix.value import Value

MINIMUMS = (
    c.LC_VERSION_MIN_MACOSX,
    c.LC_VERSION_MIN_IPHONEOS,
    c.LC_VERSION_MIN_TVOS,
    c.LC_VERSION_MIN_WATCHOS,
)


class System(Value):
    """A platform and the lowest version of it; the version is packed as load commands do."""

    platform: str
    version: int

    def __str__(self) -> str:
        major, minor, patch = self.version >> 16, self.version >> 8 & 0xFF, self.version & 0xFF
        numbers = f"{major}.{minor}.{patch}" if patch else f"{major}.{minor}"
        return f"{self.platform} {numbers}"


def parse(text: str) -> System | None:
    """Read `macos 11.0`; None unless it is spelt as `str` of a System does."""
    name, _, version = text.partition(" ")
    numbers = version.split(".")
    if not all(number.isascii() and number.isdigit() for number in numbers):
        return None
    major, minor, patch = (*(int(n[:6]) for n in numbers[:3]), 0, 0, 0)[:3]
    if major > 0xFFFF or max(minor, patch) > 0xFF:
        return None
    system = System(platform=name, version=major << 16 | minor << 8 | patch)
    return system if str(system) == text else None


def number(name: str) -> int | None:
    """Give the number of a platform's name; None for one without."""
    return next((number for number, known in PLATFORMS.items() if known == name), None)


def of(raw: Raw, command: Command) -> System:
    """Read one version command. Raises `errors.BadBinary`."""
    if command.cmd == c.LC_BUILD_VERSION:
        where, version = raw.words(command, 2)
    else:
        where = minimum_platform(command.cmd, raw.header.cputype)
        version = raw.words(command, 2)[0]
    return System(platform=platform(where), version=version)


def chosen(raw: Raw) -> tuple[Command, System] | None:
    """Give the version command that counts: of several that for macOS, else the first.

    Zippered libraries are for Mac Catalyst too and have a second one.
    """
    found = [(command, of(raw, command)) for command in raw.of(c.LC_BUILD_VERSION, *MINIMUMS)]
    mac = (pair for pair in found if pair[1].platform == "macos")
    return next(mac, next(iter(found), None))
