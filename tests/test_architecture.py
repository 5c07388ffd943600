"""wheelfix keeps the rules of its house, and each rule catches what it is there to catch."""

from __future__ import annotations

from pathlib import Path

import pytest
from house_rules import (
    RULES,
    Rule,
    arrows,
    broken,
    cycles,
    documented,
    doors,
    formats_apart,
    functions,
    length,
    modules,
    process_untouched,
    quiet,
    short,
    stateless,
)

PACKAGE = Path(__file__).parents[1] / "wheelfix"
NAMED = '"""Doc."""\n'
LONG = "def f():\n" + "    x = 1\n" * 50
DEEP = "def f(a):\n  if a:\n    for b in a:\n      with b:\n        if b:\n          a()\n"
CHAIN = "def _f(a):\n" + "".join(
    f"    {w} a == {i}:\n        a()\n" for i, w in enumerate(["if"] + ["elif"] * 9)
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    assert modules(PACKAGE)
    assert broken(rule, PACKAGE) == []


def test_no_module_imports_itself_round_a_corner() -> None:
    assert cycles(PACKAGE) == []


def test_functions_are_short_on_the_whole() -> None:
    lengths = sorted(length(f) for module in modules(PACKAGE) for f in functions(module.tree))
    assert sum(lengths) / len(lengths) <= 14
    assert lengths[len(lengths) * 9 // 10] <= 33


BREACHES: tuple[tuple[Rule, str, str, str], ...] = (
    (arrows, "model.py", "import wheelfix.plan", "may not import `plan`"),
    (arrows, "model/facts.py", "from wheelfix import resolve", "may not import `resolve`"),
    (arrows, "model/facts.py", "from ..plan import Plan", "may not import `plan`"),
    (arrows, "model/facts.py", "from .. import plan", "may not import `plan`"),
    (arrows, "host.py", "from wheelfix.clone import clone", "may not import `clone`"),
    (arrows, "plan.py", "def f():\n    from wheelfix import stage", "may not import `stage`"),
    (arrows, "plan.py", "from wheelfix import __version__", "may not import `wheelfix`"),
    (arrows, "plan.py", "import_module('wheelfix.cli')", "may not import `cli`"),
    (arrows, "attic.py", "", "no place among the arrows"),
    (doors, "plan.py", "import os", "this room is pure"),
    (doors, "model/facts.py", "from os import path", "this room is pure"),
    (doors, "render.py", "import zipfile", "this room is pure"),
    (doors, "host.py", "import subprocess", "needs none"),
    (doors, "host.py", "from typing import Any", "its words come from wheelfix.typed"),
    (doors, "archive.py", "import elftools.elf", "no door here"),
    (doors, "formats/elf/read.py", "import macholib", "no door here"),
    (doors, "formats/macho/read.py", "import pefile", "no door here"),
    (doors, "patch.py", "def f():\n    import lief", "no door here"),
    (doors, "verify.py", "import lief", "only inside a function"),
    (doors, "host.py", "import requests", "no door here"),
    (formats_apart, "formats/pe/read.py", "from wheelfix.formats.elf import read", "only itself"),
    (formats_apart, "formats/pe/read.py", "from wheelfix import formats", "only itself"),
    (quiet, "plan.py", "print('x')", "only console.py prints"),
    (quiet, "plan.py", "import sys\nsys.stderr.write('x')", "only console.py prints"),
    (process_untouched, "stage.py", "os.chdir('x')", "`chdir` changes"),
    (process_untouched, "stage.py", "from contextlib import chdir", "changes the whole process"),
    (process_untouched, "stage.py", "os.environ['A'] = 'b'", "changes os.environ"),
    (process_untouched, "stage.py", "del os.environ['A']", "changes os.environ"),
    (process_untouched, "stage.py", "os.environ |= {}", "changes os.environ"),
    (process_untouched, "stage.py", "os.environ.update(A='b')", "changes os.environ"),
    (process_untouched, "stage.py", "def f():\n    global X\n    X = 1", "module-level state"),
    (stateless, "host.py", "SEEN = []", "mutable at module level"),
    (stateless, "host.py", "SEEN: dict[str, int] = {}", "mutable at module level"),
    (stateless, "host.py", "SEEN = defaultdict(list)", "mutable at module level"),
    (stateless, "host.py", "@functools.lru_cache\ndef f(a): ...", "caches what"),
    (stateless, "host.py", "@cache\ndef f(a: pathlib.Path): ...", "caches what"),
    (short, "host.py", LONG, "has 51 lines"),
    (short, "host.py", DEEP, "nests 4 deep"),
    (short, "host.py", "\n" * 350, "may have 350"),
    (documented, "host.py", "def f(): ...", "`f` has no docstring"),
    (documented, "host.py", "class C: ...", "`C` has no docstring"),
    (documented, "host.py", f"class C:\n    {NAMED}\n    def f(self): ...", "`f` has no docstring"),
)


@pytest.mark.parametrize(
    ("rule", "name", "text", "complaint"),
    BREACHES,
    ids=[f"{b[0].__name__}-{b[3]}" for b in BREACHES],
)
def test_a_breach_is_caught(
    rule: Rule, name: str, text: str, complaint: str, tmp_path: Path
) -> None:
    found = broken(rule, house(tmp_path, {name: NAMED + text}))
    assert len(found) == 1
    assert complaint in found[0]


def test_a_missing_module_docstring_is_caught(tmp_path: Path) -> None:
    assert broken(documented, house(tmp_path, {"host.py": "X = 1\n"})) == ["host: no docstring"]


def test_a_cycle_inside_a_package_is_caught(tmp_path: Path) -> None:
    house(tmp_path, {"model/a.py": "from . import b", "model/b.py": "import wheelfix.model.a"})
    assert set(cycles(tmp_path / "wheelfix")) == {"model.a", "model.b"}


ALLOWED: dict[str, str] = {
    "typed.py": "from typing import Any",
    "codec.py": "from wheelfix.typed import Any\ndef _f():\n    from typing import get_args",
    "errors.py": "import errno\nX = frozenset({1})\n__all__ = ['X']\nY: Mapping[str, int] = {}",
    "model/__init__.py": "from .facts import x",
    "model/facts.py": "from wheelfix import errors",
    "clone.py": "import os, wheelfix.model",
    "archive/read.py": "from wheelfix.clone import clone\nimport deflate, zlib",
    "archive/__init__.py": "from wheelfix.archive import read",
    "formats/__init__.py": "from wheelfix.formats import elf",
    "formats/elf/__init__.py": "from wheelfix.formats.elf import read\nfrom . import read as r",
    "formats/elf/read.py": "from wheelfix.formats.interface import Format\nimport elftools",
    "formats/interface.py": "from wheelfix.model import Image",
    "host.py": "@functools.cache\ndef _f(family: str): ...\nenv = os.environ.get('PATH')\n" + CHAIN,
    "verify.py": "def _f():\n    import lief",
    "__init__.py": "from wheelfix.pipeline import check",
    "console.py": "import sys\nfrom wheelfix import __version__\nprint('x', file=sys.stderr)",
    "cli.py": "import sys\nfrom wheelfix.console import say\nwords = sys.argv[1:]",
    "__main__.py": "from wheelfix.cli import main",
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_what_is_allowed_is_not_caught(rule: Rule, tmp_path: Path) -> None:
    files = {name: NAMED + text for name, text in ALLOWED.items()}
    assert broken(rule, house(tmp_path, files)) == []
    assert cycles(tmp_path / "wheelfix") == []


def house(folder: Path, files: dict[str, str]) -> Path:
    """Build a package of these files below `folder`."""
    package = folder / "wheelfix"
    for name, text in files.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return package
