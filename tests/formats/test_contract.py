"""Every format keeps the contract of `formats.interface.Format`, on real samples."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from support.samples import TESTDATA

from wheelfix.errors import BadBinary
from wheelfix.formats import FORMATS, HEAD, identify, named
from wheelfix.formats.interface import Format
from wheelfix.host import Host, HostFile
from wheelfix.model import Image

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


@pytest.mark.parametrize("name", FORMATS)
def test_a_place_to_look_is_given_for_every_needed_name(name: str) -> None:
    from wheelfix.formats.interface import Loaded

    kind = named(name)
    for file in SAMPLES[name]:
        if identify(file.read_bytes()[:HEAD]) is not kind:
            continue
        for image in images(file, kind):
            known = kind.defaults(Host({"LD_LIBRARY_PATH": "/l", "DYLD_LIBRARY_PATH": "/l"}), image)
            for needed in image.needed:
                chain = (Loaded(image=image, folder=Path("/opt/lib")),)
                for candidate in kind.candidates(needed.name, chain, known):
                    assert candidate.where
                    assert (candidate.file is None) == bool(candidate.why_not)


@pytest.mark.parametrize("name", FORMATS)
def test_the_magic_alone_is_damaged(name: str, tmp_path: Path) -> None:
    for magic in FORMATS[name]:
        file = tmp_path / "short"
        file.write_bytes(magic)
        if named(name).matches(magic):
            with pytest.raises(BadBinary):
                images(file, named(name))
