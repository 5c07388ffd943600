"""Unpacked wheels: the verdict of the wheel, and a repaired wheel with the same contents."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import published
import pytest
from support import repairs
from support.environments import no_network
from support.index_rules import breaches
from support.repairs import Job
from support.said import Said, Say
from support.unpacked import unpacked

from wheelfix import check, repair, survey
from wheelfix.errors import BadWheel

DIST_INFO = "sample-1.0.dist-info"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give the sample wheel unpacked."""
    return unpacked(repairs.SAMPLE, tmp_path / "tree")


def verdict(said: Said) -> dict[str, Any]:
    """Give the plan, in which an archive's own matters do not differ."""
    (answer,) = json.loads(said.out)["wheels"]
    plan: dict[str, Any] = answer["plan"]
    return {**plan, "rewrite_archive": None}


def test_a_tree_has_the_verdict_of_its_wheel(say: Say, either: Job, tmp_path: Path) -> None:
    folder = unpacked(either.wheel, tmp_path / "tree")
    before = repairs.state(folder)
    for libs in ((), ("-l", either.libs)):
        of_wheel = say("check", "--json", *libs, either.wheel)
        of_tree = say("check", "--json", *libs, folder)
        assert of_tree.code == of_wheel.code
        assert verdict(of_tree) == verdict(of_wheel)
        pictures = [say("tree", *libs, each).out for each in (either.wheel, folder)]
        assert pictures[0] == pictures[1]
    assert repairs.state(folder) == before
    assert check(folder).report.artifacts == survey(folder).artifacts


def test_a_failure_in_the_current_folder_says_where(
    say: Say, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / DIST_INFO / "WHEEL").unlink()
    monkeypatch.chdir(tree)
    assert say("check", ".").err.startswith(f"error WF311: tree: has no '{DIST_INFO}/WHEEL'")
    (answer,) = json.loads(say("check", "--json", ".").out)["wheels"]
    assert answer["wheel"] == "tree"
    with pytest.raises(BadWheel, match=r"^\.: has no"):
        check(Path())


@pytest.mark.parametrize("form", ["text", "github", "markdown", "sarif"])
def test_every_form_takes_a_tree(say: Say, tree: Path, form: str) -> None:
    said = say("check", "--format", form, tree)
    assert said.code == 1
    assert "WF101" in said.out
    assert ("file" in said.out or "tree" in said.out) or form != "sarif"


def test_a_tree_becomes_a_repaired_wheel(either: Job, tmp_path: Path) -> None:
    """The same members as the repaired wheel's, byte for byte, whatever the modes were."""
    folder = unpacked(either.wheel, tmp_path / "tree")
    for file in folder.rglob("*"):
        file.chmod(file.stat().st_mode & 0o700)
    before = repairs.state(folder)
    outcome = repair(folder, tmp_path / "of-tree", either.options)
    twin = either.repair().output
    assert outcome.output.name == twin.name
    assert contents(outcome.output) == contents(twin)
    assert breaches(outcome.output) == []
    assert repairs.state(folder) == before
    again = repair(folder, tmp_path / "again", either.options).output
    assert again.read_bytes() == outcome.output.read_bytes()
    assert check(outcome.output).plan.ok


def contents(wheel: Path) -> dict[str, tuple[int, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        return {i.filename: (i.external_attr, archive.read(i)) for i in archive.infolist()}


def test_with_nothing_to_do_a_tree_is_packed(say: Say, tmp_path: Path) -> None:
    pure = repairs.make_wheel(
        tmp_path, {"pure/__init__.py": b"x = 1\n"}, "pure-1.0-py3-none-any", purelib=True
    )
    folder = unpacked(pure, tmp_path / "tree")
    assert say("repair", "-w", tmp_path / "out", folder).code == 0
    assert contents(tmp_path / "out" / pure.name) == contents(pure)


def test_no_output_goes_into_the_tree(say: Say, tree: Path) -> None:
    said = say("repair", "-w", tree / "out", "-l", repairs.SAMPLE_LIBS, tree)
    assert said.code == 2
    assert "is in the unpacked wheel" in said.err
    assert not (tree / "out").exists()


def test_no_scratch_folder_is_made_in_the_tree(say: Say, tree: Path, tmp_path: Path) -> None:
    words = ("-w", tmp_path / "out", "--scratch", tree / "sample", "-l", repairs.SAMPLE_LIBS)
    before = repairs.state(tree)
    said = say("repair", *words, tree)
    assert (said.code, repairs.state(tree)) == (2, before)
    assert "is in the unpacked wheel" in said.err


def test_what_would_become_one_wheel_is_refused(say: Say, tree: Path, tmp_path: Path) -> None:
    """Which one it is must not depend on who is ready first."""
    other = tmp_path / "other"
    shutil.copytree(tree, other)
    for pair in ((tree, other), (repairs.SAMPLE, other)):
        said = say("repair", "-w", tmp_path / "out", "-l", repairs.SAMPLE_LIBS, *pair)
        assert said.code == 2
        assert "has the same name as" in said.err
    assert say("check", "-l", repairs.SAMPLE_LIBS, tree, other).code == 1


def test_what_python_compiled_since_is_no_member(say: Say, tree: Path) -> None:
    cache = tree / "sample" / "__pycache__"
    cache.mkdir()
    (cache / "x.cpython-311.pyc").write_bytes(b"")
    assert "WF308" not in say("check", "-v", tree).out
    (tree / "sample" / "new.py").write_bytes(b"")
    (found,) = [f for f in check(tree).plan.findings if f.code == "WF308"]
    assert "sample/new.py" in found.message


def _without_wheel(tree: Path) -> None:
    (tree / DIST_INFO / "WHEEL").unlink()


def _twice(tree: Path) -> None:
    shutil.copytree(tree / DIST_INFO, tree / "other-1.0.dist-info")


def _gone(tree: Path) -> None:
    (tree / "sample" / "__main__.py").unlink()


def _longer(tree: Path) -> None:
    with (tree / "sample" / "__main__.py").open("ab") as stream:
        stream.write(b"# more\n")


def _linked_folder(tree: Path) -> None:
    (tree / "sample" / "loop").symlink_to("..")


def _looping_file(tree: Path) -> None:
    (tree / "sample" / "loop.py").symlink_to("loop.py")


def _dangling(tree: Path) -> None:
    (tree / "sample" / "lost.py").symlink_to("nowhere")


def _pipe(tree: Path) -> None:
    os.mkfifo(tree / "sample" / "pipe")


def _no_utf8(tree: Path) -> None:
    Path(os.fsdecode(os.fsencode(tree) + b"/sample/caf\xe9.py")).write_bytes(b"")


def _nonsense(tree: Path) -> None:
    (tree / DIST_INFO / "RECORD").write_bytes(b"\xff\xfe")


def _no_tags(tree: Path) -> None:
    (tree / DIST_INFO / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")


def _build_of_folders(tree: Path) -> None:
    about = "Wheel-Version: 1.0\nBuild: 1/../2\nTag: py3-none-any\n"
    (tree / DIST_INFO / "WHEEL").write_text(about)


def _tag_of_folders(tree: Path) -> None:
    (tree / DIST_INFO / "WHEEL").write_text("Wheel-Version: 1.0\nTag: ../x-none-any\n")


@pytest.mark.parametrize(
    ("breaks", "code", "words"),
    [
        (_without_wheel, 1, ("WF311", f"has no '{DIST_INFO}/WHEEL'")),
        (_twice, 2, ("holds several distributions", "--installed NAME")),
        (_gone, 1, ("WF309", "files that are not in the wheel", "sample/__main__.py")),
        (_longer, 1, ("WF309", "'sample/__main__.py' has 127 bytes; it has 134")),
        (_linked_folder, 2, ("loop: is a link to a folder", "cp -rL")),
        (_looping_file, 2, ("loop.py: Too many levels",)),
        (_dangling, 2, ("lost.py: No such file",)),
        (_pipe, 2, ("pipe: is not a file",)),
        (_no_utf8, 1, ("WF310", "it is not UTF-8")),
        (_nonsense, 1, ("WF309", "RECORD is not UTF-8")),
        (_no_tags, 1, ("WF311", "WHEEL has no Tag line")),
        (_build_of_folders, 1, ("WF311", "do not tell project, version and tags")),
        (_tag_of_folders, 1, ("WF311", "do not tell project, version and tags")),
    ],
    ids=lambda each: each.__name__[1:] if callable(each) else "",
)
def test_a_broken_tree_is_told_as_such(
    say: Say, tree: Path, breaks: Callable[[Path], None], code: int, words: tuple[str, ...]
) -> None:
    breaks(tree)
    said = say("check", tree)
    assert said.code == code
    for word in words:
        assert word in said.err


@pytest.mark.parametrize(
    "line",
    [
        "Tag: ../../x-none-any",
        "Tag: py3-no/ne-any",
        "Tag: py3-none-linux\\x86_64",
        "Tag: p\0y3-none-any",
        "Tag: py3.-none-any",
        "Build: 1/../../../x\nTag: py3-none-any",
        "Build: x\nTag: py3-none-any",
    ],
    ids=range(7),
)
def test_a_wheel_file_cannot_choose_where_the_wheel_goes(
    say: Say, tree: Path, tmp_path: Path, line: str
) -> None:
    """The new wheel's name is made of what WHEEL says: it must be one."""
    (tree / DIST_INFO / "WHEEL").write_text(f"Wheel-Version: 1.0\n{line}\n")
    before = repairs.state(tmp_path)
    said = say("repair", "-w", tmp_path / "out", tree)
    assert said.code == 1
    assert f"{DIST_INFO} and its WHEEL do not tell project, version and tags" in said.err
    assert repairs.state(tmp_path) == before


@pytest.fixture
def nobody() -> Iterator[Path]:
    """Give a folder that everybody may enter, to somebody who may not read everything."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
@pytest.mark.parametrize("closed", ["sample/__main__.py", "sample", ""])
def test_what_may_not_be_read_is_named(say: Say, nobody: Path, closed: str) -> None:
    tree = unpacked(repairs.SAMPLE, nobody / "tree")
    assert say("check", tree).code == 1  # whatever is imported late is imported now
    (tree / closed).chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        said = say("check", tree)
    finally:
        os.seteuid(user)
        (tree / closed).chmod(0o755)
    assert said.code == 2
    assert f"{tree / closed}: Permission denied" in said.err


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_two_wheels_of_one_name_in_a_closed_folder_are_told(say: Say, nobody: Path) -> None:
    """Nobody can look whether they are one file."""
    wheels = [nobody / name / repairs.SAMPLE.name for name in ("open", "closed")]
    for wheel in wheels:
        wheel.parent.mkdir()
        shutil.copy(repairs.SAMPLE, wheel)
    wheels[1].parent.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        said = say("check", *wheels)
    finally:
        os.seteuid(user)
        wheels[1].parent.chmod(0o755)
    assert said.code == 2
    assert f"{wheels[1]}: has the same name as {wheels[0]}" in said.err


def test_a_folder_of_binaries_is_told_what_to_type(say: Say) -> None:
    said = say("check", repairs.ROOT / "testdata" / "elf")
    assert said.code == 2
    assert "`libs/*.so`" in said.err


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.parametrize(
    "pin",
    [
        pin
        for pin in (*published.pins(), *published.mac_pins(), *published.windows_pins())
        if pin.project in ("numpy", "h5py", "matplotlib")
    ],
    ids=lambda pin: pin.folder,
)
def test_a_published_wheel_has_one_verdict(say: Say, tmp_path: Path, pin: published.Pin) -> None:
    """Packed, unpacked, and where an installer puts it."""
    try:
        wheel = published.download(pin)
    except subprocess.CalledProcessError as error:
        no_network(error)
        raise
    folder = unpacked(wheel, tmp_path / "tree")
    (dist_info,) = folder.glob("*.dist-info")
    of_wheel = say("check", "--json", "--no-host-libs", wheel)
    for place in (folder, dist_info):
        said = say("check", "--json", "--no-host-libs", place)
        assert (said.code, verdict(said)) == (of_wheel.code, verdict(of_wheel))
