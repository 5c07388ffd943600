"""What the floor has to do for a wheel, found out by wheelfix before anything is timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from unrepair import Unrepaired

from wheelfix import Options, plan_repair
from wheelfix.archive import OpenWheel, open_wheel
from wheelfix.clock import Clock
from wheelfix.host import Host
from wheelfix.model import ByteSource, WheelPath
from wheelfix.pipeline import look


def job_of(subject: Unrepaired) -> dict[str, Any]:
    """Give the job as `floor.py` takes it."""
    options = Options(lib_paths=(subject.libraries,))
    decided = plan_repair(subject.wheel, options)
    with open_wheel(subject.wheel) as opened:
        if decided.nothing_to_do:
            return {"kind": "read", "wheel": str(subject.wheel), "reads": _reads(opened, options)}
        touched = {item.path for item in decided.patches}
        touched |= {item.path for item in decided.inserts}
        touched |= {opened.record, WheelPath(f"{opened.info.dist_info}/WHEEL")}
        brought = [str(item.source) for item in decided.grafts]
        brought += [str(item.source) for item in decided.companions]
        return {
            "kind": "repair",
            "wheel": str(subject.wheel),
            "carried": _carried(opened, touched),
            "touched": [_place(opened, path) for path in sorted(touched)],
            "brought": [(path, Path(path).stat().st_size) for path in brought],
        }


def _place(opened: OpenWheel, path: WheelPath) -> tuple[int, int, int, int]:
    member = opened.entries[path].member
    return member.data_offset, member.compressed_size, member.method, member.size


def _carried(opened: OpenWheel, touched: set[WheelPath]) -> list[tuple[int, int]]:
    """Give offset and size of all that is carried, headers too; neighbours as one."""
    spans: list[tuple[int, int]] = []
    entries = sorted(opened.entries.values(), key=lambda entry: entry.begin)
    for entry in (entry for entry in entries if entry.member.path not in touched):
        if spans and sum(spans[-1]) == entry.begin:
            spans[-1] = (spans[-1][0], entry.end - spans[-1][0])
        else:
            spans.append((entry.begin, entry.end - entry.begin))
    return spans


class _Watched:
    """A member's bytes, and how far they were read."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.size = source.size
        self.reach = 0

    def read(self, offset: int, size: int) -> bytes:
        data = self._source.read(offset, size)
        self.reach = max(self.reach, offset + len(data))
        return data


class _Watching:
    """An open wheel that remembers which members were read, and how far."""

    def __init__(self, opened: OpenWheel) -> None:
        self._opened = opened
        self.sources: dict[WheelPath, _Watched] = {}

    def source(self, path: WheelPath) -> ByteSource:
        return self.sources.setdefault(path, _Watched(self._opened.source(path)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)


def _reads(opened: OpenWheel, options: Options) -> list[tuple[int, int, int, int]]:
    """Give where each binary lies and how far into it the facts are."""
    watching: Any = _Watching(opened)
    look(watching, options, Host(), Clock())
    return [(*_place(opened, path)[:3], source.reach) for path, source in watching.sources.items()]
