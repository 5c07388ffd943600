"""What Windows brings itself, which Windows a wheel is for, and how its platform tags are spelled.

The names are in `windows.txt`, with their sources; nothing reads it before a PE file asks. DLL
names compare without regard to case, and a name without an extension gets `.dll`, as the loader
does it (Microsoft Learn, LoadLibraryW).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from wheelfix.policy.runtimes import is_redistributable
from wheelfix.typed import Any, Final, Literal, TypeAlias
from wheelfix.value import Value

Origin: TypeAlias = Literal["windows", "api-set", "driver", "some-windows", "perhaps-windows"]
"""Who has a DLL: every Windows from the lowest one on; its loader, which maps the name to another
DLL; a driver's installer; Windows, but not every one that is promised; or the same of a library
that wheels bring too."""

LOWEST: Final = ("7", "8.1", "10")
"""The Windows that the data tell apart, oldest first; 7 is 7 SP1, 10 an early Windows 10."""

_TAGS: Final = MappingProxyType({"win32": "x86", "win_amd64": "amd64", "win_arm64": "arm64"})
_SPELLED: Final = MappingProxyType({arch: tag for tag, arch in _TAGS.items()})

_PYTHON_TAG: Final = r"[a-z]+([0-9])([0-9]*)"
_API_SETS: Final = ("api-ms-", "ext-ms-")
_OTHERS: Final = (".drv", ".cpl")
"""Endings of DLLs that the lists have with their endings."""
_DRIVER: Final = "driver "
_SYSTEM_FOLDERS: Final = frozenset({"system32", "syswow64", "sysnative", "sysarm32", "winsxs"})
_WINDOWS_FOLDER: Final = r"([a-z]:|.*/mnt/[a-z]|.*/drive_[a-z])/(windows|winnt)(/.*)?"
_GIT_FOLDER: Final = (
    r".*/program(s| files)( \(x86\))?/git/((mingw32|mingw64|clangarm64|usr)/)?(bin|cmd)"
)
_PREFIX_FOLDER: Final = r".*/(library|mingw32|mingw64|ucrt64|clang64|clangarm64)/bin"
"""Where conda and MSYS2 put the libraries of all their packages, a program's or not."""
_MARKS: Final = MappingProxyType(
    {
        "Java": frozenset({"jli.dll", "jvm.dll"}),
        "LibreOffice": frozenset({"soffice.exe", "soffice.bin"}),
        "MATLAB": frozenset({"matlab.exe"}),
        "PHP": frozenset({"php.exe"}),
    }
)
"""By program: files of which each says whose folder it is in."""


class _Known(Value):
    """Names as the file has them, with a space before and behind each.

    To search them costs less than to make sets of them: a wheel needs few DLLs.
    """

    since: tuple[tuple[Mapping[str, str], str], ...]
    """By machine the lowest Windows that has them, and the names."""
    some: str
    brought: str
    """Windows' own, which wheels bring too: redistributable, or of the same name."""
    drivers: tuple[tuple[str, str], ...]
    """What installs them, and the names."""


def parse_windows(tag: str) -> str | None:
    """Give the machine of a platform tag as `Image.arch` spells it; None for other systems."""
    return _TAGS.get(tag)


def spell_windows(arch: str) -> str | None:
    """Write the platform tag of a machine: what `parse_windows` reads; None where it has none."""
    return _SPELLED.get(arch)


@cache
def lowest_windows(pythons: tuple[str, ...]) -> str:
    """Give the lowest Windows that Pythons with these tags run on: one of `LOWEST`.

    CPython supports what Microsoft supports when a version comes out (PEP 11): 7 until Python 3.8,
    8.1 until 3.12, 10 from 3.13 on (Python's documentation, "Using Python on Windows"). Other
    implementations are taken at the language they implement. A tag without a minor version, `py3`,
    promises everything; so does a wheel without tags.
    """
    return min((_lowest(tag) for tag in pythons), key=LOWEST.index, default=LOWEST[0])


def _lowest(tag: str) -> str:
    match = re.fullmatch(_PYTHON_TAG, tag)
    if match is None or not match[2]:
        return LOWEST[0]
    language = int(match[1]), int(match[2])
    return "10" if language >= (3, 13) else "8.1" if language >= (3, 9) else "7"


@cache
def windows_origin(name: str, arch: str, lowest: str) -> Origin | None:
    """Tell who has a needed DLL on the machines of `arch` from Windows `lowest` on.

    None: it has to come with the wheel. `some-windows` is never to be grafted (it belongs to its
    Windows, as `combase` and `dxcore` do), but where it is absent the wheel does not load.
    `perhaps-windows` means that only if none is found to graft: `icuuc`, `D3DCompiler_47`. No
    Windows older than 10 runs on arm64, whatever `lowest` says.
    """
    wanted = _filed(name)
    if wanted.startswith(_API_SETS):
        return "api-set"
    known = _known()
    if driver_of(wanted):
        return "driver"
    entry = _entry(wanted)
    machines = next((levels for levels, names in known.since if entry in names), {})
    since = machines.get(arch)
    if since and (arch == "arm64" or LOWEST.index(since) <= LOWEST.index(lowest)):
        return "windows"
    if entry in known.brought:
        return "perhaps-windows"
    is_current = entry in known.some or not machines.keys() <= {"x86"}
    return "some-windows" if since or is_current else None


def windows_provides(name: str, arch: str, lowest: str) -> bool:
    """Tell whether every Windows from `lowest` on, or the driver that the DLL talks to, has it."""
    return windows_origin(name, arch, lowest) in ("windows", "api-set", "driver")


def driver_of(name: str) -> str | None:
    """Give what installs a driver's DLL, with the source of that; None for all other names."""
    entry = _entry(_filed(name))
    return next((who for who, names in _known().drivers if entry in names), None)


def owner_of_folder(path: str, names: Iterable[str]) -> str | None:
    """Tell which program a folder of PATH belongs to: `Windows`, `Java`; None when it is open.

    Its copies of libraries are for that program: Windows' own work with one Windows only, Java's
    `msvcp140.dll` is older than what newer compilers need. `names` are the files in the folder.
    """
    plain = path.replace("\\", "/").rstrip("/").lower()
    present = frozenset(name.lower() for name in names)
    if _is_windows(plain, present):
        return "Windows"
    if re.fullmatch(_GIT_FOLDER, plain):
        return "Git"
    if re.fullmatch(_PREFIX_FOLDER, plain):
        return None
    return next((owner for owner, marks in _MARKS.items() if marks & present), None)


def _is_windows(plain: str, present: frozenset[str]) -> bool:
    *above, last = plain.split("/")
    if re.fullmatch(_WINDOWS_FOLDER, plain) or (last in _SYSTEM_FOLDERS and "windows" in above):
        return True
    return present.issuperset(("ntdll.dll", "kernel32.dll"))


def may_take(name: str, owner: str | None) -> bool:
    """Tell whether a DLL may be grafted out of a folder of PATH that belongs to `owner`.

    Microsoft's redistributables may be taken from where Windows keeps them, never from another
    program. What the user names by `--lib-path` is not asked about here.
    """
    return owner is None or (owner == "Windows" and is_redistributable(name))


def _filed(name: str) -> str:
    lower = name.lower()
    return lower if "." in lower else f"{lower}.dll"


def _entry(filed: str) -> str:
    """Give what stands in the lists for a file's name: what is in none of them for no DLL's."""
    if " " in filed:
        return "\n"
    if filed.endswith(_OTHERS):
        return f" {filed} "
    stem, dot, ending = filed.rpartition(".")
    return f" {stem} " if dot and ending == "dll" and not stem.endswith(_OTHERS) else "\n"


@cache
def _known() -> _Known:
    sections = [part.partition("\n") for part in _text().split("\n= ")[1:]]
    lists = {head: f" {' '.join(names.split())} " for head, _, names in sections}
    some, brought = lists.pop("some"), lists.pop("brought")
    drivers = {head: names for head, names in lists.items() if head.startswith(_DRIVER)}
    since = ((head, names) for head, names in lists.items() if head not in drivers)
    return _Known(
        since=tuple(
            (MappingProxyType(dict(m.split(":") for m in head.split())), names)
            for head, names in since
        ),
        some=some,
        brought=brought,
        drivers=tuple((head.removeprefix(_DRIVER), names) for head, names in drivers.items()),
    )


def _text() -> str:
    """Read the names as `pkgutil.get_data` would, which is slow to import."""
    loader: Any = __spec__.loader
    data: bytes = loader.get_data(str(Path(__file__).with_name("windows.txt")))
    return data.decode("utf-8")
