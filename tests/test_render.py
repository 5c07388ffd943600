"""What people read: the verdict first, the sentences exactly, and data as data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.facts import library, link, member, report

from wheelfix import render
from wheelfix.errors import CannotWrite
from wheelfix.findings import finding
from wheelfix.model import (
    Attempt,
    Checked,
    FromPython,
    Options,
    Outcome,
    Skip,
    StagedBy,
    WheelPath,
)
from wheelfix.pipeline import cannot_repair
from wheelfix.plan import plan
from wheelfix.value import replace

FIXED = "pkg-1.0-cp311-cp311-manylinux1_x86_64.manylinux_2_5_x86_64.whl"
X, Y = "libx-ee5abb2e8e0b2bb7.so.1", "liby"


def checked(*artifacts: object, links: object = (), **fields: object) -> Checked:
    facts = report(artifacts, links, **fields)  # type: ignore[arg-type]
    return Checked(report=facts, plan=plan(facts, Options()))


def unrepaired() -> Checked:
    return checked(
        member("pkg/a.so", "libx.so.1", "libpython3.11.so.1.0", rpath=("/build/lib",)),
        member("pkg/b.so", "libx.so.1", rpath=("/build/lib",)),
        library("/opt/l/libx.so.1"),
        links=(
            link("pkg/a.so", "libx.so.1", "/opt/l/libx.so.1"),
            link("pkg/a.so", "libpython3.11.so.1.0", FromPython()),
            link("pkg/b.so", "libx.so.1", "/opt/l/libx.so.1"),
        ),
    )


def broken() -> Checked:
    tried = (
        Attempt(where="$ORIGIN -> pkg/", outcome="no such member"),
        Attempt(where="/opt/l (--lib-path)", outcome="not there"),
    )
    return checked(
        member("pkg/a.so", "libx.so.1", "liby.so.2"),
        links=(
            link("pkg/a.so", "libx.so.1", tried=tried),
            link("pkg/a.so", "liby.so.2", tried=tried),
        ),
    )


def fine() -> Checked:
    return checked(member("pkg/a.so"), filename="pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.whl")


GRAFT = unrepaired().plan.grafts[0].path.rpartition("/")[2]
CHECK_UNREPAIRED = f"""\
pkg-1.0-cp311-cp311-linux_x86_64.whl: not portable yet; `wheelfix repair` makes it so

  error WF102: `libx.so.1` is outside the wheel
    found at /opt/l/libx.so.1
    needed by pkg/a.so
    needed by pkg/b.so
    hint: wheelfix repair brings it into the wheel

  error WF304: the tag linux_x86_64 does not say which systems the wheel's
    binaries run on
    hint: wheelfix repair gives it the tag that they earn

  warning WF108: link to `libpython3.11.so.1.0` in `pkg/a.so`
    hint: wheelfix repair takes it out: the interpreter that loads them has its
      symbols

  warning WF201: the search path of `pkg/a.so` and 1 more leads out of the wheel
    RPATH /build/lib
    also pkg/b.so
    hint: wheelfix repair takes them out

  more of each: `wheelfix explain WF102 WF304`

pkg-1.0-cp311-cp311-linux_x86_64.whl: would become
  {FIXED}
  graft pkg.libs/{GRAFT}  (2.0 kB)
    from /opt/l/libx.so.1
  patch pkg/a.so
    needs libx.so.1 -> {GRAFT}
    needs libpython3.11.so.1.0 no more
    rpath $ORIGIN/../pkg.libs
  patch pkg/b.so
    needs libx.so.1 -> {GRAFT}
    rpath $ORIGIN/../pkg.libs
  write the archive's headers and metadata anew"""
CHECK_BROKEN = """\
pkg-1.0-cp311-cp311-linux_x86_64.whl: not portable, and cannot be repaired as it is

  error WF101: cannot find `libx.so.1`
    needed by pkg/a.so
    looked in $ORIGIN -> pkg/      no such member
              /opt/l (--lib-path)  not there
    hint: add the folder that holds `libx.so.1` with `--lib-path DIR`, or leave
      it to the user's system with `--exclude 'libx.so.1'`

  error WF101: cannot find `liby.so.2`
    needed by pkg/a.so
    looked in $ORIGIN -> pkg/      no such member
              /opt/l (--lib-path)  not there
    hint: add the folder that holds `liby.so.2` with `--lib-path DIR`, or leave
      it to the user's system with `--exclude 'liby.so.2'`

  error WF304: the tag linux_x86_64 does not say which systems the wheel's
    binaries run on
    hint: wheelfix repair gives it the tag that they earn

  more of each: `wheelfix explain WF101 WF304`"""
CANNOT_REPAIR = """\
error: cannot find `libx.so.1`
  needed by pkg/a.so
  looked in $ORIGIN -> pkg/      no such member
            /opt/l (--lib-path)  not there

  cannot find `liby.so.2`
    needed by pkg/a.so
    looked in $ORIGIN -> pkg/      no such member
              /opt/l (--lib-path)  not there
    hint: add the folder that holds `liby.so.2` with `--lib-path DIR`, or leave it to the \
user's system with `--exclude 'liby.so.2'`

hint: add the folder that holds `libx.so.1` with `--lib-path DIR`, or leave it to the user's \
system with `--exclude 'libx.so.1'`"""


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (fine(), "pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.whl: ok"),
        (unrepaired(), CHECK_UNREPAIRED),
        (broken(), CHECK_BROKEN),
    ],
    ids=["fine", "unrepaired", "broken"],
)
def test_what_check_says(found: Checked, text: str) -> None:
    assert render.check_text(found, verbose=False) == text


def test_a_search_path_of_the_build_is_no_reason_to_call_a_wheel_unportable() -> None:
    filename = "pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
    left_over = checked(member("pkg/a.so", rpath=("/build/lib",)), filename=filename)
    said = render.check_text(left_over, verbose=False).splitlines()
    assert said[0] == f"{filename}: ok"
    assert "  warning WF201: the search path of `pkg/a.so` leads out of the wheel" in said


def test_no_repair_is_promised_where_none_would_help() -> None:
    lost = fine()
    found = finding("WF115", "no binary in the wheel is for aarch64")
    lost = replace(lost, plan=replace(lost.plan, findings=(found,)))
    verdict = render.check_text(lost, verbose=False).splitlines()[0]
    assert verdict.endswith(".whl: not portable, and nothing that a repair could change")


def test_what_repair_says_of_obstacles() -> None:
    assert f"error: {cannot_repair(broken().plan)}" == CANNOT_REPAIR


def test_an_error_with_everything() -> None:
    error = CannotWrite(subject="a.whl", problem="is there", details=("x",), hint="use `b`")
    assert str(error) == "a.whl: is there\n  x\n\nhint: use `b`"
    assert render.error_data("a.whl", error) == {
        "wheel": "a.whl",
        "ok": False,
        "error": {
            "type": "CannotWrite",
            "code": "",
            "subject": "a.whl",
            "problem": "is there",
            "details": ["x"],
            "hint": "use `b`",
        },
    }


def test_a_dry_run_of_nothing() -> None:
    wheel = "pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
    text = f"{wheel}: nothing to do; the output is the same file"
    assert render.plan_text(fine().plan, verbose=True) == text


def test_more_is_said_when_asked_for() -> None:
    made = replace(unrepaired().plan, skips=(Skip(path="pkg/a.o", reason="an object file"),))
    text = render.plan_text(made, verbose=True)
    assert f"    from /opt/l/libx.so.1\n    own name {GRAFT}\n" in text
    assert text.endswith("\n  skip pkg/a.o: an object file")


def outcome() -> Outcome:
    return Outcome(
        input=Path("in/pkg.whl"),
        output=Path("wheelhouse") / FIXED,
        plan=replace(unrepaired().plan, skips=(Skip(path="pkg/a.o", reason="an object file"),)),
        staged=((WheelPath("pkg/a.so"), StagedBy.INFLATED),),
        verified=(WheelPath("pkg/a.so"),),
        carried_bytes=1,
        compressed_bytes=2,
        seconds=(("detect", 0.0012),),
        notes=("could not remove x",),
    )


REPAIRED = f"""\
pkg-1.0-cp311-cp311-linux_x86_64.whl: repaired
  -> wheelhouse/{FIXED}
  1 library brought in, 2.0 kB
    {GRAFT}  2.0 kB  from /opt/l/libx.so.1
  2 files of the wheel patched
  note: could not remove x"""


def test_what_repair_says() -> None:
    assert render.outcome_text(outcome(), verbose=False) == REPAIRED


def test_what_repair_says_when_asked_for_more() -> None:
    lines = render.outcome_text(outcome(), verbose=True).splitlines()
    assert set(lines) - set(REPAIRED.splitlines()) == {
        "    pkg/a.so",
        "    pkg/b.so",
        "  skipped pkg/a.o: an object file",
        "  detect 0.001 s",
    }


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_540_000, "1.5 MB"),
        (434_000_000, "434.0 MB"),
        (5_000_000_000_000, "5000.0 GB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert render.size_text(size) == text


def test_json_is_one_document_that_says_its_version() -> None:
    wheels = [render.checked_data(found) for found in (fine(), broken())]
    data = json.loads(render.json_text([*wheels, render.outcome_data(outcome())]))
    assert data["version"] == 1
    assert [each["ok"] for each in data["wheels"]] == [True, False, True]
    assert [sorted(each) for each in data["wheels"]] == [
        ["ok", "plan", "report", "wheel"],
        ["ok", "plan", "report", "wheel"],
        ["ok", "outcome", "wheel"],
    ]


def test_json_says_any_name() -> None:
    found = checked(member("pkg/a.so", "lib\udcff.so"), links=(link("pkg/a.so", "lib\udcff.so"),))
    text = render.json_text([render.checked_data(found)])
    assert text.isascii()
    assert json.loads(text)["wheels"][0]["report"]["links"][0]["needed"] == "lib\udcff.so"
