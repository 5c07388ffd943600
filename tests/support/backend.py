"""The page for backend authors as code, and the rest of a backend, as far as it needs one."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

from support import repairs


class Writer:
    """A backend's own writer of wheels, as far as the page needs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, tuple[bytes, int]] = {}

    def add(self, path: str, file: Path, mode: int) -> None:
        """Take one file."""
        self._files[path] = file.read_bytes(), mode

    def finish(self, filename: str, tags: tuple[str, ...]) -> Path:
        """Write the wheel."""
        assert all(tag.startswith(filename.split("-")[2].partition(".")[0]) for tag in tags)
        members = {path: content for path, (content, _) in self._files.items()}
        modes = {path: mode for path, (_, mode) in self._files.items()}
        return repairs.make_wheel(
            self._folder, members, filename.removesuffix(".whl"), modes=modes, tags=tags
        )


def page() -> SimpleNamespace:
    """Run the page's code for backends, and give what it defines."""
    text = (repairs.ROOT / "docs" / "api.md").read_text()
    part = text.partition("## For build backends")[2]
    code = "\n".join(re.findall(r"```python\n(.*?)```", part, re.DOTALL))
    assert len(code.strip().splitlines()) <= 40
    names: dict[str, object] = {}
    exec(code, names)
    return SimpleNamespace(**names)
