"""DLLs that come with the interpreter or the compiler: Python's own, and Microsoft's C runtime.

Sources: CPython, PCbuild and Tools/msi (what an installed Python holds); PyPy's and GraalPy's
archives for Windows; Microsoft Learn, "Redistribute Visual C++ files" and "Determine which DLLs to
redistribute" (the list of redistributables, and that debug ones are none); adang1345/delvewheel
1.13.2, delvewheel/_dll_list.py (which runtime comes with which Python).
"""

from __future__ import annotations

import re
from functools import cache
from types import MappingProxyType

from wheelfix.typed import Final

_PYTHON: Final = (
    r"python[0-9]+t?(_d)?\.dll|libpython[0-9]+(\.[0-9]+)?[a-z]*\.dll"
    r"|libpypy[0-9.]*-c\.dll|python-native\.dll"
)
_TAG: Final = r"([a-z]+)([0-9])([0-9]+)"
_DEBUG_ABI: Final = r"cp[0-9]+t?d[mu]*"

_VERSION: Final = r"(7[01]|80|90|1[0-4]0)"
_LANGUAGES: Final = "(chs|cht|deu|enu|esn|fra|ita|jpn|kor|rus)"
_RUNTIME: Final = (
    rf"msvcp{_VERSION}(_[12]|_atomic_wait|_codecvt_ids)?|msvcr{_VERSION}|vcruntime140(_1|_threads)?"
    rf"|(concrt|vccorlib|vcamp|vcomp|atl){_VERSION}|mfc{_VERSION}(u|{_LANGUAGES})?"
    rf"|(mfcm|mfcmifc){_VERSION}u?|libomp140\.(x86_64|i386|aarch64)"
)
_DEBUG: Final = (
    rf"msvcp{_VERSION}(_[12]|_atomic_wait|_codecvt_ids)?d(_[12]|_atomic_wait|_codecvt_ids)?"
    rf"|msvcr{_VERSION}d|vcruntime140(_1|_threads)?d|ucrtbased|msvcrtd"
    rf"|(concrt|vccorlib|vcamp|vcomp){_VERSION}d|mfc{_VERSION}u?d|mfcm{_VERSION}u?d"
    r"|libomp140d\.(x86_64|i386|aarch64)"
)

_MICROSOFT: Final = (
    *("msvc", "vcruntime", "concrt", "vccorlib", "vcamp", "vcomp", "atl", "mfc", "libomp140"),
    "ucrtbased",
)
"""Most names begin otherwise, and are told apart without the patterns."""

_USUAL: Final = frozenset({"vcruntime140.dll", "vcruntime140_1.dll", "msvcp140.dll"})
"""What nearly all binaries need: known without the pattern, which takes long to compile."""

_ABANDONED: Final = frozenset({("msvcp140.dll", "concrt140.dll")})

_IN_MSVC_RUNTIME: Final = (
    r"(msvcp140(_[12]|_atomic_wait|_codecvt_ids)?|vcruntime140(_1|_threads)?"
    r"|concrt140|vccorlib140|vcamp140|vcomp140)\.dll"
)
_PLATFORMS: Final = MappingProxyType({"x86": "win32", "amd64": "win_amd64", "arm64": "win_arm64"})


def is_python_dll(name: str) -> bool:
    """Tell whether a DLL is the interpreter: CPython's, MSYS2's, PyPy's or GraalPy's."""
    wanted = name.lower()
    number = wanted.removeprefix("python").removesuffix(".dll")
    if number.isascii() and number.isdigit() and wanted == f"python{number}.dll":
        return True  # most are, and the pattern takes long to compile
    return "py" in wanted and re.fullmatch(_PYTHON, wanted) is not None


@cache
def interpreter_brings(
    name: str, pythons: tuple[str, ...], abis: tuple[str, ...], arch: str
) -> bool:
    """Tell whether every Python of these tags comes with this C runtime, or cannot run without it.

    A tag that names no implementation and version (`py3`) promises nothing: its wheel brings all.
    `ucrtbase.dll` counts as brought: where Windows lacks it, Python's installer adds it.
    """
    wanted = name.lower()
    kinds = {re.fullmatch(_DEBUG_ABI, abi) is not None for abi in abis} or {False}
    brought = (_brought(tag, arch, is_debug=debug) for tag in pythons for debug in kinds)
    return bool(pythons) and all(wanted in names for names in brought)


def _brought(tag: str, arch: str, *, is_debug: bool) -> tuple[str, ...]:
    match = re.fullmatch(_TAG, tag)
    if match is None:
        return ()
    language = int(match[2]), int(match[3])
    match match[1]:
        case "cp":
            return _with_cpython(language, arch, is_debug=is_debug)
        case "pp":
            return ("vcruntime140.dll", "ucrtbase.dll")
        case "graalpy":
            return ("vcruntime140.dll", "vcruntime140_1.dll", "ucrtbase.dll")
        case _:
            return ()


def _with_cpython(language: tuple[int, int], arch: str, *, is_debug: bool) -> tuple[str, ...]:
    if language < (3, 5):
        own = "msvcr100" if language >= (3, 3) else "msvcr90"
        return (f"{own}d.dll" if is_debug else f"{own}.dll",)
    if is_debug:
        return ("vcruntime140d.dll", "ucrtbased.dll")
    if language < (3, 9) or arch == "x86":
        return ("vcruntime140.dll", "ucrtbase.dll")
    return ("vcruntime140.dll", "vcruntime140_1.dll", "ucrtbase.dll")


def is_redistributable(name: str) -> bool:
    """Tell whether a DLL is part of Microsoft's C and C++ runtime that programs may bring.

    All builds of one name are compatible with older ones: the newest one found is the one to take.
    """
    wanted = name.lower()
    if wanted in _USUAL or not wanted.startswith(_MICROSOFT):
        return wanted in _USUAL
    return re.fullmatch(rf"({_RUNTIME})\.dll", wanted) is not None


def is_abandoned(user: str, needed: str) -> bool:
    """Tell whether a library declares a need that it never calls.

    Older `msvcp140.dll` delay-load the concurrency runtime for Windows XP (Microsoft Learn,
    "Overview of the Concurrency Runtime"); no Python runs there any more.
    """
    return (user.lower(), needed.lower()) in _ABANDONED


def is_debug_crt(name: str) -> bool:
    """Tell whether a DLL is of the debug runtime, which nobody may hand on and no Windows has."""
    wanted = name.lower()
    ours = wanted.startswith(_MICROSOFT) and "d" in wanted.removesuffix(".dll")
    return ours and re.fullmatch(rf"({_DEBUG})\.dll", wanted) is not None


def where_to_get(name: str, arch: str) -> str:
    """Say how to come by a missing DLL, as a hint that can be pasted."""
    wanted = name.lower()
    if is_debug_crt(wanted):
        return "build without debug information for Microsoft's runtime (`/MD` instead of `/MDd`)"
    if arch in _PLATFORMS and re.fullmatch(_IN_MSVC_RUNTIME, wanted):
        return (
            "`python -m pip install --no-deps --only-binary :all: "
            f"--platform {_PLATFORMS[arch]} --target msvc msvc-runtime`, then `--lib-path msvc`"
        )
    if is_redistributable(wanted):
        return f"install Microsoft's Visual C++ redistributable that has `{name}`"
    return f"give the folder of `{name}` with `--lib-path`"
