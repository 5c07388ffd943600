"""Windows wheels that people use, unrepaired: wheelfix brings in what delvewheel does.

pefile follows every import of the result by hand, and a Windows CPython under Wine works with it. A
difference from delvewheel would stand here by name, and in docs/decisions. There is none.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import peers
import pefile
import published
import pytest
from published import Pin
from support import windows
from support.compared import delvewheel_claim, our_claim
from support.environments import no_network
from support.pe_checks import faults
from support.repairs import contents
from support.uses import WINDOWS_USES
from support.windows_wheels import NOT_FOUND, install
from unrepair import Unrepaired

from wheelfix import Options, Outcome, repair
from wheelfix.model import Verify
from wheelfix.policy.runtimes import interpreter_brings, is_python_dll
from wheelfix.policy.windows import lowest_windows, windows_provides

pytestmark = [pytest.mark.network, pytest.mark.slow]

PYTHON = (3, 12)
TAG = "cp312"
NUMPY = Pin(project="numpy", version="2.1.3", platforms=("win_amd64",), python=PYTHON)
"""The newest that Wine 8.0 can import: its C runtime lacks what later ones call."""

PINS = (*(pin for pin in published.windows_pins(PYTHON) if pin.project != "numpy"), NUMPY)
SHIMS = {"numpy": ("numpy/__init__.py",)}
"""The packages whose extensions are in several folders."""

OTHERS = (
    *(pin for pin in published.windows_pins(PYTHON) if pin.project == "numpy"),
    Pin(project="psycopg2-binary", version="2.9.13", platforms=("win_amd64",), python=(3, 13)),
    Pin(project="shapely", version="2.2.0", platforms=("win32",), python=(3, 12)),
    Pin(project="shapely", version="2.2.0", platforms=("win_arm64",), python=(3, 13)),
    Pin(project="numpy", version="2.4.6", platforms=("win_arm64",), python=(3, 13)),
)
LOADED = """
import ctypes
_kernel = ctypes.WinDLL("kernel32")
_kernel.GetModuleHandleW.restype = ctypes.c_void_p
for _name in {names!r}:
    _file = ctypes.create_unicode_buffer(1000)
    _handle = _kernel.GetModuleHandleW(_name)
    assert _handle, f"{{_name}} is not loaded"
    _kernel.GetModuleFileNameW(ctypes.c_void_p(_handle), _file, 1000)
    print(_file.value)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A wheel as its build made it, and what became of it."""

    project: str
    before: Unrepaired
    outcome: Outcome
    tree: Path
    """The repaired wheel, installed."""

    @property
    def options(self) -> Options:
        return Options(lib_paths=(self.before.libraries,), host_libs=False)


def name(pin: Pin) -> str:
    return f"{pin.project}-{pin.platforms[0]}"


def unrepaired(pin: Pin) -> Unrepaired:
    try:
        return published.unrepaired_windows(pin)
    except subprocess.CalledProcessError as error:
        if "pip" in map(str, error.cmd):
            no_network(error)
        raise


@pytest.fixture(scope="module", params=PINS, ids=name)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    pin: Pin = request.param
    before = unrepaired(pin)
    folder = tmp_path_factory.mktemp(name(pin))
    options = Options(lib_paths=(before.libraries,), host_libs=False, verify=Verify.FULL)
    outcome = repair(before.wheel, folder / "out", options)
    tree = install(outcome.output, folder / "tree")
    return Case(project=pin.project, before=before, outcome=outcome, tree=tree)


@pytest.fixture(scope="module")
def tools() -> peers.Peers:
    try:
        return peers.peers()
    except subprocess.CalledProcessError as error:
        no_network(error)
        raise


@pytest.fixture(scope="module")
def numpy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return install(published.download(NUMPY), tmp_path_factory.mktemp("numpy"))
    except subprocess.CalledProcessError as error:
        no_network(error)
        raise


@pytest.fixture
def python(wine: None) -> windows.WindowsPython:
    del wine
    return windows.find("{}.{}".format(*PYTHON))


def binaries(tree: Path) -> dict[str, Path]:
    files = (file for file in tree.rglob("*") if file.is_file())
    found = [file for file in files if file.read_bytes().startswith(b"MZ")]
    return {file.relative_to(tree).as_posix(): file for file in found}


def needs(file: Path) -> Iterator[str]:
    """Give the DLLs that pefile sees a file ask for: at once, late, and by forwarded exports."""
    with pefile.PE(str(file), fast_load=True) as seen:
        seen.parse_data_directories([0, 1, 13])
        for table in ("DIRECTORY_ENTRY_IMPORT", "DIRECTORY_ENTRY_DELAY_IMPORT"):
            yield from (entry.dll.decode() for entry in getattr(seen, table, ()))
        exported = getattr(seen, "DIRECTORY_ENTRY_EXPORT", None)
        for symbol in exported.symbols if exported else ():
            if symbol.forwarder:
                yield symbol.forwarder.decode().rpartition(".")[0] + ".dll"


def is_brought(needed: str) -> bool:
    """Tell whether the interpreter or the lowest Windows of the tag has a DLL."""
    return (
        is_python_dll(needed)
        or interpreter_brings(needed, (TAG,), (TAG,), "amd64")
        or windows_provides(needed, "amd64", lowest_windows((TAG,)))
    )


def test_libraries_and_tag_are_those_of_delvewheel(
    case: Case, tools: peers.Peers, tmp_path: Path
) -> None:
    wheel, libraries = case.before.wheel, case.before.libraries
    ours = our_claim(wheel, libraries)
    assert ours == delvewheel_claim(wheel, libraries, tmp_path, tools)
    assert set(ours.libraries) == {library.name for library in libraries.iterdir()}
    assert case.outcome.output.name == wheel.name


@pytest.mark.parametrize("pin", OTHERS, ids=name)
def test_other_machines_get_what_delvewheel_gives_them(
    pin: Pin, tools: peers.Peers, tmp_path: Path
) -> None:
    before = unrepaired(pin)
    theirs = delvewheel_claim(before.wheel, before.libraries, tmp_path / "peer", tools)
    assert our_claim(before.wheel, before.libraries) == theirs
    repair(before.wheel, tmp_path, Options(lib_paths=(before.libraries,), host_libs=False))


def test_every_import_is_found_or_windows(case: Case) -> None:
    """Beside who asks, or in the folder that the package's shim names."""
    found = binaries(case.tree)
    named = f"{case.project}.libs" if case.project in SHIMS else "-"
    places = {path.lower() for path in found}
    grafts = {str(graft.path) for graft in case.outcome.plan.grafts}
    used = set()
    for path, file in found.items():
        assert faults(file) == [], path
        for needed in needs(file):
            looked = {f"{folder}/{needed}".lower() for folder in (path.rpartition("/")[0], named)}
            assert looked & places or is_brought(needed), (path, needed)
            used |= looked
    assert grafts <= used


def test_python_files_are_touched_only_where_one_folder_does_not_do(case: Case) -> None:
    before, after = contents(case.before.wheel), contents(case.outcome.output)
    python = {path for path in after if path.endswith(".py")}
    assert python <= set(before)
    touched = tuple(sorted(path for path in python if after[path] != before[path]))
    assert touched == SHIMS.get(case.project, ())


def test_repairing_it_again_changes_nothing(case: Case, tmp_path: Path) -> None:
    again = repair(case.outcome.output, tmp_path, case.options)
    assert again.plan.nothing_to_do
    assert again.output.read_bytes() == case.outcome.output.read_bytes()


def test_windows_imports_it_after_the_repair_and_not_before(
    case: Case, numpy: Path, tmp_path: Path, python: windows.WindowsPython
) -> None:
    use = WINDOWS_USES[case.project]
    beside = [numpy] * use.needs_numpy
    done = python.run(use.code, install(case.before.wheel, tmp_path), *beside)
    assert done.returncode == 1
    assert NOT_FOUND in done.stderr
    grafts = {str(graft.path) for graft in case.outcome.plan.grafts}
    names = sorted(path.rpartition("/")[2] for path in grafts)
    files = python.says(use.code + LOADED.format(names=names), case.tree, *beside).splitlines()
    assert {line.lower() for line in files} == {
        windows.windows_path(case.tree / path).lower() for path in grafts
    }
