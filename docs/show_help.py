"""Compare the help texts in cli.md with what the commands print; `--write` puts them in.

Each text stands between `<!-- help: COMMAND -->` and the end of the fenced block after it. Run it
with Python 3.11: argparse words and folds its help differently from version to version.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent / "cli.md"
BLOCK = re.compile(
    r"(<!-- help: (?P<command>[\w ]*?) ?-->\n```text\n)(?P<text>.*?)(?=```)", re.DOTALL
)


def printed(command: str) -> str:
    """Run `wheelfix COMMAND --help` on a plain terminal of 80 columns."""
    plain = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONUTF8": "1"}
    argv = [sys.executable, "-m", "wheelfix", *command.split(), "--help"]
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=plain).stdout


def main() -> int:
    """Give 0 when the page is as it must be, 1 when it is not."""
    before = PAGE.read_text("utf-8")
    after = BLOCK.sub(lambda found: found[1] + printed(found["command"]), before)
    if before == after:
        return 0
    if "--write" in sys.argv[1:]:
        PAGE.write_text(after, "utf-8", newline="\n")
        return 0
    print("docs/cli.md does not show the help as it is\n\nhint: python docs/show_help.py --write")
    return 1


if __name__ == "__main__":
    sys.exit(main())
