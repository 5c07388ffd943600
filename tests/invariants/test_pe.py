"""The invariants on a wheel for Windows: what depends on the format, and what might."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support import pe_checks, repairs, spies, strangers
from support.index_rules import breaches
from support.repairs import Job
from support.samples import pe as sample

from wheelfix import Options, check, repair
from wheelfix.errors import CannotRepair
from wheelfix.formats import pe
from wheelfix.formats.pe import shim
from wheelfix.model import Outcome, ReplaceNeeded, StagedBy

INIT = "win_sample/__init__.py"
EXT = "win_sample/_ext.pyd"
LATE = "win_sample/_late.pyd"
LEAF = "win_sample/leaf.dll"
TAG = "pkg-1.0-cp311-cp311-win_amd64"
OFFLINE = ("--no-deps", "-q", "--target")
MACHINE = ("--platform", "win_amd64", "--python-version", "3.11", "--only-binary", ":all:")
INSTALLERS: Mapping[str, tuple[str, ...]] = {
    "pip": ("install", "--no-index", "--disable-pip-version-check", *MACHINE, *OFFLINE),
    "uv": ("pip", "install", "--offline", "--python-platform", "x86_64-pc-windows-msvc", *OFFLINE),
    "installer": ("--prefix", "/usr", "--destdir"),
}


@pytest.fixture
def win(tmp_path: Path) -> Job:
    return repairs.win_job(tmp_path)


def members(outcome: Outcome) -> dict[str, bytes]:
    return repairs.contents(outcome.output)


def grafts(outcome: Outcome) -> dict[str, bytes]:
    made = {graft.path for graft in outcome.plan.grafts}
    return {path: data for path, data in members(outcome).items() if path in made}


def test_inv02_repairing_a_repaired_wheel_changes_nothing(win: Job, tmp_path: Path) -> None:
    first = win.repair().output
    for options in (win.options, Options()):
        again = repair(first, tmp_path / f"again-{len(options.lib_paths)}", options)
        assert again.plan.nothing_to_do
        assert again.output.read_bytes() == first.read_bytes()


def test_inv03_what_must_not_be_edited_is_known_before_the_first_write(win: Job) -> None:
    """Its library keeps its name, for all who need it."""
    packed = sample("made-amd64-lib-packed.dll").read_bytes()
    given = {"pkg/__init__.py": b"", "pkg/a.pyd": packed, "pkg/b.pyd": _ext(win)}
    outcome = repair(repairs.make_wheel(win.wheel.parent, given, TAG), win.out, win.options)
    found = members(outcome)
    assert [patch.path for patch in outcome.plan.patches] == ["pkg/b.pyd"]
    assert found["pkg/a.pyd"] == packed
    assert found["pkg/inner.dll"] == (win.libs / "inner.dll").read_bytes()
    assert [each.path for each in outcome.plan.findings if each.code == "WF207"] == ["pkg/a.pyd"]


def test_inv04_untouched_members_keep_their_compressed_bytes(win: Job) -> None:
    outcome = win.repair()
    old, new = repairs.payloads(win.wheel), repairs.payloads(outcome.output)
    kept = old.keys() - set(outcome.plan.touched) - {n for n in old if n.endswith("/RECORD")}
    assert LEAF in kept
    assert {name: new[name] for name in kept} == {name: old[name] for name in kept}


def test_inv05_touched_members_do_change(win: Job) -> None:
    """A library that needs nobody is not edited: no DLL is asked for the name it has inside."""
    outcome = win.repair()
    old, new = repairs.contents(win.wheel), members(outcome)
    assert [patch.path for patch in outcome.plan.patches] == [EXT, LATE]
    assert [item.path for item in outcome.plan.inserts] == [INIT]
    assert all(old[path] != new[path] for path in (EXT, LATE, INIT))
    for graft in outcome.plan.grafts:
        same = new[graft.path] == graft.source.read_bytes()
        assert (
            same is (graft.path not in outcome.plan.touched) is (graft.source.name == "inner.dll")
        )


def test_inv07_one_edit_copies_one_file(win: Job) -> None:
    staged = dict(win.repair().staged)
    inflated = {path for path, how in staged.items() if how is StagedBy.INFLATED}
    assert inflated == {EXT, LATE}
    assert len(staged) == 4


def test_inv11_modes_are_as_tools_expect_them(win: Job) -> None:
    for library in win.libs.iterdir():
        library.chmod(0o444)
    outcome = win.repair()
    modes = repairs.modes(outcome.output)
    assert {modes[graft.path] for graft in outcome.plan.grafts} == {0o755}
    assert {modes[path] for path in (EXT, LATE, INIT, LEAF)} == {0o644}


@pytest.mark.parametrize("breach", [b"", b"trailing bytes"], ids=["nothing", "archive"])
def test_inv15_nothing_to_do_gives_the_same_bytes(win: Job, tmp_path: Path, breach: bytes) -> None:
    good = win.repair().output
    wheel = tmp_path / "second" / good.name
    wheel.parent.mkdir()
    wheel.write_bytes(good.read_bytes() + breach)
    outcome = repair(wheel, tmp_path / "again", win.options)
    assert outcome.plan.nothing_to_do is not bool(breach)
    assert outcome.plan.touched == ()
    assert outcome.output.read_bytes() == good.read_bytes()


def test_inv16_every_missing_library_is_named_at_once(win: Job) -> None:
    with pytest.raises(CannotRepair) as caught:
        repair(win.wheel, win.out)
    text = str(caught.value)
    assert "cannot find `inner.dll`" in text
    assert "cannot find `outer.dll`" in text
    assert not win.out.exists()
    assert len(check(win.wheel, win.options).plan.grafts) == 2


def test_inv17_one_graft_for_all_names_of_a_library(win: Job, tmp_path: Path) -> None:
    """Windows does not tell upper from lower case; and a library may be a link besides."""
    (win.libs / "third.dll").symlink_to("outer.dll")
    names = ("outer.dll", "OUTER.dll", "Outer.DLL", "third.dll")
    users = {f"pkg/{n}.pyd": _asking(_ext(win), name, tmp_path) for n, name in enumerate(names)}
    wheel = repairs.make_wheel(tmp_path / "in2", {"pkg/__init__.py": b"", **users}, TAG)
    outcome = repair(wheel, win.out, win.options)
    inner, outer = outcome.plan.grafts
    assert inner.source.name == "inner.dll"
    assert outer.aliases == tuple(sorted(names))
    site = repairs.unpack(outcome.output, tmp_path / "site")
    for path in users:
        (needed,) = pe_checks.image(site / path).needed
        assert f"pkg/{needed.name}" == outer.path


def _asking(binary: bytes, name: str, folder: Path) -> bytes:
    """Have what needs `outer.dll` ask for it by another name."""
    file = folder / "asking"
    file.write_bytes(binary)
    pe.apply(file, (ReplaceNeeded(old="outer.dll", new=name),))
    return file.read_bytes()


def _ext(win: Job) -> bytes:
    return repairs.contents(win.wheel)[EXT]


def test_inv18_the_shim_keeps_the_file_and_the_namespace(win: Job, tmp_path: Path) -> None:
    """Behind docstring and future imports; only where it is needed; no new `__init__.py`."""
    late, leaf = repairs.contents(win.wheel)[LATE], repairs.contents(win.wheel)[LEAF]
    given = {
        "ns/needs/__init__.py": repairs.WINDOWS_INIT,
        "ns/needs/_late.pyd": late,
        "ns/needs/sub/__init__.py": b"x = 1\n",
        "ns/needs/sub/_late.pyd": late,
        "ns/plain/__init__.py": b"",
        "ns/plain/leaf.pyd": leaf,
        "pure/__init__.py": b'"""Pure."""\n',
        "space/module.py": b"",
        "space/leaf.pyd": leaf,
    }
    outcome = repair(repairs.make_wheel(tmp_path / "ns", given, TAG), win.out, win.options)
    found = members(outcome)
    starters = {path for path in found if path.endswith("__init__.py")}
    assert starters == {path for path in given if path.endswith("__init__.py")}
    changed = {path for path in starters if found[path] != given[path]}
    assert changed == {"ns/needs/__init__.py"}
    init = found["ns/needs/__init__.py"]
    tree = ast.parse(init)
    assert ast.get_docstring(tree) == "What it is."
    assert isinstance(tree.body[1], ast.ImportFrom)
    assert shim.remove(init) == repairs.WINDOWS_INIT
    assert init.count(b"\n") == init.count(b"\r\n")
    assert b"../../pkg.libs" in init


def test_inv18_a_package_whose_libraries_lie_beside_needs_no_shim(win: Job, tmp_path: Path) -> None:
    given = {"pkg/__init__.py": b"", "pkg/a.pyd": _ext(win)}
    for name, starter in (("regular", given), ("space", {"pkg/a.pyd": given["pkg/a.pyd"]})):
        wheel = repairs.make_wheel(tmp_path / name, starter, TAG)
        outcome = repair(wheel, tmp_path / f"{name}-out", win.options)
        assert outcome.plan.inserts == ()
        found = members(outcome)
        assert {path for path in found if path.endswith(".py")} == starter.keys() - {"pkg/a.pyd"}
        assert all(graft.path.startswith("pkg/") for graft in outcome.plan.grafts)


def test_inv19_an_unedited_binary_keeps_its_signature(win: Job, tmp_path: Path) -> None:
    """delvewheel drops it without a word; here an edit alone takes it, and that is said."""
    signed = sample("made-amd64-lib-signed.dll").read_bytes()
    given = {"pkg/__init__.py": b"", "pkg/a.pyd": signed}
    wheel = repairs.make_wheel(tmp_path / "s", given, TAG)
    kept = repair(wheel, win.out, Options(exclude=("inner.dll",)))
    assert members(kept)["pkg/a.pyd"] == signed
    assert "WF205" not in {found.code for found in kept.plan.findings}
    edited = repair(wheel, tmp_path / "out2", win.options)
    assert [found.path for found in edited.plan.findings if found.code == "WF205"] == ["pkg/a.pyd"]
    site = repairs.unpack(edited.output, tmp_path / "site")
    assert pe_checks.image(site / "pkg/a.pyd").signature is None


def test_inv20_a_library_loaded_by_name_keeps_it_and_is_named_in_the_shim(
    win: Job, tmp_path: Path
) -> None:
    (win.libs / "plugin.dll").write_bytes(win.leaf.read_bytes() + bytes(8))
    without = members(win.repair())
    assert b"plugin" not in without[INIT]
    options = Options(lib_paths=(win.libs,), include=("plugin.dll",))
    found = members(repair(win.wheel, tmp_path / "out2", options))
    assert "win_sample.libs/plugin.dll" in found
    assert b"../win_sample.libs/plugin.dll" in found[INIT]


def test_inv22_a_failure_in_the_middle_leaves_nothing(
    win: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path) -> None:
        raise MemoryError(file)

    spies.before_edit(monkeypatch, refuse)
    with pytest.raises(MemoryError):
        win.in_files().repair()
    assert list(win.out.iterdir()) == []


@pytest.mark.parametrize("name", strangers.PE_TOOLS)
def test_inv24_the_output_survives_other_peoples_tools(win: Job, tmp_path: Path, name: str) -> None:
    for binary in _edited(win.repair(), tmp_path / "site").values():
        strangers.pe_survives(binary, name)


def test_inv24_the_output_survives_a_second_edit_by_us(win: Job, tmp_path: Path) -> None:
    """Longer, and there and back; the same again does not grow the file."""
    for path, binary in _edited(win.repair(), tmp_path / "site").items():
        seen, first = pe_checks.by_pefile(binary), pe_checks.image(binary).needed[0].name
        size = 0
        for new in (f"{'a' * 90}.dll", f"{'b' * 90}.dll", f"{'c' * 90}.dll"):
            old = pe_checks.image(binary).needed[0].name
            pe.apply(binary, (ReplaceNeeded(old=old, new=new),))
            assert pe_checks.faults(binary) == [], path
            assert size in (0, binary.stat().st_size)
            size = binary.stat().st_size
        pe.apply(binary, (ReplaceNeeded(old=new, new=first),))
        assert pe_checks.by_pefile(binary) == seen


def _edited(outcome: Outcome, site: Path) -> dict[str, Path]:
    """Unpack the wheel and give the binaries that were edited."""
    repairs.unpack(outcome.output, site)
    starters = {item.path for item in outcome.plan.inserts}
    return {path: site / path for path in outcome.plan.touched if path not in starters}


def test_inv25_the_output_passes_what_it_meets_next(win: Job) -> None:
    """The package index's check, written anew from its rules."""
    assert breaches(win.repair().output) == []


@repairs.linux_only
@pytest.mark.parametrize("name", INSTALLERS)
def test_inv25_installers_keep_every_byte(win: Job, tmp_path: Path, name: str) -> None:
    """For a machine that is not this one."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"needs the package `{name}` in the environment of the tests")
    output = win.repair().output
    home = {"HOME": str(tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache")}
    env = {"PATH": os.environ["PATH"], **home}
    site = tmp_path / "site"
    repairs.run(sys.executable, "-m", name, *INSTALLERS[name], site, output, env=env)
    (package,) = site.rglob(INIT)
    found = {
        path: data for path, data in repairs.contents(output).items() if "dist-info" not in path
    }
    assert {path: (package.parents[1] / path).read_bytes() for path in found} == found


def test_inv26_equal_graft_names_mean_equal_bytes(win: Job, tmp_path: Path) -> None:
    """In a wheel of another name and layout, found in another folder, with names in upper case."""
    first = _by_name(grafts(win.repair()))
    given = {"other/sub/a.pyd": _ext(win)}
    wheel = repairs.make_wheel(tmp_path / "other", given, "other-2.0-cp312-cp312-win_amd64")
    moved = tmp_path / "moved"
    moved.mkdir()
    for library in win.libs.iterdir():
        shutil.copy(library, moved / library.name.upper())
    outcome = repair(wheel, tmp_path / "out2", Options(lib_paths=(moved,)))
    assert _by_name(grafts(outcome)) == first
    assert len(first) == 2


def test_inv26_other_bytes_get_another_name_and_so_do_all_who_need_them(
    win: Job, tmp_path: Path
) -> None:
    first = _by_name(grafts(win.repair()))
    with (win.libs / "inner.dll").open("ab") as file:
        file.write(b"\0" * 8)
    second = _by_name(grafts(repair(win.wheel, tmp_path / "out2", win.options)))
    assert first.keys().isdisjoint(second)


def _by_name(found: Mapping[str, bytes]) -> dict[str, bytes]:
    return {path.rpartition("/")[2]: data for path, data in found.items()}
