"""What platform tags say a wheel is for, and what needs no search there."""

from __future__ import annotations

import pytest
from support.facts import LINUX, MACOS, image, mac_image, wheel_info

from wheelfix.model import FromPython, OnSystem
from wheelfix.policy.claims import Claim, claims, for_several_machines, people_say
from wheelfix.policy.provider import provider_of


@pytest.mark.parametrize(
    ("platforms", "claim"),
    [
        (("linux_x86_64",), Claim(format="elf", archs=frozenset({"x86_64"}))),
        (("android_21_arm64_v8a",), Claim(format="elf", archs=frozenset({"aarch64"}))),
        (
            ("manylinux_2_17_i686", "musllinux_1_2_x86_64"),
            Claim(format="elf", archs=frozenset({"i686", "x86_64"})),
        ),
        (
            ("macosx_11_0_universal2",),
            Claim(
                format="macho",
                archs=frozenset({"arm64", "x86_64"}),
                systems=frozenset({"macos"}),
            ),
        ),
        (
            ("linux_x86_64", "ios_13_0_arm64_iphoneos"),
            Claim(format="macho", archs=frozenset({"arm64"}), systems=frozenset({"ios"})),
        ),
        (("win32",), Claim(format="pe", archs=frozenset({"x86"}))),
        (("win_amd64",), Claim(format="pe", archs=frozenset({"amd64"}))),
        (("win_arm64",), Claim(format="pe", archs=frozenset({"arm64"}))),
        (("any",), None),
        (("win_ia64", "plan9"), None),
        ((), None),
    ],
)
def test_what_tags_claim(platforms: tuple[str, ...], claim: Claim | None) -> None:
    assert claims(platforms) == claim


def test_only_files_of_apple_are_for_several_machines() -> None:
    names = ("elf", "macho", "pe")
    assert [name for name in names if for_several_machines(name)] == ["macho"]
    assert [people_say(name) for name in names] == ["Linux", "macOS or iOS", "Windows"]


@pytest.mark.parametrize(
    ("name", "libc", "brought"),
    [
        ("libc.so.6", "glibc", OnSystem()),
        ("libc.so.6", "musl", None),
        ("libpython3.12.so.1.0", "glibc", FromPython()),
        ("libz.so.9", None, None),
        ("/usr/lib/libz.1.dylib", "glibc", None),
    ],
)
def test_what_linux_brings(name: str, libc: str | None, brought: object) -> None:
    assert provider_of("elf", name, image(libc=libc), wheel_info(LINUX)) == brought


@pytest.mark.parametrize(
    ("name", "brought"),
    [
        ("/usr/lib/libz.1.dylib", OnSystem()),
        ("/usr/local/lib/libz.1.dylib", None),
        ("@rpath/libpython3.12.dylib", FromPython()),
        ("libc.so.6", None),
    ],
)
def test_what_macos_brings(name: str, brought: object) -> None:
    assert provider_of("macho", name, mac_image(), wheel_info(MACOS)) == brought
