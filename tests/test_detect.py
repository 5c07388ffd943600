"""Which members are binaries of the wheel's machine, by their bytes alone."""

from __future__ import annotations

import importlib.util
import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.samples import TESTDATA
from support.zips import Part, build, changed, parts, save

from wheelfix.archive import open_wheel
from wheelfix.detect import Detected, detect
from wheelfix.errors import BadWheel, NotSupported
from wheelfix.formats import pe
from wheelfix.model import Options, ReplaceNeeded
from wheelfix.policy.policies import watched


def sample(name: str) -> bytes:
    return (TESTDATA / name).read_bytes()


GOOD = sample("elf/zig-x86_64-glibc-ext-chain.so")
ARM = sample("elf/zig-aarch64-glibc-lib-inner.so")
CUT = GOOD[:300]
AMD64, ARM64 = (sample(f"pe/lld-{arch}-lib-inner.dll") for arch in ("amd64", "arm64"))
MAC = sample("macho/lld-arm64-macos-lib-inner.dylib")
PHONE = sample("macho/lld-arm64-ios-lib-phone.dylib")
SIMULATOR = sample("macho/lld-arm64-iossimulator-lib-phone.dylib")


def detected(folder: Path, files: dict[str, bytes], tag: str, *exclude: str) -> Detected:
    path = save(folder, build(parts(files)), f"pkg-1.0-cp312-cp312-{tag}.whl")
    with open_wheel(path) as opened:
        return detect(opened, Options(exclude=exclude), watch=watched())


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Members, and what they are."""

    files: dict[str, bytes]
    tag: str = "linux_x86_64"
    arch: str | None = "x86_64"
    artifacts: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    codes: tuple[str, ...] = ()


CASES = {
    "no binaries": Case(files={"pkg/a.py": b"x", "pkg/empty": b""}, arch=None),
    "neither name nor folder counts": Case(
        files={"pkg/data.txt": GOOD, "noext": GOOD, "pkg/a.so": b"text", "pkg.data/x/y": GOOD},
        artifacts=("noext", "pkg.data/x/y", "pkg/data.txt"),
    ),
    "auditwheel: a folder called purelib is no matter": Case(
        files={"pkg/purelib/a.so": GOOD}, artifacts=("pkg/purelib/a.so",)
    ),
    "objects and archives are no loader's business": Case(
        files={
            "pkg/a.o": sample("elf/gcc-x86_64-none-obj-alone.o"),
            "pkg/a.so": GOOD,
            "pkg/core": sample("elf/made-x86_64-none-core-header"),
        },
        artifacts=("pkg/a.so",),
        skipped={
            "pkg/a.o": "an object file or archive: no loader loads it",
            "pkg/core": "an object file or archive: no loader loads it",
        },
    ),
    "auditwheel: a truncated fixture is told, not raised": Case(
        files={"pkg/a.so": GOOD, "pkg/cut.so": CUT},
        artifacts=("pkg/a.so",),
        skipped={"pkg/cut.so": "damaged"},
        codes=("WF301",),
    ),
    "another machine beside the wheel's own": Case(
        files={"pkg/a.so": GOOD, "pkg/arm.so": ARM},
        artifacts=("pkg/a.so",),
        skipped={"pkg/arm.so": "a binary for aarch64; the wheel is for x86_64"},
        codes=("WF107",),
    ),
    "only another machine": Case(
        files={"pkg/arm.so": ARM},
        arch=None,
        skipped={"pkg/arm.so": "a binary for aarch64; the wheel is for x86_64"},
        codes=("WF107", "WF115"),
    ),
    "any with one machine": Case(
        files={"pkg/arm.so": ARM}, tag="any", arch="aarch64", artifacts=("pkg/arm.so",)
    ),
    "any with two machines": Case(
        files={"pkg/arm.so": ARM, "pkg/a.so": GOOD},
        tag="any",
        arch=None,
        skipped={
            "pkg/arm.so": "a binary for aarch64; the wheel is for several machines",
            "pkg/a.so": "a binary for x86_64; the wheel is for several machines",
        },
        codes=("WF107", "WF107"),
    ),
    "two machines claimed and there": Case(
        files={"pkg/a.dll": AMD64, "pkg/b.dll": ARM64},
        tag="win_amd64.win_arm64",
        arch=None,
        skipped={
            "pkg/a.dll": "a binary for amd64; the wheel is for several machines",
            "pkg/b.dll": "a binary for arm64; the wheel is for several machines",
        },
        codes=("WF107", "WF107"),
    ),
    "any with libraries for two machines of Windows": Case(
        files={"pkg/a.dll": AMD64, "pkg/b.dll": ARM64},
        tag="any",
        arch=None,
        skipped={
            "pkg/a.dll": "a binary for amd64; the wheel is for several machines",
            "pkg/b.dll": "a binary for arm64; the wheel is for several machines",
        },
        codes=("WF107", "WF107"),
    ),
    "two machines claimed": Case(
        files={"pkg/a.so": GOOD},
        tag="manylinux_2_17_x86_64.manylinux_2_17_aarch64",
        artifacts=("pkg/a.so",),
    ),
    "Android calls machines by other names": Case(
        files={"pkg/a.so": sample("elf/zig-aarch64-bionic-lib-bionic.so")},
        tag="android_24_arm64_v8a",
        arch="aarch64",
        artifacts=("pkg/a.so",),
    ),
    "Java classes, objects and debug symbols are no Mach-O that is loaded": Case(
        files={
            "pkg/a.dylib": MAC,
            "pkg/E.class": sample("macho/made-none-none-java-Empty.class"),
            "pkg/a.o": sample("macho/zig-arm64-macos-obj-alone.o"),
            "pkg/a.dSYM": sample("macho/made-arm64-macos-dsym-inner"),
        },
        tag="macosx_11_0_arm64",
        arch="arm64",
        artifacts=("pkg/a.dylib",),
        skipped=dict.fromkeys(
            ("pkg/a.dSYM", "pkg/a.o"), "an object file or archive: no loader loads it"
        ),
    ),
    "delocate 273: tags from iOS binaries": Case(
        files={"pkg/a.dylib": MAC, "pkg/phone": PHONE, "pkg/simulator": SIMULATOR},
        tag="macosx_11_0_arm64",
        arch="arm64",
        artifacts=("pkg/a.dylib",),
        skipped={
            "pkg/phone": "a binary for ios on arm64; the wheel is for macos",
            "pkg/simulator": "a binary for iossimulator on arm64; the wheel is for macos",
        },
        codes=("WF107", "WF107"),
    ),
    "a device is not a simulator": Case(
        files={"pkg/phone": PHONE, "pkg/simulator": SIMULATOR},
        tag="ios_13_0_arm64_iphonesimulator",
        arch="arm64",
        artifacts=("pkg/simulator",),
        skipped={"pkg/phone": "a binary for ios on arm64; the wheel is for iossimulator"},
        codes=("WF107",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_found(case: Case, tmp_path: Path) -> None:
    found = detected(tmp_path, case.files, case.tag)
    assert found.arch == case.arch
    assert tuple(a.place for a in found.artifacts) == case.artifacts
    assert {s.path: s.reason for s in found.skipped} == case.skipped
    assert tuple(f.code for f in found.findings) == case.codes


def test_a_damaged_binary_is_told_with_the_byte_and_the_way_out(tmp_path: Path) -> None:
    (told,) = detected(tmp_path, {"pkg/cut.so": CUT}, "linux_x86_64").findings
    assert told.message.startswith("`pkg/cut.so` is damaged: ")
    assert told.details[0].startswith("at byte 0x")
    assert "`--exclude 'pkg/cut.so'`" in told.hint
    assert told.blocks


def test_a_damaged_binary_can_be_excluded_and_the_pattern_counts_as_used(tmp_path: Path) -> None:
    found = detected(tmp_path, {"pkg/cut.so": CUT}, "linux_x86_64", "pkg/c*.so", "other")
    assert found.findings == ()
    assert [s.reason for s in found.skipped] == ["damaged, and excluded"]
    assert found.used_excludes == {"pkg/c*.so"}


def test_a_table_of_symbols_that_cannot_be_told_is_a_damaged_member(tmp_path: Path) -> None:
    """No loader's question is about it: it is found out when what nobody needs is counted."""
    at, short = MAC.index(b"\x02\0\0\0\x18\0\0\0"), bytearray(MAC)
    count = int.from_bytes(MAC[16:20], "little")
    short[16:20] = (count + 1).to_bytes(4, "little")
    short[at : at + 16] = struct.pack("<4I", 2, 8, 0x7F, 16)  # LC_SYMTAB, and what nobody knows
    (told,) = detected(tmp_path, {"pkg/a.so": bytes(short)}, "macosx_11_0_arm64").findings
    assert (told.code, told.path) == ("WF301", "pkg/a.so")


def test_no_file_has_more_ballast_than_bytes(tmp_path: Path) -> None:
    """Whatever its headers tell of symbols, which no loader reads."""
    dll = bytearray(sample("pe/lld-amd64-lib-tight.dll"))
    start, count = struct.unpack_from("<2I", dll, int.from_bytes(dll[60:64], "little") + 12)
    struct.pack_into("<I", dll, start + count * 18, 0xFFFFFFFF)
    (artifact,) = detected(tmp_path, {"pkg/a.dll": bytes(dll)}, "win_amd64").artifacts
    assert 0 < artifact.ballast <= artifact.size


@pytest.mark.parametrize("tag", ["freebsd_14_0_release_amd64", "pyodide_2024_0_wasm32"])
def test_unknown_systems_are_refused_in_so_many_words(tmp_path: Path, tag: str) -> None:
    with pytest.raises(NotSupported, match=f"wheels for `{tag}` are not supported"):
        detected(tmp_path, {"pkg/a.so": GOOD}, tag)


def test_compressed_data_that_is_damaged_is_a_bad_wheel(tmp_path: Path) -> None:
    members: list[Part] = changed(parts({"pkg/a.so": GOOD}), "pkg/a.so", payload=b"\xff" * 99)
    path = save(tmp_path, build(members))
    with open_wheel(path) as opened, pytest.raises(BadWheel, match=r"pkg/a\.so"):
        detect(opened, Options(), watch={})


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("linux_x86_64", ["WF107", "WF115"]),
        ("manylinux_2_17_x86_64", ["WF107", "WF115"]),
        ("macosx_11_0_arm64", ["WF107", "WF115"]),
        ("linux_aarch64", []),
        ("any", []),
    ],
)
def test_a_wheel_under_the_wrong_machine(tmp_path: Path, tag: str, found: list[str]) -> None:
    assert [f.code for f in detected(tmp_path, {"pkg/arm.so": ARM}, tag).findings] == found


def test_extension_modules_for_two_machines_are_no_helpers(tmp_path: Path) -> None:
    """Libraries for several machines may be chosen from; modules are for Python to choose."""
    files = {}
    for arch in ("amd64", "arm64"):
        module = tmp_path / f"{arch}.pyd"
        module.write_bytes(sample(f"pe/lld-{arch}-lib-outer.dll"))
        pe.apply(module, (ReplaceNeeded(old="inner.dll", new="python3.dll"),))
        files[f"pkg/{arch}/_x.pyd"] = module.read_bytes()
    (stops,) = [f for f in detected(tmp_path, files, "any").findings if f.blocks]
    assert stops.code == "WF109"
    assert stops.details == ("amd64: pkg/amd64/_x.pyd", "arm64: pkg/arm64/_x.pyd")


def test_launchers_for_other_machines_are_carried_along(tmp_path: Path) -> None:
    """Of setuptools and pip: programs, which are copied to where they run."""
    spec = importlib.util.find_spec("pip")
    assert spec is not None
    assert spec.origin is not None, "needs pip beside pytest"
    launchers = sorted(Path(spec.origin).parent.glob("_vendor/distlib/*.exe"))
    assert len(launchers) > 4
    files = {f"pkg/{file.name}": file.read_bytes() for file in launchers}
    for tag in ("any", "win_amd64.win_arm64"):
        assert [f for f in detected(tmp_path, files, tag).findings if f.blocks] == []


def test_what_is_found_does_not_depend_on_the_threads(tmp_path: Path) -> None:
    """Damaged and whole, of this machine and another: more members than threads, and fewer."""
    files = {f"pkg/{n}.so": (GOOD, ARM, CUT)[n % 3] for n in range(30)}
    path = save(tmp_path, build(parts(files)), "pkg-1.0-cp312-cp312-linux_x86_64.whl")
    with open_wheel(path) as opened:
        found = {
            detect(opened, Options(jobs=jobs), watch=watched(), seals=True) for jobs in (1, 3, 50)
        }
    assert len(found) == 1
    assert len(found.pop().artifacts) == 10
