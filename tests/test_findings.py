"""The catalogue and its page cannot drift apart."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from support import repairs
from support.said import Say

from wheelfix import findings
from wheelfix.findings import CATALOGUE, explained, finding
from wheelfix.model import Severity

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "findings.md"


def test_the_page_is_the_catalogues() -> None:
    """Severity, what a repair does, and a section with meaning, cause and cure, for all codes."""
    done = subprocess.run(
        [sys.executable, DOCS / "show_findings.py"],
        env=repairs.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert re.findall(r"^### (WF\d+)$", PAGE.read_text("utf-8"), re.MULTILINE) == list(CATALOGUE)


def test_every_code_is_explained_and_no_other() -> None:
    causes = json.loads(Path(findings.__file__).with_name("causes.json").read_bytes())
    assert list(causes) == list(CATALOGUE)
    for code in CATALOGUE:
        said = explained(code)
        for text in (said.meaning, said.cause, said.cure):
            assert text[-1] in ".…`"
            assert text.count("`") % 2 == 0
            assert "\n" not in text


def test_a_code_is_explained_on_the_command_line(say: Say) -> None:
    said = say("explain", "wf103", "WF204", "WF103")
    assert said.code == 0
    first, second = said.out.split("\n\nWF204")
    assert first.startswith("WF103: A symbol version is too new for the tag asked for\n")
    assert "  error, stops a repair\n" in first
    assert "\n  cause: " in second
    assert max(map(len, said.out.splitlines())) <= 80


def test_what_is_no_code_cannot_be_explained(say: Say) -> None:
    said = say("explain", "WF101", "WF999")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("error: WF999: is no finding's code")


def test_a_finding_has_its_codes_severity() -> None:
    made = finding("WF101", "cannot find `libx.so`", path="pkg/x.so")
    assert (made.severity, made.blocks) == (Severity.ERROR, True)
    assert finding("WF302", "unused").severity is Severity.WARNING


def test_no_code_stands_for_two_things() -> None:
    codes = re.findall(r'^    \(\s*"(WF\d+)",', Path(findings.__file__).read_text(), re.MULTILINE)
    assert len(codes) == len(set(codes)) == len(CATALOGUE)
