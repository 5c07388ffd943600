"""Policies: what the systems behind one platform tag provide, and the tag that needs earn. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from wheelfix.model import Watch
from wheelfix.policy.load import FAMILIES, Machine, Table, table
from wheelfix.policy.symbols import NEVER_PORTABLE
from wheelfix.policy.tags import legacy_tags, parse_platform, spell
from wheelfix.policy.versions import Level
from wheelfix.value import Value


class Policy(Value):
    """What every system behind one platform tag has, for one machine."""

    tag: str
    family: str
    """`manylinux`, `musllinux`, `android`, or `linux`, which claims nothing."""
    level: Level
    """(2, 17) of glibc or musl; (24, 0) for an API level; (0, 0) for linux."""
    arch: str
    """As the tag spells it; `machine` is what images say."""
    aliases: tuple[str, ...]
    """Older names of the tag: `manylinux2014_x86_64`."""
    provides: frozenset[str]
    """Names of the libraries that the system has, the loader included."""
    forbidden_symbols: Mapping[str, frozenset[str]]
    """By needed library: symbols that not every such system has in it."""
    known: bool = True
    """False when nobody has looked at this level and it was derived from the next older one."""

    def __hash__(self) -> int:
        return hash((self.tag, self.known))  # a mapping has no hash

    @property
    def machine(self) -> str:
        """Give the machine as `Image.arch` spells it."""
        return machine_of(self.family, self.arch)

    def lacks(self, version: str) -> bool:
        """Tell whether this symbol version (`GLIBC_2.38`) is not there for sure."""
        if self.family == "linux":
            return False
        since = _since(self.family, self.arch, version)
        return since is None or since > self.level


@cache
def _since(family: str, arch: str, version: str) -> Level | None:
    data = table(family)
    return data.since(data.machines[arch], version)


def policies(family: str, arch: str) -> tuple[Policy, ...]:
    """Give the known policies, the most portable first; empty when the machine has none."""
    if family == "linux":
        return tuple(filter(None, [_linux(arch)]))
    found = _find(family, arch)
    if found is None:
        return ()
    data, machine = found
    return tuple(_make(data, machine, level) for level in data.known_levels(machine))


def policy(tag: str) -> Policy:
    """Give the policy of any platform tag of ours: known, legacy or derived.

    Raises `errors.UsageError` that names the nearest valid tag.
    """
    parsed = parse_platform(tag)
    found = _at(*parsed) if parsed else None
    if found is None:
        from wheelfix.policy.suggest import unknown_tag

        raise unknown_tag(tag)
    return found


def known(tag: str) -> bool:
    """Tell whether `policy` has an answer for this tag."""
    parsed = parse_platform(tag)
    return parsed is not None and _at(*parsed) is not None


def earliest(family: str, arch: str, versions: Iterable[str]) -> Policy | None:
    """Give the most portable policy that lacks none of `versions`, derived ones included.

    None when there is none: the machine is unknown, or a version is private or newer than our
    data (a future GLIBC excepted, whose number is its level).
    """
    if family == "linux":
        return _linux(arch)
    found = _find(family, arch)
    if found is None:
        return None
    data, machine = found
    needed = machine.since
    for version in versions:
        since = data.since(machine, version)
        if since is None:
            return None
        needed = max(needed, since)
    return _make(data, machine, needed)


def watched() -> Watch:
    """Give the symbols to look for: those that some policy forbids, and under "" the always.

    Those of every family and machine: before a wheel is read nobody knows which one it is for,
    and musl is called after its machine.
    """
    union: dict[str, frozenset[str]] = {"": NEVER_PORTABLE}
    for data in map(table, FAMILIES):
        for library, symbols in data.ever_forbidden().items():
            union[library] = union.get(library, frozenset()) | symbols
    return MappingProxyType(union)


def any_provides(family: str, arch: str) -> frozenset[str]:
    """Give the libraries that all policies provide: never looked for on the host."""
    names = [each.provides for each in policies(family, arch)]
    return frozenset.intersection(*names) if names else frozenset()


def tag_set(policy: Policy) -> tuple[str, ...]:
    """Give the platform tags that a file name carries for `policy`, in the order it has them."""
    return tuple(sorted((*policy.aliases, policy.tag)))


def machine_of(family: str, arch: str) -> str:
    """Translate a tag's arch into what `Image.arch` says: `arm64_v8a` is `aarch64`."""
    found = _find(family, arch)
    return found[1].machine if found else arch


def arch_of(family: str, machine: str) -> str | None:
    """Translate `Image.arch` into the tags' arch; None when the family has no such machine."""
    sources = ("manylinux", "musllinux") if family == "linux" else (family,)
    machines = [m for s in sources if s in FAMILIES for m in table(s).machines.values()]
    return next((m.arch for m in machines if m.machine == machine), None)


def _find(family: str, arch: str) -> tuple[Table, Machine] | None:
    if family not in FAMILIES:
        return None
    data = table(family)
    machine = data.machines.get(arch)
    return (data, machine) if machine else None


def _at(family: str, level: Level, arch: str) -> Policy | None:
    if family == "linux":
        return _linux(arch)
    found = _find(family, arch)
    if found is None:
        return None
    data, machine = found
    same_major = family == "android" or level[0] == machine.since[0]
    return _make(data, machine, level) if same_major and level >= machine.since else None


def _make(data: Table, machine: Machine, level: Level) -> Policy:
    added = [names for since, names in data.provides if since <= level]
    return Policy(
        tag=spell(data.family, level, machine.arch),
        family=data.family,
        level=level,
        arch=machine.arch,
        aliases=legacy_tags(data.family, level, machine.arch),
        provides=machine.provides.union(*added),
        forbidden_symbols=data.forbidden_at(machine, level),
        known=level in data.known_levels(machine),
    )


def _linux(arch: str) -> Policy | None:
    """Make the policy that claims nothing: the libraries of the newest system of either libc."""
    newest = [p[-1] for family in ("manylinux", "musllinux") if (p := policies(family, arch))]
    if not newest:
        return None
    return Policy(
        tag=spell("linux", (0, 0), arch),
        family="linux",
        level=(0, 0),
        arch=arch,
        aliases=(),
        provides=frozenset[str]().union(*(p.provides for p in newest)),
        forbidden_symbols=MappingProxyType({}),
    )
