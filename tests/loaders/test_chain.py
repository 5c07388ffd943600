"""Program, extension, library, library: each machine's own loader says whether a repair works."""

from __future__ import annotations

import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import loaders
from support.loaders import LOADERS, Loader
from support.needs import REQUIRE
from support.samples import SampleWheel, chain, sample, samples, wheels

import wheelfix
from wheelfix.formats import elf
from wheelfix.model import Edit, Options, ReplaceNeeded, SearchKind, SetOwnName, SetSearchPath

LINE = "ext outer inner 42\n"
SCRIPT_LINE = "outer inner 42\n"
PROGRAMS = ("hello", "hello-nopie", "hello-bss", "hello-bss-nopie")
ABSENT = ("No such file or directory", "Error loading shared library")
"""How glibc and musl say that a library was not found."""
SEGMENT = 64 * 1024
"""What an edit may add to a file, beside one page of the machine."""

OUTER, INNER = "libouter-0123456789.so.1", "libinner-0123456789.so.2"


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.name)
def loader(request: pytest.FixtureRequest) -> Loader:
    wanted: Loader = request.param
    return loaders.find(wanted.arch, wanted.libc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A folder into which a wheel was unpacked, and what runs there."""

    folder: Path
    libs: Path
    """What the chain needs from outside."""
    loader: Loader

    def run(self, program: Path, *path: Path) -> tuple[int, str, str]:
        """Run a program, the loader's path being `path`: code, output, complaints."""
        env = {"LD_LIBRARY_PATH": ":".join(map(str, path))} if path else {}
        done = loaders.run(program, self.loader.arch, libc=self.loader.libc, env=env)
        return done.returncode, done.stdout, done.stderr

    @property
    def script(self) -> Path:
        """The program that pip would put into the scripts folder."""
        return next(self.folder.glob("*.data/scripts/hello"))


def unpack(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            archive.extract(entry, folder)
            (folder / entry.filename).chmod((entry.external_attr >> 16) & 0o777)
    return folder


@pytest.fixture
def wheel(loader: Loader) -> SampleWheel:
    return chain(loader.arch, loader.libc)


def unpacked(wheel: SampleWheel, loader: Loader, folder: Path) -> Site:
    libs = folder / "outside"
    shutil.copytree(wheel.libs, libs)
    return Site(folder=unpack(wheel.path, folder / "site"), libs=libs, loader=loader)


@pytest.fixture
def site(wheel: SampleWheel, loader: Loader, tmp_path: Path) -> Site:
    return unpacked(wheel, loader, tmp_path)


def by_gnu_ld(loader: Loader, what: str) -> Path | None:
    """Find that part of the chain as GNU ld made it."""
    machine = (loader.arch, loader.libc, what)
    made = (each for each in samples() if each.path.name.startswith("ld-"))
    return next((e.path for e in made if (e.arch, e.libc, e.what) == machine), None)


LINKED = [
    *((each, "lld") for each in LOADERS),
    *((each, "gnu-ld") for each in LOADERS if by_gnu_ld(each, "outer")),
]


@pytest.fixture(params=LINKED, ids=lambda pair: f"{pair[0].name}-{pair[1]}")
def linked(request: pytest.FixtureRequest, tmp_path: Path) -> Site:
    """Give the chain as each linker makes it; its two ends are always lld's."""
    wanted, linker = request.param
    loader = loaders.find(wanted.arch, wanted.libc)
    site = unpacked(chain(loader.arch, loader.libc), loader, tmp_path)
    outer, ext = by_gnu_ld(loader, "outer"), by_gnu_ld(loader, "chain")
    if linker == "gnu-ld" and outer and ext:
        shutil.copy(outer, site.libs / "libouter.so.1")
        shutil.copy(ext, site.folder / "chain" / "_ext.so")
    return site


@pytest.mark.parametrize("program", PROGRAMS)
def test_chain_breaks_without_its_libraries(site: Site, program: str) -> None:
    code, output, complaint = site.run(site.folder / "chain" / program)
    assert code != 0
    assert output == ""
    assert "libouter.so.1" in complaint
    assert any(words in complaint for words in ABSENT)


@pytest.mark.parametrize("program", PROGRAMS)
def test_chain_holds_when_the_loader_is_told_where(linked: Site, program: str) -> None:
    assert linked.run(linked.folder / "chain" / program, linked.libs) == (0, LINE, "")


def test_script_needs_its_libraries_too(site: Site) -> None:
    assert site.run(site.script)[0] != 0
    assert site.run(site.script, site.libs) == (0, SCRIPT_LINE, "")


def graft(site: Site) -> dict[Path, tuple[Edit, ...]]:
    """Bring the libraries in under new names, and say what makes them found there."""
    libs = site.folder / "chain.libs"
    libs.mkdir()
    shutil.copy(site.libs / "libouter.so.1", libs / OUTER)
    shutil.copy(site.libs / "libinner.so.2", libs / INNER)
    rename_outer = ReplaceNeeded(old="libouter.so.1", new=OUTER)
    to_outer = (rename_outer, search("$ORIGIN/../chain.libs"))
    to_inner = ReplaceNeeded(old="libinner.so.2", new=INNER)
    programs = {
        site.folder / "chain" / program: (search("$ORIGIN", "$ORIGIN/../chain.libs"),)
        for program in PROGRAMS
    }
    return {
        libs / INNER: (SetOwnName(name=INNER),),
        libs / OUTER: (SetOwnName(name=OUTER), to_inner, search("$ORIGIN")),
        site.folder / "chain" / "_ext.so": to_outer,
        site.script: (rename_outer, search("$ORIGIN/../../chain.libs")),
        **programs,
    }


def search(*entries: str) -> SetSearchPath:
    return SetSearchPath(kind=SearchKind.RPATH, entries=entries)


def test_chain_holds_after_each_file_is_edited(linked: Site) -> None:
    site, page = linked, linked.loader.page
    for file, edits in graft(site).items():
        before = file.stat().st_size
        elf.apply(file, edits)
        assert file.stat().st_size - before < SEGMENT + page, file.name
    for program in PROGRAMS:
        assert site.run(site.folder / "chain" / program) == (0, LINE, ""), program
    assert site.run(site.script) == (0, SCRIPT_LINE, "")


def test_chain_holds_after_each_file_is_edited_twice(linked: Site) -> None:
    site = linked
    for file, edits in graft(site).items():
        elf.apply(file, edits)
        once = file.stat().st_size
        elf.apply(file, edits)
        assert file.stat().st_size == once, file.name
    for program in PROGRAMS:
        assert site.run(site.folder / "chain" / program) == (0, LINE, ""), program


def repaired(wheel: SampleWheel, folder: Path) -> Path:
    return wheelfix.repair(wheel.path, folder, Options(lib_paths=(wheel.libs,))).output


def test_chain_holds_after_the_repair(
    wheel: SampleWheel, site: Site, loader: Loader, tmp_path: Path
) -> None:
    output = repaired(wheel, tmp_path / "wheelhouse")
    new = Site(folder=unpack(output, tmp_path / "new"), libs=wheel.libs, loader=loader)
    for program in PROGRAMS:
        assert site.run(site.folder / "chain" / program)[0] != 0, program
        assert new.run(new.folder / "chain" / program) == (0, LINE, ""), program
    for old in site.folder.rglob("chain/*"):
        grown = (new.folder / old.relative_to(site.folder)).stat().st_size - old.stat().st_size
        assert grown < SEGMENT + loader.page, old.name


@pytest.mark.parametrize("kind", ["pie", "exe"])
def test_gnu_ld_makes_programs_that_can_be_edited(kind: str, tmp_path: Path) -> None:
    wheel = chain("x86_64", "glibc")
    site = unpack(wheel.path, tmp_path)
    program = site / "chain" / "hello"
    shutil.copy(sample(f"gcc-x86_64-glibc-{kind}-hello"), program)
    assert loaders.run(program, "x86_64").returncode != 0
    shutil.copytree(wheel.libs, site / "chain.libs")
    for file in (program, site / "chain" / "_ext.so", site / "chain.libs" / "libouter.so.1"):
        elf.apply(file, (search("$ORIGIN", "$ORIGIN/../chain.libs"),))
    assert loaders.run(program, "x86_64").stdout == LINE


def test_every_machine_with_a_loader_has_a_chain() -> None:
    have = {(wheel.arch, wheel.libc) for wheel in wheels() if wheel.path.name.startswith("chain")}
    assert {(loader.arch, loader.libc) for loader in LOADERS} <= have


def test_missing_loader_skips_with_a_sentence_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.delenv(REQUIRE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install qemu-user-static"):
        loaders.find("s390x")
    monkeypatch.setenv(REQUIRE, "1")
    with pytest.raises(pytest.fail.Exception, match="libc6-s390x-cross"):
        loaders.run(sample("zig-s390x-glibc-pie-hello"), "s390x")
