"""What strace wrote down."""

from __future__ import annotations

import re
from pathlib import Path

_BEGUN = "<unfinished ...>"


def calls(log: Path) -> list[str]:
    """Give each call as one line: strace splits those between which another thread makes one."""
    begun: dict[str, str] = {}
    whole = []
    for line in log.read_text(errors="replace").splitlines():
        thread, _, rest = line.partition(" ")
        resumed = re.match(r"\s*<\.\.\. \w+ resumed>(.*)", rest)
        if line.endswith(_BEGUN):
            begun[thread] = line.removesuffix(_BEGUN)
        elif resumed:
            whole.append(begun.pop(thread, "") + resumed[1])
        else:
            whole.append(line)
    return whole
