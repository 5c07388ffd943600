"""What is edited in Mach-O files: install names, ids and search paths, slice by slice."""

from __future__ import annotations

from typing import Any

import pytest
from support.facts import (
    MACOS,
    link,
    mac_image,
    mac_library,
    mac_member,
    report,
    wheel_info,
)

from wheelfix.model import (
    Artifact,
    DropNeeded,
    Edit,
    FromPython,
    ImageKind,
    InWheel,
    Link,
    Missing,
    NeededKind,
    OnSystem,
    Options,
    Plan,
    ReplaceNeeded,
    SetOwnName,
    SetSearchPath,
    WheelPath,
)
from wheelfix.plan import plan
from wheelfix.value import replace

GRAFT = "/build/libx.1.dylib"
NAME = "@rpath/libx.1.dylib"
PACKAGE = wheel_info(MACOS, packages=("pkg",))


def arm(user: str, needed: str, provider: Any = None, **fields: Any) -> Link:
    return link(user, needed, provider, **{"arch": "arm64", **fields})


def made(
    *artifacts: Artifact,
    links: tuple[Link, ...] = (),
    options: Options | None = None,
    **fields: Any,
) -> Plan:
    facts = {"wheel": PACKAGE, "arch": "arm64", **fields}
    return plan(report(artifacts, links, **facts), options or Options())


def edits_of(decided: Plan, path: str) -> tuple[Edit, ...]:
    patched = next((patch.edits for patch in decided.patches if patch.path == path), ())
    return patched or next((g.edits for g in decided.grafts if g.path == path), ())


def grafting(path: str, **fields: Any) -> Plan:
    """Plan for a wheel with one binary that needs a library of the host."""
    artifacts = (mac_member(path, mac_image(NAME)), mac_library(GRAFT))
    return made(*artifacts, links=(arm(path, NAME, GRAFT),), **fields)


def new_names(decided: Plan, path: str) -> dict[str, str]:
    edits = edits_of(decided, path)
    return {edit.old: edit.new for edit in edits if isinstance(edit, ReplaceNeeded)}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), None),
        (("@loader_path",), None),
        (("@loader_path/",), None),
        (("@loader_path/../x", "@loader_path/lib"), None),
        (("@loader_path/..",), None),
        (("@loader_path/../..",), ()),
        (("@loader_path/a/../../../b",), ()),
        (("@executable_path/../lib",), None),
        (("/usr/lib/swift",), None),
        (("/usr/lib",), ()),
        (("/opt/build/lib", "@loader_path/x", "lib", ""), ("@loader_path/x",)),
        (("@rpath/x",), ()),
        (("@loader_path/x", "@loader_path/x"), ("@loader_path/x",)),
        (("@loader_pathological/x",), ()),
        (("@loader_path//lib",), None),
        (("@loader_path//../../x", "@loader_path//.."), ("@loader_path//..",)),
    ],
)
def test_rpaths_that_stay_in_the_wheel_are_kept_and_all_others_go(
    before: tuple[str, ...], after: tuple[str, ...] | None
) -> None:
    decided = made(mac_member("pkg/a.so", mac_image(rpaths=before)))
    expected = () if after is None else (SetSearchPath(entries=after, arch="arm64"),)
    assert edits_of(decided, "pkg/a.so") == expected
    assert decided.obstacles == ()


def test_delocate_255_bare_loader_path_rpath_is_removed() -> None:
    assert made(mac_member("pkg/a.so", mac_image(rpaths=("@loader_path",)))).patches == ()


def test_delocate_leaf_libraries_keep_build_rpaths() -> None:
    leaf = mac_member("pkg/leaf.dylib", mac_image("/usr/lib/libSystem.B.dylib", rpaths=("/tmp/z",)))
    system = arm("pkg/leaf.dylib", "/usr/lib/libSystem.B.dylib", OnSystem())
    decided = made(leaf, links=(system,))
    assert edits_of(decided, "pkg/leaf.dylib") == (SetSearchPath(entries=(), arch="arm64"),)


def test_macos_15_4_refuses_duplicate_rpaths_so_one_goes() -> None:
    twice = ("@loader_path/lib", "@loader_path/lib")
    decided = made(mac_member("pkg/a.so", mac_image(rpaths=twice)))
    expected = SetSearchPath(entries=twice[:1], arch="arm64")
    assert edits_of(decided, "pkg/a.so") == (expected,)


def test_delocate_crashes_on_slices_with_different_rpaths() -> None:
    intel = mac_image(arch="x86_64", rpaths=("/build/x86", "@loader_path/lib"))
    apple = mac_image(rpaths=("/build/arm",))
    plain = mac_image(arch="arm64e")
    info = wheel_info(MACOS.replace("arm64", "universal2"), packages=("pkg",))
    decided = made(mac_member("pkg/a.so", intel, apple, plain), wheel=info, arch="arm64+x86_64")
    assert edits_of(decided, "pkg/a.so") == (
        SetSearchPath(entries=("@loader_path/lib",), arch="x86_64"),
        SetSearchPath(entries=(), arch="arm64"),
    )


def test_delocate_204_the_way_to_swifts_runtime_stays_in_grafts_too() -> None:
    swift = "@rpath/libswiftCore.dylib"
    rpaths = ("/usr/lib/swift", "/build", "/usr/lib/swift")
    library = mac_library(GRAFT, mac_image(swift, own_name=NAME, rpaths=rpaths))
    links = (arm("pkg/a.so", NAME, GRAFT), arm(GRAFT, swift, OnSystem()))
    decided = made(mac_member("pkg/a.so", mac_image(NAME)), library, links=links)
    edits = decided.grafts[0].edits
    assert SetSearchPath(entries=("/usr/lib/swift",), arch="arm64") in edits
    assert not any(isinstance(edit, ReplaceNeeded) for edit in edits)


@pytest.mark.parametrize(
    ("path", "packages", "folder", "asked"),
    [
        ("pkg/a.so", ("pkg",), "pkg/.dylibs", "@loader_path/.dylibs"),
        ("pkg/sub/a.so", ("pkg",), "pkg/.dylibs", "@loader_path/../.dylibs"),
        ("a.so", (), "pkg.dylibs", "@loader_path/pkg.dylibs"),
        ("ns/sub/a.so", (), "pkg.dylibs", "@loader_path/../../pkg.dylibs"),
        ("other/a.so", ("other",), "other/.dylibs", "@loader_path/.dylibs"),
        ("beta/a.so", ("alpha", "beta"), "alpha/.dylibs", "@loader_path/../alpha/.dylibs"),
        ("pkg/.dylibs/a.so", ("pkg",), "pkg/.dylibs", "@loader_path"),
        ("a.so", ("pkg",), "pkg/.dylibs", "@loader_path/pkg/.dylibs"),
    ],
)
def test_the_folder_of_grafts_and_the_way_to_it(
    path: str, packages: tuple[str, ...], folder: str, asked: str
) -> None:
    decided = grafting(path, wheel=wheel_info(MACOS, packages=packages))
    (graft,) = decided.grafts
    assert graft.path.rpartition("/")[0] == folder
    assert new_names(decided, path) == {NAME: f"{asked}/{graft.path.rpartition('/')[2]}"}
    own_name = SetOwnName(name=f"/DLC/{graft.path}", arch="arm64")
    assert graft.edits == (own_name, SetSearchPath(entries=(), arch="arm64"))


def test_the_grafts_folder_can_be_named() -> None:
    decided = grafting("pkg/a.so", options=Options(lib_sdir=".libs"))
    assert decided.grafts[0].path.startswith("pkg/.libs/")


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("pkg-1.0.data/platlib/pkg/a.so", "@loader_path/.dylibs"),
        ("pkg-1.0.data/purelib/pkg/sub/a.so", "@loader_path/../.dylibs"),
        ("pkg-1.0.data/platlib/a.so", "@loader_path/pkg/.dylibs"),
    ],
)
def test_delocate_149_data_platlib_paths_lead_from_where_pip_puts_a_binary(
    path: str, asked: str
) -> None:
    decided = grafting(path)
    assert new_names(decided, path)[NAME].rpartition("/")[0] == asked
    assert decided.obstacles == ()


def test_delocate_241_a_program_of_the_scripts_folder_moves_and_leaves_a_launcher() -> None:
    path = "pkg-1.0.data/scripts/tool"
    program = mac_member(path, mac_image(NAME, kind=ImageKind.PROGRAM))
    decided = made(program, mac_library(GRAFT), links=(arm(path, NAME, GRAFT),))
    (launcher,) = decided.launchers
    assert launcher.program == "pkg.scripts/tool"
    assert new_names(decided, path)[NAME].startswith("@loader_path/../pkg/.dylibs/")


def test_a_library_outside_site_packages_cannot_find_grafts() -> None:
    decided = grafting("pkg-1.0.data/data/lib/a.dylib")
    assert [finding.code for finding in decided.obstacles] == ["WF203"]


def test_delocate_two_names_for_one_library_leave_one_stale() -> None:
    names = ("@rpath/libx.1.dylib", "/build/libx.dylib")
    user = mac_member("pkg/a.so", mac_image(*names))
    links = tuple(arm("pkg/a.so", name, GRAFT) for name in names)
    decided = made(user, mac_library(GRAFT), links=links)
    (graft,) = decided.grafts
    name = graft.path.rpartition("/")[2]
    assert list(new_names(decided, "pkg/a.so").values()) == [
        f"@loader_path/.dylibs/{name}",
        f"@loader_path/.dylibs/./{name}",
    ], "dyld of macOS 15 refuses one name twice"
    assert graft.aliases == tuple(sorted(names))


@pytest.mark.parametrize("equal", [True, False])
def test_delocate_148_same_basename_aborts(equal: bool) -> None:  # noqa: FBT001
    one, other = "/one/libx.dylib", "/other/libx.dylib"
    content = ("same", "same" if equal else "else")
    same = mac_image(own_name="libx.dylib")
    libraries = [
        mac_library(p, same, content=c) for p, c in zip((one, other), content, strict=True)
    ]
    members = [mac_member("pkg/a.so", mac_image(one)), mac_member("pkg/b.so", mac_image(other))]
    links = (arm("pkg/a.so", one, one), arm("pkg/b.so", other, other))
    decided = made(*members, *libraries, links=links)
    assert decided.obstacles == ()
    assert len(decided.grafts) == (1 if equal else 2)
    asked = {
        new_names(decided, f"pkg/{name}.so")[path] for name, path in (("a", one), ("b", other))
    }
    assert asked == {f"@loader_path/.dylibs/{g.path.rpartition('/')[2]}" for g in decided.grafts}


@pytest.mark.parametrize("kind", [k for k in NeededKind if k is not NeededKind.WEAK])
def test_a_missing_library_is_an_obstacle(kind: NeededKind) -> None:
    links = (arm("pkg/a.so", NAME, Missing(), kind=kind),)
    decided = made(mac_member("pkg/a.so", mac_image(NAME)), links=links)
    assert [finding.code for finding in decided.obstacles] == ["WF101"]


def test_delocate_weak_library_missing_is_fatal() -> None:
    links = (arm("pkg/a.so", NAME, Missing(), kind=NeededKind.WEAK),)
    decided = made(mac_member("pkg/a.so", mac_image(NAME)), links=links)
    assert decided.obstacles == ()
    assert decided.patches == ()


@pytest.mark.parametrize(
    "kind", [NeededKind.WEAK, NeededKind.REEXPORT, NeededKind.UPWARD, NeededKind.LAZY]
)
def test_every_kind_of_dependency_is_brought_in(kind: NeededKind) -> None:
    links = (arm("pkg/a.so", NAME, GRAFT, kind=kind),)
    decided = made(mac_member("pkg/a.so", mac_image(NAME)), mac_library(GRAFT), links=links)
    assert len(decided.grafts) == 1
    assert NAME in new_names(decided, "pkg/a.so")


@pytest.mark.parametrize(
    "name",
    [
        "/Library/Frameworks/Python.framework/Versions/3.11/Python",
        "@rpath/libpython3.11.dylib",
        "@rpath/Python3.framework/Versions/3.9/Python3",
    ],
)
def test_delocate_25_python_is_bundled(name: str) -> None:
    links = (arm("pkg/a.so", name, FromPython()),)
    decided = made(mac_member("pkg/a.so", mac_image(name)), links=links)
    assert decided.grafts == ()
    assert edits_of(decided, "pkg/a.so") == (DropNeeded(name=name, arch="arm64"),)
    assert "WF108" in {finding.code for finding in decided.findings}


def test_a_program_keeps_its_python() -> None:
    name = "@rpath/libpython3.11.dylib"
    links = (arm("pkg/tool", name, FromPython()),)
    decided = made(mac_member("pkg/tool", mac_image(name, kind=ImageKind.PROGRAM)), links=links)
    assert decided.patches == ()


def test_each_slice_is_pointed_at_its_own_library() -> None:
    intel, apple = "/x86/libx.dylib", "/arm/libx.dylib"
    info = wheel_info(MACOS.replace("arm64", "universal2"), packages=("pkg",))
    user = mac_member("pkg/a.so", mac_image(NAME, arch="x86_64"), mac_image(NAME))
    libraries = (
        mac_library(intel, mac_image(arch="x86_64", own_name=NAME)),
        mac_library(apple, mac_image(own_name=NAME), content="arm"),
    )
    links = (arm("pkg/a.so", NAME, apple), arm("pkg/a.so", NAME, intel, arch="x86_64"))
    decided = made(user, *libraries, links=links, wheel=info, arch="arm64+x86_64")
    by_arch = {e.arch: e.new for e in edits_of(decided, "pkg/a.so") if isinstance(e, ReplaceNeeded)}
    by_source = {graft.source.parent.name: graft.path for graft in decided.grafts}
    assert by_arch == {
        "x86_64": f"@loader_path/{by_source['x86'].removeprefix('pkg/')}",
        "arm64": f"@loader_path/{by_source['arm'].removeprefix('pkg/')}",
    }


def test_what_is_found_in_the_wheel_is_left_alone_and_what_is_not_is_pointed_at() -> None:
    inside = InWheel(path=WheelPath("pkg/lib/liby.dylib"))
    user = mac_member("pkg/a.so", mac_image("@rpath/liby.dylib"))
    library = mac_member("pkg/lib/liby.dylib", mac_image(own_name="@rpath/liby.dylib"))
    found = arm("pkg/a.so", "@rpath/liby.dylib", inside)
    assert made(user, library, links=(found,)).patches == ()
    lost = replace(found, beyond_search=True)
    decided = made(user, library, links=(lost,))
    expected = {"@rpath/liby.dylib": "@loader_path/lib/liby.dylib"}
    assert new_names(decided, "pkg/a.so") == expected
    assert [patch.path for patch in decided.patches] == ["pkg/a.so"]


def test_a_graft_asks_for_a_library_of_the_wheel_from_its_new_place() -> None:
    inside = InWheel(path=WheelPath("pkg/lib/liby.dylib"))
    library = mac_library(GRAFT, mac_image("@rpath/liby.dylib", own_name=NAME))
    links = (arm("pkg/a.so", NAME, GRAFT), arm(GRAFT, "@rpath/liby.dylib", inside))
    members = (mac_member("pkg/a.so", mac_image(NAME)), mac_member("pkg/lib/liby.dylib"))
    decided = made(*members, library, links=links)
    expected = {"@rpath/liby.dylib": "@loader_path/../lib/liby.dylib"}
    assert new_names(decided, decided.grafts[0].path) == expected


def test_what_a_repair_wrote_needs_no_edit() -> None:
    first = grafting("pkg/a.so")
    (graft,) = first.grafts
    new = new_names(first, "pkg/a.so")[NAME]
    user = mac_member("pkg/a.so", mac_image(new))
    library = mac_member(graft.path, mac_image(own_name=f"/DLC/{graft.path}"))
    found = arm("pkg/a.so", new, InWheel(path=graft.path))
    assert made(user, library, links=(found,)).nothing_to_do


def test_what_an_edit_takes_from_a_signature_is_said_in_the_formats_own_words() -> None:
    losses = ("slice arm64: loses the protections hard, runtime",)
    user = mac_member("pkg/a.so", mac_image(NAME, signature="identity"), losses=losses)
    decided = made(user, mac_library(GRAFT), links=(arm("pkg/a.so", NAME, GRAFT),))
    told = [found.details for found in decided.findings if found.code == "WF205"]
    assert told == [losses]
