"""Which macOS and iOS tags a wheel's binaries earn, and what is said when they differ."""

from __future__ import annotations

import pytest
from support.facts import MACOS, link, mac_image, mac_library, mac_member, report, wheel_info

from wheelfix.model import Artifact, Finding, Link, Options, Plan
from wheelfix.plan import plan

Slice = tuple[str, str]
GRAFT = "/build/libx.dylib"
X86, ARM = "x86_64", "arm64"


def binary(path: str, *slices: Slice) -> Artifact:
    """Make a member of these slices: machine and lowest system."""
    images = (mac_image(arch=arch, minimum_system=system or None) for arch, system in slices)
    return mac_member(path, *images)


def tagged(
    platform: str,
    *artifacts: Artifact,
    options: Options | None = None,
    links: tuple[Link, ...] = (),
) -> Plan:
    """Plan for a wheel of one platform tag, or several with dots between."""
    info = wheel_info(MACOS.replace("macosx_11_0_arm64", platform), packages=("pkg",))
    facts = report(artifacts, links, wheel=info, arch="arm64")
    return plan(facts, options or Options())


def said(decided: Plan, code: str) -> list[Finding]:
    return [finding for finding in decided.findings if finding.code == code]


@pytest.mark.parametrize(
    ("platform", "slices", "expected"),
    [
        ("macosx_11_0_arm64", [(ARM, "macos 11.0")], "macosx_11_0_arm64"),
        ("macosx_11_0_arm64", [(ARM, "macos 10.9")], "macosx_11_0_arm64"),
        ("macosx_11_0_arm64", [(ARM, "macos 12.3")], "macosx_12_0_arm64"),
        ("macosx_11_0_arm64", [(ARM, "macos 14.2.1")], "macosx_14_0_arm64"),
        ("macosx_10_9_x86_64", [(X86, "macos 10.13")], "macosx_10_13_x86_64"),
        ("macosx_10_9_x86_64", [(X86, "macos 10.13.6")], "macosx_10_13_x86_64"),
        ("macosx_10_15_x86_64", [(X86, "macos 10.9")], "macosx_10_9_x86_64"),
        ("macosx_13_6_x86_64", [(X86, "macos 13.6")], "macosx_13_0_x86_64"),
        ("macosx_10_9_i386", [("i386", "macos 10.6")], "macosx_10_6_i386"),
        (
            "macosx_10_9_universal2",
            [(X86, "macos 10.9"), (ARM, "macos 11.0")],
            "macosx_10_9_universal2",
        ),
        (
            "macosx_12_0_universal2",
            [(X86, "macos 12.1"), (ARM, "macos 12.3")],
            "macosx_12_0_universal2",
        ),
        (
            "macosx_10_9_universal2",
            [(X86, "macos 10.9"), (ARM, "macos 11.3")],
            "macosx_10_9_universal2",
        ),
        (
            "macosx_10_9_universal2",
            [(X86, "macos 10.9"), (ARM, "macos 12.0")],
            "macosx_10_9_x86_64.macosx_12_0_arm64",
        ),
        (
            "macosx_10_9_universal2",
            [(X86, "macos 12.0"), (ARM, "macos 11.0")],
            "macosx_11_0_arm64.macosx_12_0_x86_64",
        ),
        (
            "macosx_10_6_intel",
            [("i386", "macos 10.6"), (X86, "macos 10.6")],
            "macosx_10_6_intel",
        ),
        (
            "macosx_10_6_intel",
            [("i386", "macos 10.6"), (X86, "macos 10.9")],
            "macosx_10_6_i386.macosx_10_9_x86_64",
        ),
        (
            "macosx_10_9_x86_64.macosx_11_0_arm64",
            [(X86, "macos 10.9"), (ARM, "macos 11.0")],
            "macosx_10_9_universal2",
        ),
        ("ios_13_0_arm64_iphoneos", [(ARM, "ios 13.0")], "ios_13_0_arm64_iphoneos"),
        ("ios_13_0_arm64_iphoneos", [(ARM, "ios 15.4")], "ios_15_4_arm64_iphoneos"),
        (
            "ios_13_0_arm64_iphonesimulator",
            [(ARM, "iossimulator 14.2")],
            "ios_14_2_arm64_iphonesimulator",
        ),
        (
            "ios_13_0_x86_64_iphonesimulator",
            [(X86, "iossimulator 13.0")],
            "ios_13_0_x86_64_iphonesimulator",
        ),
        ("any", [(ARM, "macos 11.0")], "macosx_11_0_arm64"),
        ("any", [(X86, "macos 10.9"), (ARM, "macos 11.0")], "macosx_10_9_universal2"),
        ("any", [(ARM, "ios 13.0")], "ios_13_0_arm64_iphoneos"),
        ("macosx_11_0_arm64", [(ARM, "")], "macosx_11_0_arm64"),
    ],
)
def test_the_tag_that_the_binaries_earn(platform: str, slices: list[Slice], expected: str) -> None:
    decided = tagged(platform, binary("pkg/a.so", *slices))
    assert ".".join(decided.platforms) == expected
    assert decided.obstacles == ()


@pytest.mark.parametrize(
    ("platform", "slices", "expected"),
    [
        ("macosx_10_15_x86_64", [(X86, "")], "macosx_10_15_x86_64"),
        ("macosx_12_0_arm64", [(ARM, "")], "macosx_12_0_arm64"),
        (
            "macosx_12_0_universal2",
            [(X86, "macos 10.9"), (ARM, "")],
            "macosx_10_9_x86_64.macosx_12_0_arm64",
        ),
        ("any", [(X86, "")], "macosx_10_0_x86_64"),
    ],
)
def test_a_binary_that_does_not_say_what_it_needs_lowers_no_tag(
    platform: str, slices: list[Slice], expected: str
) -> None:
    """Nor does another one that says so: nothing proves that the first runs on older systems."""
    decided = tagged(platform, binary("pkg/a.so", *slices))
    assert ".".join(decided.platforms) == expected
    others = [(arch, system or "macos 10.6") for arch, system in slices]
    both = tagged(platform, binary("pkg/a.so", *slices), binary("pkg/b.so", *others))
    assert both.platforms[0].split("_")[1:3] >= decided.platforms[0].split("_")[1:3]


def test_the_highest_need_of_all_binaries_counts_machine_by_machine() -> None:
    decided = tagged(
        "macosx_10_9_universal2",
        binary("pkg/a.so", (X86, "macos 10.9"), (ARM, "macos 13.0")),
        binary("pkg/b.so", (X86, "macos 10.13"), (ARM, "macos 11.0")),
    )
    assert decided.platforms == ("macosx_10_13_x86_64", "macosx_13_0_arm64")


def test_a_graft_raises_the_tag_and_is_named() -> None:
    user = mac_member("pkg/a.so", mac_image("@rpath/libx.dylib"))
    library = mac_library(GRAFT, mac_image(minimum_system="macos 14.0"))
    links = (link("pkg/a.so", "@rpath/libx.dylib", GRAFT, arch=ARM),)
    decided = tagged("macosx_11_0_arm64", user, library, links=links)
    assert decided.platforms == ("macosx_14_0_arm64",)
    (raised,) = said(decided, "WF104")
    assert raised.details == (f"{GRAFT} (to be grafted): arm64 needs macos 14.0",)


def test_delocate_213_a_lowered_tag_is_explained_by_the_file_that_decides() -> None:
    decided = tagged(
        "macosx_14_0_arm64",
        binary("pkg/a.so", (ARM, "macos 12.3")),
        binary("pkg/b.so", (ARM, "macos 11.0")),
    )
    assert decided.platforms == ("macosx_12_0_arm64",)
    (lowered,) = said(decided, "WF114")
    assert lowered.details == ("pkg/a.so: arm64 needs macos 12.3",)
    assert "--plat macosx_14_0_arm64" in lowered.hint


@pytest.mark.parametrize(
    ("platform", "slices"),
    [
        ("macosx_11_0_arm64", [(ARM, "macos 10.9")]),
        ("macosx_12_0_arm64", [(ARM, "macos 12.3")]),
        ("macosx_10_9_universal2", [(X86, "macos 10.9"), (ARM, "macos 11.0")]),
    ],
)
def test_a_tag_that_fits_is_nothing_to_talk_about(platform: str, slices: list[Slice]) -> None:
    decided = tagged(platform, binary("pkg/a.so", *slices))
    assert decided.findings == ()
    assert decided.nothing_to_do


def test_delocate_any_whl_left_alone_with_binaries_inside() -> None:
    decided = tagged("any", binary("pkg/a.so", (ARM, "macos 12.0")))
    assert decided.output.endswith("-macosx_12_0_arm64.whl")
    assert said(decided, "WF304")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("11", "macosx_11_0_arm64"),
        ("12.3", "macosx_12_0_arm64"),
        ("14.2.1", "macosx_14_0_arm64"),
        ("10.9", "macosx_11_0_arm64"),
    ],
)
def test_a_target_is_the_tag_where_the_binaries_run_on_it(target: str, expected: str) -> None:
    options = Options(macos_target=target)
    decided = tagged("macosx_11_0_arm64", binary("pkg/a.so", (ARM, "macos 11.0")), options=options)
    assert decided.platforms == (expected,)
    assert decided.obstacles == ()


def test_a_target_is_a_ceiling_and_the_newer_binaries_are_named() -> None:
    decided = tagged(
        "macosx_10_9_universal2",
        binary("pkg/a.so", (X86, "macos 10.15"), (ARM, "macos 11.0")),
        binary("pkg/b.so", (X86, "macos 10.9"), (ARM, "macos 12.3")),
        options=Options(macos_target="10.13"),
    )
    found = [finding.details for finding in said(decided, "WF113")]
    assert found == [
        ("pkg/a.so: x86_64 needs macos 10.15",),
        ("pkg/b.so: arm64 needs macos 12.3",),
    ]
    assert {finding.code for finding in decided.obstacles} == {"WF113"}
    assert "MACOSX_DEPLOYMENT_TARGET=12.3" in said(decided, "WF113")[1].hint


@pytest.mark.parametrize(
    ("plat", "expected", "codes"),
    [
        ("macosx_11_0_arm64", "macosx_11_0_arm64", set()),
        ("macosx_13_0_arm64", "macosx_13_0_arm64", set()),
        ("macosx_10_13_x86_64", "macosx_10_13_x86_64", {"WF111"}),
        ("macosx_11_0_universal2", "macosx_11_0_arm64", {"WF111"}),
        ("ios_13_0_arm64_iphoneos", None, {"WF110"}),
        ("manylinux_2_28_aarch64", None, {"WF110"}),
    ],
)
def test_a_tag_that_is_asked_for(plat: str, expected: str | None, codes: set[str]) -> None:
    only = binary("pkg/a.so", (ARM, "macos 11.0"))
    decided = tagged("macosx_11_0_arm64", only, options=Options(plat=plat))
    assert {finding.code for finding in decided.obstacles} == codes
    assert expected is None or decided.platforms == (expected,)


def test_a_tag_older_than_the_binaries_is_refused() -> None:
    only = binary("pkg/a.so", (ARM, "macos 13.0"))
    decided = tagged("macosx_11_0_arm64", only, options=Options(plat="macosx_12_0_arm64"))
    assert {finding.code for finding in decided.obstacles} == {"WF113"}


@pytest.mark.parametrize("archs", [("universal2",), (X86, ARM), (X86,)])
def test_delocate_arch_check_skips_own_binaries(archs: tuple[str, ...]) -> None:
    thin = binary("pkg/thin.so", (ARM, "macos 11.0"))
    fat = binary("pkg/fat.so", (X86, "macos 11.0"), (ARM, "macos 11.0"))
    decided = tagged("macosx_11_0_arm64", thin, fat, options=Options(require_archs=archs))
    (lacking,) = decided.obstacles
    assert (lacking.code, lacking.path) == ("WF111", "pkg/thin.so")
    assert lacking.message == "`pkg/thin.so` has no code for x86_64"


def test_required_machines_are_required_of_grafts_too() -> None:
    slices = (mac_image("@rpath/libx.dylib", arch=X86), mac_image("@rpath/libx.dylib"))
    user, library = mac_member("pkg/a.so", *slices), mac_library(GRAFT)
    links = (link("pkg/a.so", "@rpath/libx.dylib", GRAFT, arch=ARM),)
    options = Options(require_archs=("universal2",))
    decided = tagged("macosx_11_0_universal2", user, library, links=links, options=options)
    assert [finding.message for finding in said(decided, "WF111")] == [
        f"`{GRAFT}` has no code for x86_64"
    ]


def test_delocate_universal2_tag_with_a_thin_extension() -> None:
    thin = binary("pkg/thin.so", (X86, "macos 10.9"))
    fat = binary("pkg/fat.dylib", (X86, "macos 10.9"), (ARM, "macos 11.0"))
    decided = tagged("macosx_10_9_universal2", thin, fat)
    assert decided.platforms == ("macosx_10_9_x86_64",)
    (lacking,) = said(decided, "WF112")
    assert lacking.path == "pkg/thin.so"
    assert decided.obstacles == ()


def test_binaries_of_several_systems_cannot_share_an_untagged_wheel() -> None:
    decided = tagged(
        "any", binary("pkg/a.so", (ARM, "macos 11.0")), binary("pkg/b.so", (ARM, "ios 13.0"))
    )
    (mixed,) = said(decided, "WF109")
    assert mixed.details == ("pkg/b.so: arm64 needs ios 13.0", "pkg/a.so: arm64 needs macos 11.0")
    assert mixed.blocks


def test_a_system_without_tags_is_refused() -> None:
    decided = tagged("any", binary("pkg/a.so", (ARM, "tvos 13.0")))
    assert [finding.message for finding in decided.obstacles] == ["no platform tag exists for tvos"]


def test_no_alarm_for_a_repaired_wheel() -> None:
    """What a repair made of a raised tag is right when it is checked again."""
    first = tagged(
        "macosx_10_9_universal2", binary("pkg/a.so", (X86, "macos 10.9"), (ARM, "macos 12.0"))
    )
    again = tagged(
        ".".join(first.platforms), binary("pkg/a.so", (X86, "macos 10.9"), (ARM, "macos 12.0"))
    )
    assert again.nothing_to_do
    assert again.findings == ()
