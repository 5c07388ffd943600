"""Libraries that nothing links to, brought along by the user's word."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from support.facts import library, member
from support.machines import walked
from support.repairs import contents, make_wheel

import wheelfix
from wheelfix.errors import CannotRepair
from wheelfix.model import Options

PE = Path(__file__).parents[2] / "testdata" / "pe"
LIBRARIES = (
    library("/opt/libplugin.so", "libdeep.so"),
    library("/opt/libdeep.so"),
    library("/opt/libplugin-arm.so", arch="aarch64"),
)
OPTIONS = Options(lib_paths=(Path("/opt"),))


@pytest.mark.parametrize(
    ("word", "taken"),
    [
        ("/opt/libplugin.so", ["/opt/libplugin.so"]),
        ("libplugin*", ["/opt/libplugin.so"]),
        ("libd*.so", ["/opt/libdeep.so"]),
        ("libother*", []),
        ("/opt/libplugin-arm.so", []),
    ],
)
def test_a_file_or_a_name_in_the_users_folders(word: str, taken: list[str]) -> None:
    walk = walked([member("pkg/a.so"), *LIBRARIES], OPTIONS)
    assert [str(real) for real in walk.include(word)] == taken


def test_what_an_included_library_needs_comes_along() -> None:
    walk = walked([member("pkg/a.so"), *LIBRARIES], OPTIONS)
    assert list(walk.include("libplugin.so")) == [Path("/opt/libplugin.so")]
    assert set(walk.taker.libraries) == {Path("/opt/libplugin.so"), Path("/opt/libdeep.so")}


def test_a_plugin_keeps_its_name_and_is_loaded_before_it_is_asked_for(tmp_path: Path) -> None:
    """delvewheel 47, 58 and 68: plugins come along with all they need, patched as they must be."""
    members = {
        "pkg/__init__.py": b'"""Doc."""\n',
        "pkg/ext.pyd": (PE / "lld-amd64-lib-inner.dll").read_bytes(),
    }
    wheel = make_wheel(tmp_path, members, "pkg-1.0-cp312-cp312-win_amd64")
    for name in ("left", "right"):  # each needs the other
        shutil.copy(PE / f"lld-amd64-lib-{name}.dll", tmp_path / f"{name}.dll")
    options = Options(lib_paths=(tmp_path,), include=("left.*",))
    outcome = wheelfix.repair(wheel, tmp_path / "out", options)
    inside = contents(outcome.output)
    grafted = sorted(path for path in inside if path.startswith("pkg.libs/"))
    assert grafted[0] == "pkg.libs/left.dll"
    assert re.fullmatch(r"pkg\.libs/right-[0-9a-f]{16}\.dll", grafted[1])
    assert b"../pkg.libs/left.dll" in inside["pkg/__init__.py"]
    again = wheelfix.repair(outcome.output, tmp_path / "again", Options())
    assert again.output.read_bytes() == outcome.output.read_bytes()


def test_a_word_that_gives_nothing_is_said_before_anything_is_written(tmp_path: Path) -> None:
    members = {"pkg/ext.pyd": (PE / "lld-amd64-lib-inner.dll").read_bytes()}
    wheel = make_wheel(tmp_path, members, "pkg-1.0-cp312-cp312-win_amd64")
    with pytest.raises(CannotRepair, match=r"--include plug\*.* gives no library"):
        wheelfix.repair(wheel, tmp_path / "out", Options(include=("plug*",)))
    assert not (tmp_path / "out").exists()
