"""Compare the catalogue in findings.md with what wheelfix knows; `--write` puts it in.

Each group of codes stands between `<!-- findings: GROUP -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from wheelfix.findings import CATALOGUE, Entry, explained

PAGE = Path(__file__).parent / "findings.md"
BLOCK = re.compile(r"(<!-- findings: (?P<group>WF\d) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def shown(group: str) -> str:
    """Give a group's table and its sections."""
    entries = [entry for code, entry in CATALOGUE.items() if code.startswith(group)]
    table = ["| code | severity | repair | what |", "|---|---|---|---|", *map(_row, entries)]
    return "\n".join(["", *table, *(line for entry in entries for line in _section(entry)), "", ""])


def _row(entry: Entry) -> str:
    link = f"[{entry.code}](#{entry.code.lower()})"
    return f"| {link} | {entry.severity} | {entry.repair} | {_marked(entry.summary)} |"


def _section(entry: Entry) -> Iterator[str]:
    said = explained(entry.code)
    yield from ("", f"### {entry.code}", "")
    yield f"**{_marked(entry.summary)}.** *{str(entry.severity).capitalize()}, {entry.repair}.*"
    yield from ("", said.meaning, "", f"* Cause: {said.cause}", f"* Cure: {said.cure}")


def _marked(summary: str) -> str:
    """Set options in a summary as code."""
    return re.sub(r"(--\w+)", r"`\1`", summary)


def main() -> int:
    """Give 0 when the page is as it must be, 1 when it is not."""
    before = PAGE.read_text("utf-8")
    after = BLOCK.sub(lambda found: found[1] + shown(found["group"]), before)
    if before == after:
        return 0
    if "--write" in sys.argv[1:]:
        PAGE.write_text(after, "utf-8", newline="\n")
        return 0
    print(
        "docs/findings.md does not show the catalogue\n\nhint: python docs/show_findings.py --write"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
