"""The tables of invariants in the architecture: each has a test, in each mode, for each format."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
TABLES = {
    "wheel": "| # | invariant | test | formats |",
    "artifacts": "| # | test with artifacts | formats |",
}
ALL = frozenset({"ELF", "Mach-O", "PE"})
GIVES_ALL = frozenset({"either", "build", "make", "on_reflinks", "binary_format"})
"""What a test asks for to be run with a file of each format."""
OF_ONE = {"macho": frozenset({"Mach-O"}), "pe": frozenset({"PE"}), "elf": frozenset({"ELF"})}


def proofs_in(folder: str) -> Mapping[str, frozenset[str]]:
    """Give the tests below a folder, and the formats that each is run for."""
    found: dict[str, frozenset[str]] = defaultdict(frozenset)
    for file in sorted((ROOT / "tests" / folder).glob("test_*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_inv"):
                found[node.name] |= formats(file.stem.removeprefix("test_"), node)
    return found


def formats(room: str, node: ast.FunctionDef) -> frozenset[str]:
    """Give the formats that a test is run for: all by its fixtures, or the one of its file."""
    if GIVES_ALL & {argument.arg for argument in node.args.args}:
        return ALL
    return OF_ONE.get(room, frozenset({"ELF"}))


MODES = {"wheel": "invariants", "artifacts": "artifacts"}


def rows(mode: str) -> Iterator[tuple[int, list[str], str]]:
    """Give number, tests and the words about formats of each row."""
    _, found, table = PAGE.partition(TABLES[mode] + "\n")
    assert found, f"no table {TABLES[mode]}"
    for line in table.partition("\n\n")[0].splitlines()[1:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        yield int(cells[0]), re.findall(r"`(test_\w+)`", line), cells[-1]


@pytest.mark.parametrize("mode", MODES)
def test_each_invariant_has_its_row(mode: str) -> None:
    assert [number for number, _, _ in rows(mode)] == list(range(1, 27))


@pytest.mark.parametrize("mode", MODES)
def test_each_row_names_a_test_of_that_invariant_that_is_there(mode: str) -> None:
    known = proofs_in(MODES[mode])
    for number, names, _ in rows(mode):
        assert names, number
        assert set(names) <= known.keys(), number
        assert all(f"inv{number:02}_" in name for name in names), number


@pytest.mark.parametrize("mode", MODES)
def test_each_row_is_proved_for_each_format_or_says_why_not(mode: str) -> None:
    """In words, behind the names of the formats: `PE: others have no …`."""
    known = proofs_in(MODES[mode])
    for number, _, words in rows(mode):
        proved = frozenset[str]().union(
            *(known[name] for name in known if f"inv{number:02}_" in name)
        )
        said, colon, why = words.partition(":")
        assert frozenset(said.split(", ")) == (proved if colon else {"all"}), number
        assert bool(why) == bool(colon) == (proved != ALL), (number, proved)
