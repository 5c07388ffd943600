"""The official JSON Schema of SARIF 2.1.0, which no package of PyPI carries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
"""The npm package that carries the schema as OASIS published it (draft-04)."""
MEMBER = "package/lib/schemas/sarif-2.1.0-rtm.5.json"
GIVEN = "WHEELFIX_SARIF_SCHEMA"


def schema(folder: Path) -> Any:
    """Give the schema: the file named in the environment, else out of the npm package."""
    given = os.environ.get(GIVEN)
    if given:
        return json.loads(Path(given).read_text("utf-8"))
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"needs npm to fetch {PACKAGE}, or SARIF's schema in {GIVEN}")
    fetch = [npm, "pack", "--silent", PACKAGE]
    done = subprocess.run(fetch, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs a package registry that has {PACKAGE}: {done.stderr.strip()[:200]}")
    with tarfile.open(folder / done.stdout.split()[-1]) as package:
        file = package.extractfile(MEMBER)
        assert file is not None
        return json.load(file)
