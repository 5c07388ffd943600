"""Lets contestants do the same work turn about, and sums up what it cost them."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from jobs import job_of
from measure import Cost, Failed, cost, median
from peers import CACHE, Call, Peers
from subjects import Subject
from unrepair import Unrepaired

FLOOR = "floor"
LARGE = 1 << 27
"""Bytes of wheel and libraries from which on memory is watched: looking costs a little."""

Start: TypeAlias = Callable[[Path], Call]
"""Gives the command that puts its result into an empty folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One contestant: medians over the rounds."""

    tool: str
    failure: str = ""
    """Its last words, when it cannot do this; then there are no numbers."""
    wall: float = 0.0
    cpu: float = 0.0
    resident: float = 0.0
    anonymous: float | None = None
    size: int = 0
    """Bytes of the repaired wheel, 0 when there is none."""
    counted: int = 0
    """The same with carried members counted at the input's size."""


@dataclass(slots=True, kw_only=True)
class _Tally:
    costs: list[Cost] = field(default_factory=list)
    failure: str = ""
    sizes: tuple[int, int] = (0, 0)


def contest(
    starts: Mapping[str, Start], rounds: int, *, watch: bool = False, wheel: Path | None = None
) -> tuple[Row, ...]:
    """Run every contestant once a round, after one round that warms up; ours is the first.

    With `wheel`, the input, outputs are measured too.
    """
    tallies = {tool: _Tally() for tool in starts}
    carried: dict[str, int] = {}
    for number in range(rounds + 1):
        for tool, start in starts.items():
            if tallies[tool].failure:
                continue
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                _turn(tallies[tool], start(Path(folder)), keep=bool(number), watch=watch)
                outputs = list(Path(folder).glob("*.whl"))
                if wheel and outputs and not number:
                    carried = carried or _carried(wheel, outputs[0])
                    tallies[tool].sizes = _sizes(outputs[0], carried)
    if failed := tallies["wheelfix"].failure:
        raise Failed(failed)
    return tuple(_row(tool, tally) for tool, tally in tallies.items())


def _turn(tally: _Tally, call: Call, *, keep: bool, watch: bool) -> None:
    try:
        spent = cost(call, watch_memory=watch)
    except Failed as failure:
        tally.failure = str(failure)
        return
    if keep:
        tally.costs.append(spent)


def _row(tool: str, tally: _Tally) -> Row:
    if tally.failure:
        return Row(tool=tool, failure=tally.failure)
    spent = median(tally.costs)
    return Row(
        tool=tool,
        wall=spent.wall,
        cpu=spent.cpu,
        resident=spent.resident,
        anonymous=spent.anonymous,
        size=tally.sizes[0],
        counted=tally.sizes[1],
    )


def _members(wheel: Path) -> dict[str, tuple[int, int]]:
    with zipfile.ZipFile(wheel) as archive:
        return {m.filename: (m.CRC, m.compress_size) for m in archive.infolist()}


def _carried(wheel: Path, ours: Path) -> dict[str, int]:
    """Give the compressed size of every member that our output has from the input."""
    before = _members(wheel)
    return {
        path: packed
        for path, (crc, packed) in _members(ours).items()
        if before.get(path) == (crc, packed)
    }


def _sizes(output: Path, carried: Mapping[str, int]) -> tuple[int, int]:
    size = output.stat().st_size
    more = sum(carried[path] - at[1] for path, at in _members(output).items() if path in carried)
    return size, size + more


def repairs(subject: Subject, environment: Peers, rounds: int) -> tuple[Row, ...]:
    """Let everybody repair a wheel, and the floor do what cannot be left out."""
    wheel = subject.prepare()
    with tempfile.TemporaryDirectory() as scratch:
        starts = {
            **starts_of(wheel, environment, subject.tools),
            FLOOR: floor_of(wheel, environment, Path(scratch)),
        }
        return contest(starts, rounds, watch=is_large(wheel), wheel=wheel.wheel)


def starts_of(wheel: Unrepaired, environment: Peers, tools: tuple[str, ...]) -> dict[str, Start]:
    """Give the commands that repair a wheel."""
    made: dict[str, Start] = {}
    for tool in tools:
        call = getattr(environment, tool)
        made[tool] = lambda folder, call=call: call(wheel.wheel, wheel.libraries, folder)  # type: ignore[misc]
    return made


def floor_of(wheel: Unrepaired, environment: Peers, scratch: Path) -> Start:
    """Give the command of the floor; where nothing must even be read that is `cp`."""
    job = job_of(wheel)
    if job["kind"] == "read" and not job["reads"]:
        return lambda folder: environment.copy(wheel.wheel, folder / "copy")
    file = scratch / "job.json"
    file.write_text(json.dumps(job))
    return lambda folder: environment.floor(file, folder / "floor")


def is_large(wheel: Unrepaired) -> bool:
    """Tell whether memory is watched."""
    size = sum(file.stat().st_size for file in wheel.libraries.iterdir())
    return wheel.wheel.stat().st_size + size > LARGE


def checks(wheel: Unrepaired, environment: Peers, rounds: int) -> tuple[Row, ...]:
    """Let wheelfix and auditwheel say what a wheel needs."""
    starts: dict[str, Start] = {
        "wheelfix": lambda _: environment.wheelfix_check(wheel.wheel),
        "auditwheel": lambda _: environment.auditwheel_show(wheel.wheel),
    }
    return contest(starts, rounds)
