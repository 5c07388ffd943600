"""Where dyld looks and in which order: every place by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.facts import mac_image

from wheelfix.formats.interface import ANYWHERE, Defaults, Folder, Loaded, Reuse
from wheelfix.formats.macho.search import candidates, defaults, reuse
from wheelfix.model import InstalledPath

PACKAGE = InstalledPath("pkg")
HOST = Path("/opt/lib")
DEFAULTS = Defaults(environment=(Path("/env"),), cached={}, folders=(Path("/fallback"),))
ENV, LAST = "/env/libx.dylib", "/fallback/libx.dylib"
UNKNOWN = None


def loaded(*rpaths: str, folder: Folder | None = PACKAGE) -> Loaded:
    return Loaded(image=mac_image(rpaths=rpaths), folder=folder)


def files(
    *chain: Loaded, name: str = "@rpath/libx.dylib", known: Defaults = DEFAULTS
) -> list[str | None]:
    *found, last = candidates(name, chain, known)
    assert last == ANYWHERE
    return [None if each.file is None else str(each.file) for each in found]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("/usr/local/lib/libx.dylib", ["/usr/local/lib/libx.dylib"]),
        ("@loader_path/libx.dylib", ["pkg/libx.dylib"]),
        ("@loader_path/../lib/libx.dylib", ["lib/libx.dylib"]),
        ("@loader_path/../../libx.dylib", [UNKNOWN]),
        ("@executable_path/../lib/libx.dylib", [UNKNOWN]),
        ("libx.dylib", [UNKNOWN]),
        ("lib/libx.dylib", [UNKNOWN]),
        ("@loader_path//libx.dylib", ["pkg/libx.dylib"]),
        ("@loader_path//lib/libx.dylib", ["pkg/lib/libx.dylib"]),
    ],
)
def test_the_environment_comes_first_the_name_itself_then_the_fallback(
    name: str, expected: list[str | None]
) -> None:
    assert files(loaded("/never"), name=name) == [ENV, *expected, LAST]


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ((loaded(),), []),
        ((loaded("/one", "/two"),), ["/one/libx.dylib", "/two/libx.dylib"]),
        ((loaded("/own"), loaded("/loaders")), ["/own/libx.dylib", "/loaders/libx.dylib"]),
        ((loaded("@loader_path"),), ["pkg/libx.dylib"]),
        ((loaded("@loader_path/"),), ["pkg/libx.dylib"]),
        ((loaded("@loader_path//lib"),), ["pkg/lib/libx.dylib"]),
        ((loaded("@loader_path/../lib"),), ["lib/libx.dylib"]),
        ((loaded("@loader_path/lib", folder=HOST),), ["/opt/lib/lib/libx.dylib"]),
        (
            (loaded("/own", folder=HOST), loaded("@loader_path/.dylibs")),
            ["/own/libx.dylib", "pkg/.dylibs/libx.dylib"],
        ),
        ((loaded("@loader_path", folder=None),), [UNKNOWN]),
        ((loaded("@executable_path"), loaded("@executable_path/../x")), [UNKNOWN, UNKNOWN]),
        ((loaded(""), loaded("relative")), [UNKNOWN, UNKNOWN]),
    ],
)
def test_delocate_271_rpaths_of_the_whole_chain_from_user_to_root(
    chain: tuple[Loaded, ...], expected: list[str | None]
) -> None:
    assert files(*chain) == [ENV, *expected, LAST]


def test_delocate_bare_names_resolve_against_the_current_directory() -> None:
    only, _ = candidates("libx.dylib", (loaded(),), Defaults(cached={}))
    assert only.file is None
    assert "the folder a program is started in" in only.why_not


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("@executable_path", "/app/libx.dylib"),
        ("@executable_path/lib", "/app/lib/libx.dylib"),
        ("@executable_path/../lib", "/app/../lib/libx.dylib"),
    ],
)
def test_the_program_is_where_the_user_says(entry: str, expected: str) -> None:
    known = Defaults(cached={}, program=Path("/app"))
    assert files(loaded(entry), known=known) == [expected]
    assert files(loaded(), name=f"{entry}/libx.dylib", known=known) == [expected]


def test_a_subfolder_in_an_rpath_name_counts() -> None:
    known = Defaults(cached={}, environment=(Path("/env"),))
    name = "@rpath/Q.framework/Versions/A/Q"
    found = files(loaded("@loader_path/lib"), name=name, known=known)
    assert found == ["/env/Q", "pkg/lib/Q.framework/Versions/A/Q"]


def test_people_are_told_what_an_entry_stands_for() -> None:
    chain = (loaded("@loader_path/../lib", "/build"),)
    found = candidates("@rpath/libx.dylib", chain, Defaults(cached={}))
    assert [candidate.where for candidate in found] == [
        "@loader_path/../lib -> lib/",
        "/build",
        "elsewhere in the wheel",
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A machine of which only the environment counts."""

    environ: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None

    def names(self, folder: Path) -> frozenset[str]:
        del folder
        return frozenset()

    def text(self, file: Path) -> str | None:
        raise FileNotFoundError(file)

    def content(self, file: Path) -> bytes | None:
        raise FileNotFoundError(file)


def test_without_variables_dyld_falls_back_to_its_own_folders() -> None:
    known = defaults(Shelf(), mac_image())
    assert known.environment == ()
    assert known.folders == (Path("/usr/local/lib"), Path("/usr/lib"))


def test_delocate_222_variables_are_read_and_empty_entries_are_not_this_folder() -> None:
    environ = {"DYLD_LIBRARY_PATH": "/a::/b", "DYLD_FALLBACK_LIBRARY_PATH": ":/c:"}
    known = defaults(Shelf(environ=environ), mac_image())
    assert known.environment == (Path("/a"), Path("/b"))
    assert known.folders == (Path("/c"),)


GIVEN = ["/one/libx.dylib", "/two/libx.dylib"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("@rpath/libx.dylib", [*GIVEN, ENV, "/rpath/libx.dylib"]),
        ("/opt/libx.dylib", [*GIVEN, ENV, "/opt/libx.dylib"]),
        ("@loader_path/libx.dylib", [ENV, "pkg/libx.dylib", *GIVEN]),
    ],
)
def test_the_users_own_folders_come_first_unless_one_file_and_no_other_is_meant(
    name: str, expected: list[str | None]
) -> None:
    folders = (Path("/one"), Path("/two"))
    known = Defaults(cached={}, given=folders, environment=(Path("/env"),))
    assert files(loaded("/rpath"), name=name, known=known) == expected


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("@rpath/libx.dylib", Reuse.LAST),
        ("/opt/libx.dylib", Reuse.LAST),
        ("libx.dylib", Reuse.LAST),
        ("@loader_path/libx.dylib", Reuse.NEVER),
    ],
)
def test_when_a_loaded_library_is_taken(name: str, when: Reuse) -> None:
    assert reuse(name) is when


def test_a_name_with_two_slashes_does_not_lead_to_the_root() -> None:
    """As an install name folder that ends in a slash makes it: `@rpath/` and `/libx.dylib`."""
    chain = loaded("/one", "@loader_path/../lib")
    assert files(chain, name="@rpath//libx.dylib") == [
        ENV,
        "/one/libx.dylib",
        "lib/libx.dylib",
        LAST,
    ]
