"""The words of an error: culprit first, facts indented, a hint to paste, and an exit code."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from wheelfix import errors
from wheelfix.errors import BadBinary, UsageError, WheelfixError, unreadable

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, WheelfixError)
]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (WheelfixError(problem="is broken"), "is broken"),
        (WheelfixError(problem="is broken", subject="a.whl"), "a.whl: is broken"),
        (
            WheelfixError(
                problem="is broken", subject="a.whl", details=("x", "", "y"), hint="try b"
            ),
            "a.whl: is broken\n  x\n\n  y\n\nhint: try b",
        ),
        (BadBinary(problem="is broken", offset=None), "is broken"),
        (BadBinary(problem="is broken", offset=0), "is broken (at byte 0x0)"),
        (
            BadBinary(problem="is broken", offset=255, details=("x",), hint="try b"),
            "is broken (at byte 0xff)\n  x\n\nhint: try b",
        ),
    ],
)
def test_the_text(error: WheelfixError, text: str) -> None:
    assert str(error) == text


def test_an_error_learns_where_it_happened_as_it_travels_up() -> None:
    error = BadBinary(problem="is broken")
    assert str(error.within("pkg/a.so").within("a.whl")) == "a.whl: pkg/a.so: is broken"


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_wrong_call_is_a_usage_error(kind: type[WheelfixError]) -> None:
    assert kind.exit_code == (2 if kind is UsageError else 1)


def test_the_systems_refusal_is_said_in_its_own_words() -> None:
    path = Path("a.whl")
    assert str(unreadable(path, PermissionError(errno.EACCES, "Permission denied"))) == (
        "a.whl: Permission denied"
    )
    assert str(unreadable(path, OSError("no number"))) == "a.whl: no number"
