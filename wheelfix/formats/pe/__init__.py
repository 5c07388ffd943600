"""PE: Windows. Fulfils `formats.interface.Format`."""

from __future__ import annotations

from wheelfix.formats.pe.read import misfit, read
from wheelfix.formats.pe.search import candidates, defaults, reuse
from wheelfix.model import ByteSource, Edit, Private, Starter, VersionUse, WheelPath

__all__ = [
    "apply",
    "ballast",
    "candidates",
    "defaults",
    "flaws",
    "key",
    "losses",
    "matches",
    "misfit",
    "name",
    "own_names_count",
    "read",
    "reuse",
    "starter",
    "version_users",
]

_TEXT = b"\t\n\r" + bytes(range(0x20, 0x7F))

name = "pe"
own_names_count = False


def matches(head: bytes) -> bool:
    """Tell by a file's first 16 bytes whether it is of this format; texts may begin so too."""
    return head[:2] == b"MZ" and bool(head.translate(None, _TEXT))


def key(name: str) -> str:
    """Give what DLLs are compared by: Windows does not tell upper from lower case."""
    return name.casefold()


def starter(path: WheelPath, content: bytes) -> Starter:
    """Read a package's `__init__.py`; see `shim.starter`."""
    from wheelfix.formats.pe.shim import starter as read_starter

    return read_starter(path, content)


def apply(
    file: Private, edits: tuple[Edit, ...], *, filename: str | None = None, trusting: bool = False
) -> None:
    """Edit our private `file` in place; see `edit.apply`."""
    del filename, trusting
    from wheelfix.formats.pe.edit import apply as apply_edits

    apply_edits(file, edits)


def version_users(source: ByteSource, wanted: frozenset[tuple[str, str]]) -> tuple[VersionUse, ...]:
    """Name no symbols: PE has no symbol versions, so that none can be wanted."""
    del source, wanted
    return ()


def flaws(source: ByteSource) -> tuple[str, ...]:
    """Find nothing: no loader that a wheel's user has checks a checksum or a certificate."""
    del source
    return ()


def ballast(source: ByteSource) -> int:
    """Count sections and symbols that only debuggers read; see `read.ballast`."""
    from wheelfix.formats.pe.read import ballast as count

    return count(source)


def losses(source: ByteSource) -> tuple[str, ...]:
    """Say that an edit takes the certificate, which only its owner can give anew."""
    return tuple(
        "loses its Authenticode signature"
        for image in read(source, watch={})
        if image.signature is not None
    )
