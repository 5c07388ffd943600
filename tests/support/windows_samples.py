"""Wheels for Windows and folders of DLLs, out of the samples."""

from __future__ import annotations

from pathlib import Path

from support import repairs
from support.samples import pe as sample
from wheelfix import Options, Outcome, repair
from wheelfix.formats import pe
from wheelfix.host import Host
from wheelfix.model import ReplaceNeeded

TAG = "cp311-cp311-win_amd64"
NOWHERE = Host({})
"""A machine whose PATH is not set."""


def data(what: str, arch: str = "amd64") -> bytes:
    """Give the bytes of a DLL that lld linked; others by their whole file name."""
    name = what if "." in what else f"lld-{arch}-lib-{what}.dll"
    return sample(name).read_bytes()


def wheel_of(
    folder: Path, members: dict[str, bytes], tag: str = TAG, name: str = "pkg-1.0"
) -> Path:
    """Make a wheel of these members."""
    return repairs.make_wheel(folder, members, f"{name}-{tag}")


def package(**members: bytes) -> dict[str, bytes]:
    """Give the regular package `pkg` with these extensions."""
    files = {f"pkg/{name}.pyd": content for name, content in members.items()}
    return {"pkg/__init__.py": b"", **files}


def libraries(folder: Path, **files: bytes) -> Path:
    """Put DLLs into a folder to search, each under its name without `.dll`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / f"{name}.dll").write_bytes(content)
    return folder


def chain(folder: Path) -> Path:
    """Give a folder with `outer.dll`, which needs `inner.dll`, and that."""
    return libraries(folder, outer=data("outer"), inner=data("inner"))


def asking(content: bytes, *pairs: tuple[str, str], folder: Path) -> bytes:
    """Have a DLL ask for what it needs by other names."""
    file = folder / "asking"
    file.write_bytes(content)
    pe.apply(file, tuple(ReplaceNeeded(old=old, new=new) for old, new in pairs))
    return file.read_bytes()


def repaired(wheel: Path, *libs: Path, path: str | None = None, **options: object) -> Outcome:
    """Repair into `out` beside the wheel's folder; `path` is PATH, unset for None."""
    host = NOWHERE if path is None else Host({"PATH": path})
    given = {"lib_paths": libs, **options}
    return repair(wheel, wheel.parent.parent / "out", Options(**given), host=host)  # type: ignore[arg-type]


def grafted(outcome: Outcome) -> dict[str, str]:
    """Give new path by the old file name, in lower case, of every graft."""
    return {graft.source.name.lower(): graft.path for graft in outcome.plan.grafts}


def codes(outcome: Outcome) -> set[str]:
    """Give the codes of all findings."""
    return {found.code for found in outcome.plan.findings}
