"""What Python runs at its start because of a wheel: the `.pth` files at the top of site-packages.

The `site` module's rules: a line that begins with `import` is run, every other one that is not
empty and no comment adds a folder to where modules are looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator

_IMPORTED = r"\b(?:import|from)[ \t]+([\w.]+)"


def startup_texts(installed: Collection[str], read: Callable[[str], bytes]) -> Iterator[str]:
    """Give the lines that are run, and the text of the wheel's own modules that they import.

    `installed` are paths below site-packages, and `read` gives the bytes of one. What a text
    in any encoding says in ASCII can be told from the answer.
    """
    for path in sorted(installed):
        if path.endswith(".pth") and "/" not in path:
            yield from _texts(read(path).decode("latin-1").splitlines(), installed, read)


def _texts(
    lines: list[str], installed: Collection[str], read: Callable[[str], bytes]
) -> Iterator[str]:
    run = [line for line in lines if line.startswith(("import ", "import\t"))]
    named = (line.strip().replace("\\", "/").strip("/") for line in lines if line not in run)
    folders = ("", *(f"{name}/" for name in named if name and not name.startswith("#")))
    yield from run
    for module in re.findall(_IMPORTED, " ".join(run)):
        stem = module.replace(".", "/")
        tried = (f"{f}{stem}{end}" for f in folders for end in ("/__init__.py", ".py"))
        found = next((path for path in tried if path in installed), None)
        if found:
            yield read(found).decode("latin-1")
