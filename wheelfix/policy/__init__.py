"""What a target system provides, and which platform tag that earns."""

from __future__ import annotations

from wheelfix.policy.apple import (
    FIRST_ARM64,
    GROUPS,
    MACHINES,
    TAGGED,
    AppleTag,
    apple_has_folder,
    apple_provides,
    parse_apple,
    spell_apple,
)
from wheelfix.policy.family import family_of
from wheelfix.policy.policies import (
    NEVER_PORTABLE,
    Policy,
    any_provides,
    arch_of,
    earliest,
    known,
    machine_of,
    policies,
    policy,
    tag_set,
    watched,
)
from wheelfix.policy.tags import is_python_library, parse_platform

__all__ = [
    "FIRST_ARM64",
    "GROUPS",
    "MACHINES",
    "NEVER_PORTABLE",
    "TAGGED",
    "AppleTag",
    "Policy",
    "any_provides",
    "apple_has_folder",
    "apple_provides",
    "arch_of",
    "earliest",
    "family_of",
    "is_python_library",
    "known",
    "machine_of",
    "parse_apple",
    "parse_platform",
    "policies",
    "policy",
    "spell_apple",
    "tag_set",
    "watched",
]
