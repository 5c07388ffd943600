"""What only Mach-O has to prove of a build's outputs."""

from __future__ import annotations

from pathlib import Path

from support import mac_build

from wheelfix import Kind, Options, WheelPath, repair_artifacts

WHEEL = "pkg-1.0-cp311-abi3-macosx_11_0_arm64.whl"


def test_inv20_a_declared_dlopen_gets_its_search_path(tmp_path: Path) -> None:
    for name in ("build", "libs", "scratch"):
        (tmp_path / name).mkdir()
    opener = tmp_path / "build" / "opener.so"
    before = mac_build.build(mac_build.OPENER, opener)
    name = "-Wl,-install_name,/opt/build/libplugin.dylib"
    plugin = tmp_path / "libs" / "libplugin.dylib"
    mac_build.build("int plugin(void) { return 7; }", plugin, name)
    options = Options(
        lib_paths=(plugin.parent,), include=(plugin.name,), scratch=tmp_path / "scratch"
    )
    path = WheelPath("pkg/opener.so")
    with repair_artifacts(
        {path: opener}, wheel=WHEEL, kind=Kind.REPAIR, options=options
    ) as repaired:
        (added,) = (graft.path for graft in repaired.plan.grafts)
        assert added == "pkg.dylibs/libplugin.dylib"
        search = mac_build.image(repaired.files[path].read_bytes()).search
        assert search.entries == ("@loader_path/../pkg.dylibs",)
    assert opener.read_bytes() == before
