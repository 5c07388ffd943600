"""What a target system provides, and which platform tag that earns."""

from __future__ import annotations

from wheelfix.policy.apple import (
    FIRST_ARM64,
    GROUPS,
    TAGGED,
    AppleTag,
    apple_has_folder,
    apple_provides,
    parse_apple,
    spell_apple,
)
from wheelfix.policy.claims import Claim, claims, for_several_machines, people_say
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
from wheelfix.policy.provider import provider_of
from wheelfix.policy.tags import is_python_library, parse_platform

__all__ = [
    "FIRST_ARM64",
    "GROUPS",
    "NEVER_PORTABLE",
    "TAGGED",
    "AppleTag",
    "Claim",
    "Policy",
    "any_provides",
    "apple_has_folder",
    "apple_provides",
    "arch_of",
    "claims",
    "earliest",
    "family_of",
    "for_several_machines",
    "is_python_library",
    "known",
    "machine_of",
    "parse_apple",
    "parse_platform",
    "people_say",
    "policies",
    "policy",
    "provider_of",
    "spell_apple",
    "tag_set",
    "watched",
]
