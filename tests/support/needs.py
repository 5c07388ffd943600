"""What a test needs of its machine: without it the test is skipped, in CI it fails."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

REQUIRE = "WHEELFIX_REQUIRE_LOADERS"
"""With 1 in it, as in .ci/test, what is missing is a failure."""


def missing(sentence: str) -> NoReturn:
    """Skip the test with a sentence that says what brings the thing, or fail with it."""
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{sentence} ({REQUIRE} is set)")
    pytest.skip(sentence)


def tool(name: str, package: str) -> str:
    """Give the path of a program, which Debian's package of that name brings."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        missing(f"needs `{name}`: on Debian, `apt-get install {package}`")
    return found
