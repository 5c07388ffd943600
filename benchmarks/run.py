"""Time wheelfix beside the tools it replaces, and write what comes of it into the manual.

    python benchmarks/run.py [--rounds N] [--write PAGE] [NAME...]

NAME is a wheel or a group: published, made, nothing, check, bounds, curves; without any all are
measured. Tables go to stdout as they come. With `--write` PAGE is written anew below its mark, and
the charts beside it; what was not measured now is taken from earlier runs. See README.md beside
this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bounds
import published
from contest import Row, checks, repairs
from curves import curves
from peers import CACHE, Peers, peers
from published import Pin
from subjects import CONTESTANTS, Subject, subjects
from tables import table
from verdict import Measured, verdict

MARK = "<!-- benchmarks/run.py writes what follows -->"
CHECK, BOUNDS, CURVES = "check", "bounds", "curves"
GROUPS = ("published", "made", "nothing", CHECK, BOUNDS, CURVES)
HEADINGS = {
    "made": "Made wheels",
    "nothing": "Nothing to repair",
}


def arguments(known: dict[str, Subject]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Time wheelfix beside its peers.")
    names = (*GROUPS, *known)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=5, help="medians are over so many (5)")
    parser.add_argument(
        "--write", type=Path, metavar="PAGE", help="write the numbers into this page"
    )
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(names)
    if unknown:
        parser.error(f"no such wheel or group: {', '.join(sorted(unknown))}")
    return chosen


def machine() -> str:
    """Say where the numbers come from, as far as it changes the ratios."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, {python}"


def measure(wanted: set[str], rounds: int, environment: Peers, kept: Path) -> None:
    """Measure what is wanted and put it to what is kept, one by one: a run may be interrupted."""
    for name, subject in subjects(environment).items():
        if wanted & {name, subject.group}:
            rows = repairs(subject, environment, rounds)
            print("\n".join(table({name: rows})), flush=True)
            keep(kept, "wheels", name, [asdict(row) for row in rows])
    if CHECK in wanted:
        pin = Pin(project="scipy", version=published.LARGE_WHEELS["scipy"])
        rows = checks(published.as_published(pin), environment, rounds)
        print("\n".join(table({"check of scipy": rows})), flush=True)
        keep(kept, CHECK, "scipy", [asdict(row) for row in rows])
    if BOUNDS in wanted:
        for name, rows in bounds.bounds(environment, rounds):
            print(name, *(f"{row.tool} {row.wall:.3f}" for row in rows), flush=True)
            keep(kept, BOUNDS, name, [asdict(row) for row in rows])
    if CURVES in wanted:
        for name, chart in curves(environment, rounds):
            print(name, chart.xs, chart.lines, flush=True)
            keep(kept, CURVES, name, {"title": chart.title, "svg": chart.svg()})
    keep(kept, "about", "machine", f"{machine()}; medians of {rounds}, turn about.")


def keep(file: Path, part: str, name: str, data: Any) -> None:
    """Replace one measurement among those that are kept."""
    every = kept_in(file)
    every.setdefault(part, {})[name] = data
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(every, indent=1))


def kept_in(file: Path) -> dict[str, Any]:
    """Give all measurements."""
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


def measured_of(known: dict[str, Subject], wheels: dict[str, Any]) -> tuple[Measured, ...]:
    """Read the measurements back, in the order of the subjects."""
    return tuple(
        Measured(subject=subject, rows=tuple(Row(**row) for row in wheels[name]))
        for name, subject in known.items()
        if name in wheels
    )


def page(known: dict[str, Subject], kept: dict[str, Any], charts: str) -> Iterator[str]:
    """Give the lines of the page below its mark."""
    measured = measured_of(known, kept.get("wheels", {}))
    yield kept["about"]["machine"]
    for system in CONTESTANTS:
        chosen = [
            m for m in measured if (m.subject.group, m.subject.system) == ("published", system)
        ]
        yield from _section(f"Published wheels for {system}", chosen)
    for group, heading in HEADINGS.items():
        yield from _section(heading, [m for m in measured if m.subject.group == group])
    check = tuple(Row(**row) for row in kept.get(CHECK, {}).get("scipy", ()))
    if check:
        yield from ("", "## `check`, and `auditwheel show`", "", *table({"scipy": check}))
    if BOUNDS in kept:
        found = {name: tuple(Row(**r) for r in rows) for name, rows in kept[BOUNDS].items()}
        yield from ("", "## What Python's start, reading and proving cost", "")
        yield from bounds.lines(found)
    if CURVES in kept:
        yield from ("", "## Curves", "")
        yield from (f"![{c['title']}]({charts}/{name}.svg)" for name, c in kept[CURVES].items())
    yield from ("", "## Verdict", "", "```json", "[")
    yield ",\n".join(f" {json.dumps(line.as_data())}" for line in verdict(measured, check or None))
    yield from ("]", "```", "")


def _section(heading: str, measured: list[Measured]) -> Iterator[str]:
    if measured:
        yield from ("", f"## {heading}", "")
        yield from table({item.subject.name: item.rows for item in measured})


def write(target: Path, known: dict[str, Subject], kept: dict[str, Any]) -> None:
    """Put the page and its charts in place; what stands above the mark stays."""
    charts = target.with_suffix("")
    charts.mkdir(exist_ok=True)
    for name, chart in kept.get(CURVES, {}).items():
        (charts / f"{name}.svg").write_text(chart["svg"])
    above, mark, _ = target.read_text("utf-8").partition(MARK)
    if not mark:
        sys.exit(f"{target}: has no line {MARK}")
    lines = "\n".join(page(known, kept, charts.name))
    target.write_text(f"{above}{mark}\n\n{lines}".rstrip() + "\n", "utf-8")


def main() -> None:
    """Measure, print, and write where asked."""
    environment = peers()
    known = subjects(environment)
    chosen = arguments(known)
    kept = CACHE / "performance" / "measured.json"
    measure(set(chosen.names or GROUPS), chosen.rounds, environment, kept)
    if chosen.write:
        write(chosen.write, known, kept_in(kept))


if __name__ == "__main__":
    main()
