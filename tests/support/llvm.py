"""LLVM's programs: the newest that are here, which need not be the ones on PATH."""

from __future__ import annotations

from unrepair_mac import newest_llvm

from support.needs import missing

PACKAGE = "llvm-19"
"""Of Debian 12 and later, whose `llvm` may be 14: that one prints no chained fixups, and loses
symbols of Windows files."""


def tool(name: str) -> str:
    """Find a program of LLVM's, or skip."""
    found = newest_llvm(name)
    if found is None:
        missing(f"needs {name}: on Debian, `apt-get install {PACKAGE}`")
    return found
