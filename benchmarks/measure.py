"""What one command costs: time, processor, memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from peers import Call, clean_environment

INTERVAL = 0.002
"""Seconds between two looks at the memory of a process."""


LIMIT = 900
"""Seconds after which a command is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the whole tree of processes took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds of processor, user and system, of all processes."""
    resident: float
    """Bytes: the largest resident set of any one process, mapped files included."""
    anonymous: float | None = None
    """Bytes: the largest sum of RssAnon seen over all processes; None when not watched."""


class Failed(Exception):
    """A command ended badly; its text is the command's last words."""


def cost(call: Call, *, watch_memory: bool = False) -> Cost:
    """Run to the end and measure; raises Failed, also when it takes longer than `LIMIT`.

    A small process starts the command: what is largest in the one that does counts as the
    command's, until it is itself larger.
    """
    order = {**asdict(call), "watch": watch_memory}
    helper = subprocess.run(
        (sys.executable, __file__),
        input=json.dumps(order),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = json.loads(helper.stdout)
    if "failure" in found:
        raise Failed(found["failure"])
    return Cost(**found)


def median(costs: Sequence[Cost]) -> Cost:
    """Give the median of each figure."""
    anonymous = [each.anonymous for each in costs if each.anonymous is not None]
    return Cost(
        wall=statistics.median(each.wall for each in costs),
        cpu=statistics.median(each.cpu for each in costs),
        resident=statistics.median(each.resident for each in costs),
        anonymous=statistics.median(anonymous) if anonymous else None,
    )


def main() -> None:
    """Run the command that stdin tells as JSON, and give its cost so on stdout."""
    order = json.load(sys.stdin)
    watch = order.pop("watch")
    call = Call(**order)
    start = time.perf_counter()
    with subprocess.Popen(
        call.command,
        env=clean_environment(call.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        watcher = Watcher(process.pid) if watch else None
        limit = threading.Timer(LIMIT, process.kill)
        limit.start()
        words = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        limit.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in call.codes:
        lines = words.decode(errors="replace").strip().splitlines()
        found: dict[str, Any] = {"failure": lines[-1] if lines else f"code {process.returncode}"}
    else:
        found = {
            "wall": wall,
            "cpu": usage.ru_utime + usage.ru_stime,
            "resident": usage.ru_maxrss * 1024,
            "anonymous": watcher.peak() if watcher else None,
        }
    json.dump(found, sys.stdout)


class Watcher:
    """Looks at RssAnon of a process and its descendants until it is asked for the peak.

    The kernel keeps a high-water mark only for all resident pages, and those of a mapped file,
    which it can drop at any time, count there too. So anonymous memory has to be sampled.
    """

    def __init__(self, root: int) -> None:
        self._root, self._peak, self._done = root, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def peak(self) -> int:
        """Stop looking and give bytes."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while not self._done.wait(INTERVAL):
            self._peak = max(self._peak, sum(map(_anonymous, _tree(self._root))))


def _tree(process: int) -> Iterator[int]:
    yield process
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it has ended meanwhile
        return
    for child in children:
        yield from _tree(int(child))


def _anonymous(process: int) -> int:
    try:
        status = Path(f"/proc/{process}/status").read_text("ascii")
    except OSError:
        return 0
    lines = (line for line in status.splitlines() if line.startswith("RssAnon:"))
    return sum(int(line.split()[1]) * 1024 for line in lines)


if __name__ == "__main__":
    main()
