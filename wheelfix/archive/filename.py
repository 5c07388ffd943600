"""What a wheel's file name says, and where pip puts members."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from contextlib import suppress

from wheelfix.archive.metadata import WheelFile
from wheelfix.errors import BadWheel
from wheelfix.model import InstalledPath, Shape, WheelInfo, WheelPath
from wheelfix.value import Value

_HINT = (
    "a wheel is named `name-version-python-abi-platform.whl`; give it the name it was built with"
)
_AGAIN = "build the wheel again with a current build backend"
_IN_SITE_PACKAGES = ("platlib", "purelib")
_ELSEWHERE = ("scripts", "data", "headers")


class FileName(Value):
    """The parts of a wheel's file name, as they are spelled."""

    name: str
    version: str
    build: str
    pythons: tuple[str, ...]
    abis: tuple[str, ...]
    platforms: tuple[str, ...]
    label: str


def parse_filename(filename: str) -> FileName:
    """Split a wheel's file name; raises `BadWheel` when it is none.

    A build tag begins with a digit and a Python tag never does, so that a sixth part is told to
    be the one or a label behind the platforms.
    """
    stem, dot, suffix = filename.rpartition(".")
    parts = stem.split("-")
    if not dot or suffix != "whl" or not 5 <= len(parts) <= 7:
        raise BadWheel(problem="is not the file name of a wheel", hint=_HINT)
    name, version = parts[:2]
    build = parts.pop(2) if parts[2][:1].isdigit() else ""
    tags, labels = parts[2:5], parts[5:]
    plain = all(_is_part(part) for part in (name, version, build or "0", *labels))
    whole = len(tags) == 3 and len(labels) < 2
    if not (whole and plain and all(map(_is_tag, tags))):
        raise BadWheel(problem="is not the file name of a wheel", hint=_HINT)
    pythons, abis, platforms = (tuple(tag.split(".")) for tag in tags)
    return FileName(
        name=name,
        version=version,
        build=build,
        pythons=pythons,
        abis=abis,
        platforms=platforms,
        label="".join(labels),
    )


def _is_part(text: str) -> bool:
    return bool(text) and all(letter.isalnum() or letter in "_.+!" for letter in text)


def _is_tag(text: str) -> bool:
    """Tell identifiers with dots between them, which are several tags in one."""
    return text.isascii() and all(part.isidentifier() for part in text.split("."))


def wheel_info(
    name: str,
    filename: FileName,
    paths: Iterable[WheelPath],
    dist_info: str = "",
    about: WheelFile | None = None,
    shape: Shape = Shape.WHEEL,
) -> WheelInfo:
    """Gather what a wheel of these members says about itself.

    Without `about`, as WHEEL has yet to be written: what it ought to say of binaries.
    """
    dist_info = dist_info or f"{filename.name}-{filename.version}.dist-info"
    starters = (p for p in paths if "/__init__." in p and not p.startswith(f"{dist_info}/"))
    parts = [p.split("/") for p in map(installed_path, starters) if p is not None]
    packages = {each[0] for each in parts if each[1:] and each[1].startswith("__init__.")}
    return WheelInfo(
        filename=name,
        name=filename.name,
        version=filename.version,
        build=filename.build,
        pythons=filename.pythons,
        abis=filename.abis,
        platforms=filename.platforms,
        label=filename.label,
        dist_info=dist_info,
        tags=about.tags if about else _tags(filename, filename.platforms),
        root_is_purelib=about is not None and about.root_is_purelib,
        packages=tuple(sorted(packages - {dist_info})),
        shape=shape,
    )


def filename_for(stem: str, about: WheelFile) -> FileName:
    """Give the name that a wheel with `{stem}.dist-info` and this WHEEL file would have.

    Raises `BadWheel` where that is none: a wheel must not go elsewhere because of what WHEEL says.
    """
    name, _, version = stem.rpartition("-")
    tags = [tag.split("-") for tag in about.tags]
    if all(len(tag) == 3 for tag in tags):
        pythons, abis, platforms = (_each(tag[i] for tag in tags) for i in range(3))
        found = FileName(
            name=name.replace("-", "_"),
            version=version,
            build=about.build,
            pythons=pythons,
            abis=abis,
            platforms=platforms,
            label="",
        )
        with suppress(BadWheel):
            if parse_filename(wheel_filename(found, platforms)) == found:
                return found
    raise BadWheel(
        problem=f"{stem}.dist-info and its WHEEL do not tell project, version and tags",
        hint=_AGAIN,
    )


def _each(words: Iterable[str]) -> tuple[str, ...]:
    """Give the parts of compressed tags, each once."""
    return tuple(dict.fromkeys(part for word in words for part in word.split(".")))


def wheel_filename(info: WheelInfo | FileName, platforms: tuple[str, ...]) -> str:
    """Give the wheel's file name for `platforms`, in their order; all else stays as it is."""
    tags = [".".join(info.pythons), ".".join(info.abis), ".".join(platforms)]
    parts = [info.name, info.version, info.build, *tags, info.label]
    return "-".join(part for part in parts if part) + ".whl"


def wheel_tags(info: WheelInfo, platforms: tuple[str, ...]) -> tuple[str, ...]:
    """Give WHEEL's Tag lines for `platforms`: the last tag changes fastest, as the name has it."""
    return _tags(info, platforms)


def _tags(says: FileName | WheelInfo, platforms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("-".join(tag) for tag in itertools.product(says.pythons, says.abis, platforms))


def same_project(stem: str, filename: FileName) -> bool:
    """Tell whether `name-version` of a dist-info folder means the project of the file name.

    Names are compared as PEP 503 normalises them and versions as PEP 440 does.
    """
    if stem == f"{filename.name}-{filename.version}":
        return True
    from packaging.utils import canonicalize_name  # rarely needed, and slow to import

    name = canonicalize_name(filename.name)
    version = _version(filename.version)
    splits = [(stem[:i], stem[i + 1 :]) for i, char in enumerate(stem) if char == "-"]
    return any(canonicalize_name(n) == name and _version(v) == version for n, v in splits)


def _version(text: str) -> str:
    from packaging.utils import canonicalize_version

    return canonicalize_version(text.replace("_", "-")).lower()


def installed_path(path: WheelPath) -> InstalledPath | None:
    """Give where pip puts `path` below site-packages; None when it puts it elsewhere.

    Like pip, takes any top folder that ends in `.data` for the one whose schemes are spread:
    projects differ in how they spell it.
    """
    top, _, rest = path.partition("/")
    scheme, _, inner = rest.partition("/")
    if not top.endswith(".data") or not inner or scheme not in _IN_SITE_PACKAGES + _ELSEWHERE:
        return InstalledPath(path)
    return InstalledPath(inner) if scheme in _IN_SITE_PACKAGES else None


def case_counts(platforms: tuple[str, ...]) -> bool:
    """Tell whether a wheel is only for systems on which `a` and `A` are two files."""
    systems = ("linux_", "manylinux", "musllinux", "android_")
    return all(platform.startswith(systems) for platform in platforms)
