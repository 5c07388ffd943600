"""What a repair costs as one thing grows and all else stays."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import made
import published
from big import big_wheel, shared_wheel
from contest import FLOOR, contest, floor_of, starts_of
from peers import Call, Peers
from svg import Chart
from unrepair import Unrepaired

MOST_ROUNDS = 3
TOOLS = ("wheelfix", "auditwheel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What grows, and the wheel for each of its values."""

    name: str
    title: str
    x_label: str
    xs: Sequence[int]
    make: Callable[[int], Unrepaired]
    logarithmic: bool = True


CURVES = (
    Curve(
        name="files",
        title="Tiny files that are carried",
        x_label="files in the wheel",
        xs=(100, 1000, 4000, 13_000),
        make=lambda count: made.tiny(made.LINUX, files=count),
    ),
    Curve(
        name="libraries",
        title="Libraries that are brought in, 20 extensions need all of them",
        x_label="libraries",
        xs=(1, 4, 16, 64),
        make=lambda count: made.many(made.LINUX, extensions=20, libraries=count),
    ),
    Curve(
        name="size",
        title="One member that is touched",
        x_label="its size in MB",
        xs=(4, 20, 100, 400),
        make=big_wheel,
    ),
    Curve(
        name="share",
        title="A wheel of 100 MB in 20 extensions, some of them touched",
        x_label="share that is touched, %",
        xs=(0, 25, 50, 75, 100),
        make=shared_wheel,
        logarithmic=False,
    ),
)


def curves(environment: Peers, rounds: int) -> Iterator[tuple[str, Chart]]:
    """Measure and draw."""
    rounds = min(rounds, MOST_ROUNDS)
    for curve in CURVES:
        points = [_point(curve.make(x), environment, rounds) for x in curve.xs]
        chart = Chart(
            title=curve.title,
            x_label=curve.x_label,
            y_label="seconds",
            xs=curve.xs,
            lines={tool: [point[tool] for point in points] for tool in points[0]},
            logarithmic=curve.logarithmic,
        )
        yield curve.name, chart
    yield "jobs", _jobs(environment, rounds)


def _point(wheel: Unrepaired, environment: Peers, rounds: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as scratch:
        starts = {
            **starts_of(wheel, environment, TOOLS),
            FLOOR: floor_of(wheel, environment, Path(scratch)),
        }
        return {row.tool: row.wall for row in contest(starts, rounds)}


def _jobs(environment: Peers, rounds: int) -> Chart:
    """Let wheelfix repair one wheel with more and more threads."""
    project = "scipy"
    pin = published.Pin(project=project, version=published.LARGE_WHEELS[project])
    wheel = published.unrepaired(pin, patchelf=environment.patchelf)
    counts = sorted({1, 2, 4, os.cpu_count() or 1, 2 * (os.cpu_count() or 1)})

    def start(folder: Path, *, jobs: int) -> Call:
        return environment.wheelfix(wheel.wheel, wheel.libraries, folder, "-j", str(jobs))

    walls = [contest({"wheelfix": partial(start, jobs=jobs)}, rounds)[0].wall for jobs in counts]
    return Chart(
        title=f"Threads for one wheel ({project}), on {os.cpu_count()} cores",
        x_label="--jobs",
        y_label="seconds",
        xs=counts,
        lines={"wheelfix": walls},
    )
