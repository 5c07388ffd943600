"""auditwheel, delvewheel and delocate see in well-known wheels what `check` sees there.

As far as they look: the tag, symbol versions and libraries from outside on Linux; which DLLs
Windows has and which are not found; who needs which library on macOS. benchmarks/agree.py has the
rules.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

import agree
import peers
import pytest
from support.environments import no_network
from support.full import FULL
from well_known import WELL_KNOWN

SOME = (
    *("psycopg2-binary-linux-x86_64", "psycopg2-binary-linux-ppc64le", "lxml-linux-armv7l"),
    *("shapely-musl-aarch64", "pyzmq-macos-universal2", "shapely-macos-arm64"),
    *("pywin32-win_amd64", "pyzmq-win_arm64", "lxml-win32"),
)
"""One of each system and machine; all of them with WHEELFIX_FULL=1."""
NAMES = tuple(WELL_KNOWN) if FULL else SOME

pytestmark = [
    pytest.mark.network,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, where all peers run"),
]


@pytest.mark.parametrize("name", NAMES)
def test_the_peer_sees_the_same(name: str) -> None:
    if "-macos" in name and shutil.which("llvm-objdump") is None:
        pytest.skip("needs llvm-objdump in place of otool: on Debian, `apt-get install llvm`")
    try:
        found = agree.opinion(WELL_KNOWN[name], peers.peers())
    except subprocess.CalledProcessError as error:
        if "pip" in map(str, error.cmd):
            no_network(error)
        raise
    assert found.differences == ()
