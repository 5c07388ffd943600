"""A folder that stands for `/` of the target system, and how much of this machine is looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from support.facts import MACOS, library, mac_image, mac_library, mac_member, member
from support.machines import said, walked
from support.samples import TESTDATA

from wheelfix.errors import CannotRepair
from wheelfix.host import Host
from wheelfix.model import Artifact, Link, Missing, OnHost, Options
from wheelfix.pipeline import check, repair

WHEELS = TESTDATA / "wheels"
ARM = WHEELS / "chain-1.0-py3-none-linux_aarch64.whl"
MUSL = WHEELS / "chain_musl-1.0-py3-none-linux_aarch64.whl"
INTEL = WHEELS / "chain-1.0-py3-none-linux_x86_64.whl"
MAC = WHEELS / "mac_sample-1.0-cp311-abi3-macosx_11_0_arm64.whl"
OUTER, INNER = "libouter.so.1", "libinner.so.2"

posix = pytest.mark.skipif(os.name != "posix", reason="needs symbolic links")


def tree(root: Path, files: dict[str, str | Path]) -> Path:
    """Make a system below `root`: copies of files, texts, and links `-> target`."""
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copy(content, file)
        elif content.startswith("-> "):
            file.symlink_to(content.removeprefix("-> "))
        else:
            file.write_text(content)
    return root


def libraries(folder: str, libs: str = "aarch64") -> dict[str, str | Path]:
    """Put the two libraries that the wheels lack into `folder`."""
    return {f"{folder}/{name}": WHEELS / libs / name for name in (OUTER, INNER)}


def links(wheel: Path, options: Options, host: Host | None = None) -> dict[str, Link]:
    """Look at a wheel on a machine without variables; the links by needed name."""
    found = check(wheel, options, host=host or Host({})).report.links
    return {link.needed: link for link in found if link.needed in (OUTER, INNER)}


def taken(wheel: Path, sysroot: Path) -> dict[str, str]:
    """Say where each library was found, relative to the sysroot."""
    found = {}
    for name, link in links(wheel, Options(sysroot=sysroot)).items():
        if isinstance(link.provider, OnHost):
            found[name] = link.provider.real.relative_to(sysroot.resolve()).as_posix()
    return found


BUILTIN = "usr/lib/aarch64-linux-gnu"


@pytest.mark.parametrize(
    ("files", "folder"),
    [
        (libraries(BUILTIN), BUILTIN),
        (libraries("lib64"), "lib64"),
        ({**libraries("opt/x"), "etc/ld.so.conf": "/opt/x\n"}, "opt/x"),
        (
            {
                **libraries("opt/x"),
                "etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
                "etc/ld.so.conf.d/x.conf": "/opt/x\n",
            },
            "opt/x",
        ),
    ],
)
def test_the_loaders_configuration_and_folders_are_below_it(
    files: dict[str, str | Path], folder: str, tmp_path: Path
) -> None:
    root = tree(tmp_path / "root", files)
    assert taken(ARM, root) == {OUTER: f"{folder}/{OUTER}", INNER: f"{folder}/{INNER}"}


def test_musl_has_its_own_configuration(tmp_path: Path) -> None:
    files = {**libraries("opt/x", "aarch64-musl"), "etc/ld-musl-aarch64.path": "/a:/opt/x\n"}
    root = tree(tmp_path / "root", files)
    assert taken(MUSL, root) == {OUTER: f"opt/x/{OUTER}", INNER: f"opt/x/{INNER}"}


@posix
@pytest.mark.parametrize(
    "more",
    [
        {"lib": "-> /real"},
        {"usr/lib": "-> ../real"},
        {"usr/lib": "-> ../../../../../../../../../../real"},
        {"lib": "-> /one", "one": "-> two", "two": "-> /real/."},
        {"lib": "-> /usr/../real"},
        {"etc/ld.so.conf": "-> /share/conf", "share/conf": "/real"},
        {"etc/ld.so.conf": "/usr/share/../../real"},
        {"etc/ld.so.conf": "include /c/*.conf", "c": "-> /d", "d/x.conf": "/real"},
    ],
)
def test_links_stay_inside(more: dict[str, str], tmp_path: Path) -> None:
    root = tree(tmp_path / "root", {**libraries("real"), **more})
    assert taken(ARM, root) == {OUTER: f"real/{OUTER}", INNER: f"real/{INNER}"}


@posix
def test_links_of_libraries_stay_inside(tmp_path: Path) -> None:
    """Also one that spells the sysroot out, as some builds of sysroots leave behind."""
    root = tmp_path / "root"
    links = {
        f"{BUILTIN}/{OUTER}": f"-> /real/{OUTER}",
        f"{BUILTIN}/{INNER}": f"-> {root}/real/{INNER}",
    }
    tree(root, {**libraries("real"), **links})
    assert taken(ARM, root) == {OUTER: f"real/{OUTER}", INNER: f"real/{INNER}"}


@posix
@pytest.mark.parametrize("target", ["loop", "/loop", "loop/x", "gone", "/lib64"])
def test_links_that_lead_nowhere(target: str, tmp_path: Path) -> None:
    root = tree(tmp_path / "root", {"loop": "-> /loop", "lib64": f"-> {target}"})
    assert taken(ARM, root) == {}


@posix
def test_a_link_out_of_it_is_not_followed(tmp_path: Path) -> None:
    """What lies there on this machine belongs to another system."""
    tree(tmp_path / "host", libraries("l"))
    root = tree(tmp_path / "root", {"lib64": f"-> {tmp_path}/host/l"})
    assert taken(ARM, root) == {}


@pytest.mark.skipif(shutil.which("ldconfig") is None, reason="needs ldconfig, which makes caches")
def test_a_real_cache_is_read_below_it(tmp_path: Path) -> None:
    root = tree(tmp_path / "root", {**libraries("opt/x", "x86_64"), "etc/ld.so.conf": "/opt/x\n"})
    made = subprocess.run(["ldconfig", "-X", "-r", root], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"needs an ldconfig that may work below a folder: {made.stderr!r}")
    (root / "etc/ld.so.conf").unlink()
    found = links(INTEL, Options(sysroot=root))
    assert {link.via for link in found.values()} == {f"{root}/opt/x (ld.so.cache)"}


DEBIANS = Path("/usr/aarch64-linux-gnu")


@pytest.mark.skipif(not (DEBIANS / "lib").is_dir(), reason="needs Debian's libc6-arm64-cross")
def test_a_cross_compilers_sysroot(tmp_path: Path) -> None:
    """The wheel's libraries beside the distribution's own, whose libc is really there."""
    root = tree(tmp_path / "root", libraries("lib"))
    for file in (DEBIANS / "lib").iterdir():
        if file.is_file() and file.name.startswith(("libc.", "libm.", "ld-linux")):
            shutil.copy(file, root / "lib" / file.name)
    outcome = repair(ARM, tmp_path / "out", Options(sysroot=root), host=Host({}))
    assert {graft.source for graft in outcome.plan.grafts} == {
        (root / "lib" / name).resolve() for name in (OUTER, INNER)
    }


def bytes_of(wheel: Path, folder: Path, options: Options) -> bytes:
    return repair(wheel, folder, options, host=Host({})).output.read_bytes()


@pytest.mark.parametrize(
    ("wheel", "libs", "places"),
    [
        (ARM, "aarch64", {"libouter.so.1": BUILTIN, "libinner.so.2": "usr/lib"}),
        (MUSL, "aarch64-musl", {"libouter.so.1": "usr/local/lib", "libinner.so.2": "lib"}),
        (
            MAC,
            "macos-libs",
            {"libouter.1.dylib": "usr/local/lib", "libinner.2.dylib": "opt/build/lib"},
        ),
    ],
)
def test_a_repair_with_it_alone_gives_the_bytes_of_one_with_lib_path(
    wheel: Path, libs: str, places: dict[str, str], tmp_path: Path
) -> None:
    files: dict[str, str | Path] = {f"{p}/{n}": WHEELS / libs / n for n, p in places.items()}
    root = tree(tmp_path / "root", files)
    alone = Options(sysroot=root, host_libs=False)
    given = Options(lib_paths=((WHEELS / libs).absolute(),))
    assert bytes_of(wheel, tmp_path / "a", alone) == bytes_of(wheel, tmp_path / "b", given)


@pytest.mark.parametrize("wheel", [ARM, MUSL, MAC])
def test_the_message_names_the_places_below_it(wheel: Path, tmp_path: Path) -> None:
    root = tree(tmp_path / "root", {"etc/ld.so.conf": "/opt/x"})
    with pytest.raises(CannotRepair) as caught:
        repair(wheel, tmp_path / "out", Options(sysroot=root), host=Host({}))
    lines = [line.strip() for line in str(caught.value).splitlines()]
    looked = [line for line in lines if line.endswith("not there")]
    assert looked
    assert all(str(root) in line for line in looked)


@pytest.mark.parametrize(
    ("artifacts", "expected", "via"),
    [
        (
            [member("pkg/a.so", "libx.so", rpath=("/opt/l",)), library("/sys/opt/l/libx.so")],
            "/sys/opt/l/libx.so",
            "/opt/l -> /sys/opt/l",
        ),
        (
            [member("pkg/a.so", "/opt/libx.so"), library("/sys/opt/libx.so")],
            "/sys/opt/libx.so",
            "/opt/libx.so -> /sys/opt/libx.so",
        ),
        (
            [
                member("pkg/a.so", "libx.so", libc="bionic", runpath=("/opt/l",)),
                library("/sys/opt/l/libx.so", libc="bionic"),
            ],
            "/sys/opt/l/libx.so",
            "/opt/l -> /sys/opt/l",
        ),
        (
            [
                mac_member("pkg/a.so", mac_image("/opt/libx.dylib")),
                mac_library("/sys/opt/libx.dylib", mac_image()),
            ],
            "/sys/opt/libx.dylib",
            "/opt -> /sys/opt",
        ),
        (
            [
                mac_member("pkg/a.so", mac_image("@rpath/libx.dylib", rpaths=("/opt/l",))),
                mac_library("/sys/opt/l/libx.dylib", mac_image()),
            ],
            "/sys/opt/l/libx.dylib",
            "/opt/l -> /sys/opt/l",
        ),
        (
            [
                mac_member("pkg/a.so", mac_image("/gone/libx.dylib")),
                mac_library("/sys/usr/local/lib/libx.dylib", mac_image()),
            ],
            "/sys/usr/local/lib/libx.dylib",
            "/sys/usr/local/lib (DYLD_FALLBACK_LIBRARY_PATH)",
        ),
    ],
)
def test_absolute_names_and_entries_are_below_it(
    artifacts: Iterable[Artifact], expected: str, via: str
) -> None:
    elsewhere = [
        library("/opt/l/libx.so"),
        library("/opt/libx.so"),
        mac_library("/opt/libx.dylib", mac_image()),
        mac_library("/opt/l/libx.dylib", mac_image()),
    ]
    filename = MACOS if "dylib" in expected else "pkg-1.0-cp311-cp311-linux_x86_64.whl"
    options = Options(sysroot=Path("/sys"))
    walk = walked([*artifacts, *elsewhere], options, filename=filename)
    (found,) = walk.sorted_links()
    assert (said(found), found.via) == (expected, via)


def test_what_lies_beside_a_library_found_there_is_beside_it() -> None:
    user = member("pkg/a.so", "libx.so", rpath=("/opt/l",))
    middle = library("/sys/opt/l/libx.so", "liby.so", runpath=("$ORIGIN/../m",))
    walk = walked([user, middle, library("/sys/opt/l/../m/liby.so")], Options(sysroot=Path("/sys")))
    assert said(walk.links[Path("/sys/opt/l/libx.so"), "x86_64", "liby.so"]) == (
        "/sys/opt/l/../m/liby.so"
    )


def test_lib_path_and_the_environment_are_of_this_machine(tmp_path: Path) -> None:
    mine = tree(tmp_path / "mine", libraries("l")) / "l"
    root = tree(tmp_path / "root", {})
    host = Host({"LD_LIBRARY_PATH": str(mine)})
    found = links(ARM, Options(sysroot=root), host)
    assert found[OUTER].via == f"{mine} (LD_LIBRARY_PATH)"
    found = links(ARM, Options(sysroot=root, lib_paths=(mine,)), host)
    assert found[OUTER].via == f"{mine} (--lib-path)"


def places(options: Options, host: Host, wheel: Path = ARM) -> set[str]:
    """Give the places where libouter was looked for in vain."""
    link = links(wheel, options, host)[OUTER]
    assert isinstance(link.provider, Missing)
    return {attempt.where for attempt in link.tried}


def test_ld_paths_stand_in_for_the_loaders_own_folders_and_the_environment(tmp_path: Path) -> None:
    mine = tree(tmp_path / "mine", libraries("l")) / "l"
    host = Host({"LD_LIBRARY_PATH": str(mine)})
    first, second = tmp_path / "first", tmp_path / "second"
    assert places(Options(ld_paths=(first, second)), host) == {
        f"{first} (--ld-paths)",
        f"{second} (--ld-paths)",
    }
    assert places(Options(ld_paths=()), host) == set()
    assert links(ARM, Options(ld_paths=(mine,)), host)[OUTER].via == f"{mine} (--ld-paths)"


def test_ld_paths_are_of_this_machine_with_a_sysroot_too(tmp_path: Path) -> None:
    root = tree(tmp_path / "root", libraries(BUILTIN))
    options = Options(sysroot=root, ld_paths=(tmp_path / "l",))
    assert places(options, Host({})) == {f"{tmp_path / 'l'} (--ld-paths)"}


def test_android_has_no_folders_but_those_told(tmp_path: Path) -> None:
    user = member("pkg/a.so", "libx.so", libc="bionic")
    known = library(str(tmp_path / "libx.so"), libc="bionic")
    walk = walked([user, known], Options(ld_paths=(tmp_path,)))
    assert [said(link) for link in walk.sorted_links()] == [str(tmp_path / "libx.so")]


def test_auditwheel_and_repairwheel_no_host_libs(tmp_path: Path) -> None:
    mine = tree(tmp_path / "mine", libraries("l")) / "l"
    host = Host({"LD_LIBRARY_PATH": str(mine)})
    assert isinstance(links(ARM, Options(), host)[OUTER].provider, OnHost)
    assert places(Options(host_libs=False), host) == set()
    root = tree(tmp_path / "root", {})
    below = places(Options(host_libs=False, sysroot=root), host)
    assert below
    assert all(place.startswith(str(root)) for place in below)
    told = Options(host_libs=False, lib_paths=(mine,))
    assert isinstance(links(ARM, told, host)[OUTER].provider, OnHost)


@pytest.mark.parametrize(
    ("options", "provider"),
    [
        (Options(host_libs=False), "Missing"),
        (Options(host_libs=False, lib_paths=(Path("/opt"),)), "/opt/l/libx.so"),
        (Options(host_libs=False, ld_paths=(Path("/opt/l"),)), "/opt/l/libx.so"),
        (Options(host_libs=False, lib_paths=(Path("/x/../opt"),)), "/opt/l/libx.so"),
        (Options(host_libs=False, lib_paths=(Path("/opt/l/sub"),)), "Missing"),
        (Options(host_libs=False, lib_paths=(Path("/op"),)), "Missing"),
    ],
)
def test_an_absolute_entry_counts_where_the_user_lets_it(options: Options, provider: str) -> None:
    user = member("pkg/a.so", "libx.so", rpath=("/opt/l",))
    walk = walked([user, library("/opt/l/libx.so")], options)
    (found,) = walk.sorted_links()
    assert said(found) == provider
    if provider == "Missing":
        assert found.tried[-1].outcome == "not looked at (--no-host-libs)"
