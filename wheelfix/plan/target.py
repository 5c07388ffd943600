"""What was decided about platform tags."""

from __future__ import annotations

from wheelfix.findings import finding
from wheelfix.model import Finding, WheelInfo
from wheelfix.plan.graph import Closure
from wheelfix.value import Value


class Target(Value):
    """The decision about tags."""

    platforms: tuple[str, ...]
    """For the file name, in order."""
    closure: Closure
    """What the most portable of the tags makes necessary."""
    findings: tuple[Finding, ...]
    ignored: tuple[Finding, ...] = ()
    """What would speak against the tags, had the user not said that it does not count."""


def no_policy(family: str, machine: str) -> Finding:
    """Say that a machine has no tag of a family."""
    return finding(
        "WF110",
        f"no {family} tag exists for {machine}",
        hint="a platform that has no tag cannot be repaired for; ask for it in an issue",
    )


def refused(
    wheel: WheelInfo, findings: tuple[Finding, ...], needs: Closure | None = None
) -> Target:
    """Leave the tags as they are, for these reasons."""
    nothing = Closure(libraries=(), missing=())
    return Target(platforms=wheel.platforms, closure=needs or nothing, findings=findings)
