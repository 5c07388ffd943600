"""Wheels as zip archives: read strictly, written canonically, payloads carried as they are.

Knows nothing of binaries.
"""

from __future__ import annotations

from wheelfix.archive.filename import installed_path, wheel_filename, wheel_tags
from wheelfix.archive.startup import startup_texts
from wheelfix.archive.unpacked import Unpacked, unpacked
from wheelfix.archive.wheel import OpenWheel, open_wheel
from wheelfix.archive.write import NewFile, Written, copy_wheel, write_wheel

__all__ = [
    "NewFile",
    "OpenWheel",
    "Unpacked",
    "Written",
    "copy_wheel",
    "installed_path",
    "open_wheel",
    "startup_texts",
    "unpacked",
    "wheel_filename",
    "wheel_tags",
    "write_wheel",
]
