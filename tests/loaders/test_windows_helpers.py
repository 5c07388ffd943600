"""DLLs that a module beside the package's file loads first, as scikit-learn's does.

`check` called them lost, since that file itself says nothing of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support.windows import WindowsPython
from support.windows_wheels import ANSWER, NOT_FOUND, asks, gives, install, wheel

from wheelfix import check, repair

ASK = "import demo.sub.ext; print(demo.sub.ext.ask())"
INIT = b"from demo import _distributor_init\n"
LOADS = b"""\
import os.path as op
from ctypes import WinDLL
WinDLL(op.abspath(op.join(op.dirname(__file__), ".libs", "answer.dll")))
"""


def members(init: bytes = INIT, loads: bytes = LOADS) -> dict[str, bytes]:
    return {
        "demo/__init__.py": init,
        "demo/_distributor_init.py": loads,
        "demo/.libs/answer.dll": gives(42),
        "demo/sub/__init__.py": b"",
        "demo/sub/ext.pyd": asks("ext", ANSWER),
    }


def test_a_module_that_the_package_imports_loads_them(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    made = wheel(tmp_path / "in", members())
    assert windows_python.says(ASK, install(made, tmp_path / "site")) == "42"
    assert check(made).plan.findings == ()
    assert repair(made, tmp_path / "out").plan.nothing_to_do


@pytest.mark.parametrize(
    "other",
    [{"init": b""}, {"loads": b"import ctypes\nctypes.WinDLL('kernel32.dll')\n"}],
    ids=["not-imported", "another-dll"],
)
def test_a_module_that_does_not_help(
    windows_python: WindowsPython, tmp_path: Path, other: dict[str, bytes]
) -> None:
    made = wheel(tmp_path / "in", members(**other))
    assert NOT_FOUND in windows_python.run(ASK, install(made, tmp_path / "site")).stderr
    assert "WF204" in [found.code for found in check(made).plan.findings]
