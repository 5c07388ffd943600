"""The compact data must expand to what has been observed, level by level and machine by machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from wheelfix.policy.policies import Policy, policies

MACHINES = (
    "x86_64",
    "i686",
    "aarch64",
    "armv7l",
    "ppc64",
    "ppc64le",
    "s390x",
    "riscv64",
    "loongarch64",
)


@cache
def observed() -> Any:
    return json.loads(Path(__file__).with_name("observed.json").read_text(encoding="utf-8"))


def digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]


def level_key(policy: Policy) -> str:
    return f"{policy.level[0]}.{policy.level[1]}"


def test_the_fixture_has_every_machine() -> None:
    assert set(observed()["symbol_versions"]) == set(MACHINES)


@pytest.mark.parametrize("arch", MACHINES)
def test_known_levels_are_the_observed_ones(arch: str) -> None:
    assert [level_key(p) for p in policies("manylinux", arch)] == list(
        observed()["symbol_versions"][arch]
    )


@pytest.mark.parametrize("arch", MACHINES)
def test_symbol_versions_are_exactly_the_observed_ones(arch: str) -> None:
    added = observed()["symbol_versions"][arch]
    universe = {version for names in added.values() for version in names.split()}
    there: set[str] = set()
    for policy in policies("manylinux", arch):
        there |= set(added[level_key(policy)].split())
        assert {v for v in universe if not policy.lacks(v)} == there, policy.tag


@pytest.mark.parametrize("arch", MACHINES)
def test_what_other_machines_have_is_not_let_through(arch: str) -> None:
    tables = observed()["symbol_versions"]
    own = {version for names in tables[arch].values() for version in names.split()}
    others = {v for t in tables.values() for names in t.values() for v in names.split()} - own
    numbered = ("GLIBC_2.", "GCC_")  # numbers that this machine skipped lie below its highest one
    newest = policies("manylinux", arch)[-1]
    strangers = {v for v in others if not v.startswith(numbered) and not newest.lacks(v)}
    assert strangers == set()


@pytest.mark.parametrize("arch", MACHINES)
def test_libraries_and_forbidden_symbols_are_the_observed_ones(arch: str) -> None:
    for policy in policies("manylinux", arch):
        key = level_key(policy)
        libraries = [name for name in policy.provides if not name.startswith("ld")]
        assert len(libraries) == len(policy.provides) - 1, "the loader itself is provided"
        assert digest(libraries) == observed()["libraries"][key], policy.tag
        lines = [f"{lib} {s}" for lib, names in policy.forbidden_symbols.items() for s in names]
        assert digest(lines) == observed()["forbidden_symbols"][key], policy.tag
