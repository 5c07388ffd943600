from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.errors import UsageError
from wheelfix.policy.policies import policy
from wheelfix.policy.tags import is_python_library, parse_platform
from wheelfix.policy.versions import split_version


@pytest.mark.parametrize(
    ("tag", "parsed"),
    [
        ("manylinux1_x86_64", ("manylinux", (2, 5), "x86_64")),
        ("manylinux2014_aarch64", ("manylinux", (2, 17), "aarch64")),
        ("manylinux_2_28_x86_64", ("manylinux", (2, 28), "x86_64")),
        ("manylinux_2_17_x68_64", ("manylinux", (2, 17), "x68_64")),
        ("musllinux_1_2_armv7l", ("musllinux", (1, 2), "armv7l")),
        ("android_21_arm64_v8a", ("android", (21, 0), "arm64_v8a")),
        ("linux_x86_64", ("linux", (0, 0), "x86_64")),
        ("any", None),
        ("win_amd64", None),
        ("macosx_11_0_arm64", None),
        ("ios_13_0_arm64_iphoneos", None),
        ("manylinux2014", None),
        ("manylinux_2_017_x86_64", None),
        ("manylinux_2_17_x86_64\n", None),
        ("manylinux_2_99999999999_x86_64", None),
        ("", None),
    ],
)
def test_parse_platform(tag: str, parsed: tuple[str, tuple[int, int], str] | None) -> None:
    assert parse_platform(tag) == parsed


@pytest.mark.parametrize(
    ("tag", "meant"),
    [
        ("manylinux_2_17_x68_64", "manylinux_2_17_x86_64"),
        ("manylinux2014_x68_64", "manylinux2014_x86_64"),
        ("manylinux2014", "manylinux2014_x86_64"),
        ("manylinux_2_28", "manylinux_2_28_x86_64"),
        ("manylinux2011_x86_64", "manylinux2010_x86_64 manylinux2014_x86_64"),
        ("manylinux_2_28_amd64", "manylinux_2_28_x86_64"),
        ("manylinux_2_28_arm64", "manylinux_2_28_aarch64"),
        ("linux_amd64", "linux_x86_64"),
        ("manylinux_2_12_aarch64", "manylinux_2_17_aarch64"),
        ("manylinux1_aarch64", "manylinux_2_17_aarch64"),
        ("manylinux_2_30_riscv64", "manylinux_2_31_riscv64"),
        ("manylinux_3_0_x86_64", "manylinux_2_41_x86_64"),
        ("musllinux_1_0_x86_64", "musllinux_1_1_x86_64"),
        ("muslinux_1_2_x86_64", "musllinux_1_2_x86_64"),
        ("android_24_aarch64", "android_24_arm64_v8a"),
        ("android_19_x86", "android_21_x86"),
    ],
)
def test_a_mistyped_tag_is_answered_with_the_one_that_was_meant(tag: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        policy(tag)
    assert caught.value.exit_code == 2
    assert caught.value.hint in {f"did you mean `{each}`?" for each in meant.split()}


def test_the_whole_sentence() -> None:
    with pytest.raises(UsageError) as caught:
        policy("manylinux_2_17_x68_64")
    assert str(caught.value) == (
        "`manylinux_2_17_x68_64` is no platform tag that a Linux or Android system has\n"
        "  no manylinux tag is for `x68_64`, only for aarch64, armv7l, i686, loongarch64, ppc64, "
        "ppc64le, riscv64, s390x, x86_64\n"
        "\n"
        "hint: did you mean `manylinux_2_17_x86_64`?"
    )


@given(st.one_of(st.text(max_size=40), st.from_regex(r"[a-z]{3,9}(_\d+){0,2}_\w{1,9}")))
def test_any_text_is_a_policy_or_a_usage_error(tag: str) -> None:
    try:
        found = policy(tag)
    except UsageError as error:
        names = {tag} if error.hint else set()
    else:
        names = {found.tag, *found.aliases}
    assert tag in names


@pytest.mark.parametrize(
    ("version", "split"),
    [
        ("GLIBC_2.2.5", ("GLIBC", (2, 2, 5))),
        ("GLIBCXX_3.4", ("GLIBCXX", (3, 4))),
        ("ZLIB_NG_2.1.0", ("ZLIB_NG", (2, 1, 0))),
        ("CXXABI_LDBL_1.3", ("CXXABI_LDBL", (1, 3))),
        ("CXXABI_TM_1", ("CXXABI_TM", (1,))),
        ("CXXABI_FLOAT128", ("CXXABI", None)),
        ("GLIBC_PRIVATE", ("GLIBC", None)),
        ("GLIBC_ABI_DT_RELR", ("GLIBC", None)),
        ("LIBC", ("LIBC", None)),
        ("", ("", None)),
        ("GLIBC_" + "9" * 5000, ("GLIBC", None)),
    ],
)
def test_split_version(version: str, split: tuple[str, tuple[int, ...] | None]) -> None:
    assert split_version(version) == split


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("libpython3.12.so.1.0", True),
        ("libpython3.13t.so.1.0", True),
        ("libpython3.11d.so", True),
        ("libpython3.so", True),
        ("libpython2.7.so.1.0", True),
        ("libpypy3-c.so", True),
        ("libpypy3.10-c.so", True),
        ("libpypy-c.so", True),
        ("libpythonic.so", False),
        ("libboost_python312.so.1.83.0", False),
        ("libpython3.12.so.1.0.bak", False),
        ("libpython3x12_so", False),
    ],
)
def test_is_python_library(*, name: str, expected: bool) -> None:
    assert is_python_library(name) is expected
