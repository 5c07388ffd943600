"""What check says of every wheel in testdata and of a wheel for each finding, written down.

`WHEELFIX_WRITE_GOLDEN=1` writes it anew; the difference is to be read before it is committed.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support import repairs
from support.cases import Case, cases, macho, pe, rewritten
from support.said import Say

from wheelfix.findings import CATALOGUE, Repair

GOLDEN = Path(__file__).parent / "golden"
WHEELS = sorted(repairs.WHEELS.glob("*.whl"))
SIDES = ("hit", "near")
KEPT = ("code", "severity", "path", "also", "message", "mended", "blocks")


def verdict(say: Say, *words: str | Path) -> dict[str, Any]:
    """Check a wheel as on a machine that has no libraries at all."""
    said = say("check", "--json", "--no-host-libs", *words)
    (answer,) = json.loads(said.out)["wheels"]
    if "error" in answer:
        told = answer["error"]
        return {"exit": said.code, "error": {key: told[key] for key in ("code", "problem")}}
    plan = answer["plan"]
    return {
        "exit": said.code,
        "output": plan["output"],
        "findings": [{key: found[key] for key in KEPT} for found in plan["findings"]],
    }


def codes(told: dict[str, Any]) -> set[str]:
    return {told["error"]["code"]} if "error" in told else {f["code"] for f in told["findings"]}


def compare(found: dict[str, Any], file: Path) -> None:
    if os.environ.get("WHEELFIX_WRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    assert found == json.loads(file.read_text("utf-8"))


@pytest.mark.parametrize("wheel", WHEELS, ids=[wheel.stem for wheel in WHEELS])
def test_the_verdict_is_as_written_down(say: Say, wheel: Path) -> None:
    compare(verdict(say, wheel), GOLDEN / f"{wheel.stem}.json")


def case_of(code: str, side: str) -> Case:
    return cases()[code][SIDES.index(side)]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("code", CATALOGUE)
def test_each_code_has_a_wheel_that_has_it_and_one_that_nearly_has(
    say: Say, tmp_path: Path, code: str, side: str
) -> None:
    told = verdict(say, *case_of(code, side).words(tmp_path))
    assert (code in codes(told)) == (side == "hit")
    plain = json.loads(json.dumps(told).replace(str(tmp_path), ""))
    compare(plain, GOLDEN / "findings" / f"{code}-{side}.json")


def others() -> dict[str, tuple[str, Case]]:
    """Give further ways to a finding, each with its code."""
    plain = case_of("WF102", "hit")
    fast = repairs.ROOT / "testdata" / "elf" / "gcc-x86_64-glibc-lib-isa-v3.so"
    phone = macho("lld-arm64-ios-lib-phone.dylib")
    mac = case_of("WF114", "near")
    windows = case_of("WF116", "near")
    forwards = {"p/__init__.py": b"", "p/a.pyd": pe("lld-amd64-lib-forward.dll")}
    late = {"p/__init__.py": b"", "p/a.pyd": pe("lld-amd64-lib-delay.dll")}
    inside = {**late, "q/inner.dll": pe("lld-amd64-lib-inner.dll")}
    return {
        "a library to be brought in is for newer CPUs": (
            "WF104",
            plain.but(libs={"libinner.so.2": fast.read_bytes()}),
        ),
        "an iOS binary among those for macOS": (
            "WF107",
            mac.but(members={**mac.members, "p/b.dylib": phone}),
        ),
        "nothing but iOS binaries in a macOS wheel": (
            "WF115",
            mac.but(members={"p/b.dylib": phone}),
        ),
        "an export is passed on to nobody": ("WF101", windows.but(members=forwards)),
        "a delay import of nobody": ("WF101", windows.but(members=late)),
        "a shim is missing": ("WF204", windows.but(members=inside)),
        "a WHEEL without tags": ("WF311", case_of("WF303", "near").but(spoil=_without_tags)),
        "another wheel's file name": ("WF311", case_of("WF303", "near").but(spoil=_called_other)),
        "two members of one name": ("WF310", case_of("WF303", "near").but(spoil=_with_twin)),
    }


def _without_tags(wheel: Path) -> Path:
    return rewritten(wheel, "WHEEL", lambda text: text.replace("Tag: ", "Mark: "))


def _called_other(wheel: Path) -> Path:
    return wheel.rename(wheel.with_name(wheel.name.replace("p-1", "q-1")))


def _with_twin(wheel: Path) -> Path:
    with zipfile.ZipFile(wheel, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("p.py", b"x = 2\n")
    return wheel


@pytest.mark.parametrize("what", others())
def test_other_ways_to_a_finding(say: Say, tmp_path: Path, what: str) -> None:
    code, case = others()[what]
    assert code in codes(verdict(say, *case.words(tmp_path)))


def test_no_verdict_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.glob("*.json")} == {wheel.stem for wheel in WHEELS}
    kept = {file.stem for file in (GOLDEN / "findings").iterdir()}
    assert kept == {f"{code}-{side}" for code in CATALOGUE for side in SIDES}
    assert set(cases()) == set(CATALOGUE)


OF_THE_REPAIR = frozenset({"WF121", "WF205", "WF207"})
"""Findings about what a repair does: nothing in its result tells of it."""


@pytest.mark.parametrize("code", CATALOGUE)
def test_a_repair_does_what_the_catalogue_says(say: Say, tmp_path: Path, code: str) -> None:
    *options, wheel = case_of(code, "hit").words(tmp_path)
    out = tmp_path / "out"
    entry = CATALOGUE[code]
    said = say("repair", "--no-host-libs", "-w", out, *options, wheel)
    written = list(out.glob("*.whl"))
    if entry.repair is Repair.STOPPED:
        assert (said.code, written) == (1, [])
        return
    (output,) = written
    found = verdict(say, *options, wheel)["findings"]
    mended = any(each["mended"] for each in found if each["code"] == code)
    assert mended == (entry.repair is Repair.MENDS or code == "WF108")  # which a program keeps
    left = codes(verdict(say, *options, output))
    assert (code in left) == (not mended and code not in OF_THE_REPAIR)
