"""Every format keeps the contract of `formats.interface.Format`, on real samples."""

from __future__ import annotations

import inspect
import posixpath
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.samples import TESTDATA

from wheelfix.errors import BadBinary
from wheelfix.formats import FORMATS, HEAD, identify, named
from wheelfix.formats.interface import Candidate, Format, Loaded, Reuse
from wheelfix.host import Host
from wheelfix.hostfile import HostFile
from wheelfix.model import Image, InstalledPath
from wheelfix.value import replace

SAMPLES = {
    name: sorted(file for file in (TESTDATA / name).iterdir() if file.is_file()) for name in FORMATS
}
WORDS = [name for name, _ in inspect.getmembers(Format, inspect.isfunction) if name[0] != "_"]


def images(file: Path, kind: Format) -> tuple[Image, ...]:
    with HostFile(file) as source:
        return kind.read(source, watch={})


@pytest.mark.parametrize("name", FORMATS)
def test_it_has_every_word_of_the_contract_with_its_parameters(name: str) -> None:
    kind = named(name)
    assert kind.name == name
    for word in WORDS:
        wanted = list(inspect.signature(getattr(Format, word)).parameters)[1:]
        assert list(inspect.signature(getattr(kind, word)).parameters) == wanted, word
        assert inspect.getdoc(getattr(kind, word)), word


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_of_the_format_that_reads_it_and_of_no_other(name: str) -> None:
    kind = named(name)
    for file in SAMPLES[name]:
        found = identify(file.read_bytes()[:HEAD])
        if found is None:
            continue  # scripts, archives and class files that lie among the samples
        assert found is kind, file.name
        assert all(not named(o).matches(file.read_bytes()[:HEAD]) for o in FORMATS if o != name)


@pytest.mark.parametrize("name", FORMATS)
def test_needed_names_are_not_lost(name: str) -> None:
    """An empty answer would read as "needs nothing" and give a wheel that is silently wrong."""
    kind = named(name)
    readable = [f for f in SAMPLES[name] if identify(f.read_bytes()[:HEAD]) is kind]
    needing = [f for f in readable if any(i.needed for i in images(f, kind))]
    assert len(needing) > len(readable) // 2


def needs(kind: Format) -> Iterator[tuple[str, list[Candidate]]]:
    """Give every needed name of the samples, and the places where it is looked for."""
    for file in SAMPLES[kind.name]:
        if identify(file.read_bytes()[:HEAD]) is not kind:
            continue
        for image in images(file, kind):
            told = kind.defaults(Host({"LD_LIBRARY_PATH": "/l", "DYLD_LIBRARY_PATH": "/l"}), image)
            known = replace(told, given=(Path("/given"),))
            chain = (Loaded(image=image, folder=Path("/opt/lib")),)
            for needed in image.needed:
                yield needed.name, list(kind.candidates(needed.name, chain, known))


@pytest.mark.parametrize("name", FORMATS)
def test_a_place_to_look_is_given_for_every_needed_name(name: str) -> None:
    for _, places in needs(named(name)):
        for candidate in places:
            assert candidate.where
            lost = candidate.file is None and not candidate.anywhere
            assert lost == bool(candidate.why_not)


@pytest.mark.parametrize("name", FORMATS)
def test_the_users_folders_and_the_whole_wheel_are_looked_at_once(name: str) -> None:
    for needed, places in needs(named(name)):
        given = [c for c in places if c.where == "/given (--lib-path)"]
        assert [c.file for c in given] == [Path("/given") / posixpath.basename(needed)]
        anywhere = [c for c in places if c.anywhere]
        assert [c.file for c in anywhere] == [None]


@pytest.mark.parametrize("name", FORMATS)
def test_every_place_of_the_target_system_is_below_its_root(name: str) -> None:
    kind = named(name)
    root = Path("/sys")
    for file in SAMPLES[name]:
        if identify(file.read_bytes()[:HEAD]) is not kind:
            continue
        for image in images(file, kind):
            known = kind.defaults(Host({}).rooted(root), image)
            assert known.root == root
            chain = (Loaded(image=image, folder=InstalledPath("pkg")),)
            for needed in ("libx", "/opt/libx", *(n.name for n in image.needed)):
                for place in kind.candidates(needed, chain, known):
                    if isinstance(place.file, Path):
                        assert place.file.is_relative_to(root), place
                        assert str(root) in place.where


@pytest.mark.parametrize("name", FORMATS)
def test_keys_are_stable_and_leave_paths_apart(name: str) -> None:
    key = named(name).key
    for text in (
        "libx.so.1",
        "MSVCP140.dll",
        "pkg/A/\u00c4.DLL",
        "@rpath/X.framework/X",
        "//data/x",
    ):
        assert key(key(text)) == key(text)
        assert key(text).count("/") == text.count("/")
    assert key("a.dll") != key("b.dll")


@pytest.mark.parametrize("name", FORMATS)
def test_a_loaded_library_is_reused_as_the_format_says(name: str) -> None:
    kind = named(name)
    for needed, _ in needs(kind):
        assert kind.reuse(needed) in Reuse


@pytest.mark.parametrize("name", ["elf", "macho"])
def test_names_mean_one_file_where_case_and_age_count_for_nothing(name: str) -> None:
    assert named(name).key("LibX.so") == "LibX.so"
    assert not named(name).newest_wins("libstdc++.so.6")


@pytest.mark.parametrize("name", FORMATS)
def test_the_magic_alone_is_damaged(name: str, tmp_path: Path) -> None:
    for magic in FORMATS[name]:
        file = tmp_path / "short"
        file.write_bytes(magic)
        if named(name).matches(magic):
            with pytest.raises(BadBinary):
                images(file, named(name))
