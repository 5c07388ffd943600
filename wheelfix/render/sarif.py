"""Checked wheels as one SARIF 2.1.0 log; section numbers are those of the OASIS standard."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from wheelfix.errors import WheelfixError
from wheelfix.findings import CATALOGUE, explained
from wheelfix.model import Checked, Finding, Severity
from wheelfix.render.data import code_of
from wheelfix.render.text import prospect, ranked
from wheelfix.typed import Any

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_LEVELS = MappingProxyType(
    {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
)
_RULES = tuple(CATALOGUE)


def check_data(wheel: Path, checked: Checked) -> dict[str, Any]:
    """Give what one checked wheel adds to the log."""
    results = [_result(wheel, finding) for finding in ranked(checked.plan.findings)]
    ignored = [_result(wheel, finding) for finding in ranked(checked.plan.ignored)]
    results += [result | {"suppressions": [{"kind": "external"}]} for result in ignored]
    told = prospect(checked)
    notes = [{"level": "note", "message": {"text": told}}] if told else []
    return {"results": results, "notifications": notes}


def failure_data(wheel: Path, error: WheelfixError) -> dict[str, Any]:
    """Give what a wheel adds to the log that could not be looked at."""
    code = code_of(error)
    notification = {
        **({"associatedRule": {"id": code, "index": _RULES.index(code)}} if code else {}),
        "level": "error",
        "message": {"text": str(error)},
        "locations": [{"physicalLocation": _file(wheel)}],
    }
    return {"results": [], "notifications": [notification]}


def document(answers: list[dict[str, Any]], version: str) -> str:
    """Give the log of one run, its wheels in the order of the arguments."""
    notifications = [each for answer in answers for each in answer["notifications"]]
    run = {
        "tool": {"driver": {"name": "wheelfix", "version": version, "rules": _rules()}},
        "invocations": [
            {
                "executionSuccessful": all(each["level"] == "note" for each in notifications),
                "toolExecutionNotifications": notifications,
            }
        ],
        "results": [each for answer in answers for each in answer["results"]],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rules() -> list[dict[str, Any]]:
    """Give the catalogue as reportingDescriptors (3.49)."""
    return [
        {
            "id": code,
            "shortDescription": {"text": entry.summary},
            "help": _help(code),
            "defaultConfiguration": {"level": _LEVELS[entry.severity]},
        }
        for code, entry in CATALOGUE.items()
    ]


def _help(code: str) -> dict[str, str]:
    said = explained(code)
    parts = (said.meaning, f"Cause: {said.cause}", f"Cure: {said.cure}")
    return {"text": "\n".join(parts), "markdown": "\n\n".join(parts)}


def _result(wheel: Path, finding: Finding) -> dict[str, Any]:
    """Give a result (3.27): the wheel is the file at fault, its member a logical location."""
    lines = [finding.message, *finding.details]
    if finding.hint:
        lines.append(f"hint: {finding.hint}")
    location: dict[str, Any] = {"physicalLocation": _file(wheel)}
    members = [path for path in finding.paths if path]
    if members:
        location["logicalLocations"] = [
            {"fullyQualifiedName": path, "kind": "resource"} for path in members
        ]
    return {
        "ruleId": finding.code,
        "ruleIndex": _RULES.index(finding.code),
        "level": _LEVELS[finding.severity],
        "message": {"text": "\n".join(lines)},
        "locations": [location],
    }


def _file(wheel: Path) -> dict[str, Any]:
    """Give a physicalLocation (3.29); a relative path is relative to where wheelfix was run."""
    uri = (
        wheel.as_uri() if wheel.is_absolute() else quote(wheel.as_posix(), errors="surrogateescape")
    )
    return {"artifactLocation": {"uri": uri}}
