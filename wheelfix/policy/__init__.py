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
from wheelfix.policy.runtimes import (
    interpreter_brings,
    is_abandoned,
    is_debug_crt,
    is_python_dll,
    is_redistributable,
    where_to_get,
)
from wheelfix.policy.tags import is_python_library, parse_platform
from wheelfix.policy.windows import (
    LOWEST,
    Origin,
    driver_of,
    lowest_windows,
    may_take,
    owner_of_folder,
    parse_windows,
    spell_windows,
    windows_origin,
    windows_provides,
)

__all__ = [
    "FIRST_ARM64",
    "GROUPS",
    "LOWEST",
    "NEVER_PORTABLE",
    "TAGGED",
    "AppleTag",
    "Claim",
    "Origin",
    "Policy",
    "any_provides",
    "apple_has_folder",
    "apple_provides",
    "arch_of",
    "claims",
    "driver_of",
    "earliest",
    "family_of",
    "for_several_machines",
    "interpreter_brings",
    "is_abandoned",
    "is_debug_crt",
    "is_python_dll",
    "is_python_library",
    "is_redistributable",
    "known",
    "lowest_windows",
    "machine_of",
    "may_take",
    "owner_of_folder",
    "parse_apple",
    "parse_platform",
    "parse_windows",
    "people_say",
    "policies",
    "policy",
    "provider_of",
    "spell_apple",
    "spell_windows",
    "tag_set",
    "watched",
    "where_to_get",
    "windows_origin",
    "windows_provides",
]
