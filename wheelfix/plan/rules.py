"""The rules of each format, imported with its first binary: most wheels have one format."""

from __future__ import annotations

from wheelfix.model import Artifact
from wheelfix.plan.setting import Rules


def rules_of(artifact: Artifact) -> Rules:
    """Give the rules for a binary's format."""
    match artifact.format:
        case "elf":
            from wheelfix.plan import elf

            return elf
        case "macho":
            from wheelfix.plan import macho

            return macho
        case "pe":
            from wheelfix.plan import pe

            return pe
        case unknown:
            raise KeyError(unknown)
