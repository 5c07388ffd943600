"""What is to be said of any wheel, with binaries or without."""

from __future__ import annotations

from collections.abc import Iterator

from wheelfix.archive import wheel_tags
from wheelfix.findings import finding
from wheelfix.model import Finding, Report


def remarks(report: Report) -> Iterator[Finding]:
    """Give what was noticed of the archive, of RECORD and WHEEL, and of the user's words."""
    wheel = report.wheel
    if set(wheel.tags) != set(wheel_tags(wheel, wheel.platforms)):
        yield finding(
            "WF312",
            "the Tag lines of WHEEL are not the tags of the file name",
            details=wheel.tags,
            hint="wheelfix repair writes them anew",
        )
    for word in report.unmet_includes:
        yield _unmet_include(word)
    for pattern in report.unused_excludes:
        yield _unused_exclude(pattern)
    for note in report.archive_notes:
        what = f"the archive breaks the package index's rules; in a repair, {note}"
        yield finding("WF303", what, hint="wheelfix repair writes the archive anew")
    for note in report.record_notes:
        yield finding("WF308", note, hint="wheelfix repair writes RECORD anew")


def _unmet_include(word: str) -> Finding:
    return finding(
        "WF306",
        f"`--include {word}` gives no library for the wheel's machine",
        hint="name a file, or a glob of file names in the folders given with `--lib-path`",
    )


def _unused_exclude(pattern: str) -> Finding:
    return finding(
        "WF302",
        f"`--exclude {pattern}` matches no library that is needed",
        hint="`wheelfix check` lists the names that are needed; patterns are matched whole",
    )
