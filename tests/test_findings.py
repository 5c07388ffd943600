"""The catalogue and its page cannot drift apart."""

from __future__ import annotations

import re
from pathlib import Path

from wheelfix import findings
from wheelfix.findings import CATALOGUE, finding
from wheelfix.model import Severity

PAGE = Path(__file__).parents[1] / "docs" / "findings.md"


def documented() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| (WF\d+) \| ([^|]+) \| ([^|]+) \|", PAGE.read_text(), re.MULTILINE)
    return {code: (severity.strip(), meaning.strip()) for code, severity, meaning in rows}


def test_every_code_is_documented_and_no_other() -> None:
    expected = {
        code: (
            f"{entry.severity}, {entry.repair}",
            re.sub(r"(--\w+)", r"`\1`", entry.summary),
        )
        for code, entry in CATALOGUE.items()
    }
    assert documented() == expected


def test_a_finding_has_its_codes_severity() -> None:
    made = finding("WF101", "cannot find `libx.so`", path="pkg/x.so")
    assert (made.severity, made.blocks) == (Severity.ERROR, True)
    assert finding("WF302", "unused").severity is Severity.WARNING


def test_no_code_stands_for_two_things() -> None:
    codes = re.findall(r'^    \(\s*"(WF\d+)",', Path(findings.__file__).read_text(), re.MULTILINE)
    assert len(codes) == len(set(codes)) == len(CATALOGUE)
