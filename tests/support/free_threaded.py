"""A CPython without the interpreter's lock, which is another program than the one with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import packaging
import pytest

from support import repairs

NAMES = ("python3.14t", "python3.13t")
BUILT = repairs.ROOT / ".cache" / "free-threaded" / "bin"


def find() -> Path:
    """Give its path, or skip the test with a sentence that says how to come by one."""
    for name in NAMES:
        found = shutil.which(name) or shutil.which(name, path=str(BUILT))
        if found:
            return Path(found)
    pytest.skip(
        f"needs {' or '.join(NAMES)} on PATH; on Debian, `bash .ci/free-threaded-python` builds one"
    )


def environment(beside: Path) -> dict[str, str]:
    """Give what lets it import wheelfix; `beside` will hold what that needs and no more."""
    beside.mkdir()
    (beside / "packaging").symlink_to(Path(packaging.__file__).parent)
    return {"PYTHONPATH": f"{repairs.ROOT}:{beside}", "PYTHONDONTWRITEBYTECODE": "1"}
