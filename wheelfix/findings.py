"""The catalogue of what can be said about a wheel: stable code, sentence, severity.

Codes never change their meaning and are never used again: WF1 portability, WF2 loading,
WF3 packaging. docs/findings.md has a section for each, made of this and `causes.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType

from wheelfix.model import Finding, Severity
from wheelfix.typed import Any
from wheelfix.value import Value


class Repair(StrEnum):
    """What a repair does about a finding."""

    STOPPED = "stops a repair"
    """None can be made while it stands."""
    MENDS = "mended by a repair"
    LEAVES = "left by a repair"


class Entry(Value):
    """One row of the catalogue."""

    code: str
    severity: Severity
    repair: Repair
    summary: str
    """What the finding means, for the catalogue; the message names the culprit."""


_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
_STOPPED, _MENDS, _LEAVES = Repair.STOPPED, Repair.MENDS, Repair.LEAVES

_ROWS = (
    ("WF101", _ERROR, _STOPPED, "A needed library is found nowhere"),
    ("WF102", _ERROR, _MENDS, "A needed library is outside the wheel and no target system has it"),
    ("WF103", _ERROR, _STOPPED, "A symbol version is too new for the tag asked for"),
    ("WF104", _ERROR, _MENDS, "The wheel claims a platform tag that its binaries do not fit"),
    ("WF105", _ERROR, _STOPPED, "A binary needs a newer CPU than the tag promises"),
    ("WF106", _ERROR, _STOPPED, "A binary uses a symbol that target systems need not have"),
    (
        "WF107",
        _WARNING,
        _LEAVES,
        "A binary is for another machine than the wheel and is left alone",
    ),
    ("WF108", _WARNING, _LEAVES, "A binary links to libpython"),
    (
        "WF109",
        _ERROR,
        _STOPPED,
        "The wheel's binaries are for more than one C library, machine or system",
    ),
    ("WF110", _ERROR, _STOPPED, "The tag asked for is of another machine or system than the wheel"),
    ("WF111", _ERROR, _STOPPED, "A binary lacks code for a machine that was asked for"),
    ("WF112", _WARNING, _MENDS, "A binary lacks code for a machine that the tag speaks of"),
    ("WF113", _ERROR, _STOPPED, "A binary needs a newer system than was asked for"),
    ("WF114", _INFO, _MENDS, "The wheel runs on older systems than its tag says"),
    ("WF115", _ERROR, _LEAVES, "No binary in the wheel is for the machine of its tag"),
    ("WF116", _WARNING, _LEAVES, "A library belongs to some of the promised systems only"),
    ("WF117", _ERROR, _LEAVES, "A binary needs a debug runtime"),
    ("WF118", _INFO, _LEAVES, "A bundled library is a runtime that other packages bundle too"),
    ("WF119", _WARNING, _LEAVES, "The wheel brings a Python interpreter's library"),
    ("WF120", _WARNING, _LEAVES, "A bundled runtime is older than a binary that needs it"),
    ("WF121", _WARNING, _LEAVES, "A library is taken from a folder for some CPUs only"),
    ("WF201", _WARNING, _MENDS, "A search path leaves the wheel or names a folder of the build"),
    ("WF202", _ERROR, _STOPPED, "A binary would have to be edited and must not be"),
    ("WF203", _ERROR, _STOPPED, "A binary that needs grafts is installed outside site-packages"),
    ("WF204", _ERROR, _MENDS, "A library of the wheel lies where its user does not look"),
    ("WF205", _WARNING, _LEAVES, "A repair takes a signature, or replaces it by an ad-hoc one"),
    ("WF206", _ERROR, _LEAVES, "A signature does not hold"),
    ("WF207", _WARNING, _LEAVES, "A graft keeps its name because its user must not be edited"),
    ("WF208", _ERROR, _STOPPED, "A library that is loaded by name when code runs is not found"),
    ("WF209", _INFO, _LEAVES, "A binary loads a library by name when it runs"),
    ("WF210", _WARNING, _LEAVES, "A binary has code that is changed when it is loaded"),
    ("WF211", _WARNING, _LEAVES, "A binary is laid out for smaller pages than some systems have"),
    ("WF212", _WARNING, _MENDS, "A search path has an entry twice"),
    ("WF213", _INFO, _LEAVES, "A bundled library is needed by no binary"),
    ("WF214", _INFO, _LEAVES, "A library is in the wheel more than once"),
    ("WF215", _WARNING, _LEAVES, "A binary asks for an executable stack"),
    ("WF216", _WARNING, _LEAVES, "Two different libraries are needed under one name"),
    ("WF217", _INFO, _LEAVES, "A library that a binary loads by name is not in the wheel"),
    ("WF218", _INFO, _LEAVES, "A library calls itself by a path of the build machine"),
    ("WF219", _INFO, _LEAVES, "A binary names its debug symbols by a path of the build machine"),
    ("WF301", _ERROR, _STOPPED, "A binary is damaged"),
    ("WF302", _WARNING, _LEAVES, "An --exclude pattern matches nothing"),
    ("WF303", _WARNING, _MENDS, "The archive breaks the package index's rules"),
    ("WF304", _ERROR, _MENDS, "The wheel holds binaries but its tag does not say for which system"),
    ("WF305", _WARNING, _LEAVES, "Two libraries cannot both keep their name"),
    ("WF306", _ERROR, _STOPPED, "An --include gives no library"),
    ("WF307", _WARNING, _MENDS, "The wheel calls itself pure and holds binaries"),
    ("WF308", _WARNING, _MENDS, "RECORD is missing or incomplete"),
    ("WF309", _ERROR, _STOPPED, "RECORD and the archive contradict each other"),
    ("WF310", _ERROR, _STOPPED, "A member's name is unsafe, or clashes with another's"),
    ("WF311", _ERROR, _STOPPED, "The file is no wheel, or a damaged one"),
    ("WF312", _WARNING, _MENDS, "WHEEL and the file name give different tags"),
    ("WF313", _WARNING, _LEAVES, "A library of another wheel is needed and not required"),
    ("WF314", _INFO, _LEAVES, "Much of the binaries is symbols and debug information"),
)

CATALOGUE = MappingProxyType(
    {
        code: Entry(code=code, severity=severity, repair=repair, summary=summary)
        for code, severity, repair, summary in _ROWS
    }
)


class Explanation(Value):
    """What people want to know of a code, each some sentences; code between backquotes."""

    meaning: str
    """What follows for those who install the wheel."""
    cause: str
    cure: str


def explained(code: str) -> Explanation:
    """Explain a code of the catalogue."""
    return Explanation(**_explanations()[code])


@cache
def _explanations() -> Mapping[str, Mapping[str, str]]:
    import json

    loader: Any = __spec__.loader
    content: bytes = loader.get_data(str(Path(__file__).with_name("causes.json")))
    return MappingProxyType(json.loads(content))


IGNORABLE = frozenset({"WF105", "WF106"})
"""Findings that stop a repair and may be ignored all the same: what a tag promises is the user's
word then, and the repair goes on."""


def finding(
    code: str,
    message: str,
    *,
    path: str = "",
    also: tuple[str, ...] = (),
    details: tuple[str, ...] = (),
    hint: str = "",
) -> Finding:
    """Make a finding with the severity that the catalogue gives its code."""
    entry = CATALOGUE[code]
    return Finding(
        code=code,
        severity=entry.severity,
        message=message,
        path=path,
        also=also,
        details=details,
        hint=hint,
        blocks=entry.repair is Repair.STOPPED,
        mended=entry.repair is Repair.MENDS,
    )
