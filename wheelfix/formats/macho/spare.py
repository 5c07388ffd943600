"""Load commands that no loader reads, given up one by one where room is short.

Only what points at no bytes elsewhere: a gap in __LINKEDIT would make Apple's tools refuse the
file. What goes: empty tables, then the versions of the tools that built the image, then that of
its source, none of which dyld looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wheelfix.formats.macho import constants as c
from wheelfix.formats.macho.raw import Command, Raw, with_commands
from wheelfix.value import replace

_TOOLS = 20
"""Where LC_BUILD_VERSION counts the tool versions that stand behind it."""
_TABLES = frozenset({c.LC_FUNCTION_STARTS, c.LC_DATA_IN_CODE, c.LC_SEGMENT_SPLIT_INFO})


def lighter(raw: Raw) -> Iterator[Raw]:
    """Give `raw` with fewer and fewer bytes of commands; the caller stops at what fits."""
    steps: tuple[Callable[[Raw, Command], Command | None], ...] = (_empty, _tools, _source)
    for step in steps:
        for command in raw.commands:
            kept = step(raw, command)
            if kept is not command:
                commands = (kept if k is command else k for k in raw.commands)
                raw = with_commands(raw, tuple(k for k in commands if k is not None))
                yield raw


def _empty(raw: Raw, command: Command) -> Command | None:
    return None if command.cmd in _TABLES and not raw.words(command, 2)[1] else command


def _tools(raw: Raw, command: Command) -> Command | None:
    if command.cmd != c.LC_BUILD_VERSION or len(command.data) <= _TOOLS + 4:
        return command
    head = raw.codec.word_bytes(command.cmd, _TOOLS + 4) + command.data[8:_TOOLS]
    return replace(command, data=head + raw.codec.word_bytes(0))


def _source(_: Raw, command: Command) -> Command | None:
    return None if command.cmd == c.LC_SOURCE_VERSION else command
