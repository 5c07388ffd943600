"""What check says of every wheel in testdata, written down: `WHEELFIX_WRITE_GOLDEN=1` anew."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from support import repairs
from support.said import Say

from wheelfix.findings import CATALOGUE

GOLDEN = Path(__file__).parent / "golden"
HERE = Path(__file__).parent
WHEELS = sorted(repairs.WHEELS.glob("*.whl"))


def verdict(say: Say, *words: str | Path) -> dict[str, Any]:
    """Check a wheel as on a machine that has no libraries at all."""
    said = say("check", "--json", "--no-host-libs", *words)
    (answer,) = json.loads(said.out)["wheels"]
    plan = answer["plan"]
    kept = ("code", "severity", "path", "also", "message", "mended", "blocks")
    return {
        "exit": said.code,
        "output": plan["output"],
        "findings": [{key: found[key] for key in kept} for found in plan["findings"]],
    }


@pytest.mark.parametrize("wheel", WHEELS, ids=[wheel.stem for wheel in WHEELS])
def test_the_verdict_is_as_written_down(say: Say, wheel: Path) -> None:
    file = GOLDEN / f"{wheel.stem}.json"
    found = verdict(say, wheel)
    if os.environ.get("WHEELFIX_WRITE_GOLDEN"):
        file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    assert found == json.loads(file.read_text("utf-8"))


def test_no_verdict_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == {wheel.stem for wheel in WHEELS}


def test_every_code_is_spoken_of_by_a_test() -> None:
    texts = [file.read_text("utf-8") for file in HERE.rglob("test_*.py")]
    told = {code for text in texts for code in re.findall(r"\bWF\d{3}\b", text)}
    assert set(CATALOGUE) - told == set()
