"""How much of a repair is Python's start, reading and proving: the floor with that put to it."""

from __future__ import annotations

import marshal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from contest import FLOOR, Row, Start, contest, floor_of, starts_of
from jobs import job_of
from measure import Failed
from peers import CACHE, Peers, run
from steps import NAMES, STEPS
from subjects import Subject, subjects
from unrepair import Unrepaired

MACOS, MANY = "macOS", "pure-many"
WORDS = {
    FLOOR: "the floor",
    STEPS[0]: "… and the imports",
    STEPS[1]: "… and inflating once before what is touched, hashing what comes in",
    STEPS[2]: "… and hashing each page of both",
    NAMES: "zipfile lists the members",
    "wheelfix": "wheelfix",
}


def bounds(environment: Peers, rounds: int) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """Time the steps: for the published wheels for macOS in total, and for the many pure files."""
    known = subjects(environment)
    macos = [s for s in known.values() if (s.group, s.system) == ("published", MACOS)]
    yield MACOS, _in_total([_steps(each, STEPS, environment, rounds) for each in macos])
    yield MANY, _steps(known[MANY], (STEPS[0], NAMES), environment, rounds)


def _steps(
    subject: Subject, steps: Sequence[str], environment: Peers, rounds: int
) -> tuple[Row, ...]:
    wheel = subject.prepare()
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        file = Path(scratch) / "job"
        job = {**job_of(wheel), "modules": _modules(wheel, environment, Path(scratch))}
        file.write_bytes(marshal.dumps(job))
        starts: dict[str, Start] = {
            **starts_of(wheel, environment, ("wheelfix",)),
            FLOOR: floor_of(wheel, environment, Path(scratch)),
        }
        for step in steps:
            starts[step] = lambda folder, step=step: environment.step(  # type: ignore[misc]
                step, file, folder / "step"
            )
        return contest(starts, rounds)


def _modules(wheel: Unrepaired, environment: Peers, scratch: Path) -> list[str]:
    """Give what wheelfix imports to repair a wheel, in its order."""
    done = run(environment.modules(wheel.wheel, wheel.libraries, scratch / "out"))
    if done.returncode:
        raise Failed(done.stderr)
    return [name for name in done.stdout.split() if name != "__main__"]


def _in_total(rows: Sequence[tuple[Row, ...]]) -> tuple[Row, ...]:
    return tuple(
        Row(tool=each[0].tool, wall=sum(r.wall for r in each), cpu=sum(r.cpu for r in each))
        for each in zip(*rows, strict=True)
    )


def lines(measured: Mapping[str, tuple[Row, ...]]) -> Iterator[str]:
    """Give the tables."""
    yield "| published wheels for macOS, in total | wall | CPU | to floor | CPU to floor |"
    yield "|---|--:|--:|--:|--:|"
    floor = _row(measured[MACOS], FLOOR)
    for tool in (FLOOR, *STEPS, "wheelfix"):
        row = _row(measured[MACOS], tool)
        cells = (f"{row.wall:.2f} s", f"{row.cpu:.2f} s")
        ratios = (f"{row.wall / floor.wall:.2f}", f"{row.cpu / floor.cpu:.2f}")
        yield f"| {' | '.join((WORDS[tool], *cells, *ratios))} |"
    yield from (
        "",
        "| 13,000 tiny pure files | over `cp` and the interpreter's start |",
        "|---|--:|",
    )
    floor = _row(measured[MANY], FLOOR)
    for tool in (STEPS[0], NAMES, "wheelfix"):
        over = (_row(measured[MANY], tool).wall - floor.wall) * 1e3
        yield f"| {WORDS[tool].removeprefix('… and ')} | {over:.0f} ms |"


def _row(rows: tuple[Row, ...], tool: str) -> Row:
    return next(row for row in rows if row.tool == tool)
