"""Time wheelfix beside the tools it replaces: the same wheels, turn about, in one run.

    python benchmarks/run.py [--rounds N] [--write FILE] [WHEEL...]

Says Markdown tables on stdout; see README.md beside this file for what the columns mean.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import published
from big import big_wheel, edits
from many import many_wheel
from measure import Cost, cost
from peers import CACHE, Call, Peers, peers
from tables import Row, median_row, sections, table
from unrepair import Unrepaired
from unrepair_mac import Llvm, find_llvm

Repair: TypeAlias = Callable[[Path, Path | None, Path], Call]
BIG = "big"
"""The made wheel with a 400 MB library, beside the published ones."""
MANY = "many-win_amd64"
"""The made wheel with 300 small extensions for Windows."""
MARK = "<!-- benchmarks/run.py writes what follows -->"
MAC_PINS = {f"{pin.project}-{pin.platforms[0]}": pin for pin in published.mac_pins()}
WINDOWS_PINS = {f"{pin.project}-{pin.platforms[0]}": pin for pin in published.windows_pins()}


def tools_of(environment: Peers, name: str) -> Mapping[str, Repair]:
    """Give the contestants for a wheel, ours first; delocate runs nowhere but on macOS."""
    both: Mapping[str, Repair] = {
        "wheelfix": environment.wheelfix,
        "repairwheel": environment.repairwheel,
    }
    if name in MAC_PINS:
        return both
    if name in WINDOWS_PINS or name == MANY:
        return {**both, "delvewheel": environment.delvewheel}
    return {**both, "auditwheel": environment.auditwheel}


def compare(subject: Unrepaired, tools: Mapping[str, Repair], rounds: int) -> tuple[Row, ...]:
    """Let every tool repair the wheel once a round, in turn, after one round that warms up."""
    costs: dict[str, list[Cost]] = {tool: [] for tool in tools}
    sizes: dict[str, int] = {}
    memory = subject.wheel.stat().st_size + _size(subject.libraries) > 1 << 27
    for number in range(rounds + 1):
        for tool, repair in tools.items():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                call = repair(subject.wheel, subject.libraries, Path(folder))
                spent = cost(call, watch_memory=memory)
                (output,) = Path(folder).glob("*.whl")
                sizes[tool] = output.stat().st_size
            if number:
                costs[tool].append(spent)
    return tuple(median_row(tool, costs[tool], sizes[tool]) for tool in tools)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def subjects(names: Iterable[str], environment: Peers) -> Iterator[tuple[str, Unrepaired]]:
    """Prepare the wheels asked for: downloaded, unrepaired, cached."""
    for name in names:
        if name == BIG:
            yield name, big_wheel(CACHE / "big")
        elif name == MANY:
            yield name, many_wheel(CACHE / "many")
        elif name in MAC_PINS:
            yield name, published.unrepaired_mac(MAC_PINS[name], llvm=_llvm())
        elif name in WINDOWS_PINS:
            yield name, published.unrepaired_windows(WINDOWS_PINS[name])
        else:
            pin = published.Pin(project=name, version=published.WHEELS[name])
            yield name, published.unrepaired(pin, patchelf=environment.patchelf)


def _llvm() -> Llvm:
    found = find_llvm()
    if found is None:
        sys.exit("macOS wheels need llvm-install-name-tool and llvm-otool: apt-get install llvm")
    return found


def machine() -> str:
    """Say where the numbers come from, as far as it changes the ratios."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {python}"


def start_up(environment: Peers, rounds: int) -> str:
    """Say what no repair is faster than: Python alone, and with all that a small repair imports."""
    calls = (environment.nothing(), environment.imports())
    alone, ready = (
        statistics.median([cost(call).wall for _ in range(rounds + 1)][1:]) for call in calls
    )
    return (
        f"Python alone starts and ends in {alone:.3f} s, "
        f"with what the repair of a Windows wheel imports in {ready:.3f} s."
    )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Time wheelfix beside its peers.")
    known = (*published.WHEELS, *MAC_PINS, *WINDOWS_PINS, MANY, BIG)
    parser.add_argument("wheels", nargs="*", metavar="WHEEL", help=f"of: {', '.join(known)}")
    parser.add_argument("--rounds", type=int, default=5, help="medians are over so many (5)")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="put the tables into this page, below its mark"
    )
    chosen = parser.parse_args()
    unknown = set(chosen.wheels) - set(known)
    if unknown:
        parser.error(f"no such wheel: {', '.join(sorted(unknown))}")
    chosen.wheels = chosen.wheels or list(known)
    return chosen


def report(names: list[str], rounds: int) -> Iterator[str]:
    """Measure, and give the lines as they come."""
    environment = peers()
    patchelf = environment.patchelf
    yield f"{machine()}; medians of {rounds}, turn about."
    yield ""
    yield start_up(environment, rounds)
    yield ""
    for name, subject in subjects(names, environment):
        yield from table(name, compare(subject, tools_of(environment, name), rounds))
        if name == BIG:
            yield from table("its library edited, nothing else", edits(subject, patchelf, rounds))


def main() -> None:
    """Print the tables as they come, then write them where asked."""
    chosen = arguments()
    lines = []
    for line in report(chosen.wheels, chosen.rounds):
        print(line, flush=True)
        lines.append(line)
    if chosen.write:
        put(chosen.write, lines)


def put(page: Path, lines: list[str]) -> None:
    """Replace what `lines` give anew of what stands in `page` below its mark, the rest stays."""
    above, mark, below = page.read_text("utf-8").partition(MARK)
    parts = sections(below.splitlines()) | sections(lines)
    page.write_text(f"{above}{mark}\n\n" + "\n\n".join(parts.values()) + "\n", "utf-8")


if __name__ == "__main__":
    main()
