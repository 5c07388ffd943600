"""`wheelfix tree`: the picture that people want when check says no."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support import repairs
from support.facts import library, link, mac_image, mac_member, member, report
from support.said import Say

from wheelfix import render
from wheelfix.model import (
    Attempt,
    Excluded,
    FromPython,
    NeededKind,
    OnHost,
    OnSystem,
    Report,
)
from wheelfix.render import graph
from wheelfix.render.tree import Tree, leading_to, tree_data, tree_text, why_text

LIBS = ("-l", repairs.SAMPLE_LIBS, "-l", repairs.WHEELS / "x86_64")
NAME = "pkg-1.0-cp311-cp311-linux_x86_64.whl"


def facts() -> Report:
    """Two extensions over a diamond, with every kind of provider."""
    tried = (
        Attempt(where="$ORIGIN -> pkg/", outcome="no such member"),
        Attempt(where="/opt/l (--lib-path)", outcome="not there"),
    )
    top = OnHost(found=Path("/opt/l/libtop.so"), real=Path("/opt/l/libtop.so.1.2"))
    return report(
        (
            member("pkg/a.so", "libtop.so", "libc.so.6", "libpython3.11.so.1.0", "libcuda.so.1"),
            member("pkg/b.so", "libin.so"),
            member("pkg/libin.so", "libtop.so", "libgone.so"),
            library("/opt/l/libtop.so.1.2", "libbase.so"),
            library("/opt/l/libbase.so"),
        ),
        (
            link("pkg/a.so", "libtop.so", top, via="/opt/l (--lib-path)", tried=tried[:1]),
            link("pkg/a.so", "libc.so.6", OnSystem()),
            link("pkg/a.so", "libpython3.11.so.1.0", FromPython()),
            link("pkg/a.so", "libcuda.so.1", Excluded(pattern="libcuda*")),
            link("pkg/b.so", "libin.so", "pkg/libin.so", beyond_search=True),
            link("pkg/libin.so", "libtop.so", top, kind=NeededKind.WEAK),
            link("pkg/libin.so", "libgone.so", tried=tried),
            link("/opt/l/libtop.so.1.2", "libbase.so", "/opt/l/libbase.so"),
        ),
    )


TREE = f"""\
{NAME}
  pkg/a.so
    libtop.so -> /opt/l/libtop.so = /opt/l/libtop.so.1.2, through /opt/l (--lib-path)
      libbase.so -> /opt/l/libbase.so
    libc.so.6: of the target system
    libpython3.11.so.1.0: the interpreter has it
    libcuda.so.1: left to the system by --exclude libcuda*
  pkg/b.so
    libin.so -> pkg/libin.so, where it is not looked for
      libtop.so [weak] -> /opt/l/libtop.so = /opt/l/libtop.so.1.2 (see above)
      libgone.so: not found
          tried $ORIGIN -> pkg/: no such member
          tried /opt/l (--lib-path): not there"""


def test_the_whole_tree() -> None:
    assert tree_text(facts(), verbose=False, width=200) == TREE


def test_what_was_tried_before_it_was_found() -> None:
    said = tree_text(facts(), verbose=True, width=200).splitlines()
    assert [line for line in said if line not in TREE.splitlines()] == [
        "        tried $ORIGIN -> pkg/: no such member"
    ]


def test_lines_fit() -> None:
    lines = tree_text(facts(), verbose=False, width=60).splitlines()
    assert max(map(len, lines)) <= 60
    at = lines.index("    libtop.so -> /opt/l/libtop.so = /opt/l/libtop.so.1.2,")
    assert lines[at + 1] == "          through /opt/l (--lib-path)"


WHY = f"""\
{NAME}: `libbase.so` is needed by
  pkg/a.so
    libtop.so -> /opt/l/libtop.so = /opt/l/libtop.so.1.2, through /opt/l (--lib-path)
      libbase.so -> /opt/l/libbase.so
  pkg/b.so
    libin.so -> pkg/libin.so, where it is not looked for
      libtop.so [weak] -> /opt/l/libtop.so = /opt/l/libtop.so.1.2
        libbase.so -> /opt/l/libbase.so"""


def test_every_chain_that_leads_to_a_library() -> None:
    assert why_text(facts(), "libbase.so", verbose=False, width=200) == WHY
    for same in ("/opt/l/libbase.so", "LIBBASE*", "*/libbase.so"):
        said = why_text(facts(), same, verbose=False, width=200)
        assert said.splitlines()[1:] == WHY.splitlines()[1:]
    said = why_text(facts(), "libx.so", verbose=False, width=200)
    assert said == f"{NAME}: nothing needs `libx.so`"


def test_chains_as_drawing_and_data() -> None:
    links = leading_to(facts(), "libgone.so")
    assert [(str(each.user), each.needed) for each in links] == [
        ("pkg/b.so", "libin.so"),
        ("pkg/libin.so", "libgone.so"),
    ]
    assert len(graph.drawing(links, system=True).edges) == 2
    chains = tree_data(facts(), "libgone.so")["chains"]
    assert [[each["needed"] for each in chain] for chain in chains] == [["libin.so", "libgone.so"]]
    assert not tree_data(facts(), "libx.so")["ok"]


def ring(count: int) -> Report:
    """Members that all need each other, which nothing else needs."""
    names = [f"pkg/{n:02d}.so" for n in range(count)]
    links = [link(a, Path(b).name, b) for a in names for b in names]
    return report([member(n, *(Path(m).name for m in names)) for n in names], links)


def test_a_ring_has_a_top_and_an_end() -> None:
    assert Tree(ring(3)).roots() == ("pkg/00.so",)
    said = tree_text(ring(3), verbose=False, width=200).splitlines()
    assert len(said) == 2 + 9
    assert said.count("    02.so -> pkg/02.so") == 0
    chains = list(Tree(ring(3)).chains("02.so"))
    assert all(chain[0].link.user == "pkg/00.so" for chain in chains)
    assert all(chain[-1].link.needed == "02.so" for chain in chains)


def test_a_web_has_too_many_chains_and_that_is_said() -> None:
    said = why_text(ring(12), "11.so", verbose=False, width=200)
    assert said.endswith("\n  and there are more chains than these")


def test_long_chains_are_no_matter() -> None:
    """A thousand libraries, each needing the next: no recursion of ours is that deep."""
    names = [f"pkg/{n:04d}.so" for n in range(2000)]
    links = [link(a, Path(b).name, b) for a, b in pairwise(names)]
    long = report([member(n) for n in names], links)
    assert len(tree_text(long, verbose=False, width=9999).splitlines()) == 2001
    assert len(why_text(long, "1999.so", verbose=False, width=9999).splitlines()) == 2001


def test_slices_that_differ_are_told_apart() -> None:
    two = mac_member("pkg/a.so", mac_image(arch="x86_64"), mac_image(arch="arm64"))
    links = [
        link("pkg/a.so", "/usr/lib/libSystem.B.dylib", OnSystem(), arch="x86_64"),
        link("pkg/a.so", "/usr/lib/libSystem.B.dylib", OnSystem(), arch="arm64"),
        link("pkg/a.so", "@rpath/libomp.dylib", arch="arm64"),
    ]
    said = tree_text(report([two], links), verbose=False, width=200).splitlines()
    assert said[2:] == [
        "    /usr/lib/libSystem.B.dylib: of the target system",
        "    @rpath/libomp.dylib [arm64]: not found",
    ]


def test_a_wheel_without_binaries(say: Say, tmp_path: Path) -> None:
    wheel = repairs.make_wheel(tmp_path, {"a.py": b""}, "pure-1.0-py3-none-any", purelib=True)
    said = say("tree", wheel)
    assert said.code == 0
    assert said.out == f"{wheel.name}\n  no binaries for the wheel's machine\n"


def _json(say: Say, *words: Any) -> Any:
    file = Path(__file__).parents[1] / "docs"
    schema = json.loads((file / f"wheelfix-json-{render.SCHEMA_VERSION}.schema.json").read_text())
    document = json.loads(say("tree", "--json", *LIBS, *words, repairs.SAMPLE).out)
    jsonschema.Draft202012Validator(schema).validate(document)
    return document["wheels"][0]


def test_the_command(say: Say) -> None:
    said = say("tree", *LIBS, repairs.SAMPLE)
    assert (said.code, said.err) == (0, "")
    assert "    libgreet.so.1 -> " in said.out
    assert _json(say)["roots"] == ["sample/_greet.abi3.so"]
    found = _json(say, "--why", "libword*")
    assert [each["needed"] for each in found["chains"][0]] == ["libgreet.so.1", "libword.so.2"]
    assert say("tree", *LIBS, "--why", "libword*", repairs.SAMPLE).code == 0
    for form in ([], ["--json"], ["--dot"]):
        assert say("tree", *LIBS, *form, "--why", "nobody.so", repairs.SAMPLE).code == 1


@pytest.mark.parametrize(("form", "first"), [("--dot", "digraph"), ("--mermaid", "graph LR")])
def test_drawings(say: Say, form: str, first: str) -> None:
    every = say("tree", *LIBS, form, repairs.SAMPLE).out
    assert every.startswith(first)
    assert "libc.so.6" in every
    assert "libc.so.6" not in say("tree", *LIBS, form, "--why", "libword*", repairs.SAMPLE).out
