"""The page for people who call wheelfix from Python is run as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import wheelfix

ROOT = Path(__file__).parents[1]


def test_the_example_in_the_api_page_runs(tmp_path: Path) -> None:
    (tmp_path / "testdata").symlink_to(ROOT / "testdata")
    page = (ROOT / "docs" / "api.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "would bring in libgreet.so.1 as sample.libs/libgreet-" in done.stdout
    assert len(list((tmp_path / "wheelhouse").glob("*.whl"))) == 1


def test_every_public_name_is_there() -> None:
    for name in wheelfix.__all__:
        assert getattr(wheelfix, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(wheelfix, "mend")
