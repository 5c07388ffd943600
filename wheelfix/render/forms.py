"""The forms in which `check` answers, by their names on the command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from wheelfix.errors import UsageError, WheelfixError
from wheelfix.model import Checked
from wheelfix.render import data, text
from wheelfix.typed import Any
from wheelfix.value import Value


class Form(Value):
    """Makes one answer for each wheel, and in some forms one document of all."""

    answer: Callable[[Path, Checked], Any]
    failure: Callable[[Path, WheelfixError], Any] | None = None
    """For a wheel that cannot be looked at; None where stderr says it all."""
    whole: Callable[[list[Any]], str] | None = None
    """None where an answer is text that is printed as soon as it is there."""


def form(name: str, *, verbose: bool, width: int, version: str) -> Form:
    """Give the form of this name; `width` in columns is what text must fit. Raises UsageError."""
    match name:
        case "json":
            return Form(
                answer=lambda _, checked: data.checked_data(checked),
                failure=lambda wheel, error: data.error_data(wheel.name, error),
                whole=data.json_text,
            )
        case "github":
            from wheelfix.render import github

            return Form(
                answer=lambda _, checked: github.check_text(checked, verbose=verbose),
                failure=lambda wheel, error: github.failure_text(wheel.name, error),
            )
        case "markdown":
            from wheelfix.render import markdown

            return Form(
                answer=lambda _, checked: markdown.check_text(checked, verbose=verbose),
                failure=lambda wheel, error: markdown.failure_text(wheel.name, error),
            )
        case "sarif":
            from wheelfix.render import sarif

            return Form(
                answer=sarif.check_data,
                failure=sarif.failure_data,
                whole=partial(sarif.document, version=version),
            )
        case "text":
            return Form(
                answer=lambda _, checked: text.check_text(checked, verbose=verbose, width=width)
            )
        case _:
            raise UsageError(
                subject=name or "''",
                problem="no form in which check answers",
                hint="`format` is one of text, json, github, markdown, sarif",
            )
