"""The load configuration: where DLLs may come from, and whether the file is a hybrid.

Offsets are those of IMAGE_LOAD_CONFIG_DIRECTORY32 and 64 in <winnt.h>.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.raw import Raw
from wheelfix.value import Value

_FLAGS: Mapping[int, int] = MappingProxyType({32: 0x36, 64: 0x4E})
"""DependentLoadFlags, 2 bytes."""
_HYBRID: Mapping[int, int] = MappingProxyType({32: 0x7C, 64: 0xC8})
"""CHPEMetadataPointer, as wide as an address."""


class LoadConfig(Value):
    """What we use of it; zero for what an old and short one does not have."""

    flags_at: int
    """Where DependentLoadFlags lie in the file; 0 when they are not there."""
    flags: int
    """DependentLoadFlags: how the loader looks for what the file imports."""
    hybrid: bool
    """True when the file holds code for a second machine."""


def load_config(raw: Raw) -> LoadConfig:
    """Read it; all zero when there is none. Raises `errors.BadBinary`."""
    directory = raw.directory(c.DIRECTORY_LOAD_CONFIG)
    if directory is None:
        return LoadConfig(flags_at=0, flags=0, hybrid=False)
    # Its own first field counts, not the directory: that is 64 in old files, for the sake of XP.
    size = int.from_bytes(raw.bytes_at(directory.rva, 4, "load configuration"), "little")
    at = _FLAGS[raw.bits]
    has_flags = size >= at + 2
    flags = _number(raw, directory.rva + at, 2) if has_flags else 0
    at_hybrid, width = _HYBRID[raw.bits], raw.bits // 8
    hybrid = _number(raw, directory.rva + at_hybrid, width) if size >= at_hybrid + width else 0
    return LoadConfig(
        flags_at=raw.offset(directory.rva + at, 2, "load configuration") if has_flags else 0,
        flags=flags,
        hybrid=bool(hybrid),
    )


def forbids(flags: int) -> bool:
    """Tell whether DependentLoadFlags keep the loader from DLLs beside the file or added folders.

    With any of the flags that name places, only those are searched (LoadLibraryExW); unsigned DLLs
    may be forbidden altogether.
    """
    if flags & c.REQUIRE_SIGNED_TARGET:
        return True
    beside = flags & c.SEARCH_DLL_LOAD_DIR
    added = flags & (c.SEARCH_USER_DIRS | c.SEARCH_DEFAULT_DIRS)
    return bool(flags & c.SEARCH_ANY) and not (beside and added)


def _number(raw: Raw, rva: int, size: int) -> int:
    return int.from_bytes(raw.bytes_at(rva, size, "load configuration"), "little")
