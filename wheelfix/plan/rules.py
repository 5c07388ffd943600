"""The rules of each format, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from wheelfix.model import Artifact
from wheelfix.plan import elf, macho, pe
from wheelfix.plan.setting import Rules

RULES: Mapping[str, Rules] = MappingProxyType({"elf": elf, "macho": macho, "pe": pe})


def rules_of(artifact: Artifact) -> Rules:
    """Give the rules for a binary's format."""
    return RULES[artifact.format]
