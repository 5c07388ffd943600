"""Invariant 20: a library that is only loaded by name can be declared, and is then found."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from support import extension, needs, repairs

import wheelfix
from wheelfix import Dlopen, Options, Plan, WheelPath
from wheelfix.arguments import parser
from wheelfix.errors import CannotRepair
from wheelfix.formats import elf
from wheelfix.hostfile import HostFile
from wheelfix.model import Opened

pytestmark = repairs.loads_here

WHEEL = "pkg-1.0-cp311-abi3-linux_x86_64.whl"
MODULE = "pkg/_ext.abi3.so"


def wheel_of(module: Path, folder: Path) -> Path:
    """Put the extension into a wheel."""
    members = {"pkg/__init__.py": b"", MODULE: module.read_bytes()}
    return repairs.make_wheel(folder, members, WHEEL.removesuffix(".whl"))


def planned(module: Path, options: Options) -> Plan:
    """Plan for the extension as an artifact."""
    return wheelfix.plan_artifacts({WheelPath(MODULE): module}, wheel=WHEEL, options=options)


@pytest.mark.parametrize("how", ["note", "include"])
def test_inv20_a_declared_dlopen_gets_its_search_path(how: str, tmp_path: Path) -> None:
    module = extension.build_opener(tmp_path, "required" if how == "note" else None)
    include = ("libseven.so.1",) if how == "include" else ()
    options = Options(lib_paths=(tmp_path / "libs",), include=include)
    outcome = wheelfix.repair(wheel_of(module, tmp_path), tmp_path / "out", options)
    repairs.unpack(outcome.output, tmp_path / "site")
    assert [graft.path for graft in outcome.plan.grafts] == ["pkg.libs/libseven.so.1"]
    assert [f.message for f in outcome.plan.findings if f.code == "WF209"] == [
        f"`{MODULE}` loads `libseven.so.1` by name when it runs"
    ]
    assert MODULE in outcome.plan.touched
    (tmp_path / "libs").rename(tmp_path / "away")
    assert extension.asked(tmp_path / "site") == "7"


def test_without_a_declaration_it_is_not_found(tmp_path: Path) -> None:
    """What the test above would see if nothing were done."""
    module = extension.build_opener(tmp_path, None)
    outcome = wheelfix.repair(wheel_of(module, tmp_path), tmp_path / "out", Options())
    assert extension.asked(repairs.unpack(outcome.output, tmp_path / "site")) == "-1"


@pytest.mark.parametrize(
    ("priority", "levels"),
    [
        ("required", {Dlopen.REQUIRED, Dlopen.RECOMMENDED, Dlopen.ALL}),
        ("recommended", {Dlopen.RECOMMENDED, Dlopen.ALL}),
        ("suggested", {Dlopen.ALL}),
    ],
)
def test_the_level_decides_what_comes_along(
    priority: str, levels: set[Dlopen], tmp_path: Path
) -> None:
    module = extension.build_opener(tmp_path, priority)
    for level in Dlopen:
        plan = planned(module, Options(lib_paths=(tmp_path / "libs",), dlopen=level))
        assert bool(plan.grafts) == (level in levels), level
        assert (MODULE in plan.touched) == (level in levels), level


def test_what_is_required_and_nowhere_is_an_error_and_what_is_not_required_is_none(
    tmp_path: Path,
) -> None:
    required = extension.build_opener(tmp_path / "required", "required")
    with pytest.raises(CannotRepair, match=r"cannot find `libother\.so\.9`"):
        wheelfix.repair(wheel_of(required, tmp_path), tmp_path / "out", Options())
    suggested = extension.build_opener(tmp_path / "suggested", "suggested")
    assert planned(suggested, Options(dlopen=Dlopen.ALL)).obstacles == ()


@pytest.mark.parametrize("priority", ["required", "recommended", "suggested"])
def test_what_does_not_come_along_is_named_with_the_level_that_brings_it(
    priority: str, tmp_path: Path
) -> None:
    module = extension.build_opener(tmp_path, priority)
    without = planned(module, Options(lib_paths=(tmp_path / "libs",), dlopen=Dlopen.NONE))
    (hint,) = (found.hint for found in without.findings if found.code == "WF217")
    said = parser("check").parse_args(["check", *shlex.split(hint.split("`")[1])])
    level = Dlopen(said.dlopen)
    assert planned(module, Options(lib_paths=(tmp_path / "libs",), dlopen=level)).grafts


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[{"soname":["a.so"]}]', (Opened(names=("a.so",), priority="recommended"),)),
        (
            '[{"soname":["/x/a.so", "b.so", 3, ""]}]',
            (Opened(names=("b.so",), priority="recommended"),),
        ),
        ('[{"soname":[]}, {"soname":"a.so"}, 7, {"priority":"required"}]', ()),
        ('[{"soname":["a.so"],"priority":"vital"}]', ()),
        ('[{"soname":["a.so"],"priority":[]}]', ()),
        ("[" * 20000, ()),
        ('{"soname":["a.so"]}', ()),
        ("no JSON", ()),
        ("", ()),
    ],
    ids=range(9),
)
def test_a_note_is_read_and_nonsense_is_left_out(
    text: str, found: tuple[Opened, ...], tmp_path: Path
) -> None:
    note = tmp_path / "note.s"
    data = text.encode()
    note.write_text(
        '.section .note.dlopen,"a",@note\n.balign 4\n'
        f'.long 4, {len(data)}, 0x407c0c0a\n.asciz "FDO"\n'
        f".byte {', '.join(map(str, data)) or '0'}\n.balign 4\n"
    )
    gcc = needs.tool("gcc", "gcc")
    target = tmp_path / "noted.so"
    words = (gcc, "-shared", "-nostdlib", "-o", target, note)
    repairs.run(*words, env={"PATH": os.environ["PATH"]})
    with HostFile(target) as source:
        (image,) = elf.read(source, watch={})
    assert image.opens == found
