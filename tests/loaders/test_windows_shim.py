"""The shim and the layouts for grafts, tried in Windows CPythons before any wheel is repaired.

Each layout is built by hand as `wheelfix repair` leaves it. Its extension cannot be imported while
the DLL is out of reach, and can be where the layout puts it.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from support.windows import WindowsPython, windows_path
from support.windows_build import Import, dll, extension

from wheelfix.formats.pe import shim

ANSWER = "answer-0123456789abcdef.dll"
OUTER = "outer-0123456789abcdef.dll"
NEED = Import(dll=ANSWER, functions=("answer",))
NEED_OUTER = Import(dll=OUTER, functions=("outer",))
LIBS = "../demo.libs"
DOC = b'"""What demo is for."""\nfrom __future__ import annotations\n'
ASK = "import demo.ext; print(demo.ext.ask())"
DELAY_LOAD_FAILED = 0xC06D007E & 0xFF
"""How a process ends whose delayed DLL is not found, as Linux sees it."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of extensions and of the DLLs that they need, one needing the other."""
    folder = tmp_path_factory.mktemp("built")
    dll(folder / ANSWER, {"answer": "42"})
    dll(folder / OUTER, {"outer": "answer() + 1"}, NEED)
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
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ImportError: DLL load failed while importing" in done.stderr


def test_libs_folder_needs_the_shim(
    windows_python: WindowsPython, built: Path, tmp_path: Path
) -> None:
    site = tmp_path / "sïte päckages"
    init = package(site)
    put(built / "ext.pyd", site / "demo" / "ext.pyd")
    put(built / ANSWER, site / "demo.libs" / ANSWER)
    cannot_import(windows_python, ASK, site)
    init.write_bytes(shim.insert(DOC, shim.text((LIBS,))))
    assert windows_python.says(ASK, site) == "42"
    names = "import demo; print(demo.__doc__, [n for n in vars(demo) if not n.startswith('__')])"
    assert windows_python.says(names, site) == "What demo is for. ['annotations']"


def test_twenty_delay_loaded_calls_need_a_preload(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    init = package(tmp_path)
    names = tuple(f"f{n}" for n in range(20))
    values = {name: f"answer() + {n}" for n, name in enumerate(names)}
    dll(tmp_path / "demo.libs" / ANSWER, {"answer": "42"})
    dll(tmp_path / "demo.libs" / OUTER, values, NEED)
    late = Import(dll=OUTER, functions=names, delay=True)
    extension(tmp_path / "demo" / "ext.pyd", {f"call_{n}": f"{n}()" for n in names}, late)
    code = (
        "import demo.ext; print('imported', flush=True)\n"
        f"print(sum(getattr(demo.ext, 'call_' + n)() for n in {names!r}))"
    )
    for content in (DOC, shim.insert(DOC, shim.text((LIBS,)))):
        init.write_bytes(content)
        done = windows_python.run(code, tmp_path)
        assert (done.returncode, done.stdout.strip()) == (DELAY_LOAD_FAILED, "imported")
    order = tuple(f"{LIBS}/{name}" for name in (ANSWER, OUTER))
    init.write_bytes(shim.insert(DOC, shim.text((LIBS,), order)))
    assert windows_python.says(code, tmp_path).split() == ["imported", "1030"]


def test_preload_in_order_where_folders_do_not_count(
    windows_python: WindowsPython, built: Path, tmp_path: Path
) -> None:
    init = package(tmp_path)
    extension(tmp_path / "demo" / "ext.pyd", {"ask": "outer()"}, NEED_OUTER)
    for name in (ANSWER, OUTER):
        put(built / name, tmp_path / "demo.libs" / name)
    (tmp_path / "prefix" / "conda-meta").mkdir(parents=True)
    prefix = windows_path(tmp_path / "prefix")
    conda = f"import os, sys; del os.add_dll_directory; sys.prefix = {prefix!r}; {ASK}"
    order = tuple(f"{LIBS}/{name}" for name in (ANSWER, OUTER))
    init.write_bytes(shim.insert(DOC, shim.text((LIBS,), inert=order)))
    assert windows_python.says(ASK, tmp_path) == "43"
    if windows_python.version == "3.9":
        assert windows_python.says(conda, tmp_path) == "43"
    else:
        cannot_import(windows_python, conda, tmp_path)


def test_beside_the_extension_no_python_file_is_needed(
    windows_python: WindowsPython, built: Path, tmp_path: Path
) -> None:
    """A namespace package, which stays one."""
    put(built / "ext.pyd", tmp_path / "demo" / "ext.pyd")
    cannot_import(windows_python, ASK, tmp_path)
    put(built / ANSWER, tmp_path / "demo" / ANSWER)
    assert windows_python.says(ASK + "; print(demo.__file__)", tmp_path).split() == ["42", "None"]


def test_a_top_level_module_with_its_dll_beside_it(
    windows_python: WindowsPython, built: Path, tmp_path: Path
) -> None:
    put(built / "ext.pyd", tmp_path / "ext.pyd")
    cannot_import(windows_python, "import ext", tmp_path)
    put(built / ANSWER, tmp_path / ANSWER)
    assert windows_python.says("import ext; print(ext.ask())", tmp_path) == "42"


def test_a_package_whose_init_is_an_extension(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    """As Cython makes it; delvewheel writes an `__init__.py` beside it, which nobody reads."""
    code = "import demo; print(demo.ask())"
    init = extension(tmp_path / "demo" / "__init__.pyd", {"ask": "answer()"}, NEED, name="demo")
    dll(tmp_path / "demo.libs" / ANSWER, {"answer": "42"})
    (tmp_path / "demo" / "__init__.py").write_bytes(shim.insert(b"", shim.text((LIBS,))))
    cannot_import(windows_python, code, tmp_path)
    (tmp_path / "demo" / "__init__.py").unlink()
    put(tmp_path / "demo.libs" / ANSWER, init.with_name(ANSWER))
    assert windows_python.says(code, tmp_path) == "42"


def test_a_forwarded_export_needs_its_module_too(
    windows_python: WindowsPython, built: Path, tmp_path: Path
) -> None:
    need = Import(dll=OUTER, functions=("forwarded",))
    extension(tmp_path / "demo" / "ext.pyd", {"ask": "forwarded()"}, need)
    forwards = {"forwarded": ANSWER.removesuffix("dll") + "answer"}
    dll(tmp_path / "demo" / OUTER, {"other": "1"}, forwards=forwards)
    done = windows_python.run(ASK, tmp_path)
    assert (done.returncode == 0, done.stdout.strip() == "42") == (False, False)
    put(built / ANSWER, tmp_path / "demo" / ANSWER)
    assert windows_python.says(ASK, tmp_path) == "42"


def test_two_builds_of_one_dll_in_one_process(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    for name, value in (("one", 1), ("two", 2)):
        graft = f"answer-{value:032x}.dll"
        need = Import(dll=graft, functions=("answer",))
        extension(tmp_path / name / "ext.pyd", {"ask": "answer()"}, need)
        dll(tmp_path / f"{name}.libs" / graft, {"answer": str(value)})
        content = shim.insert(b"", shim.text((f"../{name}.libs",)))
        (tmp_path / name / "__init__.py").write_bytes(content)
    code = "import one.ext, two.ext; print(one.ext.ask(), two.ext.ask())"
    assert windows_python.says(code, tmp_path) == "1 2"


@pytest.mark.parametrize("libs", ["../demo.libs", "no/such/folder", "../../../../../../.."])
def test_the_shim_is_harmless(windows_python: WindowsPython, tmp_path: Path, libs: str) -> None:
    """In a zipped program, without `__file__`, without ctypes, and where the folder is missing."""
    content = shim.insert(DOC, shim.text((libs,), (f"{libs}/{ANSWER}",)))
    package(tmp_path, content)
    with zipfile.ZipFile(tmp_path / "program.zip", "w") as archive:
        archive.write(tmp_path / "demo" / "__init__.py", "zipped/__init__.py")
    code = (
        "import sys; sys.path.append(sys.path[0] + r'\\program.zip')\n"
        "import demo, zipped; print('program.zip' in zipped.__file__)\n"
        f"frozen = {{}}; exec({content!r}, frozen); print('_wheelfix_libs' in frozen)\n"
        "sys.modules['ctypes'] = None; del sys.modules['demo']; import demo"
    )
    assert windows_python.says(code, tmp_path).split() == ["True", "False"]
