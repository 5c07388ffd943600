"""Every error in a verdict on a well-known wheel is proved: loading really fails, for that reason.

Wine has DLLs that a Windows need not have, such as Microsoft's redistributable runtimes; where a
verdict is about one, Wine has to do without it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import published
import pytest
from support import wine_setup
from support.environments import no_network
from support.windows import WindowsPython, find, windows_path
from support.windows_wheels import install
from well_known import WELL_KNOWN

NOT_FOUND = "DLL load failed while importing"
VERDICTS = Path(__file__).parents[1] / "verdicts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An installed wheel, in a Windows CPython that reads its `.pth` as at its start."""

    python: WindowsPython
    site: Path

    def says(self, *modules: str, without: tuple[str, ...] = ()) -> str:
        """Import modules in turn and give what is wrong, empty when all is well."""
        lines = (
            f"import importlib, site; site.addsitedir({windows_path(self.site)!r})",
            f"try: [importlib.import_module(name) for name in {modules!r}]",
            "except ImportError as error: print(error, flush=True)",
        )
        done = self.python.run("\n".join(lines), without=without)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, program: str) -> str:
        """Start a program beside Python's DLL, and give what Wine's loader says of it."""
        shutil.copy(self.python.home / "python312.dll", (self.site / program).parent)
        file = self.site / program
        done = wine_setup.run(file, prefix=wine_setup.prefix(), debug="err+module")
        assert done.returncode != 0
        return done.stderr


def installed(name: str, folder: Path) -> Installed:
    python = find("3.12")
    try:
        wheel = published.download(WELL_KNOWN[name])
    except subprocess.CalledProcessError as error:
        no_network(error)
        raise
    return Installed(python=python, site=install(wheel, folder))


def no_mfc(pywin32: Installed) -> None:
    assert pywin32.says("win32api") == ""
    assert NOT_FOUND in pywin32.says("win32ui")
    assert "mfc140u.dll" in pywin32.start("pythonwin/Pythonwin.exe")


def no_cpp_runtime(pywin32: Installed) -> None:
    assert pywin32.says("win32com.mapi.mapi") == ""
    assert NOT_FOUND in pywin32.says("win32com.mapi.mapi", without=("msvcp140",))


def not_beside_the_service(pywin32: Installed) -> None:
    said = pywin32.start("win32/pythonservice.exe")
    assert "pywintypes312.dll" in said
    assert "python312.dll not found" not in said


def not_beside_the_debugger(pywin32: Installed) -> None:
    assert NOT_FOUND in pywin32.says("win32com.axdebug.axdebug")
    assert pywin32.says("win32com.axscript.axscript", "win32com.axdebug.axdebug") == ""


def no_cpp_runtime_to_attach(debugpy: Installed) -> None:
    file = windows_path(next(debugpy.site.rglob("attach_amd64.dll")))
    code = f"import ctypes; ctypes.WinDLL({file!r})"
    assert debugpy.python.run(code).returncode == 0
    assert "Could not find module" in debugpy.python.run(code, without=("msvcp140",)).stderr


PROOFS: dict[tuple[str, str, str], Callable[[Installed], None]] = {
    ("pywin32-win_amd64", "WF101", "mfc140u.dll"): no_mfc,
    ("pywin32-win_amd64", "WF101", "MSVCP140.dll"): no_cpp_runtime,
    ("pywin32-win_amd64", "WF204", "pywintypes312.dll"): not_beside_the_service,
    ("pywin32-win_amd64", "WF204", "axscript.pyd"): not_beside_the_debugger,
    ("debugpy-win_amd64", "WF101", "MSVCP140.dll"): no_cpp_runtime_to_attach,
}


def test_every_error_has_its_proof() -> None:
    errors = {
        (file.stem, found["code"], found["message"].split("`")[1])
        for file in VERDICTS.iterdir()
        for found in json.loads(file.read_text("utf-8"))["findings"]
        if found["severity"] == "error"
    }
    assert errors == set(PROOFS)


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize("claim", PROOFS, ids="-".join)
def test_it_really_fails(claim: tuple[str, str, str], wine: None, tmp_path: Path) -> None:
    del wine
    PROOFS[claim](installed(claim[0], tmp_path))
