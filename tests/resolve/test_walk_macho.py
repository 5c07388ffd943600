"""Install names of Mach-O files, followed as dyld does, on a machine that is made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.facts import MACOS, mac_image, mac_library, mac_member, wheel_info
from support.machines import Machine, said, walked

from wheelfix.model import Artifact, Image, Missing, Options
from wheelfix.resolve import resolve

X = "@rpath/libx.dylib"
Y = "@rpath/liby.dylib"


def user(path: str, *needed: str, rpaths: Iterable[str] = ("/l",)) -> Artifact:
    return mac_member(path, mac_image(*needed, rpaths=rpaths))


def host(path: str, *needed: str, **fields: object) -> Artifact:
    return mac_library(path, mac_image(*needed, **fields))


def followed(
    artifacts: Iterable[Artifact], options: Options | None = None, **links: str
) -> dict[str, str]:
    """Give who provides what, by user and name."""
    walk = walked(artifacts, options, links, filename=MACOS)
    return {f"{x.user} {x.needed}": said(x) for x in walk.sorted_links()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A wheel and a machine; `links` says who gives what to whom."""

    artifacts: tuple[Artifact, ...]
    options: Options = field(default_factory=Options)
    links: Mapping[str, str]


CASES = {
    "the system's own is not looked for": Case(
        artifacts=(
            user("pkg/a.so", "/usr/lib/libz.1.dylib", "/System/Library/Frameworks/A.framework/A"),
        ),
        links={
            "pkg/a.so /usr/lib/libz.1.dylib": "OnSystem",
            "pkg/a.so /System/Library/Frameworks/A.framework/A": "OnSystem",
        },
    ),
    "delocate 278: the user's own disk is not the system": Case(
        artifacts=(
            user("pkg/a.so", "/System/Volumes/Data/l/libx.dylib"),
            host("/System/Volumes/Data/l/libx.dylib"),
        ),
        links={"pkg/a.so /System/Volumes/Data/l/libx.dylib": "/System/Volumes/Data/l/libx.dylib"},
    ),
    "/usr/local is not the system": Case(
        artifacts=(
            user("pkg/a.so", "/usr/local/lib/libx.dylib"),
            host("/usr/local/lib/libx.dylib"),
        ),
        links={"pkg/a.so /usr/local/lib/libx.dylib": "/usr/local/lib/libx.dylib"},
    ),
    "delocate 204: Swift's runtime is in the system's cache": Case(
        artifacts=(user("pkg/a.so", "@rpath/libswiftCore.dylib", rpaths=("/usr/lib/swift",)),),
        links={"pkg/a.so @rpath/libswiftCore.dylib": "OnSystem"},
    ),
    "delocate 25: Python is bundled": Case(
        artifacts=(
            user("pkg/a.so", "/Library/Frameworks/Python.framework/Versions/3.11/Python"),
            host("/Library/Frameworks/Python.framework/Versions/3.11/Python"),
        ),
        links={"pkg/a.so /Library/Frameworks/Python.framework/Versions/3.11/Python": "FromPython"},
    ),
    "delocate 271: the rpaths of whoever loads a library count": Case(
        artifacts=(
            user("pkg/a.so", "/opt/libx.dylib", rpaths=("@loader_path/lib",)),
            host("/opt/libx.dylib", Y),
            mac_member("pkg/lib/liby.dylib", mac_image(own_name=Y)),
        ),
        links={
            "pkg/a.so /opt/libx.dylib": "/opt/libx.dylib",
            f"/opt/libx.dylib {Y}": "pkg/lib/liby.dylib",
        },
    ),
    "a library of the wheel is found wherever it lies": Case(
        artifacts=(
            user("pkg/a.so", X, rpaths=()),
            mac_member("pkg/deep/libx.dylib", mac_image(own_name=X)),
        ),
        links={f"pkg/a.so {X}": "pkg/deep/libx.dylib (lost)"},
    ),
    "@loader_path means each binary's own folder, loaded before or not": Case(
        artifacts=(
            user("pkg/a.so", "@loader_path/libz.dylib", "/l/libx.dylib"),
            mac_member("pkg/libz.dylib", mac_image(own_name=Y)),
            host("/l/libx.dylib", "@loader_path/libz.dylib"),
            host("/l/libz.dylib"),
        ),
        links={
            "pkg/a.so @loader_path/libz.dylib": "pkg/libz.dylib",
            "pkg/a.so /l/libx.dylib": "/l/libx.dylib",
            "/l/libx.dylib @loader_path/libz.dylib": "/l/libz.dylib",
        },
    ),
    "a name that leads nowhere is that of a library loaded already": Case(
        artifacts=(
            user("pkg/a.so", "/l/libx.dylib", "/m/liby.dylib", rpaths=()),
            host("/l/libx.dylib", own_name=X),
            host("/m/liby.dylib", X),
        ),
        links={
            "pkg/a.so /l/libx.dylib": "/l/libx.dylib",
            "pkg/a.so /m/liby.dylib": "/m/liby.dylib",
            f"/m/liby.dylib {X}": "/l/libx.dylib",
        },
    ),
    "so that its user does not depend on it, a member loaded already is pointed at": Case(
        artifacts=(
            user("pkg/a.so", "@loader_path/libx.dylib", "@loader_path/deep/liby.dylib"),
            mac_member("pkg/libx.dylib", mac_image(own_name=X)),
            mac_member("pkg/deep/liby.dylib", mac_image(X, own_name=Y)),
        ),
        links={
            "pkg/a.so @loader_path/libx.dylib": "pkg/libx.dylib",
            "pkg/a.so @loader_path/deep/liby.dylib": "pkg/deep/liby.dylib",
            f"pkg/deep/liby.dylib {X}": "pkg/libx.dylib (lost)",
        },
    ),
    "a member beside its user comes before --lib-path": Case(
        artifacts=(
            user("pkg/a.so", "@loader_path/libx.dylib", "@loader_path/libgone.dylib"),
            mac_member("pkg/libx.dylib", mac_image(own_name=X)),
            host("/mine/libx.dylib"),
            host("/mine/libgone.dylib"),
        ),
        options=Options(lib_paths=(Path("/mine"),)),
        links={
            "pkg/a.so @loader_path/libx.dylib": "pkg/libx.dylib",
            "pkg/a.so @loader_path/libgone.dylib": "/mine/libgone.dylib",
        },
    ),
    "each binary's own rpaths come before what is loaded already": Case(
        artifacts=(
            user("pkg/a.so", X, "/m/liby.dylib"),
            host("/l/libx.dylib", own_name=X),
            host("/m/liby.dylib", X, rpaths=("/m",)),
            host("/m/libx.dylib", own_name=X),
        ),
        links={
            f"pkg/a.so {X}": "/l/libx.dylib",
            "pkg/a.so /m/liby.dylib": "/m/liby.dylib",
            f"/m/liby.dylib {X}": "/m/libx.dylib",
        },
    ),
    "delocate 207: what is excluded need not be there": Case(
        artifacts=(user("pkg/a.so", X),),
        options=Options(exclude=("libx.dylib",)),
        links={f"pkg/a.so {X}": "Excluded"},
    ),
    "delocate exclude is a substring of any path": Case(
        artifacts=(user("pkg/a.so", X), host("/l/libx.dylib")),
        options=Options(exclude=("pkg", "lib", "x")),
        links={f"pkg/a.so {X}": "/l/libx.dylib"},
    ),
    "a library for other machines is passed over": Case(
        artifacts=(
            user("pkg/a.so", X, rpaths=("/intel", "/l")),
            host("/intel/libx.dylib", arch="x86_64"),
            host("/l/libx.dylib"),
        ),
        links={f"pkg/a.so {X}": "/l/libx.dylib"},
    ),
    "--lib-path is enough on a machine that never saw the build": Case(
        artifacts=(
            user("pkg/a.so", "/opt/homebrew/opt/x/lib/libx.dylib"),
            host("/mine/libx.dylib"),
        ),
        options=Options(lib_paths=(Path("/mine"),)),
        links={"pkg/a.so /opt/homebrew/opt/x/lib/libx.dylib": "/mine/libx.dylib"},
    ),
    "delocate executable_path is ignored in the second pass": Case(
        artifacts=(
            user("pkg/a.so", "@executable_path/../lib/libx.dylib"),
            host("/app/bin/../lib/libx.dylib", "@executable_path/../lib/liby.dylib"),
            host("/app/bin/../lib/liby.dylib"),
        ),
        options=Options(executable_path=Path("/app/bin")),
        links={
            "pkg/a.so @executable_path/../lib/libx.dylib": "/app/bin/../lib/libx.dylib",
            "/app/bin/../lib/libx.dylib @executable_path/../lib/liby.dylib": (
                "/app/bin/../lib/liby.dylib"
            ),
        },
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_who_provides_what(case: Case) -> None:
    assert followed(case.artifacts, case.options) == case.links


def two_slices(*needed: str) -> tuple[Image, Image]:
    return mac_image(*needed, arch="x86_64", rpaths=("/l",)), mac_image(*needed, rpaths=("/l",))


def test_each_slice_finds_the_library_for_its_own_machine() -> None:
    both = mac_member("pkg/a.so", *two_slices(X))
    libraries = (host("/l/libx.dylib"), host("/m/libx.dylib", arch="x86_64"))
    options = Options(lib_paths=(Path("/l"), Path("/m")))
    walk = walked((both, *libraries), options, filename=MACOS)
    assert {link.arch: said(link) for link in walk.sorted_links()} == {
        "arm64": "/l/libx.dylib",
        "x86_64": "/m/libx.dylib",
    }


def test_delocate_250_a_thin_library_is_missing_for_the_other_slice_and_it_is_said_why() -> None:
    walk = walked((mac_member("pkg/a.so", *two_slices(X)), host("/l/libx.dylib")), filename=MACOS)
    (lost,) = (link for link in walk.sorted_links() if isinstance(link.provider, Missing))
    assert lost.arch == "x86_64"
    assert ("/l", "wrong machine: arm64, needed by x86_64") in {
        (attempt.where, attempt.outcome) for attempt in lost.tried
    }


def test_a_library_that_another_binary_loads_by_its_path_is_walked_under_that_one() -> None:
    """It has no rpath; under its user's it finds what lies in another folder: nothing to edit."""
    root = user("pkg/z.so", "@loader_path/lib/libx.dylib", rpaths=("@loader_path/more",))
    middle = mac_member("pkg/lib/libx.dylib", mac_image(Y, own_name=X))
    leaf = mac_member("pkg/more/liby.dylib", mac_image(own_name=Y))
    artifacts = (middle, leaf, root)
    found = resolve(wheel_info(MACOS), artifacts, Machine((), {}), Options(), watch={})
    assert not any(link.beyond_search for link in found.links)
