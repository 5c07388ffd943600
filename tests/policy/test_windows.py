"""What Windows, drivers, interpreters and compilers bring; delvewheel's bugs by their numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import wheelfix.policy
from wheelfix.policy.runtimes import (
    interpreter_brings,
    is_abandoned,
    is_debug_crt,
    is_python_dll,
    is_redistributable,
    where_to_get,
)
from wheelfix.policy.tags import is_python_library, parse_platform
from wheelfix.policy.windows import (
    LOWEST,
    driver_of,
    lowest_windows,
    may_take,
    owner_of_folder,
    parse_windows,
    spell_windows,
    windows_origin,
    windows_provides,
)

ARCHS = ("x86", "amd64", "arm64")
RUNTIME = """
msvcp140 msvcp140_1 msvcp140_2 msvcp140_atomic_wait msvcp140_codecvt_ids vcruntime140 vcruntime140_1
vcruntime140_threads concrt140 vccorlib140 vcomp140 vcamp140 mfc140 mfc140u mfc140enu mfcm140u
msvcp120 msvcr120 msvcr100 atl100 libomp140.x86_64
"""
DEBUG_RUNTIME = """
msvcp140d msvcp140_1d msvcp140d_atomic_wait vcruntime140d vcruntime140_1d vcruntime140_threadsd
ucrtbased concrt140d vcomp140d mfc140ud msvcr120d msvcrtd
"""
DATA = Path(wheelfix.policy.__file__).with_name("windows.txt")


@pytest.mark.parametrize(
    ("tag", "arch"),
    [
        ("win32", "x86"),
        ("win_amd64", "amd64"),
        ("win_arm64", "arm64"),
        ("win_ia64", None),
        ("win_arm32", None),
        ("WIN32", None),
        ("win_amd64\n", None),
        ("manylinux_2_17_x86_64", None),
        ("any", None),
        ("", None),
    ],
)
def test_parse_windows(tag: str, arch: str | None) -> None:
    assert parse_windows(tag) == arch
    assert arch is None or (spell_windows(arch) == tag and parse_platform(tag) is None)


@pytest.mark.parametrize(
    ("pythons", "lowest"),
    [
        ("cp35", "7"),
        ("cp38", "7"),
        ("cp39", "8.1"),
        ("cp312", "8.1"),
        ("cp313", "10"),
        ("cp399", "10"),
        ("cp38 cp313", "7"),
        ("cp313 cp39", "8.1"),
        ("pp37", "7"),
        ("pp311", "8.1"),
        ("graalpy312", "8.1"),
        ("cp27", "7"),
        ("py2 py3", "7"),
        ("py3", "7"),
        ("cp3", "7"),
        ("", "7"),
        ("nonsense!", "7"),
    ],
)
def test_lowest_windows(pythons: str, lowest: str) -> None:
    assert lowest_windows(tuple(pythons.split())) == lowest


@pytest.mark.parametrize("lowest", LOWEST)
@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(
    "name", ["KERNEL32.dll", "kernel32", "USER32.DLL", "ntdll.dll", "ws2_32.dll"]
)
def test_every_windows_has_its_core(name: str, arch: str, lowest: str) -> None:
    assert windows_origin(name, arch, lowest) == "windows"


@pytest.mark.parametrize(
    ("name", "arch", "first"),
    [
        ("winspool.drv", "amd64", "7"),
        ("bthprops.cpl", "amd64", "7"),
        ("gdiplus.dll", "amd64", "7"),
        ("opengl32.dll", "x86", "7"),
        ("d3d11.dll", "amd64", "7"),
        ("bcryptprimitives.dll", "amd64", "7"),
        ("combase.dll", "amd64", "8.1"),
        ("SHCORE.dll", "x86", "8.1"),
        ("dcomp.dll", "amd64", "8.1"),
        ("D3DCOMPILER_47.dll", "amd64", "8.1"),
        ("XINPUT1_4.dll", "x86", "8.1"),
        ("ucrtbase.dll", "x86", "10"),
        ("d3d12.dll", "amd64", "10"),
        ("msvcp_win.dll", "amd64", "10"),
        ("XAudio2_9.dll", "x86", "10"),
    ],
)
def test_a_dll_is_provided_from_its_windows_on(name: str, arch: str, first: str) -> None:
    have = [lowest for lowest in LOWEST if windows_provides(name, arch, lowest)]
    assert have == list(LOWEST[LOWEST.index(first) :])


@pytest.mark.parametrize("name", ["shcore.dll", "d3d12.dll", "icuuc.dll"])
def test_arm64_begins_with_windows_10(name: str) -> None:
    assert windows_origin(name, "arm64", "7") == "windows"


@pytest.mark.parametrize(
    "name",
    ["libgcc_s_seh-1.dll", "msvcp140.dll", "vcruntime140.dll", "zlib1.dll", "d3dx9_43.dll"],
)
@pytest.mark.parametrize("arch", ARCHS)
def test_no_windows_has_what_programs_bring(name: str, arch: str) -> None:
    assert [windows_origin(name, arch, lowest) for lowest in LOWEST] == [None] * 3


@pytest.mark.parametrize("lowest", LOWEST)
@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize(
    "name",
    [
        "ext-ms-win-ntuser-uicontext-ext-l1-1-0.dll",
        "EXT-MS-Win-gdi-desktop-l1-1-0",
        "api-ms-win-crt-runtime-l1-1-0.dll",
        "API-MS-Win-core-path-l1-1-0.dll",
    ],
)
def test_delvewheel_70_ext_ms_names_are_not_files(name: str, arch: str, lowest: str) -> None:
    assert windows_origin(name, arch, lowest) == "api-set"


@pytest.mark.parametrize("lowest", LOWEST)
def test_pact_python_1640_combase_is_never_grafted(lowest: str) -> None:
    assert windows_origin("combase.dll", "amd64", lowest) in {"windows", "some-windows"}


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("name", ["ucrtbase.dll", "d3d12.dll", "shcore.dll", "XINPUT1_4.dll"])
def test_delvewheel_cp313_has_the_names_of_windows_10(name: str, arch: str) -> None:
    assert windows_provides(name, arch, lowest_windows(("cp313",)))


@pytest.mark.parametrize("name", ["dxcore.dll", "gdi32full.dll", "win32u.dll", "webauthn.dll"])
def test_what_only_later_windows_has_is_told_apart(name: str) -> None:
    assert windows_origin(name, "amd64", "10") == "some-windows"
    assert not windows_provides(name, "amd64", "10")


@pytest.mark.parametrize(
    ("name", "lowest"),
    [("icuuc.dll", "10"), ("icu.dll", "10"), ("DirectML.dll", "10"), ("D3DCompiler_47.dll", "7")],
)
def test_what_wheels_bring_too_is_looked_for_before_windows_is_trusted(
    name: str, lowest: str
) -> None:
    assert windows_origin(name, "amd64", lowest) == "perhaps-windows"
    assert not windows_provides(name, "amd64", lowest)


@pytest.mark.parametrize("arch", ARCHS)
@pytest.mark.parametrize("name", ["libcrypto.dll", "container.dll", "trie.dll"])
def test_a_wheel_that_needs_a_name_of_windows_inner_life_means_its_own(
    name: str, arch: str
) -> None:
    assert windows_origin(name, arch, "10") is None


def test_what_only_32_bit_windows_has_is_nobodys_on_others() -> None:
    assert windows_origin("msvbvm60.dll", "x86", "7") == "windows"
    assert windows_origin("msvbvm60.dll", "amd64", "10") is None


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("nvcuda.dll", "NVIDIA"),
        ("NVML.dll", "NVIDIA"),
        ("nvapi64.dll", "NVIDIA"),
        ("amdhip64_6.dll", "AMD"),
        ("ze_loader.dll", "Intel"),
        ("OpenCL.dll", "Any"),
        ("vulkan-1.dll", "Any"),
        ("wpcap.dll", "Npcap"),
    ],
)
def test_driver_libraries_come_with_the_driver(name: str, who: str) -> None:
    assert windows_provides(name, "amd64", "7")
    assert windows_origin(name, "arm64", "10") == "driver"
    assert (driver_of(name) or "").startswith(who)


@pytest.mark.parametrize("name", ["cudart64_12.dll", "cublas64_12.dll", "nvrtc64_120_0.dll"])
def test_the_toolkit_of_a_driver_is_not_the_driver(name: str) -> None:
    assert driver_of(name) is None
    assert not windows_provides(name, "amd64", "10")


@given(st.text(max_size=40), st.sampled_from(ARCHS))
def test_names_compare_without_case_and_a_newer_windows_never_has_less(
    name: str, arch: str
) -> None:
    have = [windows_provides(name, arch, lowest) for lowest in LOWEST]
    assert have == sorted(have)
    if name.isascii():
        assert windows_origin(name.upper(), arch, "10") == windows_origin(name, arch, "10")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("python3.dll", True),
        ("python3t.dll", True),
        ("python312.dll", True),
        ("PYTHON313t.DLL", True),
        ("python313t_d.dll", True),
        ("python27.dll", True),
        ("libpython3.12.dll", True),
        ("libpython3.13t.dll", True),
        ("libpython3.dll", True),
        ("libpypy3.10-c.dll", True),
        ("libpypy3-c.dll", True),
        ("libpypy-c.dll", True),
        ("python-native.dll", True),
        ("boost_python312.dll", False),
        ("python312x.dll", False),
        ("pythoncom312.dll", False),
        ("python.dll", False),
        ("libpython3.12.dll.a", False),
    ],
)
def test_delvewheel_msys2_libpython_is_the_interpreter(*, name: str, expected: bool) -> None:
    assert is_python_dll(name) is expected
    assert is_python_library(name) is expected


@pytest.mark.parametrize(
    ("name", "pythons", "abis", "arch", "expected"),
    [
        ("VCRUNTIME140.dll", "cp312", "cp312", "amd64", True),
        ("VCRUNTIME140_1.dll", "cp312", "cp312", "amd64", True),
        ("vcruntime140_1.dll", "cp313", "cp313t", "arm64", True),
        ("vcruntime140_1.dll", "cp312", "cp312", "x86", False),
        ("vcruntime140_1.dll", "cp38", "cp38", "amd64", False),
        ("vcruntime140.dll", "cp38", "cp38", "x86", True),
        ("vcruntime140_1.dll", "cp39", "abi3", "amd64", True),
        ("vcruntime140_1.dll", "cp38", "abi3", "amd64", False),
        ("vcruntime140_1.dll", "cp38 cp39", "cp38 cp39", "amd64", False),
        ("vcruntime140.dll", "cp38 py3", "none", "amd64", False),
        ("vcruntime140d.dll", "cp312", "cp312d", "amd64", True),
        ("ucrtbased.dll", "cp313", "cp313td", "amd64", True),
        ("vcruntime140d.dll", "cp37", "cp37dm", "amd64", True),
        ("vcruntime140.dll", "cp312", "cp312d", "amd64", False),
        ("vcruntime140d.dll", "cp312", "cp312", "amd64", False),
        ("vcruntime140.dll", "cp312", "cp312 cp312d", "amd64", False),
        ("ucrtbase.dll", "cp38", "cp38", "amd64", True),
        ("vcruntime140.dll", "pp310", "pypy310_pp73", "amd64", True),
        ("vcruntime140_1.dll", "pp310", "pypy310_pp73", "amd64", False),
        ("vcruntime140_1.dll", "graalpy312", "graalpy250_312_native", "amd64", True),
        ("msvcr100.dll", "cp34", "cp34m", "x86", True),
        ("msvcr90.dll", "cp27", "cp27m", "x86", True),
        ("msvcp140.dll", "cp312", "cp312", "amd64", False),
        ("vcruntime140_threads.dll", "cp313", "cp313", "amd64", False),
        ("vcruntime140.dll", "", "", "amd64", False),
        ("vcruntime140.dll", "ip312", "none", "amd64", False),
    ],
)
def test_interpreter_brings(
    *, name: str, pythons: str, abis: str, arch: str, expected: bool
) -> None:
    assert interpreter_brings(name, tuple(pythons.split()), tuple(abis.split()), arch) is expected


@pytest.mark.parametrize("name", ["vcruntime140.dll", "vcruntime140_1.dll", "ucrtbase.dll"])
def test_delvewheel_py3_none_wheels_bring_their_runtime(name: str) -> None:
    assert not interpreter_brings(name, ("py3",), ("none",), "amd64")
    assert not interpreter_brings(name, ("py2", "py3"), ("none",), "amd64")


def test_delvewheel_1_12_1_leaks_nothing_from_one_wheel_into_the_next() -> None:
    name, new, old = "vcruntime140_1.dll", ("cp312",), ("cp38",)
    asked = [interpreter_brings(name, tag, tag, "amd64") for tag in (old, new, old, new)]
    assert asked == [False, True, False, True]
    newest = [windows_provides("d3d12.dll", "amd64", w) for w in ("7", "10", "7", "10")]
    assert newest == [False, True, False, True]


@pytest.mark.parametrize("stem", RUNTIME.split())
def test_redistributables(stem: str) -> None:
    assert is_redistributable(f"{stem.upper()}.dll")
    assert not is_debug_crt(f"{stem}.dll")


@pytest.mark.parametrize("stem", DEBUG_RUNTIME.split())
def test_the_debug_runtime_may_not_be_handed_on(stem: str) -> None:
    assert is_debug_crt(f"{stem.upper()}.dll")
    assert not is_redistributable(f"{stem}.dll")
    assert "/MD" in where_to_get(f"{stem}.dll", "amd64")


@pytest.mark.parametrize(
    "name", ["msvcrt.dll", "msvcp60.dll", "mfc42.dll", "msvcp140", "vcomp.exe"]
)
def test_not_redistributable(name: str) -> None:
    assert not is_redistributable(name)
    assert not is_debug_crt(name)


def test_msvcp140_does_not_call_concrt140() -> None:
    assert is_abandoned("MSVCP140.dll", "CONCRT140.dll")
    assert not is_abandoned("mine.dll", "concrt140.dll")


@pytest.mark.parametrize(
    ("arch", "platform"), [("x86", "win32"), ("amd64", "win_amd64"), ("arm64", "win_arm64")]
)
def test_delvewheel_44_the_hint_for_msvcp140_names_the_wheel_that_has_it(
    arch: str, platform: str
) -> None:
    hint = where_to_get("MSVCP140.dll", arch)
    assert f"--platform {platform} " in hint
    assert "msvc-runtime" in hint
    assert "--lib-path" in hint


@pytest.mark.parametrize("name", ["foo.dll", "mfc140u.dll", "msvcr100.dll"])
def test_the_hint_names_no_wheel_that_lacks_the_library(name: str) -> None:
    assert "msvc-runtime" not in where_to_get(name, "amd64")
    assert name in where_to_get(name, "amd64")


@pytest.mark.parametrize(
    ("path", "names", "owner"),
    [
        (r"C:\Windows\System32", "", "Windows"),
        ("C:\\WINDOWS\\SysWOW64\\", "", "Windows"),
        (r"C:\Windows", "", "Windows"),
        (r"C:\Windows\System32\Wbem", "", "Windows"),
        ("/mnt/c/Windows/System32", "", "Windows"),
        ("/home/$USER/.wine/drive_c/windows/system32", "", "Windows"),
        (r"D:\copy", "KERNEL32.DLL ntdll.dll", "Windows"),
        ("/srv/windows/lib", "foo.dll", None),
        (r"C:\src\windows-libs\bin", "foo.dll", None),
        (r"C:\Program Files\Java\jdk-21\bin", "java.exe jli.dll msvcp140.dll", "Java"),
        (r"C:\hostedtoolcache\x\bin\server", "jvm.dll", "Java"),
        (r"C:\Program Files\Git\mingw64\bin", "git.exe zlib1.dll", "Git"),
        (r"C:\Program Files\Git\cmd", "git.exe", "Git"),
        (r"C:\Users\me\AppData\Local\Programs\Git\usr\bin", "msys-2.0.dll", "Git"),
        ("/srv/git/bin", "foo.dll", None),
        (r"C:\msys64\mingw64\bin", "git.exe libgcc_s_seh-1.dll", None),
        (r"C:\miniconda3\Library\bin", "java.exe jli.dll zlib.dll", None),
        (r"C:\miniconda3", "python.exe msvcp140.dll", None),
        (r"C:\Program Files\PostgreSQL\17\bin", "libpq.dll psql.exe", None),
        ("", "", None),
    ],
)
def test_whose_folder_it_is(path: str, names: str, owner: str | None) -> None:
    assert owner_of_folder(path, names.split()) == owner


@pytest.mark.parametrize(
    ("name", "owner", "expected"),
    [
        ("msvcp140.dll", None, True),
        ("foo.dll", None, True),
        ("msvcp140.dll", "Windows", True),
        ("combase.dll", "Windows", False),
        ("nvcuda.dll", "Windows", False),
        ("msvcp140d.dll", "Windows", False),
        ("msvcp140.dll", "Java", False),
        ("zlib1.dll", "Git", False),
    ],
)
def test_delvewheel_54_the_runtime_of_another_program_is_not_taken(
    *, name: str, owner: str | None, expected: bool
) -> None:
    assert may_take(name, owner) is expected


def test_the_data_are_sorted_unique_lower_case_and_small() -> None:
    assert DATA.stat().st_size < 150_000
    sources, *sections = DATA.read_text("utf-8").split("\n= ")
    assert sources.count("\n# * ") > 5
    lists = {head: names.split() for head, _, names in (s.partition("\n") for s in sections)}
    assert len(lists) == len(sections)
    provided = {head: names for head, names in lists.items() if ":" in head.split()[0]}
    names = [name for group in provided.values() for name in group]
    assert all(group == sorted(group) for group in lists.values())
    assert len(names) == len(set(names)) > 2900
    assert all(name == name.lower() and not name.endswith(".dll") for name in names)
    known = [m.split(":") for machines in provided for m in machines.split()]
    assert {arch for arch, _ in known} == set(ARCHS)
    assert {lowest for _, lowest in known} == set(LOWEST)


@pytest.mark.parametrize("name", ["comctl32 comdlg32.dll", "winspool.drv.dll", "\n", " ", ".dll"])
def test_what_only_looks_like_a_name_of_the_lists_is_in_none(name: str) -> None:
    assert windows_origin("comctl32.dll", "amd64", "7") == "windows"
    assert windows_origin("winspool.drv", "amd64", "7") == "windows"
    assert windows_origin(name, "amd64", "7") is None
    assert driver_of(name) is None


def test_the_data_are_read_when_a_name_is_asked_for_and_not_before() -> None:
    program = (
        "import sys, wheelfix.policy.windows as w; a = w._known.cache_info().misses;"
        "w.windows_origin('kernel32.dll', 'x86', '7'); w.windows_origin('a.dll', 'x86', '7');"
        "sys.exit(10 * a + w._known.cache_info().misses)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 1
