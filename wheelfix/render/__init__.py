"""Report, Plan and Outcome to what is printed. Pure: gives strings, prints nothing.

`text` is for people, `data` for programs; `github`, `markdown` and `sarif` for what shows findings
elsewhere, `tree` for who needs what. They are imported when their form is asked for.
"""

from __future__ import annotations

from wheelfix.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wheelfix.render.data import (
        SCHEMA_VERSION,
        checked_data,
        error_data,
        json_text,
        merge_data,
        outcome_data,
    )
    from wheelfix.render.text import check_text, merge_text, outcome_text, plan_text, size_text

__all__ = [
    "SCHEMA_VERSION",
    "check_text",
    "checked_data",
    "error_data",
    "json_text",
    "merge_data",
    "merge_text",
    "outcome_data",
    "outcome_text",
    "plan_text",
    "size_text",
]


def __getattr__(name: str) -> Any:
    """Import a form when it is first asked for: most runs print one."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name.endswith("_text") and name != "json_text":
        from wheelfix.render import text

        return getattr(text, name)
    from wheelfix.render import data

    return getattr(data, name)
