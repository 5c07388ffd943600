"""DLLs that a `.pth` makes findable: Python runs it at its start, before any import of the wheel.

pywin32 does so: `check` called each of its extensions lost, and all of them can be imported.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.windows import WindowsPython, windows_path
from support.windows_wheels import ANSWER, LATE_ANSWER, NOT_FOUND, asks, gives, install, wheel

from wheelfix import check, repair

ASK = "import demo.ext; print(demo.ext.ask())"
ADDS = b"""\
import os
if hasattr(os, "add_dll_directory"):
    os.add_dll_directory(os.path.join(os.path.dirname(__file__), "..", "demo_dlls"))
"""
PTH = b"# how demo starts\r\ntools\\start\r\nimport demo_start\r\n"


def members(**other: bytes) -> dict[str, bytes]:
    return {
        "demo.pth": other.get("pth", PTH),
        "tools/start/demo_start.py": other.get("start", ADDS.replace(b'".."', b'"..", ".."')),
        "demo_dlls/answer.dll": gives(42),
        "demo/__init__.py": b"",
        "demo/ext.pyd": other.get("ext", asks("ext", ANSWER)),
    }


def codes(folder: Path, **other: bytes) -> list[str]:
    found = check(wheel(folder, members(**other))).plan.findings
    return [each.code for each in found if each.code == "WF204"]


def test_a_wheel_that_tells_windows_at_pythons_start(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    made = wheel(tmp_path / "in", members())
    site = install(made, tmp_path / "site")
    assert NOT_FOUND in windows_python.run(ASK, site).stderr
    started = f"import site; site.addsitedir({windows_path(site)!r}); {ASK}"
    assert windows_python.says(started) == "42"
    assert check(made).plan.findings == ()
    assert repair(made, tmp_path / "out").plan.nothing_to_do


@pytest.mark.parametrize(
    "other",
    [
        {"pth": b"tools\\start\r\n"},
        {"pth": b"import demo_start\r\n"},
        {"pth": b"tools\\start\r\n# import demo_start\r\n"},
        {"start": ADDS.replace(b"demo_dlls", b"demo_dlls2")},
        {"start": ADDS.replace(b"add_dll_directory", b"listdir")},
    ],
    ids=["runs-nothing", "finds-nothing", "a-comment", "another-folder", "another-call"],
)
def test_a_pth_that_does_not_help(tmp_path: Path, other: dict[str, bytes]) -> None:
    assert codes(tmp_path, **other) == ["WF204"]


def test_a_line_of_the_pth_may_do_it_itself(tmp_path: Path) -> None:
    line = b"import os, sys; os.add_dll_directory(os.path.join(sys.prefix, 'demo_dlls'))\r\n"
    assert codes(tmp_path, pth=line) == []


def test_what_is_loaded_by_name_later_is_not_helped(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    """No added folder counts for `LoadLibrary` with a bare name."""
    late = asks("ext", LATE_ANSWER)
    assert codes(tmp_path / "in", ext=late) == ["WF204"]
    site = install(wheel(tmp_path / "late", members(ext=late)), tmp_path / "site")
    started = f"import site; site.addsitedir({windows_path(site)!r}); {ASK}"
    assert windows_python.run(started).returncode == 126
