"""Binaries in, links out: who provides what, on a machine that is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.facts import LINUX, library, member
from support.machines import said, walked

from wheelfix.model import (
    Artifact,
    Attempt,
    Excluded,
    FromPython,
    InWheel,
    Missing,
    Needed,
    NeededKind,
    OnHost,
    OnSystem,
    Options,
    WheelPath,
)
from wheelfix.value import replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A wheel and a machine; `links` says who gives what to whom."""

    artifacts: tuple[Artifact, ...]
    host_links: Mapping[str, str] = field(default_factory=dict)
    options: Options = field(default_factory=Options)
    links: Mapping[str, str]


USER = member("pkg/a.so", "libx.so", rpath=("/l",))
CASES = {
    "what every target system has is not looked for": Case(
        artifacts=(member("pkg/a.so", "libc.so.6", rpath=("/l",)), library("/l/libc.so.6")),
        links={"pkg/a.so libc.so.6": "OnSystem"},
    ),
    "the wheel's own copy of it, where a search path leads there": Case(
        artifacts=(
            member("pkg/a.so", "libz.so.1", rpath=("/l", "$ORIGIN/lib")),
            member("pkg/b.so", "libz.so.1"),
            member("pkg/c.so", "libz.so.1", rpath=("$ORIGIN/i686",)),
            member("pkg/lib/libz.so.1"),
            member("pkg/i686/libz.so.1", arch="i686"),
            library("/l/libz.so.1"),
            library("/mine/libz.so.1"),
        ),
        options=Options(lib_paths=(Path("/mine"),)),
        links={
            "pkg/a.so libz.so.1": "pkg/lib/libz.so.1",
            "pkg/b.so libz.so.1": "OnSystem",
            "pkg/c.so libz.so.1": "OnSystem",
        },
    ),
    "but never what belongs to the loader": Case(
        artifacts=(
            member("pkg/a.so", "libm.so.6", "ld-linux-x86-64.so.2", rpath=("$ORIGIN",)),
            member("pkg/libm.so.6"),
            member("pkg/ld-linux-x86-64.so.2"),
        ),
        links={
            "pkg/a.so libm.so.6": "OnSystem",
            "pkg/a.so ld-linux-x86-64.so.2": "OnSystem",
        },
    ),
    "libpython is never taken": Case(
        artifacts=(
            member("pkg/a.so", "libpython3.11.so.1.0", rpath=("/l",)),
            library("/l/libpython3.11.so.1.0"),
        ),
        links={"pkg/a.so libpython3.11.so.1.0": "FromPython"},
    ),
    "not even the wheel's own": Case(
        artifacts=(
            member("pkg/a.so", "libpython3.11.so.1.0", rpath=("$ORIGIN",)),
            member("pkg/libpython3.11.so.1.0"),
        ),
        links={"pkg/a.so libpython3.11.so.1.0": "FromPython"},
    ),
    "excluded by name, and what it needs is not looked at": Case(
        artifacts=(USER, library("/l/libx.so", "libgone.so")),
        options=Options(exclude=("libx*",)),
        links={"pkg/a.so libx.so": "Excluded"},
    ),
    "excluded by the folder it is found in": Case(
        artifacts=(USER, library("/l/libx.so", "libgone.so")),
        options=Options(exclude=("/l/*",)),
        links={"pkg/a.so libx.so": "Excluded"},
    ),
    "excluded by the file behind a link": Case(
        artifacts=(USER, library("/opt/cuda/libx.so.1")),
        host_links={"/l/libx.so": "/opt/cuda/libx.so.1"},
        options=Options(exclude=("/opt/cuda/*",)),
        links={"pkg/a.so libx.so": "Excluded"},
    ),
    "--lib-path comes before all else": Case(
        artifacts=(USER, library("/l/libx.so"), library("/mine/libx.so")),
        options=Options(lib_paths=(Path("/mine"),)),
        links={"pkg/a.so libx.so": "/mine/libx.so"},
    ),
    "the real file behind links counts": Case(
        artifacts=(
            member("pkg/a.so", "libx.so", "libx.so.1", rpath=("/l",)),
            library("/l/libx.so.1.2"),
        ),
        host_links={"/l/libx.so": "/l/libx.so.1.2", "/l/libx.so.1": "/l/libx.so.1.2"},
        links={"pkg/a.so libx.so": "/l/libx.so.1.2", "pkg/a.so libx.so.1": "/l/libx.so.1.2"},
    ),
    "another machine's library is passed over": Case(
        artifacts=(
            member("pkg/a.so", "libx.so", rpath=("/l", "/m")),
            library("/l/libx.so", arch="i686"),
            library("/m/libx.so"),
        ),
        links={"pkg/a.so libx.so": "/m/libx.so"},
    ),
    "another C library's library is passed over": Case(
        artifacts=(
            member("pkg/a.so", "libx.so", rpath=("/l", "/m")),
            library("/l/libx.so", libc="musl"),
            library("/m/libx.so"),
        ),
        links={"pkg/a.so libx.so": "/m/libx.so"},
    ),
    "a binary that does not tell its C library has the wheel's": Case(
        artifacts=(
            member("pkg/a.so", "libx.so", rpath=("/l", "/m"), libc=None),
            member("pkg/b.so", libc="musl"),
            library("/l/libx.so", libc="glibc"),
            library("/m/libx.so", libc="musl"),
        ),
        links={"pkg/a.so libx.so": "/m/libx.so"},
    ),
    "auditwheel 101: two libraries of one SONAME": Case(
        artifacts=(
            member("pkg/a.so", "libx.so.1", rpath=("/one",)),
            member("pkg/b.so", "libx.so.1", rpath=("/two",)),
            library("/one/libx.so.1"),
            library("/two/libx.so.1"),
        ),
        links={"pkg/a.so libx.so.1": "/one/libx.so.1", "pkg/b.so libx.so.1": "/two/libx.so.1"},
    ),
    "found by the wheel's own search path": Case(
        artifacts=(
            member("pkg/a.so", "libx.so", rpath=("$ORIGIN/lib",)),
            member("pkg/lib/libx.so"),
        ),
        links={"pkg/a.so libx.so": "pkg/lib/libx.so"},
    ),
    "auditwheel 257: the installed layout counts": Case(
        artifacts=(
            member("pkg-1.0.data/platlib/pkg/a.so", "libx.so", rpath=("$ORIGIN/lib",)),
            member("pkg/lib/libx.so"),
        ),
        links={"pkg-1.0.data/platlib/pkg/a.so libx.so": "pkg/lib/libx.so"},
    ),
    "elsewhere in the wheel, once all else has failed": Case(
        artifacts=(USER, member("pkg/deep/lib/libx.so")),
        links={"pkg/a.so libx.so": "pkg/deep/lib/libx.so (lost)"},
    ),
    "the host before elsewhere in the wheel": Case(
        artifacts=(USER, member("pkg/deep/lib/libx.so"), library("/l/libx.so")),
        links={"pkg/a.so libx.so": "/l/libx.so"},
    ),
    "elsewhere in the wheel: the nearest": Case(
        artifacts=(USER, member("other/lib/libx.so"), member("pkg/lib/libx.so")),
        links={"pkg/a.so libx.so": "pkg/lib/libx.so (lost)"},
    ),
    "elsewhere in the wheel: by own name": Case(
        artifacts=(USER, member("pkg/lib/renamed.so", own_name="libx.so")),
        links={"pkg/a.so libx.so": "pkg/lib/renamed.so (lost)"},
    ),
    "a program and a library of the data scheme stay together": Case(
        artifacts=(
            member("pkg-1.0.data/data/bin/tool", "libx.so", rpath=("$ORIGIN/../lib",)),
            member("pkg-1.0.data/data/lib/libx.so"),
        ),
        links={"pkg-1.0.data/data/bin/tool libx.so": "pkg-1.0.data/data/lib/libx.so"},
    ),
    "no path is known from the data scheme to site-packages": Case(
        artifacts=(
            member("pkg-1.0.data/data/bin/tool", "libx.so", rpath=("$ORIGIN/../../../pkg",)),
            member("pkg/libx.so"),
        ),
        links={"pkg-1.0.data/data/bin/tool libx.so": "pkg/libx.so (lost)"},
    ),
    "nor from site-packages to the data scheme": Case(
        artifacts=(
            member("pkg/a.so", "libx.so", rpath=("$ORIGIN/../pkg-1.0.data/data/lib",)),
            member("pkg-1.0.data/data/lib/libx.so"),
        ),
        links={"pkg/a.so libx.so": "Missing"},
    ),
    "elsewhere in the wheel, for another machine": Case(
        artifacts=(USER, member("pkg/lib/libx.so", arch="i686")),
        links={"pkg/a.so libx.so": "Missing"},
    ),
    "a path of the build that was linked in": Case(
        artifacts=(member("pkg/a.so", "build/libx.so"), library("/mine/libx.so")),
        options=Options(lib_paths=(Path("/mine"),)),
        links={"pkg/a.so build/libx.so": "/mine/libx.so"},
    ),
    "a path of the build that is in the wheel": Case(
        artifacts=(member("pkg/a.so", "build/libx.so"), member("pkg/libx.so")),
        links={"pkg/a.so build/libx.so": "pkg/libx.so (lost)"},
    ),
    "a circle": Case(
        artifacts=(USER, library("/l/libx.so", "liby.so"), library("/l/liby.so", "libx.so")),
        links={
            "/l/libx.so liby.so": "/l/liby.so",
            "/l/liby.so libx.so": "/l/libx.so",
            "pkg/a.so libx.so": "/l/libx.so",
        },
    ),
    "found from one root though not from another": Case(
        artifacts=(
            member("pkg/a.so", "libx.so", runpath=("/l",)),
            member("pkg/b.so", "libx.so", rpath=("/l",)),
            library("/l/libx.so", "liby.so"),
            library("/l/liby.so"),
        ),
        links={
            "/l/libx.so liby.so": "/l/liby.so",
            "pkg/a.so libx.so": "/l/libx.so",
            "pkg/b.so libx.so": "/l/libx.so",
        },
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_who_provides_what(case: Case) -> None:
    walk = walked(case.artifacts, case.options, case.host_links)
    assert {f"{x.user} {x.needed}": said(x) for x in walk.sorted_links()} == case.links
    reached = {x.provider.real for x in walk.links.values() if isinstance(x.provider, OnHost)}
    assert walk.taker.libraries.keys() == reached


def test_each_place_is_told_with_the_reason() -> None:
    user = member("pkg/a.so", "libx.so", rpath=("$ORIGIN/lib", "lib", "/l", "/m", "/n", "/l"))
    walk = walked([user, library("/l/libx.so", arch="i686"), library("/m/libx.so", libc="musl")])
    (found,) = walk.sorted_links()
    assert found.provider == Missing()
    assert found.tried[:5] == (
        Attempt(where="$ORIGIN/lib -> pkg/lib/", outcome="no such member"),
        Attempt(where="lib", outcome="relative to the folder a program is started in"),
        Attempt(where="/l", outcome="wrong machine: i686, needed by x86_64"),
        Attempt(where="/m", outcome="wrong C library: musl, needed by glibc"),
        Attempt(where="/n", outcome="not there"),
    )
    assert len(set(found.tried)) == len(found.tried)


def test_the_way_it_was_found_is_told() -> None:
    walk = walked(
        [USER, library("/l/libx.so", "liby.so"), library("/m/liby.so", "libx.so")],
        Options(lib_paths=(Path("/m"),)),
    )
    assert {x.needed: x.via for x in walk.sorted_links() if x.user != Path("/m/liby.so")} == {
        "libx.so": "/l",
        "liby.so": "/m (--lib-path)",
    }
    assert walk.links[Path("/m/liby.so"), "x86_64", "libx.so"].via == "already loaded"


def test_the_pattern_is_remembered() -> None:
    walk = walked([USER], Options(exclude=("nothing", "lib[xyz].so", "lib*")))
    assert walk.taker.used_excludes == {"lib[xyz].so"}
    (found,) = walk.sorted_links()
    assert found.provider == Excluded(pattern="lib[xyz].so")


@pytest.mark.parametrize(
    ("libc", "filename", "name", "provider"),
    [
        ("glibc", LINUX, "ld-linux-x86-64.so.2", OnSystem()),
        ("musl", LINUX, "libc.musl-x86_64.so.1", OnSystem()),
        ("musl", LINUX, "libpython3.11.so.1.0", FromPython()),
        ("bionic", "pkg-1.0-cp313-cp313-android_24_x86_64.whl", "liblog.so", OnSystem()),
        ("glibc", LINUX, "liblog.so", Missing()),
        (None, "pkg-1.0-cp311-cp311-musllinux_1_2_x86_64.whl", "libc.so.6", Missing()),
    ],
)
def test_each_family_has_its_own_libraries(
    libc: str | None, filename: str, name: str, provider: object
) -> None:
    walk = walked([member("pkg/a.so", name, libc=libc)], filename=filename)
    assert next(iter(walk.links.values())).provider == provider


def test_links_are_in_the_order_of_users_and_files() -> None:
    walk = walked([member("pkg/b.so", "z", "y"), member("pkg/a.so", "x", "w")])
    assert [(x.user, x.needed) for x in walk.sorted_links()] == [
        ("pkg/a.so", "x"),
        ("pkg/a.so", "w"),
        ("pkg/b.so", "z"),
        ("pkg/b.so", "y"),
    ]


def test_a_thousand_libraries_in_a_row() -> None:
    names = [f"lib{n:04}.so" for n in range(1000)]
    chain = [
        library(f"/l/{name}", *following)
        for name, following in zip(names, [[n] for n in names[1:]] + [[]], strict=True)
    ]
    walk = walked([member("pkg/a.so", names[0], rpath=("/l",)), *chain])
    assert len(walk.taker.libraries) == 1000


def test_hundreds_of_extensions_over_the_same_lost_libraries() -> None:
    needed = [f"lib{n}.so" for n in range(10)]
    members = [member(f"pkg/{n}.so", *needed) for n in range(300)]
    members += [member(f"lib/{name}") for name in needed]
    walk = walked(members)
    assert len(walk.links) == 3000
    assert all(x.beyond_search for x in walk.links.values())


def test_each_is_linked_from_where_it_lies_and_by_its_own_search_path() -> None:
    both = ("libx.so", "liby.so")
    walk = walked(
        [
            member("pkg/a.so", *both, rpath=("$ORIGIN",)),
            member("pkg/b.so", *both, rpath=("$ORIGIN",)),
            member("pkg/c.so", *both, rpath=("/l",)),
            member("pkg/d.so", *reversed(both), rpath=("$ORIGIN",)),
            member("sub/e.so", *both, rpath=("$ORIGIN",)),
            member("pkg/libx.so"),
            member("sub/liby.so"),
            library("/l/libx.so"),
        ]
    )
    assert [f"{x.user} {said(x)}" for x in walk.sorted_links()] == [
        "pkg/a.so pkg/libx.so",
        "pkg/a.so sub/liby.so (lost)",
        "pkg/b.so pkg/libx.so",
        "pkg/b.so sub/liby.so (lost)",
        "pkg/c.so /l/libx.so",
        "pkg/c.so sub/liby.so (lost)",
        "pkg/d.so sub/liby.so (lost)",
        "pkg/d.so pkg/libx.so",
        "sub/e.so pkg/libx.so (lost)",
        "sub/e.so sub/liby.so",
    ]


def test_the_same_names_may_be_asked_for_in_other_ways() -> None:
    strong = member("pkg/a.so", "libx.so", rpath=("/l",))
    weak = Needed(name="libx.so", kind=NeededKind.WEAK)
    only = replace(strong.images[0], needed=(weak,))
    other = replace(strong, place=WheelPath("pkg/b.so"), images=(only,))
    walk = walked([strong, other, library("/l/libx.so")])
    assert [(x.user, x.kind) for x in walk.sorted_links()] == [
        ("pkg/a.so", NeededKind.NORMAL),
        ("pkg/b.so", NeededKind.WEAK),
    ]


def test_what_a_library_lacks_may_be_in_memory_for_one_of_its_users() -> None:
    """The third needs what the first does, and by way of the second's loads more."""
    same = ("libx.so", "libw.so")
    walk = walked(
        [
            member("pkg/a.so", *same, rpath=("/l",)),
            member("pkg/b.so", "/m/libdeep.so", "libx.so", rpath=("/l",)),
            member("pkg/c.so", *same, rpath=("/l",)),
            library("/l/libx.so", "libdeep.so"),
            library("/l/libw.so", "liby.so"),
            library("/l/liby.so", "libz.so"),
            library("/m/libdeep.so", "/m/libz.so"),
            library("/m/libz.so"),
        ]
    )
    found = {(str(x.user), x.needed): said(x) for x in walk.sorted_links()}
    assert found["/l/libx.so", "libdeep.so"] == "/m/libdeep.so"  # with the second
    assert found["/l/liby.so", "libz.so"] == "/m/libz.so"  # with the third


def test_a_member_is_walked_under_the_search_path_of_whoever_loads_it() -> None:
    walk = walked(
        [
            member("pkg/a.so", "libmine.so", rpath=("$ORIGIN", "/l")),
            member("pkg/libmine.so", "libx.so"),
            library("/l/libx.so"),
        ]
    )
    assert walk.links[WheelPath("pkg/libmine.so"), "x86_64", "libx.so"].provider == OnHost(
        found=Path("/l/libx.so"), real=Path("/l/libx.so")
    )


def test_what_the_image_says_is_not_changed() -> None:
    artifact = member("pkg/a.so", "libx.so", libc=None)
    walk = walked([artifact, member("pkg/b.so", libc="musl")])
    known = walk.taker.artifact(InWheel(path=WheelPath("pkg/a.so")))
    assert known is not None
    assert known == replace(artifact)
    assert known.images[0].libc is None
