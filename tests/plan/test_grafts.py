"""Which libraries come along, and under which names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support.facts import library, link, member, report

from wheelfix.model import (
    Artifact,
    Excluded,
    Link,
    Options,
    Plan,
    ReplaceNeeded,
    Report,
    SetOwnName,
    SetSearchPath,
)
from wheelfix.plan import plan

NAMED = re.compile(r"(.*)-([0-9a-f]{16})((?:\..*)?)")


def repaired(
    artifacts: Iterable[Artifact], links: Iterable[Link], options: Options | None = None
) -> Plan:
    return plan(report(artifacts, links), options or Options())


def one(source: str, **fields: Any) -> Plan:
    """Plan for a wheel that needs one library."""
    name = Path(source).name
    return repaired(
        (member("pkg/a.so", name), library(source, **fields)), (link("pkg/a.so", name, source),)
    )


def names(made: Plan) -> dict[str, str]:
    return {str(graft.source): graft.path.rpartition("/")[2] for graft in made.grafts}


@pytest.mark.parametrize(
    ("filename", "stem", "rest"),
    [
        ("libz.so.1.3", "libz", ".so.1.3"),
        ("libfoo-2.1.so", "libfoo-2", ".1.so"),
        ("libfoo", "libfoo", ""),  # auditwheel crashes on a name without a dot
        ("libz-1a2b3c4d.so.1", "libz", ".so.1"),  # auditwheel's digest
        ("libz-1a2b3c4d-5e6f7a8b.so.1", "libz", ".so.1"),  # and two: scipy 22654
        ("libz-0123456789abcdef.so.1", "libz", ".so.1"),  # ours
        ("libz-0123456789abcdef0123456789abcdef.so.1", "libz", ".so.1"),  # delvewheel's
        ("libdefaced.so", "libdefaced", ".so"),
        ("lib-deadbeef.so", "lib-deadbeef", ".so"),  # a word: no digit
        ("libfoo++.so.6", "libfoo++", ".so.6"),
        ("lib a\n\udcff\u20ac.so:1", "lib_a___", ".so_1"),
    ],
)
def test_a_name_carries_one_digest_before_its_first_dot(
    filename: str, stem: str, rest: str
) -> None:
    (name,) = names(one(f"/l/{filename}")).values()
    match = NAMED.fullmatch(name)
    assert match is not None
    assert (match[1], match[3]) == (stem, rest)


def test_a_name_that_is_no_text_is_never_kept() -> None:
    made = repaired(
        (member("pkg/a.so", "lib\udcff.so"), library("/l/lib\udcff.so", "lib\udcfe.so")),
        (link("pkg/a.so", "lib\udcff.so", "/l/lib\udcff.so"),),
        Options(no_mangle=("*",)),
    )
    (name,) = names(made).values()
    assert NAMED.fullmatch(name)


def test_a_name_depends_on_the_bytes_and_not_on_the_place() -> None:
    here, there, other = one("/l/libz.so"), one("/m/n/libz.so"), one("/l/libz.so", content="x")
    assert list(names(here).values()) == list(names(there).values())
    assert list(names(here).values()) != list(names(other).values())


def chain(inner: str = "same", outer: str = "same", alias: str = "libin.so") -> Plan:
    """Plan for a library that needs a library."""
    return repaired(
        (
            member("pkg/a.so", "libout.so"),
            library("/l/libout.so", alias, content=outer),
            library("/l/libin.so", content=inner),
        ),
        (link("pkg/a.so", "libout.so", "/l/libout.so"), link("/l/libout.so", alias, "/l/libin.so")),
    )


def test_a_name_depends_on_the_names_of_what_the_library_needs() -> None:
    before, after = names(chain()), names(chain(inner="changed"))
    assert before["/l/libin.so"] != after["/l/libin.so"]
    assert before["/l/libout.so"] != after["/l/libout.so"]
    assert names(chain(outer="changed"))["/l/libin.so"] == before["/l/libin.so"]


def circle(first: str = "same", folder: str = "/l") -> Plan:
    a, b = f"{folder}/liba.so", f"{folder}/libb.so"
    return repaired(
        (
            member("pkg/a.so", "liba.so"),
            library(a, "libb.so", content=first),
            library(b, "liba.so"),
        ),
        (link("pkg/a.so", "liba.so", a), link(a, "libb.so", b), link(b, "liba.so", a)),
    )


def test_libraries_that_need_each_other_are_named_together() -> None:
    before, after = names(circle()), names(circle(first="changed"))
    assert before.keys() == {"/l/liba.so", "/l/libb.so"}
    assert not set(before.values()) & set(after.values())
    assert list(before.values()) == list(names(circle(folder="/elsewhere")).values())


def test_a_library_that_needs_a_circle_is_named_after_it() -> None:
    """Which reaches as many libraries as those in the circle do."""

    def outer(content: str) -> str:
        made = repaired(
            (
                member("pkg/a.so", "libaa.so"),
                library("/l/libaa.so", "libb.so"),
                library("/l/libb.so", "libc.so", content=content),
                library("/l/libc.so", "libb.so"),
            ),
            (
                link("pkg/a.so", "libaa.so", "/l/libaa.so"),
                link("/l/libaa.so", "libb.so", "/l/libb.so"),
                link("/l/libb.so", "libc.so", "/l/libc.so"),
                link("/l/libc.so", "libb.so", "/l/libb.so"),
            ),
        )
        return names(made)["/l/libaa.so"]

    assert outer("one") != outer("two")


def test_a_library_that_needs_itself() -> None:
    made = repaired(
        (member("pkg/a.so", "libx.so"), library("/l/libx.so", "libx.so")),
        (link("pkg/a.so", "libx.so", "/l/libx.so"), link("/l/libx.so", "libx.so", "/l/libx.so")),
    )
    (graft,) = made.grafts
    name = graft.path.rpartition("/")[2]
    assert ReplaceNeeded(old="libx.so", new=name) in graft.edits


def test_a_library_needed_under_several_names_is_grafted_once_and_every_alias_follows() -> None:
    real = "/l/libq.so.1.3"
    made = repaired(
        (
            member("pkg/a.so", "libq.so", "libq.so.1"),
            member("pkg/b.so", "libq.so.1"),
            library(real),
        ),
        (
            link("pkg/a.so", "libq.so", real),
            link("pkg/a.so", "libq.so.1", real),
            link("pkg/b.so", "libq.so.1", real),
        ),
    )
    (graft,) = made.grafts
    assert graft.aliases == ("libq.so", "libq.so.1")
    name = graft.path.rpartition("/")[2]
    edits = [(p.path, e) for p in made.patches for e in p.edits]
    replaced = {(path, e.old, e.new) for path, e in edits if isinstance(e, ReplaceNeeded)}
    assert replaced == {
        ("pkg/a.so", "libq.so", name),
        ("pkg/a.so", "libq.so.1", name),
        ("pkg/b.so", "libq.so.1", name),
    }


def test_copies_of_a_library_in_two_folders_are_one_graft() -> None:
    """The closures below them are copies too, so that their needs differ in path alone."""
    folders = ("/one", "/two")
    made = repaired(
        (
            member("pkg/a.so", "libout.so"),
            member("pkg/b.so", "libout.so"),
            *(library(f"{f}/libout.so", "libin.so") for f in folders),
            *(library(f"{f}/libin.so") for f in folders),
        ),
        (
            link("pkg/a.so", "libout.so", "/one/libout.so"),
            link("pkg/b.so", "libout.so", "/two/libout.so"),
            *(link(f"{f}/libout.so", "libin.so", f"{f}/libin.so") for f in folders),
        ),
    )
    assert [str(graft.source) for graft in made.grafts] == ["/one/libin.so", "/one/libout.so"]
    assert len({edit for patch in made.patches for edit in patch.edits}) == 2


def test_copies_of_a_circle_are_one_circle() -> None:
    links = []
    for folder in ("/one", "/two"):
        a, b = f"{folder}/liba.so", f"{folder}/libb.so"
        links += [link(f"pkg{folder}.so", "liba.so", a)]
        links += [link(a, "libb.so", b), link(b, "liba.so", a)]
    artifacts = [
        *(member(f"pkg{f}.so", "liba.so") for f in ("/one", "/two")),
        *(library(f"{f}/liba.so", "libb.so") for f in ("/one", "/two")),
        *(library(f"{f}/libb.so", "liba.so") for f in ("/one", "/two")),
    ]
    assert len(repaired(artifacts, links).grafts) == 2


def test_auditwheel_101_two_libraries_of_one_soname_both_come_along() -> None:
    made = repaired(
        (
            member("pkg/a.so", "libx.so.1"),
            member("pkg/b.so", "libx.so.1"),
            library("/one/libx.so.1", content="one"),
            library("/two/libx.so.1", content="two"),
        ),
        (
            link("pkg/a.so", "libx.so.1", "/one/libx.so.1"),
            link("pkg/b.so", "libx.so.1", "/two/libx.so.1"),
        ),
    )
    by_source = names(made)
    assert by_source["/one/libx.so.1"] != by_source["/two/libx.so.1"]
    renames = {patch.path: patch.edits[0] for patch in made.patches}
    assert renames == {
        "pkg/a.so": ReplaceNeeded(old="libx.so.1", new=by_source["/one/libx.so.1"]),
        "pkg/b.so": ReplaceNeeded(old="libx.so.1", new=by_source["/two/libx.so.1"]),
    }


def test_no_mangle_keeps_the_name_that_is_asked_for() -> None:
    made = repaired(
        (member("pkg/a.so", "libx.so.1"), library("/l/libx.so.1.2", own_name="libx.so.1")),
        (link("pkg/a.so", "libx.so.1", "/l/libx.so.1.2"),),
        Options(no_mangle=("libx*",)),
    )
    (graft,) = made.grafts
    assert graft.path == "pkg.libs/libx.so.1"
    assert graft.edits == ()
    assert made.touched == ("pkg/a.so",)
    assert made.patches[0].edits == (SetSearchPath(entries=("$ORIGIN/../pkg.libs",)),)


def clash(content: str, *others: Artifact) -> Plan:
    return repaired(
        (
            member("pkg/a.so", "libx.so.1"),
            member("pkg/b.so", "libx.so.1"),
            library("/one/libx.so.1"),
            library("/two/libx.so.1", content=content),
            *others,
        ),
        (
            link("pkg/a.so", "libx.so.1", "/one/libx.so.1"),
            link("pkg/b.so", "libx.so.1", "/two/libx.so.1"),
        ),
        Options(no_mangle=("*",)),
    )


def test_of_two_libraries_one_keeps_the_name_and_the_other_is_told() -> None:
    made = clash("two")
    kept, mangled = sorted(names(made).values(), key=len)
    assert kept == "libx.so.1"
    assert NAMED.fullmatch(mangled)
    assert [f.message for f in made.findings if f.code == "WF305"] == [
        "`/two/libx.so.1` gets a new name: the wheel has another `libx.so.1`"
    ]


def test_copies_do_not_clash() -> None:
    made = clash("libx.so.1")
    assert list(names(made).values()) == ["libx.so.1"]
    assert "WF305" not in {f.code for f in made.findings}


def test_a_name_that_the_wheel_has_already_is_not_kept() -> None:
    made = clash("libx.so.1", member("pkg.libs/libx.so.1"))
    assert all(NAMED.fullmatch(name) for name in names(made).values())


def test_a_graft_takes_the_place_of_itself_in_a_wheel_repaired_before() -> None:
    (name,) = names(one("/l/libx.so")).values()
    made = repaired(
        (
            member("pkg/a.so", "libx.so"),
            member(f"pkg.libs/{name}", rpath=("/build",)),
            library("/l/libx.so"),
        ),
        (link("pkg/a.so", "libx.so", "/l/libx.so"),),
    )
    assert made.touched == (f"pkg.libs/{name}", "pkg/a.so")
    assert [patch.path for patch in made.patches] == ["pkg/a.so"]


def test_lib_sdir_is_the_end_of_the_folder() -> None:
    made = repaired(
        (member("pkg/a.so", "libx.so"), library("/l/libx.so")),
        (link("pkg/a.so", "libx.so", "/l/libx.so"),),
        Options(lib_sdir=".private"),
    )
    assert made.grafts[0].path.startswith("pkg.private/libx-")


def test_a_graft_gets_its_name_its_needs_and_a_search_path_that_is_only_ours() -> None:
    made = repaired(
        (
            member("pkg/a.so", "libout.so"),
            library("/l/libout.so", "libin.so", "libleft.so", runpath=("/l", "$ORIGIN/x")),
            library("/l/libin.so", rpath=("/l",)),
        ),
        (
            link("pkg/a.so", "libout.so", "/l/libout.so"),
            link("/l/libout.so", "libin.so", "/l/libin.so"),
            link("/l/libout.so", "libleft.so", Excluded(pattern="libleft*")),
        ),
    )
    inner, outer = made.grafts
    named = names(made)
    assert inner.edits == (SetOwnName(name=named["/l/libin.so"]), SetSearchPath(entries=()))
    assert outer.edits == (
        SetOwnName(name=named["/l/libout.so"]),
        ReplaceNeeded(old="libin.so", new=named["/l/libin.so"]),
        SetSearchPath(entries=("$ORIGIN",)),
    )


def test_a_graft_that_needs_a_member_finds_it() -> None:
    made = repaired(
        (
            member("pkg/sub/libmine.so"),
            member("pkg/a.so", "libout.so"),
            library("/l/libout.so", "libmine.so"),
        ),
        (
            link("pkg/a.so", "libout.so", "/l/libout.so"),
            link("/l/libout.so", "libmine.so", "pkg/sub/libmine.so", beyond_search=True),
        ),
    )
    assert SetSearchPath(entries=("$ORIGIN/../pkg/sub",)) in made.grafts[0].edits


def test_a_thousand_libraries_in_a_row() -> None:
    paths = [f"/l/lib{n:04}.so" for n in range(1000)]
    following = [*paths[1:], None]
    artifacts = [member("pkg/a.so", "lib0000.so")]
    links = [link("pkg/a.so", "lib0000.so", paths[0])]
    for path, after in zip(paths, following, strict=True):
        needed = (after.rpartition("/")[2],) if after else ()
        artifacts.append(library(path, *needed))
        links += [link(path, name, after) for name in needed]
    facts: Report = report(artifacts, links)
    assert len(plan(facts, Options()).grafts) == 1000
