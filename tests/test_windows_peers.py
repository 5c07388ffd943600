"""What delvewheel gets wrong with DLLs: each test has the name of its bug.

Those of archive, metadata and command line are in `test_windows_peers_wheel.py`. Tested elsewhere,
under their names or with them in the docstring:

* `formats/pe/test_editing.py`: bound imports overwritten, debug and COFF pointers left stale, the
  import list cut in two for other tools (49), overlays (3, 15, 21, 33), certificates, checksums.
* `formats/pe/test_shim.py`: `__init__.py` of any shape (8, 10, 23, 42, BOM, parentheses, noqa).
* `policy/test_windows.py`: what Windows brings (70, combase, cp313, MSYS2's Python, py3-none),
  where `msvcp140.dll` comes from (44), whose folder it is (54).
* `resolve/test_include.py`: plugins (47, 58, 68).
* `resolve/test_neighbours.py`: import libraries in a folder `lib` (66).
* `loaders/test_windows_*.py`: what of this can be seen only by loading it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import pe_checks, repairs
from support.windows_samples import (
    asking,
    chain,
    codes,
    data,
    grafted,
    libraries,
    package,
    repaired,
    wheel_of,
)

from wheelfix.errors import CannotRepair
from wheelfix.formats import pe
from wheelfix.model import Outcome


def test_delvewheel_26_60_a_dll_in_the_wheel_is_not_found(tmp_path: Path) -> None:
    """It lies beside who needs it: nothing to do, and the wheel is written."""
    members = package(a=data("outer")) | {"pkg/inner.dll": data("inner")}
    outcome = repaired(wheel_of(tmp_path / "in", members))
    assert outcome.plan.nothing_to_do
    assert outcome.output.exists()


def test_delvewheel_26_60_a_dll_elsewhere_in_the_wheel_stays_there(tmp_path: Path) -> None:
    """The package tells Windows where it is; nothing is copied or renamed."""
    members = package(a=data("outer")) | {"pkg/lib/inner.dll": data("inner")}
    outcome = repaired(wheel_of(tmp_path / "in", members))
    found = repairs.contents(outcome.output)
    assert (outcome.plan.grafts, outcome.plan.patches) == ((), ())
    assert b"'lib'" in found["pkg/__init__.py"].replace(b'"', b"'")
    assert found["pkg/lib/inner.dll"] == data("inner")


def test_delvewheel_ctypes_wheels_have_no_dependencies(tmp_path: Path) -> None:
    """`No external dependencies are needed`, of a wheel with DLLs that nothing but ctypes loads."""
    members = {"pkg/__init__.py": b"", "pkg/native.dll": data("outer")}
    wheel = wheel_of(tmp_path / "in", members, "py3-none-win_amd64")
    outcome = repaired(wheel, chain(tmp_path / "libs"))
    assert list(grafted(outcome)) == ["inner.dll"]


def test_delvewheel_programs_are_not_looked_at(tmp_path: Path) -> None:
    members = {"pkg/__init__.py": b"", "pkg/tool.exe": data("lld-amd64-exe-hello.exe")}
    wheel = wheel_of(tmp_path / "in", members, "py3-none-win_amd64")
    outcome = repaired(wheel, chain(tmp_path / "libs"))
    assert sorted(grafted(outcome)) == ["inner.dll", "outer.dll"]
    assert {path.rpartition("/")[0] for path in grafted(outcome).values()} == {"pkg"}


def test_delvewheel_circular_imports_end_in_a_cycle_error(tmp_path: Path) -> None:
    libs = libraries(tmp_path / "libs", left=data("left"), right=data("right"))
    wheel = wheel_of(tmp_path / "in", package(a=data("left")))
    outcome = repaired(wheel, libs)
    site = repairs.unpack(outcome.output, tmp_path / "site")
    names = grafted(outcome)
    for this, other in (("left", "right"), ("right", "left")):
        (needed,) = pe_checks.image(site / names[f"{this}.dll"]).needed
        assert f"pkg/{needed.name}" == names[f"{other}.dll"]


def test_cytnx_1118_forwarded_exports_are_never_followed(tmp_path: Path) -> None:
    """What an export is passed on to comes along, and the forward has its new name."""
    libs = libraries(
        tmp_path / "libs", libblas=data("forward"), inner=data("inner"), another=data("inner")
    )
    ext = asking(data("outer"), ("inner.dll", "libblas.dll"), folder=tmp_path)
    outcome = repaired(wheel_of(tmp_path / "in", package(a=ext)), libs)
    names = grafted(outcome)
    assert {"libblas.dll", "inner.dll"} <= names.keys()
    site = repairs.unpack(outcome.output, tmp_path / "site")
    forwarded = {
        needed.name.lower() for needed in pe_checks.image(site / names["libblas.dll"]).needed
    }
    assert forwarded <= {path.rpartition("/")[2] for path in names.values()}


def test_delvewheel_34_delay_loaded_dlls_are_not_found_when_they_are_called(tmp_path: Path) -> None:
    outcome = repaired(
        wheel_of(tmp_path / "in", package(a=data("delay"))), chain(tmp_path / "libs")
    )
    (path,) = grafted(outcome).values()
    text = repairs.contents(outcome.output)["pkg/__init__.py"].decode()
    names = [line for line in text.splitlines() if "names = " in line]
    assert f"../{path}" in names[0]


def test_delvewheel_old_delay_descriptors_are_written_back_broken(tmp_path: Path) -> None:
    """With addresses in the place of offsets they are not renamed; the DLL keeps its name."""
    libs = libraries(tmp_path / "libs", inner=data("inner", "x86"))
    old = data("made-x86-lib-old-delay.dll")
    outcome = repaired(wheel_of(tmp_path / "in", package(a=old), "cp311-cp311-win32"), libs)
    assert grafted(outcome) == {"inner.dll": "pkg.libs/inner.dll"}
    assert repairs.contents(outcome.output)["pkg/a.pyd"] == old


def test_delvewheel_bound_imports_are_left_pointing_at_section_headers(tmp_path: Path) -> None:
    outcome = repaired(
        wheel_of(tmp_path / "in", package(a=data("made-amd64-lib-bound.dll"))),
        chain(tmp_path / "libs"),
    )
    _sound(outcome, tmp_path)


@pytest.mark.parametrize("name", ["made-amd64-lib-overlay.dll", "mingw-amd64-lib-symbols.dll"])
def test_delvewheel_3_15_21_33_trailing_data_need_strip(tmp_path: Path, name: str) -> None:
    """The same symbols, the same bytes at the end, and no program was run."""
    outcome = repaired(wheel_of(tmp_path / "in", package(a=data(name))), chain(tmp_path / "libs"))
    site = _sound(outcome, tmp_path)
    before = tmp_path / "before"
    before.write_bytes(data(name))
    kept = pe_checks.by_pefile(before).kept
    assert pe_checks.by_pefile(site / "pkg/a.pyd").kept == kept


def test_delvewheel_header_growth_leaves_debug_pointers_stale(tmp_path: Path) -> None:
    outcome = repaired(
        wheel_of(tmp_path / "in", package(a=data("tight"))), chain(tmp_path / "libs")
    )
    _sound(outcome, tmp_path)


def test_delvewheel_load_flags_hide_the_dlls_beside(tmp_path: Path) -> None:
    """Even where nothing is renamed: here, as in delvewheel, the flags go with the edit."""
    outcome = repaired(
        wheel_of(tmp_path / "in", package(a=data("flags"))), chain(tmp_path / "libs")
    )
    site = _sound(outcome, tmp_path)
    assert pe_checks.image(site / "pkg/a.pyd").traits == ()


def _sound(outcome: Outcome, folder: Path) -> Path:
    """Unpack a wheel whose binaries Windows would load; give the folder."""
    site = repairs.unpack(outcome.output, folder / "site")
    for path in (*(patch.path for patch in outcome.plan.patches), *grafted(outcome).values()):
        assert pe_checks.faults(site / path) == []
    assert outcome.plan.patches
    return site


def test_delvewheel_a_packed_dll_is_renamed_where_nobody_reads_it(tmp_path: Path) -> None:
    """UPX unpacks the real table: the name it asks for must stay."""
    packed = data("made-amd64-lib-packed.dll")
    outcome = repaired(wheel_of(tmp_path / "in", package(a=packed)), chain(tmp_path / "libs"))
    assert grafted(outcome) == {"inner.dll": "pkg/inner.dll"}
    assert repairs.contents(outcome.output)["pkg/a.pyd"] == packed
    assert "WF207" in codes(outcome)


@pytest.mark.parametrize(
    ("arch", "name"),
    [("amd64", "made-amd64-lib-arm64ec.dll"), ("arm64", "made-arm64-lib-arm64x.dll")],
)
def test_delvewheel_hybrids_are_renamed_for_one_of_their_machines(
    tmp_path: Path, arch: str, name: str
) -> None:
    libs = libraries(tmp_path / "libs", inner=data("inner", arch))
    wheel = wheel_of(tmp_path / "in", package(a=data(name)), f"cp311-cp311-win_{arch}")
    outcome = repaired(wheel, libs)
    assert grafted(outcome) == {"inner.dll": "pkg/inner.dll"}
    assert repairs.contents(outcome.output)["pkg/a.pyd"] == data(name)


def test_delvewheel_an_arm64x_redistributable_comes_along_as_it_is(tmp_path: Path) -> None:
    """Microsoft's runtime for arm64 is ARM64X."""
    hybrid = data("made-arm64-lib-arm64x.dll")
    libs = libraries(tmp_path / "libs", msvcp140=hybrid, inner=data("inner", "arm64"))
    ext = asking(data("outer", "arm64"), ("inner.dll", "MSVCP140.dll"), folder=tmp_path)
    wheel = wheel_of(tmp_path / "in", package(a=ext), "cp311-cp311-win_arm64")
    outcome = repaired(wheel, libs)
    assert repairs.contents(outcome.output)[grafted(outcome)["msvcp140.dll"]] == hybrid


def test_delvewheel_a_signature_is_dropped_in_silence(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path / "in", package(a=data("made-amd64-lib-signed.dll")))
    outcome = repaired(wheel, chain(tmp_path / "libs"))
    assert "WF205" in codes(outcome)


def test_delvewheel_truncated_dlls_pass_silently(tmp_path: Path) -> None:
    libs = libraries(tmp_path / "libs", inner=data("inner")[:700])
    with pytest.raises(CannotRepair, match="damaged"):
        repaired(wheel_of(tmp_path / "in", package(a=data("outer"))), libs)


def test_delvewheel_names_that_are_no_ascii_end_in_a_traceback(tmp_path: Path) -> None:
    name = "inn\u00e9.dll"  # as many bytes as `inner.dll` has
    ext = data("outer").replace(b"inner.dll", name.encode())
    with pytest.raises(CannotRepair, match="cannot find"):
        repaired(wheel_of(tmp_path / "in", package(a=ext)))
    libs = libraries(tmp_path / "libs", **{name.removesuffix(".dll"): data("inner")})
    outcome = repaired(wheel_of(tmp_path / "in", package(a=ext)), libs)
    (path,) = grafted(outcome).values()
    assert path.isascii()


@pytest.mark.parametrize("name", ["Inner", "INNER", "inner"])
def test_delvewheel_1_12_1_upper_case_files_are_not_found(tmp_path: Path, name: str) -> None:
    """Nor packages, nor folders: only Windows takes one case for the other."""
    ext = asking(data("outer"), ("inner.dll", "iNNER.dll"), folder=tmp_path)
    libs = libraries(tmp_path / "LIBS", **{name: data("inner")})
    members = {"Pkg/__init__.py": b"", "Pkg/Sub/_A.PYD": ext}
    outcome = repaired(wheel_of(tmp_path / "in", members, name="Pkg-1.0"), libs)
    assert len(grafted(outcome)) == 1
    assert "Pkg/Sub/_A.PYD" in outcome.plan.touched


def _runtime(toolset: int) -> bytes:
    """Give a DLL that says which linker's version made it: 14.x."""
    content = bytearray(data("inner"))
    header = int.from_bytes(content[60:64], "little") + 24
    content[header + 2 : header + 4] = bytes([14, toolset])
    return bytes(content)


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
def test_delvewheel_54_49_the_first_msvcp140_on_path_is_taken(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    """The newest fits all; one from another program's folder is nobody else's to take."""
    for folder, toolset in (("old", 20), ("new", 38), ("java", 44)):
        libraries(tmp_path / folder, msvcp140=_runtime(toolset))
    for name in ("java.dll", "java.exe", "jvm.dll"):
        (tmp_path / "java" / name).write_bytes(data("inner"))
    path = os.pathsep.join(str(tmp_path / folder) for folder in ("java", *order))
    ext = asking(data("outer"), ("inner.dll", "MSVCP140.dll"), folder=tmp_path)
    outcome = repaired(wheel_of(tmp_path / "in", package(a=ext)), path=path)
    (graft,) = outcome.plan.grafts
    assert graft.source == tmp_path / "new" / "msvcp140.dll"


@pytest.mark.parametrize("arch", ["arm64", "amd64"])
def test_delvewheel_44_msvcp140_is_missing_and_nobody_says_where_it_is(
    tmp_path: Path, arch: str
) -> None:
    ext = asking(data("outer", arch), ("inner.dll", "msvcp140.dll"), folder=tmp_path)
    wheel = wheel_of(tmp_path / "in", package(a=ext), f"cp311-cp311-win_{arch}")
    with pytest.raises(CannotRepair, match=rf"--platform win_{arch} .*msvc-runtime"):
        repaired(wheel)


@pytest.mark.parametrize("name", ["d3d12.dll", "shcore.dll", "api-ms-x.dll", "nvcuda.dll"])
def test_delvewheel_70_dlls_of_windows_and_drivers_come_along(tmp_path: Path, name: str) -> None:
    """Though they lie on PATH, in a wheel that no older Windows installs."""
    libs = libraries(tmp_path / "libs", **{name.removesuffix(".dll"): data("inner")})
    ext = asking(data("outer"), ("inner.dll", name), folder=tmp_path)
    wheel = wheel_of(tmp_path / "in", package(a=ext), "cp313-cp313-win_amd64")
    assert repaired(wheel, path=str(libs)).plan.grafts == ()


def test_delvewheel_1_12_1_what_one_python_brings_is_left_out_of_the_next_wheel(
    tmp_path: Path,
) -> None:
    """Two wheels in one call: CPython 3.12 brings vcruntime140, `py3` promises nothing."""
    libs = libraries(tmp_path / "libs", vcruntime140=data("inner"))
    ext = asking(data("outer"), ("inner.dll", "VCRUNTIME140.dll"), folder=tmp_path)
    wheels = [
        wheel_of(tmp_path / "in", package(a=ext), tag)
        for tag in ("cp312-cp312-win_amd64", "py3-none-win_amd64")
    ]
    out = tmp_path / "out"
    words = ["repair", "-j1", "-l", str(libs), "-w", str(out), *map(str, wheels)]
    done = repairs.command(words)
    assert done.returncode == 0, done.stderr
    found = {wheel.name: "pkg/a.pyd" for wheel in wheels}
    counts = {
        name: sum("vcruntime140" in path for path in repairs.contents(out / name)) for name in found
    }
    assert list(counts.values()) == [0, 1]


def test_delvewheel_reads_every_dll_seven_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And follows all of them for every extension anew. Once each; what is edited once more."""
    seen: list[object] = []
    real = pe.read

    def read(source: object, **named: object) -> object:
        seen.append(source)
        return real(source, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(pe, "read", read)
    monkeypatch.setattr(pe, "losses", lambda _: ())
    users = {f"e{number}": data("outer") for number in range(9)}
    outcome = repaired(wheel_of(tmp_path / "in", package(**users)), chain(tmp_path / "libs"))
    staged = len(outcome.staged)
    assert (len(outcome.plan.grafts), staged) == (1, 10)
    assert len(seen) == 10 + staged


@pytest.mark.parametrize("kept", [True, False])
def test_delvewheel_46_others_link_to_the_dll_under_its_own_name(
    tmp_path: Path, *, kept: bool
) -> None:
    """`--no-mangle` by name, and what is not renamed is not edited."""
    names = ("inner*",) if kept else ("outer*",)
    outcome = repaired(
        wheel_of(tmp_path / "in", package(a=data("outer"))),
        chain(tmp_path / "libs"),
        no_mangle=names,
    )
    assert (grafted(outcome)["inner.dll"] == "pkg/inner.dll") is kept
    assert (outcome.plan.patches == ()) is kept
