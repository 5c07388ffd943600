"""Time `wheelfix check` beside the peers' own words on a wheel: the same wheels, turn about.

    python benchmarks/run_check.py [--rounds N] [--write FILE] [WHEEL...]

Says a Markdown table on stdout. Everybody gets the published wheel. Most of those for Windows were
repaired by delvewheel, which then says only that; so each of these is there a second time,
as its build made it, with its DLLs in a folder.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pages
import published
from peers import Call, Peers, clean_environment, peers
from well_known import WELL_KNOWN

UNREPAIRED = " as built"
SUBJECTS = (
    *("scipy-linux-x86_64", "pyarrow-linux-x86_64"),
    *("scipy-macos-arm64", "pyarrow-macos-arm64", "scipy-macos-x86_64", "pyarrow-macos-x86_64"),
    *("scipy-win_amd64", f"scipy-win_amd64{UNREPAIRED}"),
    *("pyarrow-win_amd64", f"pyarrow-win_amd64{UNREPAIRED}"),
)
MARK = "benchmarks/run_check.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one command took, in seconds."""

    wall: float
    cpu: float
    """User and system time of the process and all that it started."""


def spent(call: Call) -> Spent:
    """Run to the end; a command that fails ends the benchmark with its words."""
    start = time.perf_counter()
    with subprocess.Popen(
        call.command,
        env=clean_environment(call.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        words = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in call.codes:
        sys.exit(f"{' '.join(call.command)}\n{words.decode(errors='replace')}")
    return Spent(wall=wall, cpu=usage.ru_utime + usage.ru_stime)


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


def compare(contestants: Mapping[str, Call], rounds: int) -> dict[str, Spent]:
    """Let both run once a round, in turn, after one round that warms the page cache; medians."""
    found: dict[str, list[Spent]] = {tool: [] for tool in contestants}
    for number in range(rounds + 1):
        for tool, call in contestants.items():
            each = spent(call)
            if number:
                found[tool].append(each)
    return {
        tool: Spent(
            wall=statistics.median(each.wall for each in all_),
            cpu=statistics.median(each.cpu for each in all_),
        )
        for tool, all_ in found.items()
    }


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
