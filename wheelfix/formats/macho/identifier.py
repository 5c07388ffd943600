"""The identifier of code that was never signed before, as Apple's codesign makes it.

The rule is that of DiskRep::canonicalIdentifier and MachORep::recommendedIdentifier in Apple's
Security framework.
"""

from __future__ import annotations

import re

_EXTENSION = re.compile(r"\.[^.0-9][^.]*$")
"""The last extension, where it begins with something else than a digit."""

_VERSION = re.compile(r"(?P<kept>\.?[0-9]*)[0-9.]*$")
"""Digits and dots at the end; of those, the first number stays."""


def canonical(filename: str) -> str:
    """Take extension and all numbers but the first off a file's name.

    >>> canonical("libpng16.16.dylib"), canonical("libhdf5_hl.320.0.0.dylib")
    ('libpng16', 'libhdf5_hl.320')
    """
    name = _EXTENSION.sub("", filename)
    if not name or name[0] in "0123456789.":
        return name
    stem = name.rstrip("0123456789.")
    rest = _VERSION.match(name, len(stem))
    return stem + (rest["kept"] if rest else "")


def recommended(filename: str, unique: bytes) -> str:
    """Make the identifier of an ad-hoc signature; `unique` comes in where no dot is left."""
    name = canonical(filename)
    return name if "." in name else f"{name}-{unique.hex()}"
