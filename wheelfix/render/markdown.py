"""A checked wheel as Markdown, for the summary page of a CI job."""

from __future__ import annotations

import re
from types import MappingProxyType

from wheelfix.errors import WheelfixError
from wheelfix.model import Checked, Finding
from wheelfix.render.data import code_of
from wheelfix.render.graph import drawing, mermaid, too_large
from wheelfix.render.text import how_to_learn, plan_text, ranked, repair_helps, standing


def check_text(checked: Checked, *, verbose: bool) -> str:
    """Give the verdict, the findings as a table, what a repair would do, and the libraries drawn.

    The drawing leaves out what the target system has, and so is left out where nothing else is.
    """
    plan = checked.plan
    parts = [_heading(plan.wheel), f"**{_text(standing(checked))}**"]
    found = ranked(plan.findings, verbose=verbose)
    if found:
        parts.append("\n".join(["| | code | finding |", "|---|---|---|", *map(_row, found)]))
    if not plan.ok:
        parts.append(f"More of each: <code>{how_to_learn(plan)}</code>")
    if repair_helps(checked):
        text = plan_text(plan, verbose=verbose, width=100)
        parts.append(_folded("What a repair would do", _fenced("text", text)))
    drawn = drawing(checked.report.links, system=False)
    if too_large(drawn):
        parts.append("The wheel has too many libraries to draw: `wheelfix tree --dot` does.")
    elif drawn.edges:
        parts.append(_folded("Libraries", _fenced("mermaid", mermaid(drawn))))
    return "\n\n".join(parts) + "\n"


def failure_text(wheel: str, error: WheelfixError) -> str:
    """Say why a wheel could not be looked at."""
    return (
        "\n\n".join([_heading(wheel), _fenced("text", f"error {code_of(error)}: {error}")]) + "\n"
    )


def _heading(wheel: str) -> str:
    return f"### {_text(wheel)}"


def _row(finding: Finding) -> str:
    lines = [finding.message, *finding.details]
    if finding.hint:
        lines.append(f"hint: {finding.hint}")
    return f"| {finding.severity} | {finding.code} | {'<br>'.join(map(_text, lines))} |"


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _fenced(language: str, text: str) -> str:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


_MARKS = MappingProxyType({ord(c): f"&#{ord(c)};" for c in "&<>|*_[]`~\\@#\n\r"})
"""Numbers stand for what Markdown, its tables, links and mentions would obey."""


def _text(line: str) -> str:
    """Give a line with its leading blanks kept, and as code what stands between backquotes."""
    blanks = len(line) - len(line.lstrip(" "))
    parts = line[blanks:].split("`")
    if len(parts) % 2 == 0:  # an odd one out is meant as it stands
        parts = [line[blanks:]]
    texts = (part.translate(_MARKS) for part in parts)
    shown = (f"<code>{text}</code>" if n % 2 else text for n, text in enumerate(texts))
    return "&nbsp;" * blanks + "".join(shown)
