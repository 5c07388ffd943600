"""Wheels as zip archives: read strictly, written canonically, payloads carried as they are.

Knows nothing of binaries. What will be a wheel and lies in files is `archive.unpacked`'s.
"""

from __future__ import annotations

from wheelfix.archive.filename import installed_path, wheel_filename, wheel_tags
from wheelfix.archive.metadata import required
from wheelfix.archive.wheel import OpenWheel, open_wheel
from wheelfix.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wheelfix.archive.carryover import copy_wheel
    from wheelfix.archive.write import NewFile, Written, write_wheel

__all__ = [
    "NewFile",
    "OpenWheel",
    "Written",
    "copy_wheel",
    "installed_path",
    "open_wheel",
    "required",
    "wheel_filename",
    "wheel_tags",
    "write_wheel",
]


def __getattr__(name: str) -> Any:
    """Import what writes when it is first asked for: most wheels are only read."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "copy_wheel":
        from wheelfix.archive.carryover import copy_wheel

        return copy_wheel
    from wheelfix.archive import write

    return getattr(write, name)
