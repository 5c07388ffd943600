"""The identifier of code that was never signed before, as Apple's codesign makes it.

The rule is that of DiskRep::canonicalIdentifier and MachORep::recommendedIdentifier in Apple's
Security framework.
"""

from __future__ import annotations

_DIGITS = "0123456789"


def canonical(filename: str) -> str:
    """Take extension and all numbers but the first off a file's name.

    >>> canonical("libpng16.16.dylib"), canonical("libhdf5_hl.320.0.0.dylib")
    ('libpng16', 'libhdf5_hl.320')
    """
    before, dot, extension = filename.rpartition(".")
    name = before if dot and extension[:1].strip(_DIGITS) else filename
    if not name or name[0] in "0123456789.":
        return name
    stem = name.rstrip("0123456789.")
    rest = name[len(stem) :]
    dot = rest[:1].strip(_DIGITS)
    return stem + dot + rest[len(dot) :].partition(".")[0]


def recommended(filename: str, unique: bytes) -> str:
    """Make the identifier of an ad-hoc signature; `unique` comes in where no dot is left."""
    name = canonical(filename)
    return name if "." in name else f"{name}-{unique.hex()}"
