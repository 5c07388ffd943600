"""The catalogue of what can be said about a wheel: stable code, sentence, severity.

Codes never change their meaning and are never used again: WF1 portability, WF2 loading,
WF3 packaging. docs/findings.md has a row for each.
"""

from __future__ import annotations

from types import MappingProxyType

from wheelfix.model import Finding, Severity
from wheelfix.value import value


@value
class Entry:
    """One row of the catalogue."""

    code: str
    severity: Severity
    blocks: bool
    """True when no repair can be made while this stands."""
    summary: str
    """What the finding means, for the catalogue; the message names the culprit."""


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

_ROWS = (
    ("WF101", _ERROR, True, "A needed library is found nowhere"),
    ("WF102", _ERROR, False, "A needed library is outside the wheel and no target system has it"),
    ("WF103", _ERROR, True, "A symbol version is too new for the tag asked for"),
    ("WF104", _ERROR, False, "The wheel claims a platform tag that its binaries do not fit"),
    ("WF105", _ERROR, True, "A binary needs a newer CPU than the tag promises"),
    ("WF106", _ERROR, True, "A binary uses a symbol that target systems need not have"),
    ("WF107", _WARNING, False, "A binary is for another machine than the wheel and is left alone"),
    ("WF108", _WARNING, False, "A binary links to libpython"),
    ("WF109", _ERROR, True, "The wheel's binaries are for more than one C library or system"),
    ("WF110", _ERROR, True, "The tag asked for is of another machine or system than the wheel"),
    ("WF111", _ERROR, True, "A binary lacks code for a machine that was asked for"),
    ("WF112", _WARNING, False, "A binary lacks code for a machine that the tag speaks of"),
    ("WF113", _ERROR, True, "A binary needs a newer system than was asked for"),
    ("WF114", _INFO, False, "The wheel runs on older systems than its tag says"),
    ("WF115", _ERROR, False, "No binary in the wheel is for the machine of its tag"),
    ("WF116", _WARNING, False, "A library belongs to some of the promised systems only"),
    ("WF117", _ERROR, False, "A binary needs a debug runtime"),
    ("WF201", _WARNING, False, "A search path leaves the wheel or names a folder of the build"),
    ("WF202", _ERROR, True, "A binary would have to be edited and must not be"),
    ("WF203", _ERROR, True, "A binary that needs grafts is installed outside site-packages"),
    ("WF204", _ERROR, False, "A library of the wheel lies where its user does not look"),
    ("WF205", _WARNING, False, "A repair takes a signature, or replaces it by an ad-hoc one"),
    ("WF206", _ERROR, False, "A signature does not hold"),
    ("WF207", _WARNING, False, "A graft keeps its name because its user must not be edited"),
    ("WF208", _ERROR, True, "A library that is loaded by name when code runs is not found"),
    ("WF209", _INFO, False, "A binary loads a library by name when it runs"),
    ("WF301", _ERROR, True, "A binary is damaged"),
    ("WF302", _WARNING, False, "An --exclude pattern matches nothing"),
    ("WF303", _WARNING, False, "The archive breaks the package index's rules"),
    ("WF304", _ERROR, False, "The wheel holds binaries but its tag does not say for which system"),
    ("WF305", _WARNING, False, "Two libraries cannot both keep their name"),
    ("WF306", _ERROR, True, "An --include gives no library"),
)

CATALOGUE = MappingProxyType(
    {
        code: Entry(code=code, severity=severity, blocks=blocks, summary=summary)
        for code, severity, blocks, summary in _ROWS
    }
)


def finding(
    code: str, message: str, *, path: str = "", details: tuple[str, ...] = (), hint: str = ""
) -> Finding:
    """Make a finding with the severity that the catalogue gives its code."""
    entry = CATALOGUE[code]
    return Finding(
        code=code,
        severity=entry.severity,
        message=message,
        path=path,
        details=details,
        hint=hint,
        blocks=entry.blocks,
    )
