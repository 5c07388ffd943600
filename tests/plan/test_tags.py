"""Reports in, tags out: which platform tags a wheel gets, and the words when it cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from support.facts import library, link, member, report

from wheelfix.model import (
    Artifact,
    Excluded,
    Link,
    NeededKind,
    OnSystem,
    Options,
    VersionUse,
    WheelPath,
)
from wheelfix.plan import plan
from wheelfix.plan.tags import unexplained

CLAIMLESS = "linux_x86_64"
NEW = "pkg/new.so"


def wants(version: str, path: str = "pkg/a.so", **fields: Any) -> Artifact:
    return member(path, "libc.so.6", versions={"libc.so.6": (version,)}, **fields)


def system(user: str, needed: str = "libc.so.6") -> Link:
    return Link(
        user=WheelPath(user),
        arch="x86_64",
        needed=needed,
        kind=NeededKind.NORMAL,
        provider=OnSystem(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A wheel, and what it is called afterwards."""

    claims: str = CLAIMLESS
    artifacts: tuple[Artifact, ...] = ()
    links: tuple[Link, ...] = ()
    plat: str = "auto"
    only_plat: bool = False
    arch: str = "x86_64"
    tags: str
    """The platforms of the output; those of the input where it is refused."""
    codes: tuple[str, ...] = ()
    """Of all findings about tags and needs, sorted."""
    blocked: bool = False


OLD = (wants("GLIBC_2.5"),)
CASES = {
    "auto gives the oldest that fits": Case(
        artifacts=(wants("GLIBC_2.17"),),
        tags="manylinux2014_x86_64.manylinux_2_17_x86_64",
        codes=("WF304",),
    ),
    "auto obeys the neediest binary": Case(
        artifacts=(wants("GLIBC_2.5"), wants("GLIBC_2.28", NEW)),
        tags="manylinux_2_28_x86_64",
        codes=("WF304",),
    ),
    "auto goes beyond what is known, by rule": Case(
        artifacts=(wants("GLIBC_2.77"),), tags="manylinux_2_77_x86_64", codes=("WF304",)
    ),
    "any gets the tag it earns": Case(
        claims="any", artifacts=OLD, tags="manylinux1_x86_64.manylinux_2_5_x86_64", codes=("WF304",)
    ),
    "--plat is added to a better one": Case(
        artifacts=OLD,
        plat="manylinux_2_28_x86_64",
        tags="manylinux1_x86_64.manylinux_2_28_x86_64.manylinux_2_5_x86_64",
    ),
    "--only-plat stands alone": Case(
        artifacts=OLD, plat="manylinux_2_28_x86_64", only_plat=True, tags="manylinux_2_28_x86_64"
    ),
    "--plat by its older name": Case(
        artifacts=OLD,
        plat="manylinux2014_x86_64",
        only_plat=True,
        tags="manylinux2014_x86_64.manylinux_2_17_x86_64",
    ),
    "--plat linux claims nothing and refuses nothing": Case(
        artifacts=(wants("GLIBC_2.77"),), plat="linux_x86_64", tags="linux_x86_64"
    ),
    "--plat too old": Case(
        artifacts=(wants("GLIBC_2.28"),),
        plat="manylinux_2_17_x86_64",
        tags=CLAIMLESS,
        codes=("WF103",),
        blocked=True,
    ),
    "--plat of another machine": Case(
        artifacts=OLD,
        plat="manylinux_2_28_aarch64",
        tags=CLAIMLESS,
        codes=("WF110",),
        blocked=True,
    ),
    "--plat of another C library": Case(
        artifacts=OLD, plat="musllinux_1_2_x86_64", tags=CLAIMLESS, codes=("WF110",), blocked=True
    ),
    "a true claim is kept though it could be better": Case(
        claims="manylinux_2_28_x86_64", artifacts=OLD, tags="manylinux_2_28_x86_64"
    ),
    "a true claim keeps its spelling and order": Case(
        claims="manylinux_2_17_x86_64.manylinux2014_x86_64",
        artifacts=OLD,
        tags="manylinux_2_17_x86_64.manylinux2014_x86_64",
    ),
    "static programs run with any C library": Case(
        claims="manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64",
        artifacts=(member("pkg/tool", libc=None),),
        tags="manylinux_2_12_x86_64.manylinux2010_x86_64.musllinux_1_1_x86_64",
    ),
    "a static program gets the C library asked for": Case(
        artifacts=(member("pkg/tool", libc=None),),
        plat="musllinux_1_1_x86_64",
        only_plat=True,
        tags="musllinux_1_1_x86_64",
    ),
    "what needs a library is of one C library": Case(
        claims="manylinux_2_17_x86_64.musllinux_1_1_x86_64",
        artifacts=(member("pkg/tool", libc=None), *OLD),
        tags="manylinux_2_17_x86_64",
        codes=("WF104",),
    ),
    "a false claim is replaced": Case(
        claims="manylinux_2_17_x86_64",
        artifacts=(wants("GLIBC_2.28"),),
        tags="manylinux_2_28_x86_64",
        codes=("WF104",),
    ),
    "of two claims the false one goes": Case(
        claims="manylinux_2_17_x86_64.manylinux_2_31_x86_64",
        artifacts=(wants("GLIBC_2.28"),),
        tags="manylinux_2_31_x86_64",
        codes=("WF104",),
    ),
    "glibc binaries that claim musl": Case(
        claims="musllinux_1_2_x86_64",
        artifacts=OLD,
        tags="manylinux1_x86_64.manylinux_2_5_x86_64",
        codes=("WF104",),
    ),
    "musl binaries that claim glibc": Case(
        claims="manylinux_2_17_x86_64",
        artifacts=(member("pkg/a.so", libc="musl"),),
        tags="musllinux_1_2_x86_64",
        codes=("WF104",),
    ),
    "a claim that no system can fulfil": Case(
        claims="manylinux_2_3_x86_64",
        artifacts=OLD,
        tags="manylinux1_x86_64.manylinux_2_5_x86_64",
        codes=("WF104",),
    ),
    "musl gets the newest known": Case(
        artifacts=(member("pkg/a.so", libc="musl"),),
        tags="musllinux_1_2_x86_64",
        codes=("WF304",),
    ),
    "musl, an older one asked for": Case(
        artifacts=(member("pkg/a.so", libc="musl"),),
        plat="musllinux_1_1_x86_64",
        tags="musllinux_1_1_x86_64",
    ),
    "Android keeps its tag": Case(
        claims="android_21_x86_64",
        artifacts=(member("pkg/a.so", "libc.so", libc="bionic"),),
        tags="android_21_x86_64",
    ),
    "two C libraries": Case(
        artifacts=(*OLD, member("pkg/b.so", libc="musl")),
        tags=CLAIMLESS,
        codes=("WF109",),
        blocked=True,
    ),
    "no C library at all": Case(
        artifacts=(member("pkg/a.so", libc=None),),
        tags="manylinux1_x86_64.manylinux_2_5_x86_64",
        codes=("WF304",),
    ),
    "no C library, on musl by its claim": Case(
        claims="musllinux_1_1_x86_64",
        artifacts=(member("pkg/a.so", libc=None),),
        tags="musllinux_1_1_x86_64",
    ),
    "a machine without tags": Case(
        claims="linux_mips",
        artifacts=(member("pkg/a.so", arch="mips"),),
        arch="mips",
        tags="linux_mips",
        codes=("WF110",),
        blocked=True,
    ),
    "a newer CPU": Case(
        artifacts=(wants("GLIBC_2.5", isa="x86-64-v3"),),
        tags=CLAIMLESS,
        codes=("WF105", "WF304"),
        blocked=True,
    ),
    "a newer CPU is no matter where nothing is claimed": Case(
        artifacts=(wants("GLIBC_2.5", isa="x86-64-v3"),), plat="linux_x86_64", tags="linux_x86_64"
    ),
    "auditwheel: repair refuses PyFPE as check does": Case(
        artifacts=(wants("GLIBC_2.5", undefined=("PyFPE_jbuf",)),),
        tags=CLAIMLESS,
        codes=("WF106", "WF304"),
        blocked=True,
    ),
    "auditwheel 613: ZLIB_NG is not ZLIB": Case(
        artifacts=(member("pkg/a.so", "libz.so.2", versions={"libz.so.2": ("ZLIB_NG_2.1.0",)}),),
        links=(link("pkg/a.so", "libz.so.2", Excluded(pattern="libz*")),),
        tags="manylinux1_x86_64.manylinux_2_5_x86_64",
        codes=("WF304",),
    ),
    "a private version fits no tag": Case(
        artifacts=(wants("GLIBC_PRIVATE"),),
        tags=CLAIMLESS,
        codes=("WF103", "WF304"),
        blocked=True,
    ),
    "any version of a library that the wheel has will do": Case(
        claims="manylinux_2_17_x86_64",
        artifacts=(
            member(
                "pkg/a.so",
                "libstdc++-1234abcd.so.6",
                versions={"libstdc++-1234abcd.so.6": ("GLIBCXX_3.4.33",)},
            ),
            member("pkg.libs/libstdc++-1234abcd.so.6"),
        ),
        links=(link("pkg/a.so", "libstdc++-1234abcd.so.6", "pkg.libs/libstdc++-1234abcd.so.6"),),
        tags="manylinux_2_17_x86_64",
        codes=("WF118",),
    ),
    "any version of a library that is grafted will do": Case(
        artifacts=(
            member("pkg/a.so", "libown.so.1", versions={"libown.so.1": ("LIBATOMIC_9.9",)}),
            library("/l/libown.so.1"),
        ),
        links=(link("pkg/a.so", "libown.so.1", "/l/libown.so.1"),),
        tags="manylinux1_x86_64.manylinux_2_5_x86_64",
        codes=("WF102", "WF304"),
    ),
    "the versions that a graft needs count": Case(
        artifacts=(
            member("pkg/a.so", "libx.so.1"),
            library("/l/libx.so.1", "libc.so.6", versions={"libc.so.6": ("GLIBC_2.31",)}),
        ),
        links=(link("pkg/a.so", "libx.so.1", "/l/libx.so.1"),),
        tags="manylinux_2_31_x86_64",
        codes=("WF102", "WF304"),
    ),
    "a library that only newer systems have is grafted rather not": Case(
        artifacts=(member("pkg/a.so", "libexpat.so.1"), library("/l/libexpat.so.1")),
        links=(link("pkg/a.so", "libexpat.so.1", "/l/libexpat.so.1"),),
        tags="manylinux2010_x86_64.manylinux_2_12_x86_64",
        codes=("WF304",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_tags(case: Case) -> None:
    options = Options(plat=case.plat, only_plat=case.only_plat)
    facts = report(
        case.artifacts,
        case.links,
        filename=f"pkg-1.0-cp311-cp311-{case.claims}.whl",
        arch=case.arch,
    )
    made = plan(facts, options)
    assert ".".join(made.platforms) == case.tags
    assert tuple(sorted(f.code for f in made.findings)) == case.codes
    assert bool(made.obstacles) == case.blocked
    assert made.output == f"pkg-1.0-cp311-cp311-{case.tags}.whl"
    assert made.tags == tuple(f"cp311-cp311-{tag}" for tag in case.tags.split("."))


def test_a_version_that_is_too_new_is_named_with_file_library_symbol_and_the_tag_to_be_had() -> (
    None
):
    use = VersionUse(library="libm.so.6", version="GLIBC_2.28", symbols=("exp", "log", "pow"))
    facts = report(
        (member("pkg/a.so", "libm.so.6", versions={"libm.so.6": ("GLIBC_2.28",)}),),
        (system("pkg/a.so", "libm.so.6"),),
        version_uses=((WheelPath("pkg/a.so"), use),),
    )
    (found,) = plan(facts, Options(plat="manylinux_2_17_x86_64")).obstacles
    assert found.message == (
        "pkg/a.so needs GLIBC_2.28 of libm.so.6 for exp, log, pow: too new for "
        "manylinux_2_17_x86_64; use `--plat manylinux_2_28_x86_64`"
    )
    assert found.details == ()
    assert found.hint == "to earn the tag, build on a system that is as old as the tag"


def test_the_newest_of_several_versions_is_in_the_line_and_the_others_below() -> None:
    versions = {"libc.so.6": ("GLIBC_2.4", "GLIBC_2.28", "GLIBC_2.34")}
    several = member("pkg/a.so", "libc.so.6", versions=versions)
    facts = report((several, wants("GLIBC_2.29", NEW)))
    (found,) = plan(facts, Options(plat="manylinux_2_17_x86_64")).obstacles
    assert found.message.startswith("pkg/a.so needs GLIBC_2.34 of libc.so.6: too new for")
    assert found.details == (
        "pkg/a.so needs GLIBC_2.28 of libc.so.6",
        f"{NEW} needs GLIBC_2.29 of libc.so.6",
    )


def test_a_false_claim_says_what_belies_it_and_what_repair_makes_of_it() -> None:
    facts = report((wants("GLIBC_2.28"),), filename="pkg-1.0-cp311-cp311-manylinux_2_17_x86_64.whl")
    (found,) = plan(facts, Options()).findings
    assert found.message == (
        "pkg/a.so needs GLIBC_2.28 of libc.so.6: too new for the manylinux_2_17_x86_64 that the "
        "wheel claims; wheelfix repair makes it manylinux_2_28_x86_64"
    )
    assert found.details == ()


def test_a_symbol_that_older_systems_lack_is_named_with_its_library() -> None:
    symbol = "__cxa_thread_atexit_impl"
    facts = report((wants("GLIBC_2.5", undefined=(symbol,)),))
    (found,) = plan(facts, Options(plat="manylinux_2_17_x86_64")).obstacles
    assert found.code == "WF106"
    assert found.message.startswith(
        f"pkg/a.so uses {symbol} of libc.so.6, which target systems need not have: too much for "
        "manylinux_2_17_x86_64; "
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """What to look up symbols for."""

    claims: str = CLAIMLESS
    plat: str = "auto"
    wanted: set[str] = field(default_factory=set)


@pytest.mark.parametrize(
    "case",
    [
        Unexplained(),
        Unexplained(plat="manylinux_2_17_x86_64", wanted={"GLIBC_2.28"}),
        Unexplained(plat="linux_x86_64"),
        Unexplained(claims="manylinux_2_17_x86_64", wanted={"GLIBC_2.28"}),
        Unexplained(claims="manylinux_2_28_x86_64"),
        Unexplained(claims="manylinux_2_3_x86_64"),
        Unexplained(claims="any"),
    ],
)
def test_symbols_are_only_looked_up_for_what_a_tag_denies(case: Unexplained) -> None:
    facts = report(
        (wants("GLIBC_2.5"), wants("GLIBC_2.28", NEW)),
        filename=f"pkg-1.0-cp311-cp311-{case.claims}.whl",
    )
    found = unexplained(facts, Options(plat=case.plat))
    assert found == {(NEW, "libc.so.6", version) for version in case.wanted}
