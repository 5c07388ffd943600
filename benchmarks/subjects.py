"""The wheels that are timed, and who is timed on each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import made
import published
from big import big_wheel
from peers import Peers
from published import Pin
from unrepair import Unrepaired
from unrepair_mac import Llvm, find_llvm

from wheelfix import Options, repair

CONTESTANTS = {
    "Linux": ("wheelfix", "auditwheel", "repairwheel"),
    "macOS": ("wheelfix", "repairwheel"),
    "Windows": ("wheelfix", "delvewheel", "repairwheel"),
}
"""Who repairs wheels for a system on this host; delocate runs nowhere but on macOS."""

HERE = f"linux_{made.MACHINE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A wheel by its name on the command line."""

    name: str
    group: str
    """`published`, `made` or `nothing`: the last are those that need no repair."""
    system: str
    prepare: Callable[[], Unrepaired]

    @property
    def tools(self) -> tuple[str, ...]:
        """Give the contestants, ours first."""
        return CONTESTANTS[self.system]


def subjects(environment: Peers) -> dict[str, Subject]:
    """Give all of them by name, unprepared."""
    every = [*_published(environment), *_made(), *_nothing(environment)]
    return {subject.name: subject for subject in every}


def _published(environment: Peers) -> list[Subject]:
    undo: dict[str, Callable[[Pin], Unrepaired]] = {
        "Linux": lambda pin: published.unrepaired(pin, patchelf=environment.patchelf),
        "macOS": lambda pin: published.unrepaired_mac(pin, llvm=_llvm()),
        "Windows": published.unrepaired_windows,
    }
    return [
        Subject(
            name=f"{pin.project}-{pin.platforms[0] if pin.platforms else HERE}",
            group="published",
            system=system,
            prepare=partial(undo[system], pin),
        )
        for system, pins in published.timed_pins().items()
        for pin in pins
    ]


def _llvm() -> Llvm:
    found = find_llvm()
    if found is None:
        sys.exit("macOS wheels need llvm-install-name-tool and llvm-otool: apt-get install llvm")
    return found


def _made() -> list[Subject]:
    wheels = (
        ("many-linux", "Linux", partial(made.many, made.LINUX)),
        ("many-windows", "Windows", partial(made.many, made.WINDOWS)),
        ("tiny-linux", "Linux", partial(made.tiny, made.LINUX)),
        ("tiny-windows", "Windows", partial(made.tiny, made.WINDOWS)),
        ("big", "Linux", big_wheel),
    )
    return [
        Subject(name=name, group="made", system=system, prepare=prepare)
        for name, system, prepare in wheels
    ]


def _nothing(environment: Peers) -> list[Subject]:
    wheels = (
        ("pure-large", partial(made.pure, 200)),
        ("pure-many", partial(made.pure, made.TINY_FILES)),
        ("repaired-scipy", partial(_repaired_scipy, environment)),
    )
    return [
        Subject(name=name, group="nothing", system="Linux", prepare=prepare)
        for name, prepare in wheels
    ]


def _repaired_scipy(environment: Peers) -> Unrepaired:
    """Give a wheel that wheelfix has repaired: the published one's archive is to be mended."""
    pin = Pin(project="scipy", version=published.LARGE_WHEELS["scipy"])
    before = published.unrepaired(pin, patchelf=environment.patchelf)

    def make(folder: Path) -> None:
        repair(before.wheel, folder, Options(lib_paths=(before.libraries,)))

    return made.made("repaired-scipy", make)
