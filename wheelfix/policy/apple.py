"""What macOS and iOS bring themselves, and how their platform tags are spelled.

Sources: dyld's shared cache holds what lies below /usr/lib and /System/Library (Apple, "Big Sur
release notes": the files themselves are gone); Swift's runtime since macOS 10.14.4 (swift.org, "ABI
stability"); tags as in packaging's `mac_platforms` and PEP 730.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from wheelfix.typed import Final, TypeAlias
from wheelfix.value import Value

Version: TypeAlias = tuple[int, int]

_SYSTEM: Final = ("/usr/lib/", "/System/Library/", "/System/iOSSupport/")
_NOT_SYSTEM: Final = "/System/Library/Frameworks/Python.framework/"
"""Went with macOS 12.3; `is_apple_python` says what is done about it."""
_SWIFT: Final = r"@rpath/libswift[A-Z_][A-Za-z_]*\.dylib"
_PYTHON: Final = (
    r"(.*/)?(Python3?\.framework/Versions/[0-9.]+t?/Python3?T?|PythonT?|Python3"
    r"|libpython[0-9]+(\.[0-9]+)?[a-z]*\.dylib)"
)

_MACOS: Final = r"macosx_([0-9]+)_([0-9]+)_([a-z0-9_]+)"
_IOS: Final = r"ios_([0-9]+)_([0-9]+)_([a-z0-9_]+)_(iphoneos|iphonesimulator)"

GROUPS: Final = MappingProxyType(
    {
        "universal2": ("x86_64", "arm64"),
        "intel": ("i386", "x86_64"),
        "universal": ("i386", "ppc", "ppc64", "x86_64"),
        "fat": ("i386", "ppc"),
        "fat3": ("i386", "ppc", "x86_64"),
        "fat64": ("ppc64", "x86_64"),
    }
)
"""Arch words of macOS tags that stand for several slices."""

MACHINES: Final = frozenset(
    {"arm64", "arm64e", "armv7", "armv7s", "i386", "ppc", "ppc64", "x86_64", "x86_64h"}
)
"""The slices that binaries for the systems of `TAGGED` may have."""

TAGGED: Final = frozenset({"macos", "ios", "iossimulator"})
"""The systems that platform tags exist for."""

FIRST_ARM64: Final = (11, 0)
"""No older macOS runs on arm64, whatever a binary says."""


class AppleTag(Value):
    """A platform tag of macOS or iOS."""

    system: str
    """`macos`, `ios` or `iossimulator`, as in `Image.minimum_system`."""
    version: Version
    arch: str
    """As the tag spells it: a slice's arch or one of `GROUPS`."""

    @property
    def archs(self) -> tuple[str, ...]:
        """Give the slices that binaries must have."""
        return GROUPS.get(self.arch, (self.arch,))


def parse_apple(tag: str) -> AppleTag | None:
    """Read a platform tag; None for other systems' tags."""
    if not tag.startswith(("macosx_", "ios_")):
        return None
    if match := re.fullmatch(_MACOS, tag):
        return AppleTag(system="macos", version=(int(match[1]), int(match[2])), arch=match[3])
    if match := re.fullmatch(_IOS, tag):
        system = "ios" if match[4] == "iphoneos" else "iossimulator"
        return AppleTag(system=system, version=(int(match[1]), int(match[2])), arch=match[3])
    return None


def spell_apple(tag: AppleTag) -> str:
    """Write a platform tag; macOS 11 and later count by their first number alone."""
    major, minor = tag.version
    if tag.system == "macos":
        return f"macosx_{major}_{0 if major >= FIRST_ARM64[0] else minor}_{tag.arch}"
    sdk = "iphoneos" if tag.system == "ios" else "iphonesimulator"
    return f"ios_{major}_{minor}_{tag.arch}_{sdk}"


def apple_provides(name: str) -> bool:
    """Tell whether the system has the library of this install name, on disk or in its cache.

    /System/Volumes/Data is the user's own disk, /usr/local and /Library are nobody's.
    """
    if name.startswith("@"):
        return "/libswift" in name and re.fullmatch(_SWIFT, name) is not None
    inside = name.startswith(_SYSTEM) and "/../" not in name
    return inside and not name.startswith(_NOT_SYSTEM)


def apple_has_folder(entry: str) -> bool:
    """Tell whether a search path entry is where every system keeps Swift's runtime."""
    return entry.rstrip("/") == "/usr/lib/swift"


def is_apple_python(name: str) -> bool:
    """Tell whether an install name is the interpreter, which is never brought along."""
    return "ython" in name and re.fullmatch(_PYTHON, name) is not None
