"""Files that only npm's packages carry: SARIF's official schema, and the program Mermaid."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

SCHEMA = ("@microsoft/jest-sarif@1.0.0-beta.0", "package/lib/schemas/sarif-2.1.0-rtm.5.json")
"""The JSON Schema of SARIF 2.1.0 as OASIS published it (draft-04)."""
MERMAID = ("mermaid@11.17.2", "package/dist/mermaid.min.js")
GIVEN = "WHEELFIX_SARIF_SCHEMA"


def schema(folder: Path) -> Any:
    """Give SARIF's schema: the file named in the environment, else out of the npm package."""
    given = os.environ.get(GIVEN)
    return json.loads(Path(given).read_bytes() if given else fetched(*SCHEMA, folder))


def fetched(package: str, member: str, folder: Path) -> bytes:
    """Give one file of a package; skips where there is no npm or no registry."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip(f"needs npm to fetch {package}")
    fetch = [npm, "pack", "--silent", package]
    done = subprocess.run(fetch, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs a package registry that has {package}: {done.stderr.strip()[:200]}")
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        file = archive.extractfile(member)
        assert file is not None
        return file.read()
