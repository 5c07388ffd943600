"""The tree as a whole: it names no one's machine, its links lead somewhere, its promises hold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRIVATE = (
    re.compile(r"(?<![\w.:$}~-])/(?:home|work|Users)/[\w.]"),
    re.compile(r"(?<![\w.:$}~-])/tmp/[\w.]+/[\w.]"),
    re.compile(
        r"\bhttps?://(?!127\.0\.0\.1\b)(?:[\w.-]+@)?(?:\d+(?:\.\d+){3}|[\w-]+(?=[/:\s\"']))"
    ),
    re.compile(r"\bhttps?://[\w.-]+\.(?:internal|local|lan|corp|intranet)\b"),
)
"""Absolute paths below a person's folder, and hosts that only one network knows."""
LINK = re.compile(r"\]\((?!https?://|#|mailto:)([^)#\s]+)")


def tracked() -> list[Path]:
    """List the files under version control, new ones included."""
    if not (ROOT / ".git").exists():
        pytest.skip("needs a git checkout to know which files belong to the project")
    git = ["git", "-c", "safe.directory=*"]  # in a container the checkout is often someone else's
    listing = [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout
    files = [ROOT / name for name in names.decode().split("\0") if name]
    return [file for file in files if file.is_file() and file != Path(__file__)]


def private(text: str) -> list[str]:
    """Give what in `text` names a place that others do not have."""
    return [match[0] for pattern in PRIVATE for match in pattern.finditer(text)]


def texts() -> dict[str, str]:
    """Read every tracked file that is text."""
    contents = {str(file.relative_to(ROOT)): file.read_bytes() for file in tracked()}
    return {n: b.decode("utf-8", "replace") for n, b in contents.items() if b"\0" not in b}


def test_no_file_names_a_private_place() -> None:
    found = {name: private(text) for name, text in texts().items()}
    assert {name: places for name, places in found.items() if places} == {}


@pytest.mark.parametrize(
    "text",
    [
        "/home/me/x",
        f"cd /{'work'}/x",
        'open("/Users/me")',
        "/tmp/a/b",
        "http://mirror/simple",
        "https://10.0.0.1/x",
        "https://pip.corp.internal/simple",
        "http://localhost:8080",
    ],
)
def test_a_private_place_is_seen(text: str) -> None:
    assert private(text)


@pytest.mark.parametrize(
    "text",
    ["https://peps.python.org/pep-0427/", "$HOME/home/x", f"a/{'work'}/b", "/usr/lib/x", "/tmp/x"],
)
def test_a_public_place_is_not_seen(text: str) -> None:
    assert private(text) == []


def test_every_link_between_our_pages_leads_somewhere() -> None:
    pages = [file for file in tracked() if file.suffix == ".md" and "docs" in file.parts]
    pages += sorted(ROOT.glob("*.md"))
    links = [(page, link) for page in pages for link in LINK.findall(page.read_text("utf-8"))]
    assert links
    assert [(p.name, link) for p, link in links if not (p.parent / link).exists()] == []


def test_the_commands_of_the_readme_are_the_ones_that_run() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    first, second = re.findall(r"```bash\n(.+)\n```", readme)[:2]
    workflow = (ROOT / ".github" / "workflows" / "linux.yml").read_text("utf-8")
    assert f"run: {first}\n" in workflow
    assert f"run: {second}\n" in workflow


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="needs Python 3.11: help texts differ")
def test_the_manual_shows_the_help_as_it_is() -> None:
    if not (ROOT / "wheelfix" / "cli.py").exists():
        pytest.skip("needs wheelfix/cli.py, whose help the manual shows")
    shown = subprocess.run(
        [sys.executable, ROOT / "docs" / "show_help.py"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
