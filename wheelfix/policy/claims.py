"""What platform tags say a wheel is for: one row for each kind of system."""

from __future__ import annotations

from collections.abc import Callable

from wheelfix.typed import Final
from wheelfix.value import Value


class Claim(Value):
    """What a wheel's tags say it is for."""

    format: str
    archs: frozenset[str]
    """As `Image.arch` spells them."""
    systems: frozenset[str] = frozenset()
    """As in `Image.minimum_system`; empty when the tags do not tell them apart."""


class _Kind(Value):
    """One kind of system."""

    format: str
    people: str
    """What people call it."""
    begins: tuple[str, ...]
    """How its tags begin: to parse one is to import what is known of such systems."""
    parse: Callable[[str], Claim | None]
    """Read one platform tag; None for other kinds' tags."""
    several: bool = False
    """True when one binary may be for several machines."""


def _apple(tag: str) -> Claim | None:
    from wheelfix.policy.apple import parse_apple

    claim = parse_apple(tag)
    if claim is None:
        return None
    return Claim(format="macho", archs=frozenset(claim.archs), systems=frozenset({claim.system}))


def _linux(tag: str) -> Claim | None:
    from wheelfix.policy.tags import parse_platform

    claim = parse_platform(tag)
    if claim is None:
        return None
    from wheelfix.policy.policies import machine_of

    family, _, arch = claim
    return Claim(format="elf", archs=frozenset({machine_of(family, arch)}))


def _windows(tag: str) -> Claim | None:
    from wheelfix.policy.windows import parse_windows

    arch = parse_windows(tag)
    return None if arch is None else Claim(format="pe", archs=frozenset({arch}))


_KINDS: Final = (
    _Kind(
        format="macho",
        people="macOS or iOS",
        begins=("macosx_", "ios_"),
        parse=_apple,
        several=True,
    ),
    _Kind(
        format="elf",
        people="Linux",
        begins=("linux_", "manylinux", "musllinux", "android_"),
        parse=_linux,
    ),
    _Kind(format="pe", people="Windows", begins=("win",), parse=_windows),
)
"""In this order: a wheel with tags of several kinds is for the first of them."""


def claims(platforms: tuple[str, ...]) -> Claim | None:
    """Say what a wheel with these tags is for; None when no tag tells."""
    for kind in _KINDS:
        tags = (tag for tag in platforms if tag.startswith(kind.begins))
        found = [claim for claim in map(kind.parse, tags) if claim is not None]
        if found:
            return Claim(
                format=kind.format,
                archs=frozenset[str]().union(*(claim.archs for claim in found)),
                systems=frozenset[str]().union(*(claim.systems for claim in found)),
            )
    return None


def people_say(format_name: str) -> str:
    """Give what people call the systems of a format."""
    return next(kind.people for kind in _KINDS if kind.format == format_name)


def for_several_machines(format_name: str) -> bool:
    """Tell whether one binary of this format may be for several machines."""
    return any(kind.several for kind in _KINDS if kind.format == format_name)
