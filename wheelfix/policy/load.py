"""Read the policy data into typed tables, and answer which level has a symbol version.

The families' modules have one shape: names in a text with blanks between, and pairs of a text as
`2.17:3.4.19`. `levels` are those that somebody has looked at; `provides`, `symbol_versions` and
`named_versions` give what a level adds to the older ones (for symbol versions: the highest number
of each family), so every level between and after follows. Under `forbidden_symbols` stands the
level from which a symbol may be used, or `never`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

from wheelfix.policy.versions import Level, Number, level_of, number_of, split_version
from wheelfix.typed import Any, Final
from wheelfix.value import Value

FAMILIES: Final = ("manylinux", "musllinux", "android")
"""The families that have data; `linux` claims nothing and has none."""


class Machine(Value):
    """What is particular to one machine of a family."""

    arch: str
    """As this family's platform tags spell it."""
    machine: str
    """As `Image.arch` spells it; differs from `arch` on Android."""
    since: Level
    """The first level there is for this machine."""
    until: Level | None
    """The last level that somebody has looked at; None for the family's last one."""
    provides: frozenset[str]
    also_called: Mapping[str, str]
    """By common name of a library: the machine's own name for it, for which the same holds."""
    maxima: Mapping[str, str]
    """By family of symbol versions: the highest number from each level on, oldest first."""
    named: Mapping[str, Level]
    """Versions that have a level of their own, whatever their family."""


class Table(Value):
    """What is known of one family of platforms."""

    family: str
    levels: tuple[Level, ...]
    """Oldest first."""
    levelled: str
    """The symbol-version family whose numbers are levels: GLIBC; empty when there is none."""
    restricted: frozenset[str]
    """The families of symbol versions that this data rule; any other is not restricted."""
    provides: tuple[tuple[Level, frozenset[str]], ...]
    forbidden: Mapping[str, Mapping[str, Level | None]]
    """By library: from which level a symbol may be used, None for never."""
    machines: Mapping[str, Machine]

    def known_levels(self, machine: Machine) -> tuple[Level, ...]:
        """Give the levels of `machine` that somebody has looked at, oldest first."""
        last = machine.until or self.levels[-1]
        return tuple(level for level in self.levels if machine.since <= level <= last)

    def since(self, machine: Machine, version: str) -> Level | None:
        """Give the first level that has this symbol version; None when no known one has it."""
        if version in machine.named:
            return max(machine.named[version], machine.since)
        family, number = split_version(version)
        if family not in self.restricted:
            return machine.since
        if number is None:
            return None
        for level, highest in _maxima(machine.maxima.get(family, "")):
            if number <= highest:
                return max(level, machine.since)
        return self._own_level(machine, number) if family == self.levelled else None

    def _own_level(self, machine: Machine, number: Number) -> Level | None:
        major, minor = (*number, 0)[:2]
        if major != machine.since[0]:
            return machine.since if number < machine.since else None
        level = major, minor + any(number[2:])
        return max(level, machine.since)

    def forbidden_at(self, machine: Machine, level: Level) -> Mapping[str, frozenset[str]]:
        """Give the symbols that may not be used at `level`, by every name of their library."""
        found: dict[str, frozenset[str]] = {}
        for library, names in self._forbidden_after(level):
            found[library] = found[machine.also_called.get(library, library)] = names
        return MappingProxyType(found)

    def ever_forbidden(self) -> Mapping[str, frozenset[str]]:
        """Give the symbols that may not be used on some machine at some level."""
        found: dict[str, frozenset[str]] = {}
        oldest = min(machine.since for machine in self.machines.values())
        for library, names in self._forbidden_after(oldest):
            called = {m.also_called.get(library, library) for m in self.machines.values()}
            found |= dict.fromkeys({library, *called}, names)
        return MappingProxyType(found)

    def _forbidden_after(self, level: Level) -> Iterator[tuple[str, frozenset[str]]]:
        for library, symbols in self.forbidden.items():
            names = frozenset(s for s, since in symbols.items() if not since or since > level)
            if names:
                yield library, names


@cache
def table(family: str) -> Table:
    """Read one family's data, at most once; `family` is one of `FAMILIES`."""
    raw = _facts(family)
    named = dict(_pairs(raw.get("named_versions", "")))
    machines = {arch: _machine(arch, m, named) for arch, m in raw["machines"].items()}
    forbidden = {
        library: _by_symbol(symbols)
        for library, symbols in raw.get("forbidden_symbols", {}).items()
    }
    return Table(
        family=family,
        levels=tuple(map(level_of, raw["levels"].split())),
        levelled=raw.get("levelled_family", ""),
        restricted=frozenset(raw.get("families", "").split()),
        provides=tuple((level_of(at), frozenset(n.split())) for at, n in raw["provides"].items()),
        forbidden=MappingProxyType(forbidden),
        machines=MappingProxyType(machines),
    )


def _facts(family: str) -> Mapping[str, Any]:
    match family:
        case "manylinux":
            from wheelfix.policy import manylinux

            return manylinux.FACTS
        case "musllinux":
            from wheelfix.policy import musllinux

            return musllinux.FACTS
        case "android":
            from wheelfix.policy import android

            return android.FACTS
        case unknown:
            raise KeyError(unknown)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for pair in text.split():
        first, _, second = pair.partition(":")
        yield first, second


@cache
def _maxima(steps: str) -> tuple[tuple[Level, Number], ...]:
    return tuple((level_of(level), number_of(top)) for level, top in _pairs(steps))


def _machine(arch: str, raw: Mapping[str, Any], named: Mapping[str, str]) -> Machine:
    until = raw.get("until")
    also_called = dict(_pairs(raw.get("also_called", "")))
    own = {**named, **dict(_pairs(raw.get("named_versions", "")))}
    return Machine(
        arch=arch,
        machine=raw.get("machine", arch),
        since=level_of(raw["since"]),
        until=level_of(until) if until else None,
        provides=frozenset((*raw.get("provides", "").split(), *also_called.values())),
        also_called=MappingProxyType(also_called),
        maxima=MappingProxyType(raw.get("symbol_versions", {})),
        named=MappingProxyType({version: level_of(level) for version, level in own.items()}),
    )


def _by_symbol(raw: Mapping[str, str]) -> Mapping[str, Level | None]:
    return MappingProxyType(
        {
            symbol: None if level == "never" else level_of(level)
            for level, symbols in raw.items()
            for symbol in symbols.split()
        }
    )
