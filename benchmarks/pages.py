"""Pages of the manual with a part that a script writes, between two marks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def put(page: Path, script: str, lines: Iterable[str]) -> None:
    """Replace what stands between the marks of `script`; the rest of the page stays."""
    begin, end = f"<!-- {script} writes this -->", f"<!-- the end of {script} -->"
    above, _, rest = page.read_text("utf-8").partition(begin)
    _, _, below = rest.partition(end)
    text = "\n".join(lines).strip()
    page.write_text(f"{above}{begin}\n\n{text}\n\n{end}{below}", "utf-8")
