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
class Pywin32:
    """The installed wheel, in a Windows CPython that reads its `.pth` as at its start."""

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


@pytest.fixture(scope="module")
def pywin32(wine: None, tmp_path_factory: pytest.TempPathFactory) -> Pywin32:
    del wine
    python = find("3.12")
    try:
        wheel = published.download(WELL_KNOWN["pywin32-win_amd64"])
    except subprocess.CalledProcessError as error:
        no_network(error)
        raise
    return Pywin32(python=python, site=install(wheel, tmp_path_factory.mktemp("pywin32")))


def no_mfc(pywin32: Pywin32) -> None:
    assert pywin32.says("win32api") == ""
    assert NOT_FOUND in pywin32.says("win32ui")
    assert "mfc140u.dll" in pywin32.start("pythonwin/Pythonwin.exe")


def no_cpp_runtime(pywin32: Pywin32) -> None:
    assert pywin32.says("win32com.mapi.mapi") == ""
    assert NOT_FOUND in pywin32.says("win32com.mapi.mapi", without=("msvcp140",))


def not_beside_the_service(pywin32: Pywin32) -> None:
    said = pywin32.start("win32/pythonservice.exe")
    assert "pywintypes312.dll" in said
    assert "python312.dll not found" not in said


def not_beside_the_debugger(pywin32: Pywin32) -> None:
    assert NOT_FOUND in pywin32.says("win32com.axdebug.axdebug")
    assert pywin32.says("win32com.axscript.axscript", "win32com.axdebug.axdebug") == ""


PROOFS: dict[tuple[str, str, str], Callable[[Pywin32], None]] = {
    ("pywin32-win_amd64", "WF101", "mfc140u.dll"): no_mfc,
    ("pywin32-win_amd64", "WF101", "MSVCP140.dll"): no_cpp_runtime,
    ("pywin32-win_amd64", "WF204", "pywintypes312.dll"): not_beside_the_service,
    ("pywin32-win_amd64", "WF204", "axscript.pyd"): not_beside_the_debugger,
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
@pytest.mark.parametrize("proof", PROOFS.values(), ids=[key[2] for key in PROOFS])
def test_it_really_fails(proof: Callable[[Pywin32], None], pywin32: Pywin32) -> None:
    proof(pywin32)
