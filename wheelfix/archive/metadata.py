"""WHEEL: what it says, and how it is changed; and what METADATA requires."""

from __future__ import annotations

import re

from wheelfix.errors import BadWheel
from wheelfix.value import Value

_HINT = "build the wheel again with a current build backend"


class WheelFile(Value):
    """What WHEEL says."""

    tags: tuple[str, ...]
    root_is_purelib: bool
    build: str = ""


def read_wheel_file(content: bytes) -> WheelFile:
    """Parse WHEEL; raises `BadWheel` for what no installer would take."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadWheel(problem="WHEEL is not UTF-8", hint=_HINT) from error
    fields = [_field(line) for line in _head(_lines(text))]
    versions = [value for key, value in fields if key == "wheel-version"]
    tags = tuple(value for key, value in fields if key == "tag")
    pure = [value for key, value in fields if key == "root-is-purelib"]
    _check_version(versions)
    if not all(tags) or not tags:
        raise BadWheel(problem="WHEEL has no Tag line", hint=_HINT)
    builds = [value for key, value in fields if key == "build"]
    return WheelFile(
        tags=tags, root_is_purelib=pure[:1] == ["true"], build=builds[0] if builds else ""
    )


def _check_version(versions: list[str]) -> None:
    if len(versions) != 1:
        raise BadWheel(problem="WHEEL does not have one Wheel-Version line", hint=_HINT)
    major = versions[0].partition(".")[0]
    if not (major.isascii() and major.isdigit()):
        raise BadWheel(problem=f"WHEEL has a malformed Wheel-Version: {versions[0]!r}", hint=_HINT)
    if major.lstrip("0") not in ("", "1"):
        raise BadWheel(
            problem=f"it is in version {versions[0]} of the wheel format; 1 is known here",
            hint="look for a newer wheelfix",
        )


def edit_wheel_file(content: bytes, *, tags: tuple[str, ...], root_is_purelib: bool) -> bytes:
    """Put `tags` where the first Tag line is, and Root-Is-Purelib where it is or before them.

    All other lines keep order and spelling; line ends become LF.
    """
    lines = _lines(content.decode("utf-8"))
    head = len(_head(lines))
    new_tags = [f"Tag: {tag}" for tag in tags]
    pure = f"Root-Is-Purelib: {'true' if root_is_purelib else 'false'}"
    told = any(_field(line)[0] == "root-is-purelib" for line in lines[:head])
    result: list[str] = []
    for line in lines[:head]:
        key = _field(line)[0]
        if key == "root-is-purelib":
            result.append(pure)
        elif key != "tag":
            result.append(line)
        elif new_tags:
            result += new_tags if told else [pure, *new_tags]
            new_tags = []
    return "\n".join([*result, *lines[head:], ""]).encode()


def required(content: bytes) -> tuple[str, ...]:
    """Give the names of the distributions that METADATA requires, in order, as it spells them."""
    lines = _head(_lines(content.decode("utf-8", "replace")))
    words = (value for key, value in map(_field, lines) if key == "requires-dist")
    names = (re.match(r"[A-Za-z0-9._-]+", word) for word in words)
    return tuple(name[0] for name in names if name is not None)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def _head(lines: list[str]) -> list[str]:
    """Give the lines up to the first empty one, as in an e-mail."""
    head: list[str] = []
    for line in lines:
        if not line.strip():
            break
        head.append(line)
    return head


def _field(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    key = key.strip().lower()
    value = value.strip()
    return key, value.lower() if key == "root-is-purelib" else value
