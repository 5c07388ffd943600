"""Checked wheels, outcomes and failures to JSON; docs/json.md says what a program may count on."""

from __future__ import annotations

from wheelfix.codec import to_data
from wheelfix.errors import BadWheel, WheelfixError
from wheelfix.model import Checked, Outcome
from wheelfix.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wheelfix.merging import MergeOutcome

SCHEMA_VERSION = 1
"""Of everything printed with --json; raised when a key changes its meaning or goes."""


def checked_data(checked: Checked) -> dict[str, Any]:
    """Give a checked wheel as data for JSON."""
    return {
        "wheel": checked.plan.wheel,
        "ok": checked.plan.ok,
        "report": to_data(checked.report),
        "plan": to_data(checked.plan),
    }


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    """Give an outcome as data for JSON."""
    return {
        "wheel": outcome.plan.wheel,
        "ok": not outcome.plan.remaining,
        "outcome": to_data(outcome),
    }


def merge_data(outcome: MergeOutcome) -> dict[str, Any]:
    """Give a merge's outcome as data for JSON."""
    return {"wheel": outcome.plan.output, "ok": True, "outcome": to_data(outcome)}


def code_of(error: WheelfixError) -> str:
    """Give the code of the finding that a failure amounts to; empty for none."""
    return error.code if isinstance(error, BadWheel) else ""


def error_data(wheel: str, error: WheelfixError) -> dict[str, Any]:
    """Give an expected failure as data for JSON."""
    return {
        "wheel": wheel,
        "ok": False,
        "error": {
            "type": type(error).__name__,
            "code": code_of(error),
            "subject": error.subject,
            "problem": error.problem,
            "details": list(error.details),
            "hint": error.hint,
        },
    }


def json_text(wheels: list[dict[str, Any]]) -> str:
    """Give the one JSON document of a run, its wheels in the order of the arguments."""
    import json

    return json.dumps({"version": SCHEMA_VERSION, "wheels": wheels}, indent=2, sort_keys=True)
