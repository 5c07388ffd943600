"""Two thin macOS wheels to one: every binary with both slices, whatever order they come in."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.independent_verifier import examine
from support.macho_files import Bytes
from support.repairs import command, contents, make_wheel, modes, payloads, state
from support.samples import TESTDATA
from support.tiny_macho import Tiny
from support.zips import record_of

from wheelfix import MergeOutcome, Options, WheelfixError, check, merge, merging, repair
from wheelfix.errors import CannotMerge, CannotWrite, SourceChanged, UsageError
from wheelfix.formats import macho
from wheelfix.formats.macho import join
from wheelfix.merging.plan import MergePlan, decide
from wheelfix.model import Severity

SAMPLES = TESTDATA / "macho"
X86_64, ARM64 = "macosx_10_9_x86_64", "macosx_11_0_arm64"
BOTH = "macosx_10_9_universal2"
CPU = {X86_64: 0x01000007, ARM64: 0x0100000C}
EXT = "pkg/_core.so"
INFO = "pkg-1.0.dist-info"
PLAIN: Mapping[str, bytes] = {"pkg/__init__.py": b"from pkg import _core\n" * 9}


def sample(platform: str, what: str) -> bytes:
    arch = "arm64" if platform.endswith("arm64") else "x86_64"
    return (SAMPLES / f"lld-{arch}-macos-{what}").read_bytes()


def thin(folder: Path, platform: str, more: Mapping[str, bytes] | None = None) -> Path:
    """Write a thin wheel with one extension, and `more`."""
    members = {**PLAIN, EXT: sample(platform, "lib-inner.dylib"), **(more or {})}
    return make_wheel(folder, members, f"pkg-1.0-cp311-cp311-{platform}")


def pair(
    folder: Path, intel: Mapping[str, bytes] | None = None, arm: Mapping[str, bytes] | None = None
) -> tuple[Path, Path]:
    return thin(folder, X86_64, intel), thin(folder, ARM64, arm)


def archs(data: bytes) -> list[str]:
    return [image.arch for image in macho.read(Bytes(data), watch={})]


def differing(name: str) -> tuple[dict[str, bytes], dict[str, bytes]]:
    return {name: b"arch = 'x86_64'\n"}, {name: b"arch = 'arm64'\n"}


def repaired(folder: Path, platform: str, *, needs: bool = True) -> Path:
    """Repair a wheel whose extension needs a library that needs another one."""
    libs = folder / f"libs-{platform}"
    libs.mkdir()
    (libs / "libouter.1.dylib").write_bytes(sample(platform, "lib-outer.dylib"))
    (libs / "libinner.2.dylib").write_bytes(sample(platform, "lib-inner.dylib"))
    ext = sample(platform, "ext-ext.so" if needs else "lib-inner.dylib")
    wheel = make_wheel(folder / "in", {**PLAIN, EXT: ext}, f"pkg-1.0-cp311-cp311-{platform}")
    return repair(wheel, folder / "repaired", Options(lib_paths=(libs,))).output


def bad_findings(wheel: Path) -> list[str]:
    found = check(wheel).plan.findings
    return [f"{f.code} {f.message}" for f in found if f.severity is not Severity.INFO]


def assert_universal(wheel: Path) -> None:
    """Hold every binary to both slices, in lipo's order, and to signatures that hold."""
    binaries = {p: d for p, d in contents(wheel).items() if macho.matches(d[:16])}
    assert binaries
    for path, data in binaries.items():
        assert archs(data) == ["x86_64", "arm64"], path
        assert macho.flaws(Bytes(data)) == (), path
        assert [problem for seen in examine(data) for problem in seen.problems] == [], path


def test_slices_are_joined_and_the_rest_is_carried(tmp_path: Path) -> None:
    intel, arm = pair(tmp_path)
    outcome = merge(intel, arm, tmp_path / "out")
    assert outcome.output.name == f"pkg-1.0-cp311-cp311-{BOTH}.whl"
    assert outcome.joined == (EXT,)
    slices = join.parts(Bytes(contents(outcome.output)[EXT]))
    assert [b"".join(part.pieces()) for part in slices] == [contents(w)[EXT] for w in (intel, arm)]
    assert payloads(outcome.output)["pkg/__init__.py"] == payloads(intel)["pkg/__init__.py"]
    about = contents(outcome.output)[f"{INFO}/WHEEL"].decode()
    assert [line for line in about.splitlines() if line.startswith("Tag")] == [
        f"Tag: cp311-cp311-{BOTH}"
    ]
    assert EXT in contents(outcome.output)[f"{INFO}/RECORD"].decode()


def test_neither_order_nor_jobs_change_the_bytes(tmp_path: Path) -> None:
    intel, arm = pair(tmp_path, {"pkg/a.py": b"1"}, {"pkg/b.py": b"2"})
    one = merge(intel, arm, tmp_path / "one", Options(jobs=1))
    two = merge(arm, intel, tmp_path / "two", Options(jobs=3))
    assert one.output.read_bytes() == two.output.read_bytes()
    assert one.inputs == two.inputs


def test_the_hash_seed_and_the_umask_do_not_change_the_bytes(tmp_path: Path) -> None:
    wheels = pair(tmp_path, {"pkg/a.dylib": Tiny().build()})
    made = []
    for seed, umask in (("1", 0o022), ("2", 0o077)):
        out = tmp_path / seed
        words = ["merge", *map(str, wheels), "-w", str(out)]
        done = command(words, env={"PYTHONHASHSEED": seed}, umask=umask)
        assert done.returncode == 0, done.stderr
        made += [(file.name, file.read_bytes()) for file in out.iterdir()]
    assert made[0] == made[1]


def test_the_sources_are_only_read_and_nothing_is_left(tmp_path: Path) -> None:
    wheels = pair(tmp_path / "in")
    for wheel in wheels:
        wheel.chmod(0o444)
    before = state(tmp_path / "in")
    outcome = merge(*wheels, tmp_path / "out")
    assert state(tmp_path / "in") == before
    assert list((tmp_path / "out").iterdir()) == [outcome.output]


def test_a_second_run_is_content_with_its_own_output(tmp_path: Path) -> None:
    wheels = pair(tmp_path)
    first = merge(*wheels, tmp_path / "out").output.read_bytes()
    assert merge(*wheels, tmp_path / "out").output.read_bytes() == first


def test_another_output_is_replaced_only_when_told_to(tmp_path: Path) -> None:
    wheels = pair(tmp_path)
    output = merge(*wheels, tmp_path / "out").output
    good = output.read_bytes()
    output.write_bytes(b"something else")
    with pytest.raises(CannotWrite):
        merge(*wheels, tmp_path / "out")
    assert output.read_bytes() == b"something else"
    merge(*wheels, tmp_path / "out", Options(overwrite=True))
    assert output.read_bytes() == good


def test_files_of_one_wheel_are_kept_and_binaries_among_them_noted(tmp_path: Path) -> None:
    lone = Tiny(cpu=CPU[ARM64]).build()
    wheels = pair(tmp_path, {"pkg/a.py": b"a"}, {"pkg/b.py": b"b", "pkg/_neon.so": lone})
    outcome = merge(*wheels, tmp_path / "out")
    found = contents(outcome.output)
    assert (found["pkg/a.py"], found["pkg/b.py"], found["pkg/_neon.so"]) == (b"a", b"b", lone)
    assert outcome.notes == (
        "pkg/_neon.so is in the wheel for arm64 alone, and has code for nothing else",
    )


def test_permission_bits_stay(tmp_path: Path) -> None:
    wheels = []
    for platform, lone in ((X86_64, "pkg/intel"), (ARM64, "pkg/arm")):
        members = {EXT: sample(platform, "lib-inner.dylib"), lone: b"#!/bin/sh\n", "pkg/text": b""}
        stem = f"pkg-1.0-cp311-cp311-{platform}"
        wheels.append(make_wheel(tmp_path, members, stem, modes={EXT: 0o755, lone: 0o755}))
    found = modes(merge(wheels[0], wheels[1], tmp_path / "out").output)
    assert [found[n] for n in (EXT, "pkg/intel", "pkg/arm")] == [0o755] * 3
    assert found["pkg/text"] == 0o644


@pytest.mark.parametrize(
    ("intel", "arm", "expected"),
    [
        ("macosx_10_9_x86_64", "macosx_11_0_arm64", "macosx_10_9_universal2"),
        ("macosx_12_0_x86_64", "macosx_12_0_arm64", "macosx_12_0_universal2"),
        ("macosx_10_9_x86_64", "macosx_14_0_arm64", "macosx_10_9_x86_64.macosx_14_0_arm64"),
        ("macosx_13_0_x86_64", "macosx_12_0_arm64", "macosx_12_0_arm64.macosx_13_0_x86_64"),
        (
            "macosx_10_9_x86_64.macosx_10_15_x86_64",
            "macosx_11_0_arm64",
            "macosx_10_9_universal2",
        ),
    ],
)
def test_the_tags_of_both_are_packed(tmp_path: Path, intel: str, arm: str, expected: str) -> None:
    wheels = []
    for platform in (intel, arm):
        members = {**PLAIN, EXT: sample(platform, "lib-inner.dylib")}
        wheels.append(make_wheel(tmp_path, members, f"pkg-1.0-cp311-abi3-{platform}"))
    output = merge(wheels[0], wheels[1], tmp_path / "out").output
    assert output.name == f"pkg-1.0-cp311-abi3-{expected}.whl"
    about = contents(output)[f"{INFO}/WHEEL"].decode()
    tags = [line[5:] for line in about.splitlines() if line.startswith("Tag: ")]
    assert tags == [f"cp311-abi3-{tag}" for tag in expected.split(".")]


def test_all_files_that_cannot_be_joined_are_named_before_anything_is_written(
    tmp_path: Path,
) -> None:
    damaged = {"pkg/broken.so": b"\xcf\xfa\xed\xfe"}, {"pkg/broken.so": b"\xcf\xfa\xed\xfe\1"}
    one, two = differing("pkg/_config.py")
    twice = Tiny(room=128).build()
    intel = {**one, **damaged[0], "pkg/helper": Tiny().build()}
    wheels = pair(tmp_path, intel, {**two, **damaged[1], "pkg/helper": twice})
    with pytest.raises(CannotMerge) as raised:
        merge(*wheels, tmp_path / "out")
    assert raised.value.problem == "3 files differ and cannot be joined"
    assert raised.value.details == (
        "pkg/_config.py: differs, and is not Mach-O",
        "pkg/broken.so: is damaged: the file ends inside its header",
        "pkg/helper: both have code for x86_64, and it differs",
    )
    assert raised.value.hint.endswith("--take 'pkg/_config.py=x86_64'")
    assert not (tmp_path / "out").exists()


def test_the_hint_of_the_error_is_a_choice_that_works(tmp_path: Path) -> None:
    wheels = pair(tmp_path, *differing("pkg/[odd] *.txt"))
    with pytest.raises(CannotMerge) as raised:
        merge(*wheels, tmp_path / "out")
    chosen = raised.value.hint.partition("--take '")[2].removesuffix("'")
    found = contents(merge(*wheels, tmp_path / "out", take=[chosen]).output)
    assert found["pkg/[odd] *.txt"] == b"arch = 'x86_64'\n"


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_a_choice_takes_the_file_of_one_wheel(tmp_path: Path, arch: str) -> None:
    wheels = pair(tmp_path, *differing("pkg/_config.py"))
    takes = ("*.pyi=arm64", f"*/_config.py={arch}")
    outcome = merge(*wheels, tmp_path / "out", take=takes)
    assert contents(outcome.output)["pkg/_config.py"] == f"arch = '{arch}'\n".encode()
    assert outcome.plan.taken == (("pkg/_config.py", arch),)
    assert outcome.notes == (
        "--take '*.pyi=arm64' was not needed: no file that differs and cannot be joined matches",
    )


def test_a_choice_leaves_what_can_be_joined_alone(tmp_path: Path) -> None:
    outcome = merge(*pair(tmp_path, *differing("pkg/a")), tmp_path / "out", take=["*=arm64"])
    assert archs(contents(outcome.output)[EXT]) == ["x86_64", "arm64"]


def test_metadata_must_be_equal_or_chosen(tmp_path: Path) -> None:
    wheels = pair(tmp_path)
    members = contents(wheels[1])
    del members[f"{INFO}/RECORD"], members[f"{INFO}/WHEEL"]
    text = b"Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\nRequires-Dist: other\n"
    wheels[1].unlink()
    with_other(wheels[1], {**members, f"{INFO}/METADATA": text})
    with pytest.raises(CannotMerge, match=rf"{INFO}/METADATA: differs"):
        merge(*wheels, tmp_path / "out")
    outcome = merge(*wheels, tmp_path / "out", take=["*/METADATA=arm64"])
    assert contents(outcome.output)[f"{INFO}/METADATA"] == text


def with_other(wheel: Path, members: Mapping[str, bytes]) -> None:
    """Write a wheel whose dist-info is in `members`, but for WHEEL and RECORD."""
    import zipfile

    tag = wheel.stem.split("-", 2)[2]
    about = f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    every = {**members, f"{INFO}/WHEEL": about}
    every[f"{INFO}/RECORD"] = record_of(every, INFO)
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in every.items():
            archive.writestr(path, data)


@pytest.mark.parametrize(
    "take", ["arm64", "=arm64", "*.py", "*.py=", "*.py=ppc", "*.py=universal2"]
)
def test_a_choice_that_is_none_is_a_usage_error(tmp_path: Path, take: str) -> None:
    with pytest.raises(UsageError, match="is not of the form GLOB=ARCH, with x86_64 or arm64"):
        merge(*pair(tmp_path), tmp_path / "out", take=[take])


def test_grafts_of_wheelfix_are_joined_under_one_new_name(tmp_path: Path) -> None:
    wheels = [repaired(tmp_path, platform) for platform in (X86_64, ARM64)]
    outcome = merge(wheels[0], wheels[1], tmp_path / "out")
    assert_universal(outcome.output)
    old = {name for wheel in wheels for name in contents(wheel) if ".dylibs/" in name}
    new = {name for name in contents(outcome.output) if ".dylibs/" in name}
    assert (len(old), len(new), old & new) == (4, 2, set())
    assert bad_findings(outcome.output) == []
    assert check(outcome.output).plan.nothing_to_do
    for image in macho.read(Bytes(contents(outcome.output)[EXT]), watch={}):
        assert image.needed[0].name.startswith("@loader_path/.dylibs/libouter-")
    for path in new:
        for image in macho.read(Bytes(contents(outcome.output)[path]), watch={}):
            assert image.own_name == f"/DLC/{path}"
    other = merge(wheels[1], wheels[0], tmp_path / "other")
    assert other.output.read_bytes() == outcome.output.read_bytes()


def test_other_bytes_of_a_graft_give_another_name(tmp_path: Path) -> None:
    arm = repaired(tmp_path, ARM64)
    one = merge(repaired(tmp_path, X86_64), arm, tmp_path / "one")
    (tmp_path / "again").mkdir()
    inner = sample(X86_64, "lib-inner.dylib")
    libs = tmp_path / "again" / "libs"
    libs.mkdir()
    (libs / "libouter.1.dylib").write_bytes(sample(X86_64, "lib-outer.dylib"))
    at = inner.index(b"/usr/lib/libSystem") - 8  # the library's time stamp, which nobody reads
    (libs / "libinner.2.dylib").write_bytes(inner[:at] + b"\7" + inner[at + 1 :])
    wheel = tmp_path / "in" / f"pkg-1.0-cp311-cp311-{X86_64}.whl"
    intel = repair(wheel, tmp_path / "again", Options(lib_paths=(libs,))).output
    two = merge(intel, arm, tmp_path / "two")
    names = [{graft.new for graft in outcome.plan.grafts} for outcome in (one, two)]
    assert len(names[0]) == len(names[1]) == 2
    assert not names[0] & names[1]


def test_a_graft_of_one_wheel_alone_stays_thin_and_check_is_content(tmp_path: Path) -> None:
    wheels = [repaired(tmp_path, X86_64), repaired(tmp_path, ARM64, needs=False)]
    outcome = merge(wheels[0], wheels[1], tmp_path / "out")
    thin_ones = [n for n, d in contents(outcome.output).items() if archs_of_any(d) == ["x86_64"]]
    assert len(thin_ones) == 2
    assert archs(contents(outcome.output)[EXT]) == ["x86_64", "arm64"]
    assert bad_findings(outcome.output) == []
    assert check(outcome.output).plan.nothing_to_do


def archs_of_any(data: bytes) -> list[str]:
    return archs(data) if macho.matches(data[:16]) else []


def test_two_grafts_of_one_plain_name_stay_as_they_are(tmp_path: Path) -> None:
    """Nobody can tell which of them is the other wheel's."""
    names = [f"pkg/.dylibs/libz-{digit * 15}1.dylib" for digit in "abc"]
    data = [Tiny(cpu=CPU[X86_64], room=room).build() for room in (64, 128)]
    lone = Tiny(cpu=CPU[ARM64]).build()
    wheels = pair(tmp_path, {names[0]: data[0], names[1]: data[1]}, {names[2]: lone})
    outcome = merge(*wheels, tmp_path / "out")
    assert outcome.plan.grafts == ()
    assert set(names) <= contents(outcome.output).keys()


def test_grafts_that_cannot_be_joined_stay_as_they_are(tmp_path: Path) -> None:
    names = [f"pkg/.dylibs/libz-{digit * 15}1.dylib" for digit in "ab"]
    one, two = (Tiny(room=room).build() for room in (64, 128))
    outcome = merge(*pair(tmp_path, {names[0]: one}, {names[1]: two}), tmp_path / "out")
    assert outcome.plan.grafts == ()
    assert [contents(outcome.output)[name] for name in names] == [one, two]


def test_a_damaged_file_in_both_is_carried(tmp_path: Path) -> None:
    broken = {"pkg/broken.so": b"\xcf\xfa\xed\xfe"}
    grafts = [f"pkg/.dylibs/libz-{digit * 15}1.dylib" for digit in "ab"]
    inner = [sample(platform, "lib-inner.dylib") for platform in (X86_64, ARM64)]
    intel, arm = ({**broken, name: data} for name, data in zip(grafts, inner, strict=True))
    outcome = merge(*pair(tmp_path, intel, arm), tmp_path / "out")
    assert len(outcome.plan.grafts) == 1
    assert contents(outcome.output)["pkg/broken.so"] == broken["pkg/broken.so"]


def test_check_still_minds_a_lone_extension(tmp_path: Path) -> None:
    """Nobody asks for it, so that an import fails on the other machine."""
    lone = {"pkg/_neon.so": sample(ARM64, "lib-inner.dylib")}
    output = merge(*pair(tmp_path, arm=lone), tmp_path / "out").output
    (minded,) = [finding for finding in bad_findings(output) if finding.startswith("WF112")]
    assert "`pkg/_neon.so` has no code for x86_64" in minded


def test_what_a_signature_loses_is_told(tmp_path: Path) -> None:
    arm = bytearray(sample(ARM64, "lib-inner.dylib"))
    flags = arm.index(b"\xfa\xde\x0c\x02") + 12
    arm[flags + 1] |= 1  # 0x10000, the hardened runtime
    names = [f"pkg/.dylibs/libz-{digit * 15}1.dylib" for digit in "ab"]
    intel = {names[0]: sample(X86_64, "lib-inner.dylib")}
    outcome = merge(*pair(tmp_path, intel, {names[1]: bytes(arm)}), tmp_path / "out")
    (note,) = outcome.notes
    assert note.startswith(f"{names[1]} of pkg-1.0-cp311-cp311-{ARM64}.whl is signed anew, ad hoc:")


def test_a_broken_signature_is_refused(tmp_path: Path) -> None:
    good = sample(ARM64, "lib-inner.dylib")
    bad = good[:0x4000] + bytes([good[0x4000] ^ 1]) + good[0x4001:]
    assert macho.flaws(Bytes(bad))
    name = "pkg/libinner.dylib"
    wheels = pair(tmp_path, {name: sample(X86_64, "lib-inner.dylib")}, {name: bad})
    with pytest.raises(CannotMerge, match=f"^{name}: a signature does not hold"):
        merge(*wheels, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_wheel_that_changes_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = pair(tmp_path)

    def late(*arguments: Any) -> MergePlan:
        decided = decide(*arguments)
        os.utime(wheels[1], ns=(1, 1))
        return decided

    monkeypatch.setattr(merging, "decide", late)
    with pytest.raises(SourceChanged, match=wheels[1].name):
        merge(*wheels, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_member_that_was_changed_is_refused(tmp_path: Path) -> None:
    intel, arm = pair(tmp_path)
    data = arm.read_bytes()
    at = data.index(b"_core.so") + 40
    arm.write_bytes(data[:at] + bytes(4) + data[at + 4 :])
    with pytest.raises(WheelfixError) as raised:
        merge(intel, arm, tmp_path / "out")
    assert arm.name in str(raised.value)
    assert list((tmp_path / "out").glob("*")) == []


def test_one_wheel_given_twice_is_a_usage_error(tmp_path: Path) -> None:
    intel, _ = pair(tmp_path)
    link = tmp_path / "link" / intel.name
    link.parent.mkdir()
    os.link(intel, link)
    for other in (intel, link):
        with pytest.raises(UsageError, match="is given twice"):
            merge(intel, other, tmp_path / "out")


def test_wheels_of_other_systems_are_refused(tmp_path: Path) -> None:
    intel, _ = pair(tmp_path)
    for platform in ("linux_x86_64", "win_amd64", "any", "ios_13_0_arm64_iphoneos"):
        other = make_wheel(tmp_path, PLAIN, f"pkg-1.0-cp311-cp311-{platform}")
        with pytest.raises(CannotMerge, match=f"is for {platform}, not for macOS"):
            merge(intel, other, tmp_path / "out")


@pytest.mark.parametrize(
    ("stem", "what"),
    [
        ("pkg-1.1-cp311-cp311-macosx_11_0_arm64", "version: 1.0 and 1.1"),
        ("pkg-1.0-cp312-cp312-macosx_11_0_arm64", "pythons: cp311 and cp312"),
        ("pkg-1.0-cp311-abi3-macosx_11_0_arm64", "abis: cp311 and abi3"),
        ("pkg-1.0-2-cp311-cp311-macosx_11_0_arm64", "build: none and 2"),
    ],
)
def test_wheels_that_are_no_pair_are_told_apart(tmp_path: Path, stem: str, what: str) -> None:
    intel, _ = pair(tmp_path)
    other = make_wheel(tmp_path, PLAIN, stem.replace("-2-", "-"))
    other = other.rename(tmp_path / f"{stem}.whl")
    with pytest.raises(CannotMerge) as raised:
        merge(intel, other, tmp_path / "out")
    assert what in raised.value.details


def test_delocate_180_differing_text_is_never_silently_overwritten(tmp_path: Path) -> None:
    wheels = pair(tmp_path, *differing("pkg/config.h"))
    with pytest.raises(CannotMerge, match=r"pkg/config\.h: differs, and is not Mach-O"):
        merge(*wheels, tmp_path / "out")


def test_delocate_228_frameworks_binaries_are_joined(tmp_path: Path) -> None:
    name = "pkg/Greet.framework/Versions/A/Greet"
    one, two = ({name: sample(p, "lib-inner.dylib")} for p in (X86_64, ARM64))
    found = contents(merge(*pair(tmp_path, one, two), tmp_path / "out").output)
    assert archs(found[name]) == ["x86_64", "arm64"]


def test_delocate_227_229_static_archives_thin_and_fat_are_joined(tmp_path: Path) -> None:
    from formats.macho.test_join import archive

    objects = [
        (SAMPLES / f"zig-{arch}-macos-obj-alone.o").read_bytes() for arch in ("x86_64", "arm64")
    ]
    one, two = (archive((b"alone.o", data)) for data in objects)
    fat = b"".join(pieces_of_fat(one, two))
    intel = {"pkg/liba.a": one, "pkg/libfat.a": fat}
    arm = {"pkg/liba.a": two, "pkg/libfat.a": fat}
    found = contents(merge(*pair(tmp_path, intel, arm), tmp_path / "out").output)
    assert found["pkg/liba.a"] == fat
    assert found["pkg/libfat.a"] == fat


def pieces_of_fat(one: bytes, two: bytes) -> list[bytes]:
    """Make a universal archive by hand."""
    import struct

    start = 8 + 2 * 20
    second = -(-(start + len(one)) // 8) * 8
    head = struct.pack(">2I", 0xCAFEBABE, 2)
    head += struct.pack(">5I", CPU[X86_64], 3, start, len(one), 3)
    head += struct.pack(">5I", CPU[ARM64], 0, second, len(two), 3)
    return [head, one, bytes(second - start - len(one)), two]


def test_delocate_merge_of_two_projects_says_so(tmp_path: Path) -> None:
    intel, _ = pair(tmp_path)
    other = make_wheel(tmp_path, PLAIN, f"other-1.0-cp311-cp311-{ARM64}")
    with pytest.raises(CannotMerge, match="not of one project") as raised:
        merge(intel, other, tmp_path / "out")
    assert "name: pkg and other" in raised.value.details


def test_delocate_merge_of_one_machine_twice_says_so(tmp_path: Path) -> None:
    (tmp_path / "two").mkdir()
    one = thin(tmp_path, ARM64)
    two = thin(tmp_path / "two", ARM64, {"pkg/more.py": b""})
    with pytest.raises(CannotMerge, match="both wheels are for arm64"):
        merge(one, two, tmp_path / "out")


class TestCommand:
    """The command line of a merge."""

    def run(self, *words: str | Path) -> tuple[int, str, str]:
        done = command(["merge", *map(str, words)])
        return done.returncode, done.stdout, done.stderr

    def test_it_says_what_it_did_on_stderr(self, tmp_path: Path) -> None:
        code, out, err = self.run(*pair(tmp_path), "-w", tmp_path / "out")
        assert (code, out) == (0, "")
        assert "merged" in err
        assert f"-> {tmp_path / 'out'}" in err
        assert "1 universal file made" in err

    def test_quiet_says_nothing_and_verbose_names_files(self, tmp_path: Path) -> None:
        wheels = pair(tmp_path)
        assert self.run(*wheels, "-q", "-w", tmp_path / "out") == (0, "", "")
        assert f"    {EXT}\n" in self.run(*wheels, "-v", "-w", tmp_path / "out")[2]

    def test_json_is_one_document(self, tmp_path: Path) -> None:
        code, out, err = self.run(*pair(tmp_path), "--json", "-w", tmp_path / "out")
        (found,) = json.loads(out)["wheels"]
        assert (code, err) == (0, "")
        assert found["ok"] is True
        assert found["outcome"]["joined"] == [EXT]

    def test_json_tells_of_failure_too(self, tmp_path: Path) -> None:
        wheels = pair(tmp_path, *differing("pkg/a"))
        code, out, err = self.run(*wheels, "--json", "-w", tmp_path / "out")
        (found,) = json.loads(out)["wheels"]
        assert (code, found["ok"], found["error"]["type"]) == (1, False, "CannotMerge")
        assert "pkg/a: differs" in err

    def test_a_folder_of_two_wheels_will_do(self, tmp_path: Path) -> None:
        pair(tmp_path / "in")
        assert self.run(tmp_path / "in", "-w", tmp_path / "out")[0] == 0

    def test_one_wheel_is_too_few(self, tmp_path: Path) -> None:
        code, _, err = self.run(pair(tmp_path)[0], "-w", tmp_path / "out")
        assert code == 2
        assert "merge takes two wheels, and there is 1" in err

    def test_the_same_wheel_twice_is_a_usage_error(self, tmp_path: Path) -> None:
        wheel = pair(tmp_path)[0]
        code, _, err = self.run(wheel, wheel, "-w", tmp_path / "out")
        assert code == 2
        assert "is given twice" in err

    def test_two_wheels_of_one_name_are_of_one_machine(self, tmp_path: Path) -> None:
        wheel = pair(tmp_path)[0]
        (tmp_path / "copy").mkdir()
        copied = shutil.copy(wheel, tmp_path / "copy")
        code, _, err = self.run(wheel, copied, "-w", tmp_path / "out")
        assert code == 1
        assert "both wheels are for x86_64" in err
        assert str(copied) in err

    def test_a_choice_is_taken(self, tmp_path: Path) -> None:
        wheels = pair(tmp_path, *differing("pkg/a"))
        words = (*wheels, "-w", tmp_path / "out", "--take", "pkg/a=arm64")
        code, _, err = self.run(*words)
        assert code == 0
        assert "took pkg/a from the wheel for arm64" in err


def test_the_outcome_is_a_public_type(tmp_path: Path) -> None:
    assert isinstance(merge(*pair(tmp_path), tmp_path / "out"), MergeOutcome)
