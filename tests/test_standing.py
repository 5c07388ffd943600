"""Installed distributions and single binaries: judged where they are loaded from, never run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import repairs, unpacked
from support.repairs import Job
from support.said import Say
from support.samples import TESTDATA

from wheelfix import Options, check, find_installed, repair, survey
from wheelfix.formats import elf, macho
from wheelfix.model import Beside, Edit, InWheel, ReplaceNeeded, SearchKind, SetSearchPath

OUTER, INNER = "elf/zig-x86_64-glibc-lib-outer.so", "elf/zig-x86_64-glibc-lib-inner.so"


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """Give an empty virtual environment."""
    return unpacked.environment(tmp_path / "env")


def plan_of(said_out: str) -> dict[str, Any]:
    (answer,) = json.loads(said_out)["wheels"]
    plan: dict[str, Any] = answer["plan"]
    return plan


@repairs.loads_here
@pytest.mark.parametrize("install", [unpacked.install_by_uv, unpacked.install_by_pip])
def test_an_installed_chain_is_right_and_names_its_programs(
    say: Say, tmp_path: Path, env: Path, install: Callable[..., None]
) -> None:
    """Its program lies in `bin`, outside site-packages, its libraries in `chain.libs`."""
    output = repairs.chain_job(tmp_path / "job").repair().output
    install(env, output)
    before = repairs.state(env)
    said = say("check", "--json", "--installed", "Chain", "--env", env)
    assert plan_of(said.out)["wheel"] == output.name
    assert (said.code, plan_of(said.out)["findings"]) == (0, [])
    assert check(output).plan.findings == ()
    tree = say("tree", "--installed", "chain", "--env", env)
    assert "chain.libs/" in tree.out
    assert "not found" not in tree.out
    assert "where it is not looked for" not in tree.out
    assert repairs.state(env) == before


@repairs.loads_here
def test_a_distribution_that_lacks_its_libraries_fails(say: Say, tmp_path: Path, env: Path) -> None:
    unpacked.install_by_uv(env, repairs.SAMPLE)
    options = ("--installed", "sample", "--env", env)
    said = say("check", *options)
    assert said.code == 1
    assert "sample-1.0-cp311-abi3-linux_x86_64.whl: not portable\n" in said.out
    assert "error WF101: cannot find `libgreet.so.1`" in said.out
    found = say("check", "-l", repairs.SAMPLE_LIBS, *options).out
    assert "take the wheel that it was installed from: wheelfix repair brings it" in " ".join(
        found.split()
    )
    assert "would become" not in found
    (site,) = env.glob("lib/python*/site-packages")
    refused = say("repair", "-w", tmp_path / "out", site / "sample-1.0.dist-info")
    assert refused.code == 2
    assert "repair the wheel that it came from" in refused.err


@pytest.mark.parametrize(
    ("platform", "make"),
    [
        ("x86_64-manylinux_2_28", repairs.job),
        ("aarch64-apple-darwin", repairs.mac_job),
        ("x86_64-pc-windows-msvc", repairs.win_job),
    ],
    ids=["elf", "macho", "pe"],
)
def test_what_is_installed_for_any_platform(
    say: Say, tmp_path: Path, platform: str, make: Callable[[Path], Job]
) -> None:
    """Into a folder of packages, from this host: before the repair it fails, after it is right."""
    made = make(tmp_path / "job")
    output = made.repair().output
    for wheel, code in ((made.wheel, 1), (output, 0)):
        folder = tmp_path / f"packages-{code}"
        if "linux_x86_64" in wheel.name and code:
            unpacked.pip("install", "--no-deps", "--no-index", "--target", folder, wheel)
        else:
            where = ("--python-platform", platform, "--python-version", "3.11")
            unpacked.uv(
                "pip", "install", *where, "--no-deps", "--no-index", "--target", folder, wheel
            )
        name = wheel.name.partition("-")[0]
        said = say("check", "--installed", name, "--env", folder)
        assert said.code == code, said.out + said.err


def bound(sample: str, file: Path, *edits: Edit) -> Path:
    """Copy a sample and edit it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(TESTDATA / sample, file)
    file.chmod(0o755)
    (macho if sample.startswith("macho") else elf).apply(file, edits)
    return file


def two_distributions(folder: Path) -> tuple[Path, Path]:
    """Make a wheel whose module finds its library in another distribution, and that one."""
    there = SetSearchPath(entries=("$ORIGIN/../b_libs",), kind=SearchKind.RUNPATH)
    module = bound(OUTER, folder / "a.so", there).read_bytes()
    library = (TESTDATA / INNER).read_bytes()
    tag = "1.0-py3-none-manylinux_2_17_x86_64"
    return (
        repairs.make_wheel(folder, {"a/__init__.py": b"", "a/a.so": module}, f"a-{tag}"),
        repairs.make_wheel(folder, {"b_libs/libinner.so.2": library}, f"b-{tag}"),
    )


@repairs.loads_here
def test_libraries_of_other_distributions_are_there_too(
    say: Say, tmp_path: Path, env: Path
) -> None:
    """As a CUDA package's are: found in the environment, and missing where they are not."""
    first, second = two_distributions(tmp_path / "dist")
    unpacked.install_by_uv(env, first)
    options = ("--installed", "a", "--env", env)
    alone = say("check", *options)
    assert (alone.code, "cannot find `libinner.so.2`" in alone.out) == (1, True)
    unpacked.install_by_uv(env, second)
    assert say("check", "--no-host-libs", *options).code == 0
    (link,) = [x for x in survey(find_installed("a", env)).links if x.needed == "libinner.so.2"]
    (library,) = env.glob("lib/python*/site-packages/b_libs/libinner.so.2")
    assert isinstance(link.provider, Beside)
    assert link.provider.file.samefile(library)
    assert str(link.provider.file) in say("tree", "--why", "libinner*", *options).out
    assert "libinner.so.2" in say("tree", "--mermaid", *options).out
    (answer,) = json.loads(say("check", "--json", *options).out)["wheels"]
    assert [x["provider"]["by"] for x in answer["report"]["links"]][:1] == ["Beside"]
    for form in ("github", "markdown", "sarif"):
        assert say("check", "--format", form, *options).code == 0


@repairs.loads_here
def test_a_member_that_is_a_link_is_found_where_it_stands(tmp_path: Path, env: Path) -> None:
    """As uv makes them on request: what lies beside the link counts, not beside its target."""
    module = bound(
        OUTER, tmp_path / "a.so", SetSearchPath(entries=("$ORIGIN",), kind=SearchKind.RPATH)
    )
    members = {"a/a.so": module.read_bytes(), "a/libinner.so.2": (TESTDATA / INNER).read_bytes()}
    wheel = repairs.make_wheel(tmp_path / "dist", members, "a-1.0-py3-none-manylinux_2_17_x86_64")
    unpacked.install_by_uv(env, wheel)
    (site,) = env.glob("lib/python*/site-packages")
    for number, name in enumerate(("a.so", "libinner.so.2")):
        away = tmp_path / f"cache-{number}"
        shutil.move(site / "a" / name, away)
        (site / "a" / name).symlink_to(away)
    (link,) = [x for x in survey(find_installed("a", env)).links if x.needed == "libinner.so.2"]
    assert link.provider == InWheel(path="a/libinner.so.2")  # type: ignore[arg-type]
    assert not link.beyond_search


def _no_record(info: Path) -> None:
    (info / "RECORD").unlink()


def _empty_record(info: Path) -> None:
    (info / "RECORD").write_bytes(b"")


def _no_wheel(info: Path) -> None:
    (info / "WHEEL").unlink()


def _gone(info: Path) -> None:
    (info.parent / "sample" / "__main__.py").unlink()


def _longer(info: Path) -> None:
    (info.parent / "sample" / "__main__.py").write_text("x")


def _editable(info: Path) -> None:
    about = {"url": "file:///src/sample", "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(about))


def _nested(info: Path) -> None:
    (info / "direct_url.json").write_text("[" * 100_000)


def _twice(info: Path) -> None:
    shutil.copytree(info, info.with_name("Sample-2.0.dist-info"))


def _egg(info: Path) -> None:
    info.rename(info.with_name("sample-1.0.egg-info"))


def _bad_record(info: Path) -> None:
    (info / "RECORD").write_text("sample/x.py,,\nsample/x.py,,\n")


@repairs.loads_here
@pytest.mark.parametrize(
    ("breaks", "code", "words"),
    [
        (_no_record, 1, ("sample-1.0.dist-info: has no RECORD", "one by one")),
        (_empty_record, 1, ("has no RECORD",)),
        (_no_wheel, 1, ("WF311", "has no 'sample-1.0.dist-info/WHEEL'")),
        (_gone, 1, ("WF309", "files that are not there", "sample/__main__.py")),
        (_longer, 1, ("WF309", "sample/__main__.py: 127 bytes; it has 1")),
        (_editable, 1, ("editable mode", "file:///src/sample", "without `-e`")),
        (_nested, 1, ()),
        (_twice, 2, ("installed more than once", "Sample-2.0.dist-info", "--env DIR")),
        (_egg, 2, ("no list of its files", "pip install --force-reinstall sample")),
        (_bad_record, 1, ("WF309", "twice")),
    ],
    ids=lambda each: each.__name__[1:] if callable(each) else "",
)
def test_what_tells_nothing_is_told_as_such(
    say: Say, env: Path, breaks: Callable[[Path], None], code: int, words: tuple[str, ...]
) -> None:
    unpacked.install_by_pip(env, repairs.SAMPLE)
    (info,) = env.glob("lib/python*/site-packages/sample-*.dist-info")
    breaks(info)
    said = say("check", "--installed", "sample", "--env", env)
    assert said.code == code, said.err
    for word in words:
        assert word in said.err


def test_this_environment_is_the_default(say: Say) -> None:
    said = say("check", "--installed", "lief")
    assert (said.code, said.out.startswith("lief-")) == (0, True)
    missing = say("check", "--installed", "no-such-thing")
    assert missing.code == 2
    assert "no-such-thing: no distribution of this name is installed" in missing.err
    assert "--env .venv" in missing.err
    assert say("check", "--installed", "x", "--env", "/no/such/folder").code == 2


def test_nothing_to_look_at_is_said(say: Say) -> None:
    for command in ("check", "tree"):
        said = say(command)
        assert said.code == 2
        assert f"wheelfix {command} WHEEL" in said.err


@pytest.mark.parametrize(
    ("sample", "needed", "tag"),
    [
        (OUTER, "libinner.so.2", "manylinux1_x86_64.manylinux_2_5_x86_64"),
        ("elf/zig-aarch64-musl-lib-outer.so", "libinner.so.2", "musllinux_1_2_aarch64"),
        ("pe/lld-arm64-lib-outer.dll", "inner.dll", "win_arm64"),
        ("pe/lld-amd64-exe-hello.exe", "outer.dll", "win_amd64"),
        ("macho/lld-arm64-macos-lib-outer.dylib", "/opt/build/lib/libinner.2.dylib", "macosx_11_0"),
        ("macho/made-universal2-macos-lib-outer.dylib", "/opt/build/lib/libinner.2.dylib", "macos"),
    ],
)
def test_a_single_binary(say: Say, tmp_path: Path, sample: str, needed: str, tag: str) -> None:
    """What it needs is missing, or left to others, and then it earns a tag."""
    file = Path(shutil.copy(TESTDATA / sample, tmp_path))
    said = say("check", file)
    assert said.code == 1
    assert said.out.startswith(f"{file.name}: not portable\n")
    assert f"cannot find `{needed}`" in said.out
    assert "WF304" not in said.out
    assert needed in say("tree", file).out
    fine = say("check", "--exclude", needed, file)
    assert (fine.code, f"{file.name}: ok, fit for {tag}" in fine.out) == (0, True), fine.out


def test_a_library_beside_a_binary_is_found_by_its_search_path(say: Say, tmp_path: Path) -> None:
    lib = SetSearchPath(entries=("$ORIGIN/../lib",), kind=SearchKind.RUNPATH)
    files = [bound(OUTER, tmp_path / "bin" / "outer.so", lib)]
    here = ReplaceNeeded(
        old="/opt/build/lib/libinner.2.dylib", new="@loader_path/../lib/libinner.2.dylib"
    )
    files.append(
        bound("macho/lld-arm64-macos-lib-outer.dylib", tmp_path / "bin" / "outer.dylib", here)
    )
    files.append(Path(shutil.copy(TESTDATA / "pe/lld-amd64-lib-outer.dll", tmp_path / "bin")))
    for file in files:
        assert say("check", file).code == 1
    (tmp_path / "lib").mkdir()
    shutil.copy(TESTDATA / INNER, tmp_path / "lib" / "libinner.so.2")
    inner = TESTDATA / "macho/lld-arm64-macos-lib-inner.dylib"
    shutil.copy(inner, tmp_path / "lib" / "libinner.2.dylib")
    shutil.copy(TESTDATA / "pe/lld-amd64-lib-inner.dll", tmp_path / "bin" / "Inner.dll")
    for file in files:
        said = say("check", file)
        assert said.code == 0, said.out
        assert any(isinstance(link.provider, Beside) for link in survey(file).links)


@repairs.loads_here
def test_any_version_of_a_library_beside_will_do(say: Say, tmp_path: Path) -> None:
    """It is not the target system's, though its versions are called as those of one."""
    library = tmp_path / "libmine.so.1"
    script = tmp_path / "versions"
    script.write_text("GCC_99.0 { global: mine; local: *; };")
    flags = (f"-Wl,--version-script={script}",)
    repairs.build_library(library, "int mine(void) { return 1; }", flags=flags)
    user, code = tmp_path / "user.so", "int mine(void); int us(void) { return mine(); }"
    repairs.build_library(user, code, library, flags=("-Wl,-rpath,$ORIGIN",))
    said = say("check", user)
    assert said.code == 0, said.out


def test_a_library_of_this_machine_is_named(say: Say, tmp_path: Path) -> None:
    shutil.copy(TESTDATA / INNER, tmp_path / "libinner.so.2")
    said = say("check", "-l", tmp_path, TESTDATA / OUTER)
    assert said.code == 1
    assert "WF102: `libinner.so.2` is needed, and no target system has it" in " ".join(
        said.out.split()
    )
    assert "put it into a wheel" in said.out


@pytest.mark.parametrize(
    ("options", "sample", "code", "word"),
    [
        (("--plat", "manylinux_2_17_x86_64"), OUTER, 0, "fit for manylinux"),
        (("--plat", "macosx_11_0_arm64"), OUTER, 1, "WF110"),
        ((), "elf/gcc-x86_64-glibc-lib-execstack.so", 0, "WF215"),
        ((), "elf/zig-aarch64-glibc-lib-page-4k.so", 0, "WF211"),
        ((), "elf/gcc-x86_64-glibc-lib-rpath.so", 0, "WF201"),
        ((), "elf/gcc-x86_64-glibc-lib-isa-v3.so", 1, "WF105"),
        ((), "macho/lld-arm64-macos-lib-unsigned.dylib", 1, "WF206"),
        ((), "malformed/strtab-outside.so", 1, "WF301"),
    ],
)
def test_what_is_said_of_a_binary(
    say: Say, options: tuple[str, ...], sample: str, code: int, word: str
) -> None:
    said = say("check", "--exclude", "*inner*", *options, TESTDATA / sample)
    assert (said.code, word in said.out) == (code, True), said.out + said.err


@pytest.mark.parametrize("tag", ["", "py3-none-any"], ids=["binary", "wheel"])
def test_a_machine_that_no_windows_tag_speaks_of_is_told(
    say: Say, tmp_path: Path, tag: str
) -> None:
    """Such as Itanium's."""
    data = bytearray((TESTDATA / "pe/lld-amd64-lib-inner.dll").read_bytes())
    at = int.from_bytes(data[0x3C:0x40], "little") + 4
    data[at : at + 2] = (0x200).to_bytes(2, "little")
    file = tmp_path / "a.dll"
    file.write_bytes(data)
    if tag:
        file = repairs.make_wheel(tmp_path, {"p/a.dll": bytes(data)}, f"p-1-{tag}")
    said = say("check", file)
    assert said.code == 1
    assert "error WF110: no Windows tag exists for machine-0x0200" in said.out


@pytest.mark.parametrize(
    ("sample", "problem"),
    [
        ("elf/gcc-x86_64-none-obj-alone.o", "no loader loads it"),
        ("macho/made-arm64-macos-ar-alone.a", "no loader loads it"),
        ("elf/made-x86_64-none-script-libscript.so", "is not the file name of a wheel"),
    ],
)
def test_what_no_loader_loads_is_refused(say: Say, sample: str, problem: str) -> None:
    said = say("check", TESTDATA / sample)
    assert said.code in (1, 2)
    assert f"{Path(sample).name}: " in said.err
    assert problem in said.err


def test_binaries_of_one_name_are_told_apart(say: Say, tmp_path: Path) -> None:
    files = []
    for folder in "ab":
        (tmp_path / folder).mkdir()
        files.append(shutil.copy(TESTDATA / INNER, tmp_path / folder / "x.so"))
    assert say("check", *files).out.count("x.so: ok") == 2
    assert say("check", f"{tmp_path}/*/x.so").out.count("x.so: ok") == 2


def test_a_single_binary_is_not_repaired(say: Say, tmp_path: Path) -> None:
    said = say("repair", "-w", tmp_path / "out", TESTDATA / INNER)
    assert said.code == 2
    assert "put it into a wheel" in said.err
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(say: Say, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.so")
    said = say("check", tmp_path / "pipe.so")
    assert said.code == 2
    assert "is not a file" in said.err


def test_repair_of_the_wheel_mends_what_was_said_of_what_was_installed(
    say: Say, tmp_path: Path, env: Path
) -> None:
    """The hint is true."""
    made = repairs.job(tmp_path / "job")
    unpacked.install_by_pip(env, made.wheel)
    assert say("check", "--installed", "sample", "--env", env).code == 1
    output = repair(made.wheel, tmp_path / "out", Options(lib_paths=(made.libs,))).output
    unpacked.install_by_pip(env, "--force-reinstall", output)
    assert say("check", "--installed", "sample", "--env", env).code == 0
