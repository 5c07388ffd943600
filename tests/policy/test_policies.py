from __future__ import annotations

import itertools
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.errors import UsageError
from wheelfix.policy.load import FAMILIES
from wheelfix.policy.policies import (
    Policy,
    any_provides,
    arch_of,
    earliest,
    machine_of,
    policies,
    policy,
    tag_set,
    watched,
)
from wheelfix.policy.symbols import NEVER_PORTABLE
from wheelfix.value import replace

GLIBC_MACHINES = (
    "x86_64",
    "i686",
    "aarch64",
    "armv7l",
    "ppc64",
    "ppc64le",
    "s390x",
    "riscv64",
    "loongarch64",
)
MUSL_MACHINES = tuple(arch for arch in GLIBC_MACHINES if arch != "ppc64")
ANDROID_ABIS = ("arm64_v8a", "armeabi_v7a", "x86", "x86_64")
EVERY = (
    *(("manylinux", arch) for arch in GLIBC_MACHINES),
    *(("musllinux", arch) for arch in MUSL_MACHINES),
    *(("android", arch) for arch in ANDROID_ABIS),
)


def needs(text: str) -> list[str]:
    return text.split()


@pytest.mark.parametrize(
    ("arch", "versions", "tag"),
    [
        ("x86_64", "", "manylinux_2_5_x86_64"),
        ("x86_64", "GLIBC_2.2.5 GLIBC_2.3.4", "manylinux_2_5_x86_64"),
        ("x86_64", "GLIBC_2.14 GLIBC_2.2.5", "manylinux_2_14_x86_64"),
        ("x86_64", "GLIBC_2.17 GLIBCXX_3.4.19 CXXABI_1.3.7", "manylinux_2_17_x86_64"),
        ("x86_64", "GLIBC_2.17 GLIBCXX_3.4.20", "manylinux_2_24_x86_64"),
        ("x86_64", "GLIBC_2.29", "manylinux_2_29_x86_64"),
        ("x86_64", "GLIBC_2.28 GLIBCXX_3.4.29 GCC_3.0", "manylinux_2_34_x86_64"),
        ("x86_64", "CXXABI_FLOAT128", "manylinux_2_24_x86_64"),
        ("x86_64", "CXXABI_TM_1", "manylinux_2_17_x86_64"),
        ("x86_64", "LIBATOMIC_1.0", "manylinux_2_24_x86_64"),
        ("i686", "LIBATOMIC_1.0", "manylinux_2_17_i686"),
        ("x86_64", "ZLIB_1.2.9", "manylinux_2_27_x86_64"),
        ("aarch64", "GLIBC_2.17 ZLIB_1.2.9", "manylinux_2_27_aarch64"),
        ("aarch64", "GLIBC_2.18", "manylinux_2_17_aarch64"),
        ("aarch64", "GLIBC_2.0 GCC_11.0", "manylinux_2_34_aarch64"),
        ("armv7l", "CXXABI_ARM_1.3.3 GLIBC_2.4", "manylinux_2_17_armv7l"),
        ("ppc64", "GLIBC_2.3", "manylinux_2_17_ppc64"),
        ("ppc64le", "GLIBCXX_IEEE128_3.4.30", "manylinux_2_35_ppc64le"),
        ("s390x", "GLIBCXX_LDBL_3.4.21 GLIBC_2.19", "manylinux_2_24_s390x"),
        ("riscv64", "GLIBC_2.27", "manylinux_2_31_riscv64"),
        ("loongarch64", "GLIBC_2.36", "manylinux_2_36_loongarch64"),
        ("x86_64", "GLIBC_ABI_DT_RELR GLIBC_2.17", "manylinux_2_36_x86_64"),
        ("riscv64", "GLIBC_ABI_DT_RELR", "manylinux_2_38_riscv64"),
        ("x86_64", "GLIBC_ABI_GNU2_TLS", "manylinux_2_43_x86_64"),
        ("x86_64", "GLIBC_2.43", "manylinux_2_43_x86_64"),
        ("x86_64", "OPENSSL_3.0.0 GOMP_4.0 LIBPNG16_0", "manylinux_2_5_x86_64"),
    ],
)
def test_needs_earn_the_most_portable_tag(arch: str, versions: str, tag: str) -> None:
    found = earliest("manylinux", arch, needs(versions))
    assert found is not None
    assert found.tag == tag


def test_auditwheel_613_zlib_ng_is_not_zlib() -> None:
    found = earliest("manylinux", "x86_64", ["GLIBC_2.14", "ZLIB_NG_2.1.0"])
    assert found is not None
    assert found.tag == "manylinux_2_14_x86_64"


def test_auditwheel_626_a_new_glibc_needs_no_new_release() -> None:
    new = policy("manylinux_2_42_x86_64")
    assert not new.lacks("GLIBC_2.42")
    assert new.lacks("GLIBC_2.43")
    assert new.lacks("GLIBCXX_3.4.34")
    assert not new.known
    assert new.provides == policy("manylinux_2_41_x86_64").provides


@pytest.mark.parametrize(
    "version",
    [
        "GLIBC_PRIVATE",
        "GLIBC_ABI_NOT_YET",
        "GLIBC_3.0",
        "GLIBC_2.17_local",
        "GLIBCXX_3.4.99",
        "GLIBCXX_LDBL_3.4",
        "CXXABI_9",
        "ZLIB_1.99",
    ],
)
def test_no_level_has_private_and_future_versions(version: str) -> None:
    assert earliest("manylinux", "x86_64", ["GLIBC_2.17", version]) is None
    assert all(p.lacks(version) for p in policies("manylinux", "x86_64"))


def test_a_machine_without_policies() -> None:
    assert policies("manylinux", "sparc64") == ()
    assert policies("musllinux", "ppc64") == ()
    assert policies("win", "amd64") == ()
    assert earliest("manylinux", "sparc64", []) is None
    assert earliest("win", "amd64", []) is None
    assert any_provides("musllinux", "ppc64") == frozenset()


@pytest.mark.parametrize(
    ("tag", "canonical"),
    [
        ("manylinux1_i686", "manylinux_2_5_i686"),
        ("manylinux2010_x86_64", "manylinux_2_12_x86_64"),
        ("manylinux2014_ppc64", "manylinux_2_17_ppc64"),
        ("manylinux2014_armv7l", "manylinux_2_17_armv7l"),
        ("manylinux_2_19_x86_64", "manylinux_2_19_x86_64"),
        ("manylinux_2_30_riscv64", None),
        ("manylinux_2_30_ppc64", "manylinux_2_30_ppc64"),
        ("musllinux_1_3_aarch64", "musllinux_1_3_aarch64"),
        ("android_33_arm64_v8a", "android_33_arm64_v8a"),
        ("linux_armv7l", "linux_armv7l"),
    ],
)
def test_any_valid_tag_has_a_policy(tag: str, canonical: str | None) -> None:
    if canonical is None:
        with pytest.raises(UsageError):
            policy(tag)
    else:
        assert policy(tag).tag == canonical


def test_a_derived_level_has_its_own_glibc_and_the_rest_of_the_older_one() -> None:
    between = policy("manylinux_2_30_x86_64")
    assert (between.known, between.aliases) == (False, ())
    assert not between.lacks("GLIBC_2.30")
    assert between.lacks("GLIBC_2.31")
    assert between.lacks("GLIBC_2.30.1")
    assert between.lacks("GLIBCXX_3.4.25"), "that came with a distribution of glibc 2.31"
    assert between.provides == policy("manylinux_2_28_x86_64").provides


def test_symbols_of_glibc_2_18_are_free_from_2_18_on() -> None:
    old = policy("manylinux_2_17_aarch64").forbidden_symbols
    assert "__cxa_thread_atexit_impl" in old["libc.so.6"], "auditwheel's issue 647"
    assert "libc.so.6" not in policy("manylinux_2_18_aarch64").forbidden_symbols


@pytest.mark.parametrize(
    ("tag", "names"),
    [
        ("manylinux_2_17_x86_64", ("manylinux2014_x86_64", "manylinux_2_17_x86_64")),
        ("manylinux1_i686", ("manylinux1_i686", "manylinux_2_5_i686")),
        ("manylinux_2_28_x86_64", ("manylinux_2_28_x86_64",)),
        ("musllinux_1_2_x86_64", ("musllinux_1_2_x86_64",)),
    ],
)
def test_names_in_a_file_name(tag: str, names: tuple[str, ...]) -> None:
    assert tag_set(policy(tag)) == names


@pytest.mark.parametrize(("family", "arch"), EVERY)
def test_newer_systems_have_all_that_older_ones_have(family: str, arch: str) -> None:
    known = policies(family, arch)
    assert known
    for older, newer in itertools.pairwise(known):
        assert older.level < newer.level
        assert older.provides <= newer.provides
        for library, symbols in newer.forbidden_symbols.items():
            assert symbols <= older.forbidden_symbols[library]


@pytest.mark.parametrize(("family", "arch"), EVERY)
def test_a_tag_leads_back_to_its_policy(family: str, arch: str) -> None:
    for each in policies(family, arch):
        assert all(policy(name) == each for name in tag_set(each))
        assert each.known
        assert hash(each) == hash(replace(each))


VERSIONS = st.lists(
    st.one_of(
        st.builds("GLIBC_2.{}".format, st.integers(0, 60)),
        st.builds("GLIBCXX_3.4.{}".format, st.integers(0, 36)),
        st.sampled_from(["GLIBC_PRIVATE", "GLIBC_ABI_DT_RELR", "ZLIB_1.2.9", "LIBC_N", "GCC_4.2"]),
        st.text(max_size=12),
    ),
    max_size=4,
)


@given(machine=st.sampled_from(EVERY), versions=VERSIONS)
def test_earliest_is_enough_and_nothing_older_is(
    machine: tuple[str, str], versions: list[str]
) -> None:
    family, arch = machine
    found = earliest(family, arch, versions)
    if found is None:
        assert all(any(p.lacks(v) for v in versions) for p in policies(family, arch))
        return
    assert not any(found.lacks(v) for v in versions)
    older = [p for p in policies(family, arch) if p.level < found.level]
    assert all(any(p.lacks(v) for v in versions) for p in older)


def test_what_some_policy_forbids_is_watched_whatever_the_machine() -> None:
    found = watched()
    assert found[""] == NEVER_PORTABLE
    assert "uncompress2" in found["libz.so.1"]
    assert "__issignaling" in found["libm.so.6"]
    assert "qsort_r" in found["libc.musl-armv7.so.1"]
    every = [each for family, arch in EVERY for each in policies(family, arch)]
    assert [
        (each.tag, library)
        for each in every
        for library, symbols in each.forbidden_symbols.items()
        if not symbols <= found[library]
    ] == []


def test_only_what_all_policies_provide_is_never_looked_for() -> None:
    common = any_provides("manylinux", "x86_64")
    assert {"libc.so.6", "libstdc++.so.6", "ld-linux-x86-64.so.2"} <= common
    assert common.isdisjoint({"libexpat.so.1", "libmvec.so.1", "libcrypt.so.1"})
    assert "libexpat.so.1" in any_provides("manylinux", "aarch64")
    assert "libvulkan.so" not in any_provides("android", "arm64_v8a")


def test_musl_1_1_lacks_what_came_with_1_2() -> None:
    old, new = policies("musllinux", "i686")
    for libc in ("libc.so", "libc.musl-x86.so.1"):
        assert {"__clock_gettime64", "__stat_time64", "reallocarray"} <= old.forbidden_symbols[libc]
        assert libc not in new.forbidden_symbols
        assert libc in new.provides
    assert "ld-musl-i386.so.1" in old.provides
    assert "libc.so.6" not in new.provides


def test_musl_has_no_symbol_versions_to_lack() -> None:
    found = earliest("musllinux", "x86_64", ["GLIBCXX_3.4.32", "GCC_14.0.0"])
    assert found is not None
    assert found.tag == "musllinux_1_1_x86_64"
    assert [p.tag for p in policies("musllinux", "loongarch64")] == ["musllinux_1_2_loongarch64"]


@pytest.mark.parametrize(
    ("versions", "tag"),
    [
        ("LIBC", "android_21_arm64_v8a"),
        ("LIBC LIBC_N", "android_24_arm64_v8a"),
        ("LIBC_R LIBC_O", "android_30_arm64_v8a"),
        ("LIBC_36", "android_36_arm64_v8a"),
    ],
)
def test_bionic_versions_stand_for_api_levels(versions: str, tag: str) -> None:
    found = earliest("android", "arm64_v8a", needs(versions))
    assert found is not None
    assert found.tag == tag
    assert policy("android_23_arm64_v8a").lacks("LIBC_N")
    assert earliest("android", "arm64_v8a", ["LIBC_PLATFORM"]) is None


@pytest.mark.parametrize(
    ("library", "level"),
    [
        ("libz.so", 21),
        ("libGLESv3.so", 21),
        ("libcamera2ndk.so", 24),
        ("libaaudio.so", 26),
        ("libneuralnetworks.so", 27),
        ("libbinder_ndk.so", 29),
        ("libicu.so", 31),
    ],
)
def test_android_libraries_by_api_level(library: str, level: int) -> None:
    assert library in policy(f"android_{level}_x86").provides
    assert library in policy(f"android_{level + 1}_x86").provides
    with_older = policy(f"android_{level - 1}_x86").provides if level > 21 else frozenset[str]()
    assert library not in with_older


@pytest.mark.parametrize(
    ("family", "arch", "machine"),
    [
        ("android", "arm64_v8a", "aarch64"),
        ("android", "armeabi_v7a", "armv7l"),
        ("android", "x86", "i686"),
        ("manylinux", "aarch64", "aarch64"),
        ("linux", "s390x", "s390x"),
    ],
)
def test_arch_and_machine(family: str, arch: str, machine: str) -> None:
    assert machine_of(family, arch) == machine
    assert arch_of(family, machine) == arch
    assert policies(family, arch)[0].machine == machine


def test_no_arch_for_an_unknown_machine() -> None:
    assert arch_of("musllinux", "ppc64") is None
    assert arch_of("win", "x86_64") is None


def test_linux_claims_nothing() -> None:
    (plain,) = policies("linux", "x86_64")
    assert plain == policy("linux_x86_64") == earliest("linux", "x86_64", ["GLIBC_PRIVATE"])
    assert not plain.lacks("GLIBC_2.99")
    assert not plain.forbidden_symbols
    assert policy("manylinux_2_41_x86_64").provides <= plain.provides
    assert "libc.musl-x86_64.so.1" in plain.provides
    assert policies("linux", "sparc64") == ()


def test_policies_cannot_be_changed() -> None:
    frozen = policy("manylinux_2_17_x86_64")
    with pytest.raises(TypeError):
        frozen.forbidden_symbols["libz.so.1"] = frozenset()  # type: ignore[index]
    with pytest.raises(AttributeError):
        frozen.tag = "any"  # type: ignore[misc]
    assert isinstance(frozen, Policy)


def test_import_reads_no_data() -> None:
    code = "import wheelfix.policy.policies, sys; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "wheelfix.policy.load" in loaded
    assert not {"difflib", "json", *(f"wheelfix.policy.{family}" for family in FAMILIES)} & {
        *loaded
    }
