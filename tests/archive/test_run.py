"""Members that are written at once must come out as they do one by one, whatever is among them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import zips

from wheelfix.archive import NewFile, open_wheel, run, write, write_wheel
from wheelfix.archive.run import Run
from wheelfix.archive.wheel import OpenWheel
from wheelfix.archive.zipwriter import REAL_LIMITS, Limits
from wheelfix.errors import WheelfixError
from wheelfix.model import WheelPath

FILES = {
    **{f"pkg/part{n % 3}/module_{n}.py": b"a = %d\n" % n * n for n in range(30)},
    "pkg/ä.py": b"with a name that is not ASCII",
    "pkg/a b.txt": b"with a space",
    "pkg/large.bin": hashlib.shake_128(b"large").digest(80_000),
    "pkg/empty": b"",
}
NEW = NewFile(path=WheelPath("pkg/part1/module_4.py"), content=b"anew", mode=0o644)


def one_by_one(
    wheel: OpenWheel, order: Iterable[WheelPath], made: object
) -> Iterable[Run | WheelPath]:
    del wheel, made
    return order


def source(folder: Path) -> Path:
    members = zips.parts({**zips.FILES, **FILES})
    changes: dict[int, dict[str, Any]] = {
        3: {"mode": 0o100755},
        4: {"mode": 0o100755, "method": 0},
        6: {"system": 0, "mode": 0},
        7: {"system": 0, "mode": 0o111},
        8: {"mode": 0o104711},
        9: {"flags": 2},
        11: {"method": 12},
        12: {"central_extra": b"\x99\x99\0\0"},
        13: {"comment": b"of it"},
    }
    members = [replace(part, **changes.get(n, {})) for n, part in enumerate(members)]
    flagged = [p if p.name.isascii() else replace(p, flags=0x800) for p in members]
    return zips.save(folder, zips.build([*flagged[20:], *flagged[:20]]))


def written(wheel: Path, output: Path, limits: Limits) -> tuple[bytes, Any]:
    with open_wheel(wheel) as opened:
        told = write_wheel(
            opened,
            output,
            files=(NEW,),
            tags=opened.info.tags,
            root_is_purelib=opened.info.root_is_purelib,
            limits=limits,
        )
    return output.read_bytes(), told


@pytest.mark.parametrize("limits", [REAL_LIMITS, Limits(size=2500), Limits(count=5)], ids=repr)
@pytest.mark.parametrize("most", [2, 5, 1000])
def test_runs_are_written_as_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits, most: int
) -> None:
    wheel = source(tmp_path / "in")
    with monkeypatch.context() as patched:
        patched.setattr(write, "in_runs", one_by_one)
        slow = written(wheel, tmp_path / "slow.whl", limits)
    monkeypatch.setattr(run, "MOST", most)
    assert written(wheel, tmp_path / "quick.whl", limits) == slow


def test_what_can_be_in_a_run_is(tmp_path: Path) -> None:
    with open_wheel(source(tmp_path / "in")) as wheel:
        order = [member.path for member in wheel.members if member.path != wheel.record]
        items = list(run.in_runs(wheel, order, {NEW.path}))
    alone = [item for item in items if not isinstance(item, Run)]
    runs = [item for item in items if isinstance(item, Run)]
    assert [p for item in items for p in (item.paths if isinstance(item, Run) else [item])] == order
    assert NEW.path in alone
    assert WheelPath("pkg/large.bin") in alone
    assert len(alone) < 10 < sum(len(each.rows) for each in runs)


def test_a_wheel_that_is_cut_meanwhile_is_told(tmp_path: Path) -> None:
    wheel, output = source(tmp_path / "in"), tmp_path / "out.whl"
    with open_wheel(wheel) as opened:
        wheel.write_bytes(wheel.read_bytes()[:100])
        (cut,) = [
            each
            for each in run.in_runs(opened, [m.path for m in opened.members], ())
            if isinstance(each, Run) and len(each.rows) > 20
        ]
        with pytest.raises(WheelfixError, match="is truncated"):
            cut.members()
    assert not output.exists()
