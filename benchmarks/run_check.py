"""Time `wheelfix check` beside the peers' own words on a wheel: the same wheels, turn about.

    python benchmarks/run_check.py [--rounds N] [--write FILE] [WHEEL...]

Says a Markdown table on stdout. Everybody gets the published wheel. Most of those for Windows were
repaired by delvewheel, which then says only that; so each of these is there a second time,
as its build made it, with its DLLs in a folder.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pages
import published
from measure import Cost, cost, median
from peers import Call, Peers, peers
from well_known import WELL_KNOWN

UNREPAIRED = " as built"
SUBJECTS = (
    *("scipy-linux-x86_64", "pyarrow-linux-x86_64"),
    *("scipy-macos-arm64", "pyarrow-macos-arm64", "scipy-macos-x86_64", "pyarrow-macos-x86_64"),
    *("scipy-win_amd64", f"scipy-win_amd64{UNREPAIRED}"),
    *("pyarrow-win_amd64", f"pyarrow-win_amd64{UNREPAIRED}"),
)
MARK = "benchmarks/run_check.py"


def calls(name: str, tools: Peers) -> Mapping[str, Call]:
    """Give the two commands for a wheel, ours first."""
    pin = WELL_KNOWN[name.removesuffix(UNREPAIRED)]
    wheel, libraries = published.download(pin), None
    if name.endswith(UNREPAIRED):
        before = published.unrepaired_windows(pin)
        wheel, libraries = before.wheel, before.libraries
    ours = {"wheelfix check": tools.wheelfix_check(wheel, libraries)}
    if "-win" in name:
        return {**ours, "delvewheel show": tools.delvewheel_show(wheel, libraries)}
    if "-macos" in name:
        return {**ours, "delocate-listdeps --all": tools.delocate_listdeps(wheel)}
    return {**ours, "auditwheel show": tools.auditwheel_show(wheel)}


def compare(contestants: Mapping[str, Call], rounds: int) -> dict[str, Cost]:
    """Let both run once a round, in turn, after one round that warms the page cache; medians."""
    found: dict[str, list[Cost]] = {tool: [] for tool in contestants}
    for number in range(rounds + 1):
        for tool, call in contestants.items():
            each = cost(call)
            if number:
                found[tool].append(each)
    return {tool: median(costs) for tool, costs in found.items()}


def table(names: Iterable[str], rounds: int) -> Iterator[str]:
    """Measure, and give the lines as they come."""
    tools = peers()
    yield f"{os.cpu_count()} cores, Linux; medians of {rounds}, turn about."
    yield ""
    yield "| wheel | wheelfix check | processor | peer | time | ratio | processor | ratio |"
    yield "|---|--:|--:|---|--:|--:|--:|--:|"
    for name in names:
        (_, ours), (tool, theirs) = compare(calls(name, tools), rounds).items()
        yield (
            f"| {name} | {ours.wall:.2f} s | {ours.cpu:.2f} s | {tool} | {theirs.wall:.2f} s "
            f"| {theirs.wall / ours.wall:.1f} | {theirs.cpu:.2f} s | {theirs.cpu / ours.cpu:.1f} |"
        )


def main() -> None:
    """Print the table as it comes, then write it where asked."""
    parser = argparse.ArgumentParser(description="Time check beside its peers.")
    parser.add_argument("wheels", nargs="*", metavar="WHEEL", help=f"of: {', '.join(SUBJECTS)}")
    parser.add_argument("--rounds", type=int, default=5, help="medians are over so many (5)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put it below the page's mark")
    chosen = parser.parse_args()
    lines = []
    for line in table(chosen.wheels or SUBJECTS, chosen.rounds):
        print(line, flush=True)
        lines.append(line)
    if chosen.write:
        pages.put(chosen.write, MARK, lines)


if __name__ == "__main__":
    main()
