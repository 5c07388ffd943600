"""Findings as workflow commands: GitHub shows them as annotations of the run.

Syntax and escapes are those of GitHub's "Workflow commands", as its runner reads them: `%`, CR and
LF in a message; in a property also `:` and `,`.
"""

from __future__ import annotations

from wheelfix.errors import WheelfixError
from wheelfix.model import Checked, Finding, Severity
from wheelfix.render.data import code_of
from wheelfix.render.text import prospect, ranked, verdict

_COMMANDS = ("error", "warning", "notice")
_BY_SEVERITY = tuple(zip(Severity, _COMMANDS, strict=True))


def check_text(checked: Checked, *, verbose: bool) -> str:
    """Give the verdict, what a repair would do, and an annotation for each finding, worst first.

    The order counts: of one step GitHub shows ten errors, ten warnings and ten notices.
    """
    plan = checked.plan
    found = ranked(plan.findings, verbose=verbose)
    told = [verdict(checked), *filter(None, [prospect(checked)])]
    return "\n".join([*told, *(_annotation(plan.wheel, finding) for finding in found)])


def failure_text(wheel: str, error: WheelfixError) -> str:
    """Give the annotation for a wheel that could not be looked at."""
    title = f"{code_of(error)} {wheel}".lstrip()
    return _command("error", title=title, message=str(error))


def _annotation(wheel: str, finding: Finding) -> str:
    lines = [finding.message, *finding.details]
    if finding.hint:
        lines.append(f"hint: {finding.hint}")
    command = dict(_BY_SEVERITY)[finding.severity]
    return _command(command, title=f"{finding.code} {wheel}", message="\n".join(lines))


def _command(name: str, *, title: str, message: str) -> str:
    return f"::{name} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
