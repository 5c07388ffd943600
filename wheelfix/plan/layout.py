"""Where everything lies once pip has installed it, as far as paths between binaries need it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from types import MappingProxyType

from wheelfix.archive import installed_path
from wheelfix.model import (
    Image,
    ImageKind,
    InstalledPath,
    Launcher,
    Place,
    Starter,
    WheelInfo,
    WheelPath,
)
from wheelfix.plan.graph import Graph
from wheelfix.value import Value

SCRIPTS = ".data/scripts/"
"""What pip puts into `bin`, whatever the project's spelling in the folder's name."""


NOTHING: Mapping[WheelPath, Starter] = MappingProxyType({})
NOWHERE: Mapping[str, Starter] = MappingProxyType({})


class Homes(Value):
    """Where the grafts go."""

    folders: tuple[str, ...]
    """Each gets all of them, "" being the root; search paths and shims lead to the first."""
    starters: Mapping[WheelPath, Starter] = NOTHING
    """By binary that needs grafts: the Python file that runs before it and says where they are."""
    by_folder: Mapping[str, Starter] = NOWHERE
    """By installed folder: the Python file that runs before what lies there is loaded."""

    @property
    def libs(self) -> str:
        """Give the first folder."""
        return self.folders[0]


class Layout(Value):
    """The folders of a repaired wheel."""

    libs: str
    """The grafts' folder."""
    moved: Mapping[WheelPath, WheelPath]
    """Programs of `.data/scripts` by their place inside site-packages, were they to move."""
    installed: Mapping[Place, InstalledPath | None]
    """Where each binary of the wheel ends up; None for outside site-packages."""

    def folder(self, place: Place) -> str | None:
        """Give the installed folder of a member or graft, "" for the root; None for outside."""
        path = self.installed.get(place)
        return None if path is None else posixpath.dirname(path)


def layout_of(wheel: WheelInfo, graph: Graph, libs: str, *, moving: bool = True) -> Layout:
    """Lay out the wheel's own binaries; programs of `.data/scripts` where they would move.

    `libs` is the grafts' folder. Without `moving` such programs stay where they are.
    """
    moved: dict[WheelPath, WheelPath] = {}
    installed: dict[Place, InstalledPath | None] = {}
    for artifact in graph.members:
        path = artifact.place
        assert isinstance(path, str)
        installed[path] = installed_path(path)
        top, _, script = path.partition(SCRIPTS)
        if moving and script and "/" not in top and is_program(artifact.images):
            moved[path] = WheelPath(f"{wheel.name}.scripts/{script}")
            installed[path] = InstalledPath(moved[path])
    return Layout(
        libs=libs,
        moved=MappingProxyType(moved),
        installed=MappingProxyType(installed),
    )


def is_program(images: tuple[Image, ...]) -> bool:
    """Tell whether the kernel, not another binary, loads it."""
    return any(image.kind is ImageKind.PROGRAM for image in images)


def relative(start: str, target: str) -> str:
    """Give the path from one installed folder to another, "" for the same."""
    path = posixpath.relpath(f"/{target}", f"/{start}")  # absolute: the plan asks for no folder
    return "" if path == "." else path


def stays_inside(folder: str, path: str) -> bool:
    """Tell whether `path`, taken from an installed folder, is still below site-packages."""
    target = posixpath.normpath(posixpath.join(folder, path))
    return target != ".." and not target.startswith("../")


LAUNCHER = '''\
#!python
"""Start a program that lies beside the libraries it needs in site-packages."""
import os
import sys
import sysconfig

PROGRAM = os.path.join(*{parts!r})
PREFIX = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
BASES = dict.fromkeys(("base", "platbase", "installed_base", "installed_platbase"), PREFIX)
FOLDERS = [PREFIX, sysconfig.get_path("platlib", vars=BASES), *sys.path]

for folder in FOLDERS:
    program = os.path.join(folder, PROGRAM)
    if os.path.isfile(program):
        os.execv(program, [sys.argv[0], *sys.argv[1:]])
sys.exit("no " + PROGRAM + " in any of: " + ", ".join(FOLDERS))
'''
"""pip puts scripts in `bin` beside site-packages' parent, or, with --target, in site-packages/bin.

The program is first looked for there, so that a copy installed elsewhere is never started by it.
"""


def launcher(script: WheelPath, program: WheelPath) -> Launcher:
    """Make the script that takes a moved program's place."""
    parts = program.split("/")
    return Launcher(script=script, program=program, text=LAUNCHER.format(parts=parts))
