"""A build of each format."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import artifacts
from support.artifacts import Build


@pytest.fixture(params=artifacts.BUILDS, ids=lambda make: make.__name__)
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Build]:
    """Give a build tree of each format in turn."""
    made: Build = request.param(tmp_path / "tree")
    yield made
    shutil.rmtree(made.libs)
