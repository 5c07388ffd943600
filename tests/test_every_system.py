"""One call for the wheels of every system."""

from __future__ import annotations

from pathlib import Path

from support import repairs
from support.said import Say

from wheelfix import check


def test_one_call_repairs_a_folder_of_linux_macos_windows_and_pure_wheels(
    say: Say, tmp_path: Path
) -> None:
    """Each comes out as if it were alone, with the libraries of all systems in one folder."""
    dist, libs, out = (tmp_path / name for name in ("dist", "libs", "out"))
    dist.mkdir()
    libs.mkdir()
    makers = (repairs.job, repairs.mac_job, repairs.win_job)
    jobs = [make(tmp_path / make.__name__) for make in makers]
    for job in jobs:
        job.wheel.rename(dist / job.wheel.name)
        for library in list(job.libs.iterdir()):
            library.rename(libs / library.name)
    pure = repairs.make_wheel(dist, {"p/__init__.py": b""}, "p-1.0-py3-none-any", purelib=True)
    done = say("repair", "-w", out, "-l", libs, dist)
    assert (done.code, done.out) == (0, "")
    outputs = {wheel.name.partition("-")[0]: wheel for wheel in out.iterdir()}
    assert sorted(outputs) == ["mac_sample", "p", "sample", "win_sample"]
    assert outputs["p"].read_bytes() == pure.read_bytes()
    for output in outputs.values():
        assert check(output).plan.nothing_to_do
    grafts = {
        name: sum(".libs/" in path or "/.dylibs/" in path for path in repairs.contents(wheel))
        for name, wheel in outputs.items()
    }
    assert grafts == {"mac_sample": 2, "p": 0, "sample": 2, "win_sample": 2}
    for make, job in zip(makers, jobs, strict=True):
        again = make(tmp_path / f"alone-{make.__name__}").repair().output
        assert outputs[job.wheel.name.partition("-")[0]].read_bytes() == again.read_bytes()
