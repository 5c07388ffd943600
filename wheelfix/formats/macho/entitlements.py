"""Which entitlements an ad-hoc signature may carry, in the two forms that a signature holds.

Apple's technical note TN3125, "Entitlements on macOS", lists what needs no provisioning profile:
the App Sandbox and the Hardened Runtime, all spelled `com.apple.security.*`. Everything else is
restricted: the kernel kills a program that claims it without a profile, and a profile binds a
certificate. App groups stand on the list too, but belong to a team, which ad-hoc code has not.
"""

from __future__ import annotations

import struct

from wheelfix.errors import CannotEdit
from wheelfix.formats.macho import codesign as cs
from wheelfix.typed import Any
from wheelfix.value import Value

_FREE = "com.apple.security."
_OF_A_TEAM = "com.apple.security.application-groups"

_DEBUGGABLE = "com.apple.security.get-task-allow"

_SEQUENCE = 0x30
_DICTIONARY = 0xB0
"""Context-specific 16, constructed: a property list's dictionary."""
_ROOT = 0x70
"""Application 16, constructed: a version number and a dictionary."""

_DEEPEST = 32

_MALFORMED = (ValueError, LookupError, AttributeError, TypeError)
"""What plistlib, which trusts its input, raises beside expat's error for XML that is no list."""


class Entitlements(Value):
    """What remains of a program's entitlements, and what does not."""

    xml: bytes = b""
    """The blob for slot 5; empty for none."""
    der: bytes = b""
    """The blob for slot 7, with the same content."""
    debuggable: bool = False
    """Whether a debugger may attach (get-task-allow)."""
    dropped: tuple[str, ...] = ()
    """Names of those left out, sorted."""


def is_restricted(name: str) -> bool:
    """Tell whether claiming this entitlement takes a provisioning profile on macOS."""
    return not name.startswith(_FREE) or name == _OF_A_TEAM


def permitted(blob: bytes) -> Entitlements:
    """Take the restricted ones out of the XML entitlements of a signature, `blob`.

    Raises `errors.CannotEdit` where they are no property list that signatures hold.
    """
    text = blob[8:]
    claimed = _parsed(text)
    dropped = tuple(sorted(filter(is_restricted, claimed)))
    kept = {name: value for name, value in claimed.items() if not is_restricted(name)}
    if not kept:
        return Entitlements(dropped=dropped)
    encoded = der(kept)  # refuses what is nested too deep for plistlib to write
    if dropped:
        text = _written(kept)
    return Entitlements(
        xml=_blob(cs.CSMAGIC_EMBEDDED_ENTITLEMENTS, text),
        der=_blob(cs.CSMAGIC_EMBEDDED_DER_ENTITLEMENTS, encoded),
        debuggable=kept.get(_DEBUGGABLE) is True,
        dropped=dropped,
    )


def _parsed(text: bytes) -> dict[str, Any]:
    import plistlib  # few libraries have any entitlements
    from xml.parsers.expat import ExpatError

    try:
        claimed = plistlib.loads(text, fmt=plistlib.FMT_XML)
    except (ExpatError, *_MALFORMED) as error:
        raise _unreadable(str(error)) from error
    if not isinstance(claimed, dict):
        raise _unreadable("not a dictionary")
    return claimed


def _written(kept: dict[str, Any]) -> bytes:
    import plistlib

    try:
        return plistlib.dumps(kept, sort_keys=False)
    except (OverflowError, ValueError) as error:  # more than 64 bits, a control character
        raise _unreadable(str(error)) from error


def _unreadable(reason: str) -> CannotEdit:
    return CannotEdit(
        problem="it cannot be signed anew: its entitlements cannot be read",
        details=(reason,),
        hint="sign it with codesign before it goes into the wheel",
    )


def _blob(magic: int, content: bytes) -> bytes:
    return struct.pack(">2I", magic, 8 + len(content)) + content


def der(claimed: dict[str, Any]) -> bytes:
    """Encode entitlements as Apple's DER form; raises `errors.CannotEdit` for dates and floats."""
    return _tlv(_ROOT, _tlv(0x02, b"\x01") + _value(claimed, 0))


def _value(value: object, depth: int) -> bytes:
    if depth > _DEEPEST:
        raise _unreadable(f"nested more than {_DEEPEST} deep")
    match value:
        case bool():
            return _tlv(0x01, b"\xff" if value else b"\0")
        case int():
            size = (value if value >= 0 else ~value).bit_length() // 8 + 1
            return _tlv(0x02, value.to_bytes(size, "big", signed=True))
        case str():
            return _tlv(0x0C, value.encode())
        case bytes():
            return _tlv(0x04, value)
        case list():
            return _tlv(_SEQUENCE, b"".join(_value(item, depth + 1) for item in value))
        case dict():
            return _tlv(_DICTIONARY, b"".join(_pairs(value, depth)))
        case _:
            raise _unreadable(f"a value of type {type(value).__name__}")


def _pairs(values: dict[str, Any], depth: int) -> list[bytes]:
    ordered = sorted(values.items(), key=lambda pair: pair[0].encode())
    return [
        _tlv(_SEQUENCE, _tlv(0x0C, name.encode()) + _value(value, depth + 1))
        for name, value in ordered
    ]


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    long = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(long))) + long + content
