"""What a format's words do to the walk: each is another one for the length of a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.facts import library, member
from support.machines import said, walked

from wheelfix.formats import elf
from wheelfix.formats.interface import ANYWHERE, Candidate, Defaults, Loaded, Reuse
from wheelfix.model import Options

MINE = Options(lib_paths=(Path("/one"), Path("/two"), Path("/three")))


@pytest.fixture
def folding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make names of ELF files compare as those of DLLs do."""
    monkeypatch.setattr(elf, "key", str.casefold)


@pytest.mark.usefixtures("folding")
def test_names_that_differ_by_case_mean_one_member() -> None:
    walk = walked([member("pkg/a.so", "LIBX.so", rpath=("$ORIGIN",)), member("pkg/libx.SO")])
    (found,) = walk.sorted_links()
    assert said(found) == "pkg/libx.SO"


@pytest.mark.usefixtures("folding")
def test_names_that_differ_by_case_mean_one_member_wherever_it_lies() -> None:
    far = member("pkg/deep/x.so", own_name="LibX.so")
    walk = walked([member("pkg/a.so", "libx.SO"), far])
    (found,) = walk.sorted_links()
    assert said(found) == "pkg/deep/x.so (lost)"


@pytest.mark.usefixtures("folding")
def test_what_is_loaded_is_known_under_any_case() -> None:
    user = member("pkg/a.so", "libx.so", "LIBX.SO", rpath=("/l",))
    walk = walked([user, library("/l/libx.so")])
    assert {link.needed: link.via for link in walk.sorted_links()} == {
        "libx.so": "/l",
        "LIBX.SO": "already loaded",
    }


@pytest.mark.usefixtures("folding")
def test_an_exclude_covers_any_case() -> None:
    walk = walked([member("pkg/a.so", "LIBX.so")], Options(exclude=("LibX*",)))
    assert [said(link) for link in walk.sorted_links()] == ["Excluded"]
    assert walk.taker.used_excludes == {"LibX*"}


def test_case_counts_where_the_format_says_so() -> None:
    walk = walked([member("pkg/a.so", "LIBX.so"), member("pkg/libx.so")])
    assert [said(link) for link in walk.sorted_links()] == ["Missing"]


@pytest.mark.parametrize(
    ("toolsets", "chosen"),
    [
        (("14.9", "14.38", "14.29"), "/two/libx.so"),
        (("14.38", "14.38", None), "/one/libx.so"),
        ((None, None, "2.1"), "/three/libx.so"),
        ((None, None, None), "/one/libx.so"),
    ],
)
def test_the_newest_of_all_that_fit(
    toolsets: tuple[str | None, ...], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elf, "newest_wins", lambda name: name == "libx.so")
    copies = [
        library(f"/{folder}/libx.so", toolset=toolset)
        for folder, toolset in zip(("one", "two", "three"), toolsets, strict=True)
    ]
    walk = walked([member("pkg/a.so", "libx.so"), *copies], MINE)
    assert [said(link) for link in walk.sorted_links()] == [chosen]
    assert list(walk.taker.libraries) == [Path(chosen)]


def test_the_newest_that_does_not_fit_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elf, "newest_wins", lambda _: True)
    old, new = library("/one/libx.so", toolset="1.0"), library("/two/libx.so", toolset="2.0")
    other = library("/three/libx.so", toolset="3.0", arch="i686")
    walk = walked([member("pkg/a.so", "libx.so"), old, new, other], MINE)
    assert [said(link) for link in walk.sorted_links()] == ["/two/libx.so"]


def test_what_is_left_to_the_system_by_its_place_is_not_outbid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(elf, "newest_wins", lambda _: True)
    new = library("/two/libx.so", toolset="2.0")
    options = Options(lib_paths=MINE.lib_paths, exclude=("/one/*",))
    walk = walked([member("pkg/a.so", "libx.so"), library("/one/libx.so"), new], options)
    assert [said(link) for link in walk.sorted_links()] == ["Excluded"]


def test_the_wheel_is_searched_where_the_format_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: anywhere in the wheel before any folder of the machine."""

    def candidates(name: str, chain: tuple[Loaded, ...], defaults: Defaults) -> Iterator[Candidate]:
        del chain
        yield ANYWHERE
        yield Candidate(file=defaults.given[0] / name, where="given")

    monkeypatch.setattr(elf, "candidates", candidates)
    user = member("pkg/a.so", "libx.so", "liby.so")
    members = [user, member("pkg/deep/libx.so")]
    walk = walked([*members, library("/one/libx.so"), library("/one/liby.so")], MINE)
    assert {link.needed: said(link) for link in walk.sorted_links()} == {
        "libx.so": "pkg/deep/libx.so (lost)",
        "liby.so": "/one/liby.so",
    }


@pytest.mark.parametrize(
    ("when", "expected"),
    [(Reuse.FIRST, "/l/libx.so"), (Reuse.LAST, "/m/libx.so"), (Reuse.NEVER, "/m/libx.so")],
)
def test_when_a_loaded_library_is_taken(
    when: Reuse, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elf, "reuse", lambda _: when)
    user = member("pkg/a.so", "libx.so", "liby.so", rpath=("/l",))
    inner = library("/l/liby.so", "libx.so", runpath=("/m",))
    walk = walked([user, library("/l/libx.so"), inner, library("/m/libx.so")])
    assert said(walk.links[Path("/l/liby.so"), "x86_64", "libx.so"]) == expected
