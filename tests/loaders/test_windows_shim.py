"""The shim and the layouts for grafts, tried in Windows CPythons before any wheel is repaired.

Each layout is built by hand as `wheelfix repair` leaves it. Its extension cannot be imported while
the DLL is out of reach, and can be where the layout puts it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from support import windows
from support.windows import WindowsPython
from support.windows_build import Import, dll, extension

from wheelfix.formats.pe import shim

ANSWER = "answer-0123456789abcdef.dll"
NEED = Import(dll=ANSWER, functions=("answer",))
LIBS = "../demo.libs"
DOC = b'"""What demo is for."""\nfrom __future__ import annotations\n'


@pytest.fixture(params=windows.VERSIONS)
def python(request: pytest.FixtureRequest) -> WindowsPython:
    return windows.find(request.param)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the extension `ext` and the DLL that it needs."""
    folder = tmp_path_factory.mktemp("built")
    dll(folder / ANSWER, {"answer": "42"})
    extension(folder / "ext.pyd", {"ask": "answer()"}, NEED)
    return folder


def put(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())
    return target


def package(site: Path, content: bytes = DOC) -> Path:
    file = site / "demo" / "__init__.py"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


def cannot_import(python: WindowsPython, code: str, site: Path) -> None:
    done = python.run(code, site)
    assert done.returncode == 1
    assert "ImportError: DLL load failed while importing" in done.stderr


def test_libs_folder_needs_the_shim(python: WindowsPython, built: Path, tmp_path: Path) -> None:
    code = "import demo.ext; print(demo.ext.ask())"
    init = package(tmp_path)
    put(built / "ext.pyd", tmp_path / "demo" / "ext.pyd")
    put(built / ANSWER, tmp_path / "demo.libs" / ANSWER)
    cannot_import(python, code, tmp_path)
    init.write_bytes(shim.insert(DOC, shim.text((LIBS,))))
    assert python.says(code, tmp_path) == "42"
    names = "import demo; print(demo.__doc__, [n for n in vars(demo) if not n.startswith('__')])"
    assert python.says(names, tmp_path) == "What demo is for. ['annotations']"
