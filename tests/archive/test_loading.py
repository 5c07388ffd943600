"""What one thread is still loading is not used by another before it is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import repairs

PROGRAM = """
import sys, threading, time, zlib
from importlib import import_module
sys.path.insert(0, sys.argv[1])
from wheelfix.archive import inflater, sums
loading = threading.Thread(target=import_module, args=[sys.argv[2]])
loading.start()
while sys.argv[2] not in sys.modules:
    time.sleep(0.001)
"""
SLOW = "import time; time.sleep(0.5)\nfrom zlib import *\n"


@pytest.mark.parametrize(
    ("module", "use"),
    [
        ("deflate", "assert sums.crc32(bytes(1 << 20)) == zlib.crc32(bytes(1 << 20))"),
        ("deflate", "assert sums.adler32(bytes(1 << 20)) == zlib.adler32(bytes(1 << 20))"),
        ("zlib_ng.zlib_ng", "assert inflater.inflater(100).decompress(b'\\x03\\0') == b''"),
        ("zlib_ng.zlib_ng", "assert len(inflater.stream_errors()) == 2"),
    ],
)
def test_a_module_that_is_being_loaded_is_waited_for(module: str, use: str, tmp_path: Path) -> None:
    file = tmp_path / Path(*module.split(".")).with_suffix(".py")
    file.parent.mkdir(exist_ok=True)
    (file.parent / "__init__.py").touch()
    file.write_text(SLOW)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + use, tmp_path, module],
        env=repairs.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
