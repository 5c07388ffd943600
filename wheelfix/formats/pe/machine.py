"""Machines, as platform tags spell them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wheelfix.formats.pe import constants as c

_ARCHS: Mapping[int, str] = MappingProxyType(
    {
        c.MACHINE_I386: "x86",
        c.MACHINE_AMD64: "amd64",
        c.MACHINE_ARM64: "arm64",
        c.MACHINE_ARMNT: "arm32",
    }
)
_HYBRIDS: Mapping[int, str] = MappingProxyType(
    {c.MACHINE_I386: "chpe", c.MACHINE_AMD64: "arm64ec", c.MACHINE_ARM64: "arm64x"}
)


def arch(machine: int) -> str:
    """Spell a machine; an unknown one by its number."""
    return _ARCHS.get(machine, f"machine-{machine:#06x}")


def hybrid(machine: int) -> str:
    """Name the kind of hybrid that a file with code for two machines is."""
    return _HYBRIDS.get(machine, "chpe")
