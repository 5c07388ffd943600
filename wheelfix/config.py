"""Whatever the user said, wherever, to the same frozen Options."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from wheelfix.errors import UsageError, WheelfixError, unreadable
from wheelfix.findings import CATALOGUE, IGNORABLE, Repair
from wheelfix.model import Dlopen, Options, Pick, Verify
from wheelfix.typed import Any, TypeVar

Choice = TypeVar("Choice", bound=StrEnum)


def make_options(values: Mapping[str, Any]) -> Options:
    """Make options of named values, as the command line spells them; raises UsageError.

    Values that are absent keep their defaults. Folders to search must exist, the tag be one.
    """
    given = {key: found for key, found in values.items() if found is not None}
    ld_paths = given.get("ld_paths")
    sysroot = given.get("sysroot")
    plat = given.get("plat", "auto")
    if plat != "auto":
        _check_plat(plat)
    elif given.get("only_plat"):
        raise UsageError(problem="--only-plat needs a tag", hint="say which one with `--plat TAG`")
    lib_sdir = given.get("lib_sdir")
    if lib_sdir is not None:
        _check_lib_sdir(lib_sdir)
    return Options(
        plat=plat,
        only_plat=given.get("only_plat", False),
        lib_paths=tuple(_folder(text, "--lib-path") for text in given.get("lib_path", ())),
        sysroot=None if sysroot is None else _folder(sysroot, "--sysroot"),
        ld_paths=None
        if ld_paths is None
        else tuple(_folder(text, "--ld-paths") for text in _split(ld_paths)),
        host_libs=not given.get("no_host_libs", False),
        include=tuple(given.get("include", ())),
        include_symbols=given.get("include_symbols", False),
        include_imports=given.get("include_imports", False),
        dlopen=_one_of(Dlopen, given.get("dlopen", "required"), "dlopen"),
        exclude=tuple(given.get("exclude", ())),
        lib_sdir=lib_sdir,
        executable_path=given.get("executable_path"),
        macos_target=_macos_target(given),
        require_archs=_archs(given.get("require_archs", "")),
        no_mangle=tuple(given.get("no_mangle", ())),
        ignore=picks(given.get("ignore", ()), "--ignore"),
        errors=picks(given.get("error", ()), "--error"),
        level=_level(given.get("compression_level", 5)),
        jobs=_jobs(given.get("jobs", 0)),
        verify=_one_of(Verify, given.get("verify", "header"), "verify"),
        overwrite=given.get("overwrite", False),
        scratch=given.get("scratch"),
    )


def picks(texts: Iterable[str], option: str) -> tuple[Pick, ...]:
    """Read `CODE` or `CODE:GLOB`; raises UsageError for a code that is none or may not be.

    `WF3` is all of a group, as far as they may.
    """
    found = []
    for text in texts:
        word, _, glob = text.partition(":")
        codes = [code for code in CATALOGUE if word in (code, code[:GROUP])]
        if not codes:
            raise UsageError(
                subject=text,
                problem=f"`{option}` takes the code of a finding",
                hint=f"`{option} WF107`, or `{option} 'WF107:tests/*'`; docs/findings.md has all",
            )
        chosen = [code for code in codes if option != "--ignore" or _may_be_ignored(code)]
        if not chosen:
            raise UsageError(
                subject=text,
                problem="stops a repair, and so cannot be ignored",
                hint=_instead(codes[0]),
            )
        found += [Pick(code=code, glob=glob or "*") for code in chosen]
    return tuple(found)


GROUP = len("WF1")


def _may_be_ignored(code: str) -> bool:
    return CATALOGUE[code].repair is not Repair.STOPPED or code in IGNORABLE


def _instead(code: str) -> str:
    if code == "WF101":
        return "`--exclude NAME` leaves a library to the user's system"
    if code == "WF301":
        return "`--exclude PATH` leaves a damaged file alone"
    return f"docs/findings.md says how to cure {code}"


def _level(level: int) -> int:
    if not 1 <= level <= 12:
        raise UsageError(
            subject=str(level),
            problem="no compression level",
            hint="`compression-level` is a number from 1 to 12",
        )
    return level


def _jobs(jobs: int) -> int:
    if jobs < 0:
        raise UsageError(
            subject=str(jobs), problem="no number of threads", hint="`jobs` is 0 for one per core"
        )
    return jobs


def _one_of(choices: type[Choice], text: str, option: str) -> Choice:
    if text not in set(choices):
        raise UsageError(
            subject=text or "''",
            problem=f"no choice for `{option}`",
            hint=f"`{option}` is one of {', '.join(choices)}",
        )
    return choices(text)


def _split(paths: str) -> list[str]:
    return [path for path in paths.split(os.pathsep) if path]


def _folder(text: str, option: str) -> Path:
    if not text:
        raise _no_folder("''", option)
    folder = Path(os.path.expanduser(text)).absolute()  # noqa: PTH111 - Path's raises for `~nobody`
    if not os.path.isdir(folder):  # noqa: PTH112 - Path's raises where we may not look
        raise _no_folder(text, option)
    return folder


def _no_folder(text: str, option: str) -> UsageError:
    return UsageError(
        subject=text,
        problem="no such folder to search for libraries",
        hint=f"check the spelling of `{option}`",
    )


def _check_plat(tag: str) -> None:
    from wheelfix.policy.apple import parse_apple
    from wheelfix.policy.policies import policy
    from wheelfix.policy.windows import parse_windows

    if parse_apple(tag) is None and parse_windows(tag) is None:
        policy(tag)


def _macos_target(given: Mapping[str, Any]) -> str | None:
    """Give the target, the command line's before the environment's; raises UsageError."""
    target = given.get("macos_target") or os.environ.get("MACOSX_DEPLOYMENT_TARGET")
    if target and re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}", target) is None:
        raise UsageError(
            subject=target,
            problem="not a version of macOS",
            hint="`--macos-target 11.0`, or set MACOSX_DEPLOYMENT_TARGET so",
        )
    return target or None


def _archs(text: str) -> tuple[str, ...]:
    """Split `x86_64,arm64`; `universal2` and its kin stay as they are. Raises UsageError."""
    archs = tuple(arch.strip() for arch in text.split(",") if arch.strip())
    if not archs:
        return ()
    from wheelfix.policy.apple import GROUPS, MACHINES

    known = sorted({*MACHINES, *GROUPS})
    for arch in archs:
        if arch not in known:
            raise UsageError(
                subject=arch,
                problem="not a machine of Apple's",
                hint=f"`--require-archs x86_64,arm64`; known are {', '.join(known)}",
            )
    return archs


def _check_lib_sdir(text: str) -> None:
    if not re.fullmatch(r"[\w.+-]*[\w+-]", text, re.ASCII):  # elsewhere a last dot is dropped
        raise UsageError(
            subject=text or "''",
            problem="not the end of a folder's name",
            hint="`--lib-sdir .libs` puts libraries into `{name}.libs`",
        )


def expand(paths: Sequence[str], *, packing: bool = False) -> tuple[Path, ...]:
    """Turn arguments into wheels: files as they are, folders and globs into the wheels in them.

    A folder that a wheel was unpacked into stays as it is, as a single binary does.
    Windows shells do not expand globs, so that we do; a path that exists is never taken as one.
    Raises UsageError for an argument that gives no wheel, and for different wheels of one name:
    both would become one output, and which one must not depend on their order. An unpacked one has
    the name of the wheel that it will be where that is what it is for (`packing`).
    """
    found: dict[str, Path] = {}
    for path in (wheel for text in paths for wheel in _expand_one(text)):
        other = found.setdefault(_name(path, packing=packing), path)
        if path != other and not _is_one_file(path, other):
            raise UsageError(
                subject=str(path),
                problem=f"has the same name as {other}",
                hint="repair them one after the other, each into a folder of its own (`-w DIR`)",
            )
    return tuple(found.values())


def _name(path: Path, *, packing: bool) -> str:
    if path.suffix == ".whl":
        return path.name
    if not packing or not os.path.isdir(path):  # noqa: PTH112 - Path's raises where we may not look
        return str(path)
    from wheelfix.archive.tree import tree_filename

    try:
        return tree_filename(path)
    except WheelfixError:  # it is said when its turn comes
        return str(path)


def _is_one_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one is not there, or in a folder that is closed to us
        return False


def _expand_one(text: str) -> tuple[Path, ...]:
    path = Path(text)
    if os.path.isdir(path):  # noqa: PTH112 - Path's raises where we may not look: that comes later
        if _describes(path):  # the current folder has a name too, with which answers begin
            return (path if path.name else path.absolute(),)
        wheels = tuple(sorted(path.glob("*.whl")))
        if not wheels:
            raise _no_wheels(path, text)
        return wheels
    if not any(mark in text for mark in "*?[") or os.path.exists(path):  # noqa: PTH110
        return (path,)
    from glob import glob

    wheels = tuple(Path(match) for match in sorted(glob(text)))  # noqa: PTH207 - any anchor
    if not wheels:
        raise UsageError(
            subject=text,
            problem="no file matches",
            hint="check the folder; wheels end in .whl",
        )
    return wheels


def _no_wheels(folder: Path, text: str) -> UsageError:
    """Say that a folder holds no wheel, or that nobody lets us see what it holds."""
    try:
        os.scandir(folder).close()
    except OSError as error:
        return unreadable(folder, error)
    return UsageError(
        subject=text,
        problem="no wheel in this folder",
        hint="name the wheel, or the folder that the build writes wheels to; an unpacked wheel has "
        "a .dist-info folder; binaries are named one by one: `libs/*.so`",
    )


def _describes(folder: Path) -> bool:
    """Tell whether a folder is a distribution's: unpacked, or what describes an installed one."""
    from wheelfix.archive.tree import SUFFIX, dist_infos

    return folder.name.endswith(SUFFIX) or bool(dist_infos(folder))


def installed(names: Iterable[str], env: Path | None) -> tuple[Path, ...]:
    """Find distributions that are installed in an environment, this Python's own without `env`.

    Raises UsageError.
    """
    if not names:
        return ()
    from wheelfix.archive.installed import find_installed

    if env is not None and not os.path.isdir(env):  # noqa: PTH112 - as above
        raise UsageError(
            subject=str(env), problem="no such folder", hint="check the spelling of `--env`"
        )
    return tuple(find_installed(name, env or Path(sys.prefix)) for name in names)
