"""The plan as a whole: when there is little or nothing to do, and what forbids it."""

from __future__ import annotations

import pytest
from support.facts import library, link, member, report, wheel_info

from wheelfix.model import Attempt, Image, Options, Plan, Skip, SkippedMember, WheelPath
from wheelfix.plan import plan
from wheelfix.plan.findings import NAMED_USERS

CLAIMS = "pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.whl"
PURE = "pkg-1.0-py3-none-any.whl"


def codes(made: Plan) -> list[str]:
    return [found.code for found in made.findings]


@pytest.mark.parametrize("filename", [CLAIMS, PURE])
def test_a_wheel_that_is_right_needs_nothing(filename: str) -> None:
    binaries = () if filename == PURE else (member("pkg/a.so", runpath=("$ORIGIN",)),)
    arch = None if filename == PURE else "x86_64"
    made = plan(report(binaries, filename=filename, arch=arch), Options())
    assert made.nothing_to_do
    assert (made.output, made.findings, made.touched) == (filename, (), ())


def test_a_pure_wheel_stays_pure() -> None:
    facts = report(wheel=wheel_info(PURE, root_is_purelib=True), arch=None)
    made = plan(facts, Options())
    assert made.nothing_to_do
    assert made.root_is_purelib


def test_binaries_are_never_pure() -> None:
    facts = report((member("pkg/a.so"),), wheel=wheel_info(CLAIMS, root_is_purelib=True))
    made = plan(facts, Options())
    assert not made.root_is_purelib
    assert not made.nothing_to_do


@pytest.mark.parametrize("arch", ["x86_64", None])
def test_an_archive_that_breaks_the_rules_is_written_anew(arch: str | None) -> None:
    binaries = () if arch is None else (member("pkg/a.so"),)
    facts = report(binaries, filename=CLAIMS, arch=arch, archive_notes=("has a comment",))
    made = plan(facts, Options())
    assert made.rewrite_archive
    assert not made.nothing_to_do
    assert codes(made) == ["WF303"]


@pytest.mark.parametrize("arch", ["x86_64", None])
def test_a_pattern_that_excludes_nothing_is_told(arch: str | None) -> None:
    binaries = () if arch is None else (member("pkg/a.so"),)
    facts = report(binaries, filename=CLAIMS, arch=arch, unused_excludes=("libfo*",))
    made = plan(facts, Options())
    assert codes(made) == ["WF302"]
    assert not made.obstacles


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        (("cp311-cp311-manylinux_2_17_x86_64",), True),
        (("cp311-cp311-linux_x86_64",), False),
        (("cp311-cp311-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_17_x86_64"), False),
    ],
)
def test_a_wheel_renamed_by_hand_gets_tag_lines_true_to_its_name(
    tags: tuple[str, ...], *, kept: bool
) -> None:
    facts = report((member("pkg/a.so"),), wheel=wheel_info(CLAIMS, tags=tags))
    made = plan(facts, Options())
    assert made.tags == ("cp311-cp311-manylinux_2_17_x86_64",)
    assert made.nothing_to_do is kept
    assert codes(made) == ([] if kept else ["WF312"])


def test_the_order_of_tag_lines_is_no_matter() -> None:
    name = "pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"
    info = wheel_info(name)
    facts = report((member("pkg/a.so"),), wheel=wheel_info(name, tags=info.tags[::-1]))
    assert plan(facts, Options()).nothing_to_do


def test_what_is_left_alone_is_said() -> None:
    skipped = SkippedMember(path=WheelPath("pkg/a.o"), reason="an object file")
    made = plan(report(filename=PURE, arch=None, skipped=(skipped,)), Options())
    assert made.skips == (Skip(path="pkg/a.o", reason="an object file"),)


def test_build_and_label_stay_in_the_name() -> None:
    facts = report((member("pkg/a.so"),), filename="pkg-1.0-3-cp311-cp311-linux_x86_64-cuda.whl")
    name = "pkg-1.0-3-cp311-cp311-manylinux1_x86_64.manylinux_2_5_x86_64-cuda.whl"
    assert plan(facts, Options()).output == name


def test_every_missing_library_is_told_at_once_with_all_who_need_it() -> None:
    tried = (
        Attempt(where="$ORIGIN -> pkg/", outcome="no such member"),
        Attempt(where="/usr/lib", outcome="wrong machine: i686, needed by x86_64"),
    )
    users = [f"pkg/{n}.so" for n in range(NAMED_USERS + 3)]
    facts = report(
        [*(member(user, "libgone.so") for user in users), library("/l/libx.so", "libalso.so")],
        [
            *(link(user, "libgone.so", tried=tried) for user in users),
            link(users[0], "libx.so", "/l/libx.so"),
            link("/l/libx.so", "libalso.so"),
        ],
    )
    also, gone = plan(facts, Options()).obstacles
    assert also.message == "cannot find `libalso.so`"
    assert also.details == (
        "needed by /l/libx.so",
        "looked in no folder: it names none, and none is given",
    )
    assert gone.message == "cannot find `libgone.so`"
    assert gone.path == "pkg/0.so"
    assert gone.details == (
        *(f"needed by {user}" for user in users[:NAMED_USERS]),
        "needed by 3 more",
        "looked in $ORIGIN -> pkg/  no such member",
        "          /usr/lib         wrong machine: i686, needed by x86_64",
    )
    assert gone.hint == (
        "add the folder that holds `libgone.so` with `--lib-path DIR`, or leave it to the user's "
        "system with `--exclude 'libgone.so'`"
    )


LOCK = "it is a statically linked program (static PIE)"


def test_every_locked_binary_that_would_have_to_be_edited_is_told_at_once() -> None:
    facts = report(
        (
            member("pkg/a", rpath=("/build",), locked=LOCK),
            member("pkg/b.so", "libx.so"),
            member("pkg/c", locked=LOCK),
            library("/l/libx.so", locked="it is the dynamic loader itself"),
        ),
        (link("pkg/b.so", "libx.so", "/l/libx.so"),),
    )
    made = plan(facts, Options())
    assert [(f.code, f.message) for f in made.obstacles] == [
        ("WF202", f"`pkg/a` would have to be edited, but {LOCK}"),
        ("WF202", "`/l/libx.so` would have to be edited, but it is the dynamic loader itself"),
    ]


def test_a_locked_library_that_keeps_its_name_comes_along() -> None:
    facts = report(
        (member("pkg/b.so", "libx.so"), library("/l/libx.so", locked="it has a payload")),
        (link("pkg/b.so", "libx.so", "/l/libx.so"),),
    )
    assert plan(facts, Options(no_mangle=("*",))).obstacles == ()


def test_hundreds_of_binaries_of_one_build_make_one_finding_of_each_kind() -> None:
    users = [f"pkg/{n:03}.so" for n in range(300)]
    facts = report(
        [
            *(member(user, "libmine.so", "libx.so", rpath=("/build",)) for user in users),
            member("lib/libmine.so"),
            library("/l/libx.so"),
        ],
        [
            *(link(user, "libmine.so", "lib/libmine.so", beyond_search=True) for user in users),
            *(link(user, "libx.so", "/l/libx.so") for user in users),
        ],
        filename=CLAIMS,
    )
    made = plan(facts, Options())
    assert codes(made) == ["WF102", "WF201", "WF204"]
    outside, leaving, lost = made.findings
    assert outside.details[-1] == lost.details[-2] == "needed by 295 more"
    assert leaving.message == (
        "the search path of `pkg/000.so` and 299 more leads out of the wheel"
    )
    assert leaving.details[0] == "RPATH /build"
    assert lost.message == "`libmine.so` is in the wheel, but not where it is looked for"
    assert lost.path == "lib/libmine.so"


def test_the_plan_does_not_depend_on_the_order_of_the_facts() -> None:
    artifacts = [
        member("pkg/a.so", "libx.so", "liby.so"),
        member("pkg/b.so", "liby.so"),
        library("/l/libx.so", "liby.so"),
        library("/l/liby.so"),
    ]
    links = [
        link("pkg/a.so", "libx.so", "/l/libx.so"),
        link("pkg/a.so", "liby.so", "/l/liby.so"),
        link("pkg/b.so", "liby.so", "/l/liby.so"),
        link("/l/libx.so", "liby.so", "/l/liby.so"),
    ]
    once = plan(report(artifacts, links), Options())
    again = plan(report(reversed(artifacts), links), Options())
    assert (once.grafts, once.patches, once.output) == (again.grafts, again.patches, again.output)


def test_the_facts_are_left_as_they_were() -> None:
    facts = report((member("pkg/a.so", "libx.so"),), (link("pkg/a.so", "libx.so"),))
    image: Image = facts.artifacts[0].images[0]
    plan(facts, Options())
    assert facts.artifacts[0].images[0] is image
