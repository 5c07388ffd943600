"""The error for a platform tag that nobody has, with the one that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from wheelfix.errors import UsageError
from wheelfix.policy.load import FAMILIES, Table, table
from wheelfix.policy.tags import legacy_tags, parse_platform, spell
from wheelfix.policy.versions import Level
from wheelfix.typed import Final

_OTHER_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "amd64": "x86_64",
        "x64": "x86_64",
        "arm64": "aarch64",
        "armhf": "armv7l",
        "armv7": "armv7l",
        "i386": "i686",
        "x86": "i686",
        "ppc64el": "ppc64le",
    }
)
"""What distributions and compilers call the machines that tags call otherwise."""


def unknown_tag(tag: str) -> UsageError:
    """Say what is wrong with `tag` and name the nearest tag there is."""
    parsed = parse_platform(tag)
    detail, meant = _explain(*parsed) if parsed else _unparsed(tag)
    nearest = difflib.get_close_matches(tag, meant or _every_tag(), n=1, cutoff=0.6)
    nearest = nearest or (list(meant) if len(meant) == 1 else [])
    return UsageError(
        problem=f"`{tag}` is no platform tag that a Linux or Android system has",
        details=(detail,) if detail else (),
        hint=f"did you mean `{nearest[0]}`?"
        if nearest
        else "an example is `manylinux_2_28_x86_64`",
    )


def _unparsed(tag: str) -> tuple[str, tuple[str, ...]]:
    complete = f"{tag}_x86_64"
    return ("it names no machine", (complete,)) if parse_platform(complete) else ("", ())


def _explain(family: str, level: Level, arch: str) -> tuple[str, tuple[str, ...]]:
    """Give the reason, and the tags that are near in meaning (not in spelling)."""
    data = table("manylinux" if family == "linux" else family)
    machine = data.machines.get(arch)
    if machine is None:
        archs = ", ".join(sorted(data.machines))
        return f"no {family} tag is for `{arch}`, only for {archs}", _on_machines(
            family, data, level, arch
        )
    first = spell(family, machine.since, arch)
    last = spell(family, data.known_levels(machine)[-1], arch)
    if level < machine.since:
        return f"the first {family} for {arch} is {first}", (first,)
    return f"the newest {family} known for {arch} is {last}", (last,)


def _on_machines(family: str, data: Table, level: Level, arch: str) -> tuple[str, ...]:
    names = {arch, _OTHER_NAMES.get(arch)}
    aliased = [m for m in data.machines.values() if m.machine in names]
    machines = aliased or data.machines.values()
    return tuple(
        tag
        for m in machines
        if family == "linux" or level >= m.since
        for tag in (spell(family, level, m.arch), *legacy_tags(family, level, m.arch))
    )


def _every_tag() -> list[str]:
    tags: list[str] = []
    for family in FAMILIES:
        data = table(family)
        for machine in data.machines.values():
            for level in data.known_levels(machine):
                tags.append(spell(family, level, machine.arch))
                tags.extend(legacy_tags(family, level, machine.arch))
            if family != "android":
                tags.append(spell("linux", level, machine.arch))
    return sorted(set(tags))
