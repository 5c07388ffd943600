"""What `check` says of well-known wheels, written down: `WHEELFIX_WRITE_VERDICTS=1` anew.

A verdict is a claim about other people's work. Those of level error are proved one by one in
`loaders/test_verdicts_hold.py`; docs/field-notes.md tells their stories.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import published
import pytest
from support.environments import no_network
from support.full import FULL
from support.said import Say
from well_known import WELL_KNOWN

VERDICTS = Path(__file__).parent / "verdicts"
SOME = (
    *("numpy-linux-x86_64", "psycopg2-binary-linux-ppc64le", "lxml-linux-armv7l"),
    *("shapely-musl-aarch64", "pyzmq-macos-universal2", "shapely-macos-arm64"),
    *("pywin32-win_amd64", "pillow-win_arm64", "shapely-win32"),
)
"""One of each system and machine; all of them with WHEELFIX_FULL=1."""
NAMES = tuple(WELL_KNOWN) if FULL else SOME


def wheel_called(name: str) -> Path:
    try:
        return published.download(WELL_KNOWN[name])
    except subprocess.CalledProcessError as error:
        no_network(error)
        raise


def verdict(say: Say, wheel: Path) -> dict[str, Any]:
    """Check a wheel as on a machine that has no libraries; messages are kept of errors only."""
    said = say("check", "--json", "--no-host-libs", wheel)
    (answer,) = json.loads(said.out)["wheels"]
    return {
        "wheel": wheel.name,
        "exit": said.code,
        "output": answer["plan"]["output"],
        "binaries": len(answer["report"]["artifacts"]),
        "findings": [_short(found) for found in answer["plan"]["findings"]],
    }


def _short(found: dict[str, Any]) -> dict[str, Any]:
    kept = ("code", "severity", "message") if found["severity"] == "error" else ("code", "severity")
    paths = [path for path in (found["path"], *found["also"]) if path]
    return {**{key: found[key] for key in kept}, "paths": sorted(paths)}


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_verdict_is_as_written_down(say: Say, name: str) -> None:
    file = VERDICTS / f"{name}.json"
    found = verdict(say, wheel_called(name))
    if os.environ.get("WHEELFIX_WRITE_VERDICTS"):
        file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    assert found == json.loads(file.read_text("utf-8"))


def test_every_wheel_has_a_verdict_and_none_is_left_over() -> None:
    assert {file.stem for file in VERDICTS.iterdir()} == set(WELL_KNOWN)
    assert set(SOME) <= set(WELL_KNOWN)
