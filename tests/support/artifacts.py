"""A build's outputs, which nobody may touch, and the wheel that they are about to go into."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from support import repairs
from support.samples import TESTDATA
from wheelfix import Kind, Options, Plan, Repaired, WheelPath, plan_artifacts, repair_artifacts

PE = TESTDATA / "pe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One test's build tree, with what it linked from, and where our scratch folders go."""

    wheel: str
    artifacts: Mapping[WheelPath, Path]
    libs: Path
    scratch: Path
    touched: frozenset[str]
    """The artifacts that a repair edits."""
    linked: frozenset[str]
    """Those that an editable build edits."""

    @property
    def root(self) -> Path:
        """The folder of all outputs."""
        return self.scratch.parent / "build"

    @property
    def options(self) -> Options:
        return Options(scratch=self.scratch, jobs=2)

    def plan(self, kind: Kind = Kind.REPAIR) -> Plan:
        return plan_artifacts(
            self.artifacts,
            wheel=self.wheel,
            kind=kind,
            options=self.options,
            link_paths=(self.libs,),
        )

    def repair(
        self, kind: Kind = Kind.REPAIR, options: Options | None = None
    ) -> AbstractContextManager[Repaired]:
        return repair_artifacts(
            self.artifacts,
            wheel=self.wheel,
            kind=kind,
            options=options or self.options,
            link_paths=(self.libs,),
        )

    def state(self) -> dict[Path, repairs.State]:
        """Give all that must be the same afterwards, folders' times included."""
        return repairs.state(self.root, self.libs)


def _build(
    folder: Path,
    wheel: str,
    members: Mapping[str, bytes],
    libs: Path,
    touched: frozenset[str],
    linked: frozenset[str],
) -> Build:
    """Lay the members out as a build would: flat, under names of its own.

    Where that was done before, give it again as it is.
    """
    root, scratch = folder / "build", folder / "scratch"
    artifacts = {WheelPath(path): root / f"output-{n}" for n, path in enumerate(members)}
    if not root.exists():
        root.mkdir(parents=True)
        scratch.mkdir()
        for path, file in artifacts.items():
            file.write_bytes(members[path])
            file.chmod(0o755 if path in touched else 0o644)
        # A short path: a Mach-O file's room for a search path is small.
        (folder / "libs").symlink_to(tempfile.mkdtemp(prefix="libs"))
        shutil.copytree(libs, folder / "libs", dirs_exist_ok=True)
    return Build(
        wheel=wheel,
        artifacts=artifacts,
        libs=(folder / "libs").readlink(),
        scratch=scratch,
        touched=touched,
        linked=linked,
    )


def _members(wheel: Path) -> dict[str, bytes]:
    return {p: c for p, c in repairs.contents(wheel).items() if ".dist-info/" not in p}


def elf(folder: Path) -> Build:
    """Give an extension, beside a library that is as it must be."""
    members = _members(repairs.SAMPLE)
    members["sample/data.so"] = (repairs.SAMPLE_LIBS / "libword.so.2").read_bytes()
    module = frozenset({"sample/_greet.abi3.so"})
    return _build(folder, repairs.SAMPLE.name, members, repairs.SAMPLE_LIBS, module, module)


def macho(folder: Path) -> Build:
    """Give an extension, a program, and a library that needs no edit."""
    wheel = repairs.WHEELS / "mac_sample-1.0-cp311-abi3-macosx_11_0_arm64.whl"
    touched = frozenset({"mac_sample/_ext.abi3.so", "mac_sample/hello"})
    libs = repairs.WHEELS / "macos-libs"
    return _build(folder, wheel.name, _members(wheel), libs, touched, touched)


def pe(folder: Path) -> Build:
    """Give two extensions in two packages, so that a shim is needed, and one that needs nothing."""
    outer, inner = (f"lld-amd64-lib-{name}.dll" for name in ("outer", "inner"))
    (folder / "dlls").mkdir(parents=True, exist_ok=True)
    shutil.copy(PE / inner, folder / "dlls" / "inner.dll")
    members = {
        "win/__init__.py": b'"""Doc."""\nx = 1\n',
        "win/_a.pyd": (PE / outer).read_bytes(),
        "win/sub/__init__.py": b"",
        "win/sub/_b.pyd": (PE / outer).read_bytes(),
        "win/sub/_alone.pyd": (PE / inner).read_bytes().replace(b"inner.dll", b"alone.dll"),
    }
    return _build(
        folder,
        "win-1.0-cp312-abi3-win_amd64.whl",
        members,
        folder / "dlls",
        frozenset({"win/__init__.py", "win/_a.pyd", "win/sub/_b.pyd"}),
        frozenset({"win/__init__.py"}),
    )


BUILDS: tuple[Callable[[Path], Build], ...] = (elf, macho, pe)
