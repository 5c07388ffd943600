"""Where we look and in which order: every place that a loader would try, and the others by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.facts import image

from wheelfix.formats.elf.search import candidates, defaults, origin_relative
from wheelfix.formats.interface import ANYWHERE, Defaults, Folder, Loaded
from wheelfix.model import Image, InstalledPath

PACKAGE = InstalledPath("pkg")
DEFAULTS = Defaults(
    environment=(Path("/env"),),
    cached={"libx.so": (Path("/cache/libx.so"),)},
    folders=(Path("/default"),),
)
FOLDERS = ["/default/libx.so"]


def loaded(*, folder: Folder | None = PACKAGE, **fields: object) -> Loaded:
    return Loaded(image=image(**fields), folder=folder)


def files(*chain: Loaded, name: str = "libx.so", known: Defaults = DEFAULTS) -> list[str | None]:
    *found, last = candidates(name, chain, known)
    assert last == ANYWHERE
    return [None if each.file is None else str(each.file) for each in found]


RPATH, RUNPATH, NEITHER = (
    loaded(rpath=("/rpath",)),
    loaded(runpath=("/runpath",)),
    loaded(),
)
ENV, CACHE, PARENT = "/env/libx.so", "/cache/libx.so", "/rpath/libx.so"


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ((NEITHER,), [ENV, CACHE]),
        ((RPATH,), [PARENT, ENV, CACHE]),
        ((RUNPATH,), [ENV, "/runpath/libx.so", CACHE]),
        ((NEITHER, RPATH), [PARENT, ENV, CACHE]),
        ((NEITHER, RUNPATH, RPATH), [PARENT, ENV, CACHE]),
        ((RUNPATH, RPATH), [ENV, "/runpath/libx.so", CACHE]),
        ((loaded(rpath=("/own",)), RPATH), ["/own/libx.so", PARENT, ENV, CACHE]),
    ],
)
def test_the_order_of_glibc(chain: tuple[Loaded, ...], expected: list[str]) -> None:
    assert files(*chain) == expected + FOLDERS


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ((loaded(libc="musl"),), [ENV]),
        ((loaded(libc="musl", rpath=("/a",)), RUNPATH), [ENV, "/a/libx.so", "/runpath/libx.so"]),
        ((loaded(libc="musl", runpath=("/a",)), RPATH), [ENV, "/a/libx.so", PARENT]),
    ],
)
def test_the_order_of_musl(chain: tuple[Loaded, ...], expected: list[str]) -> None:
    assert files(*chain) == expected + FOLDERS


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ((loaded(libc="bionic", rpath=("/a",)),), []),
        ((loaded(libc="bionic", runpath=("/a", "$ORIGIN")),), ["/a/libx.so", "pkg/libx.so"]),
        ((loaded(libc="bionic"), RUNPATH), []),
    ],
)
def test_bionic_knows_its_own_runpath_alone(chain: tuple[Loaded, ...], expected: list[str]) -> None:
    assert files(*chain, known=defaults(Shelf(), chain[0].image)) == expected


@pytest.mark.parametrize(
    ("folder", "entry", "file", "where"),
    [
        ("pkg", "$ORIGIN", "pkg/libx.so", "$ORIGIN -> pkg/"),
        ("pkg", "${ORIGIN}", "pkg/libx.so", "${ORIGIN} -> pkg/"),
        ("pkg", "$ORIGIN/", "pkg/libx.so", "$ORIGIN/ -> pkg/"),
        ("pkg", "$ORIGIN/../a.libs", "a.libs/libx.so", "$ORIGIN/../a.libs -> a.libs/"),
        ("pkg", "$ORIGIN//sub/.", "pkg/sub/libx.so", "$ORIGIN//sub/. -> pkg/sub/"),
        ("pkg", "$ORIGIN/..", "libx.so", "$ORIGIN/.. -> /"),
        ("", "$ORIGIN", "libx.so", "$ORIGIN -> /"),
        ("", "$ORIGIN/..", None, "leads out of site-packages"),
        ("pkg", "$ORIGIN/../../b", None, "leads out of site-packages"),
        (None, "$ORIGIN/x", None, "$ORIGIN is outside site-packages, nobody knows where"),
        (None, "/opt", "/opt/libx.so", "/opt"),
        ("pkg", "/opt/./lib/", "/opt/lib/libx.so", "/opt/./lib/"),
        ("pkg", "lib", None, "relative to the folder a program is started in"),
        ("pkg", "", None, "relative to the folder a program is started in"),
        ("pkg", ".", None, "relative to the folder a program is started in"),
        ("pkg", "$ORIGINAL/x", None, "relative to the folder a program is started in"),
    ],
)
def test_an_entry_and_what_it_stands_for(
    folder: str | None, entry: str, file: str | None, where: str
) -> None:
    place = None if folder is None else InstalledPath(folder)
    user = loaded(folder=place, rpath=(entry,))
    first = next(candidates("libx.so", (user,), Defaults(cached={})))
    assert (None if first.file is None else str(first.file)) == file
    assert where in (first.where, first.why_not)


def test_origin_of_a_host_library_is_where_it_was_found() -> None:
    user = loaded(folder=Path("/l/alias"), rpath=("$ORIGIN/../x",))
    assert files(user)[0] == "/l/alias/../x/libx.so"


@pytest.mark.parametrize(
    ("arch", "entry", "expected"),
    [
        ("x86_64", "/o/$LIB", ["/o/lib/x86_64-linux-gnu", "/o/lib64", "/o/lib"]),
        ("x86_64", "/o/${LIB}/x", ["/o/lib/x86_64-linux-gnu/x", "/o/lib64/x", "/o/lib/x"]),
        ("mips", "/o/$LIB", ["/o/lib64", "/o/lib"]),
        ("aarch64", "/o/$PLATFORM", ["/o/aarch64"]),
        ("x86_64", "/o/${PLATFORM}-$PLATFORM", ["/o/x86_64-x86_64"]),
        ("x86_64", "/o/$LIBRARY", ["/o/$LIBRARY"]),
        ("x86_64", "/o/$LIB_x/${LIBX}", ["/o/$LIB_x/${LIBX}"]),
    ],
)
def test_tokens(arch: str, entry: str, expected: list[str]) -> None:
    user = Loaded(image=image(rpath=(entry,), arch=arch), folder=PACKAGE)
    assert files(user, known=Defaults(cached={})) == [f"{folder}/libx.so" for folder in expected]


@pytest.mark.parametrize("libc", ["glibc", "musl", "bionic"])
def test_a_name_with_a_slash_is_a_path_and_nothing_is_searched(libc: str) -> None:
    user = loaded(libc=libc, runpath=("/a",))
    assert files(user, name="/opt/libx.so") == ["/opt/libx.so"]
    relative, _ = candidates("sub/libx.so", (user,), DEFAULTS)
    assert (relative.file, relative.why_not) == (
        None,
        "a path relative to the folder a program is started in",
    )


@pytest.mark.parametrize(
    ("entry", "rest"),
    [("$ORIGIN", "."), ("${ORIGIN}/", "."), ("$ORIGIN//a", "a"), ("ORIGIN", None), ("", None)],
)
def test_what_follows_origin(entry: str, rest: str | None) -> None:
    assert origin_relative(entry) == rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A machine that has only these configuration files."""

    environ: Mapping[str, str] = field(default_factory=dict)
    root: Path | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

    def names(self, folder: Path) -> frozenset[str]:
        return frozenset(Path(t).name for t in self.texts if Path(t).parent == folder)

    def text(self, file: Path) -> str | None:
        return self.texts.get(file.as_posix())

    def content(self, file: Path) -> bytes | None:
        return None if self.text(file) is None else b"no cache"


BUILTIN = (
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
)
CONF, EXTRA = "/etc/ld.so.conf", "/etc/ld.so.conf.d"


@pytest.mark.parametrize(
    ("texts", "configured"),
    [
        ({}, []),
        ({CONF: "/a\n\n# /b\n  /c d/e  # why\n"}, ["/a", "/c d/e"]),
        ({CONF: "/a=libc6\nhwcap 0 nosegneg\nrelative/x\n"}, ["/a"]),
        (
            {CONF: f"include {EXTRA}/*.conf\n/z", f"{EXTRA}/b.conf": "/b", f"{EXTRA}/a.conf": "/a"},
            ["/z", "/a", "/b"],
        ),
        (
            {
                CONF: "include ld.so.conf.d/*.conf",
                f"{EXTRA}/a.conf": "include b.txt",
                f"{EXTRA}/b.txt": "/b",
            },
            ["/b"],
        ),
        ({CONF: f"include {EXTRA}/*.conf", f"{EXTRA}/.hidden.conf": "/h"}, []),
        ({CONF: f"include {CONF}\n/a\n/a"}, ["/a"]),
        ({CONF: "include /nowhere/*.conf /etc/x", "/etc/x": "/x"}, ["/x"]),
        ({CONF: "/a\udcff"}, ["/a\udcff"]),
    ],
)
def test_ld_so_conf(texts: dict[str, str], configured: list[str]) -> None:
    found = defaults(Shelf(texts=texts), image())
    assert [folder.as_posix() for folder in found.folders] == [*configured, *BUILTIN]


@pytest.mark.parametrize(
    ("machine", "texts", "expected"),
    [
        ("x86_64", {}, ["/lib", "/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-musl"]),
        (
            "x86_64",
            {"/etc/ld-musl-x86_64.path": "/a:/b\n/c\n"},
            ["/a", "/b", "/c", "/usr/lib/x86_64-linux-musl"],
        ),
        ("i686", {"/etc/ld-musl-i386.path": "/a"}, ["/a", "/usr/lib/i386-linux-musl"]),
        ("armv7l", {"/etc/ld-musl-armhf.path": "/a"}, ["/a", "/usr/lib/armhf-linux-musl"]),
    ],
)
def test_the_folders_of_musl(machine: str, texts: dict[str, str], expected: list[str]) -> None:
    found = defaults(Shelf(texts=texts), image(libc="musl", arch=machine))
    assert [folder.as_posix() for folder in found.folders] == expected


@pytest.mark.parametrize(
    ("libc", "value", "expected"),
    [
        ("glibc", "/a:/b;/c", ["/a", "/b", "/c"]),
        ("glibc", "::/a:", ["/a"]),
        ("glibc", "", []),
        ("musl", "/a:/b;c\n/d", ["/a", "/b;c", "/d"]),
        ("bionic", "/a", []),
    ],
)
def test_the_environment(libc: str, value: str, expected: list[str]) -> None:
    found = defaults(Shelf(environ={"LD_LIBRARY_PATH": value}), image(libc=libc))
    assert [folder.as_posix() for folder in found.environment] == expected


def test_the_cache_is_not_read_for_what_is_found_before(tmp_path: Path) -> None:
    class Unreadable(Shelf):
        def content(self, file: Path) -> bytes | None:
            raise AssertionError(file)

    known = defaults(Unreadable(environ={"LD_LIBRARY_PATH": str(tmp_path)}), image())
    found = candidates("libx.so", (loaded(),), known)
    assert next(found).file == tmp_path / "libx.so"
    with pytest.raises(AssertionError, match=r"ld\.so\.cache"):
        list(found)


@pytest.mark.parametrize("libc", ["musl", "bionic"])
def test_only_glibc_has_a_cache(libc: str) -> None:
    only: Image = image(libc=libc)
    assert defaults(Shelf(texts={"/etc/ld.so.cache": ""}), only).cached == {}


@pytest.mark.parametrize("libc", ["glibc", "musl", "bionic"])
@pytest.mark.parametrize("name", ["libx.so", "/opt/libx.so", "sub/libx.so"])
def test_the_users_own_folders_come_before_all_others(libc: str, name: str) -> None:
    user = loaded(libc=libc, rpath=("/rpath",))
    known = Defaults(cached={}, given=(Path("/one"), Path("/two")), environment=(Path("/env"),))
    assert files(user, name=name, known=known)[:2] == ["/one/libx.so", "/two/libx.so"]
