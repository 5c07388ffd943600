"""Program, extension, library, library: each machine's own loader says whether a repair works."""

from __future__ import annotations

import importlib
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import loaders
from support.loaders import LOADERS, Loader
from support.samples import SampleWheel, chain, sample, wheels

from wheelfix.model import Edit, ReplaceNeeded, SearchKind, SetOwnName, SetSearchPath

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


@pytest.fixture
def site(wheel: SampleWheel, loader: Loader, tmp_path: Path) -> Site:
    return Site(folder=unpack(wheel.path, tmp_path / "site"), loader=loader)


@pytest.mark.parametrize("program", PROGRAMS)
def test_chain_breaks_without_its_libraries(site: Site, program: str) -> None:
    code, output, complaint = site.run(site.folder / "chain" / program)
    assert code != 0
    assert output == ""
    assert "libouter.so.1" in complaint
    assert any(words in complaint for words in ABSENT)


@pytest.mark.parametrize("program", PROGRAMS)
def test_chain_holds_when_the_loader_is_told_where(
    site: Site, wheel: SampleWheel, program: str
) -> None:
    assert site.run(site.folder / "chain" / program, wheel.libs) == (0, LINE, "")


def test_script_needs_its_libraries_too(site: Site, wheel: SampleWheel) -> None:
    assert site.run(site.script)[0] != 0
    assert site.run(site.script, wheel.libs) == (0, SCRIPT_LINE, "")


def graft(site: Site, wheel: SampleWheel) -> dict[Path, tuple[Edit, ...]]:
    """Bring the libraries in under new names, and say what makes them found there."""
    libs = site.folder / "chain.libs"
    libs.mkdir()
    shutil.copy(wheel.libs / "libouter.so.1", libs / OUTER)
    shutil.copy(wheel.libs / "libinner.so.2", libs / INNER)
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


def elf() -> ModuleType:
    module = importlib.import_module("wheelfix.formats.elf")
    if not hasattr(module, "apply"):
        pytest.skip("needs the ELF writer, wheelfix.formats.elf.apply")
    return module


def test_chain_holds_after_each_file_is_edited(
    site: Site, wheel: SampleWheel, loader: Loader
) -> None:
    writer = elf()
    for file, edits in graft(site, wheel).items():
        before = file.stat().st_size
        writer.apply(file, edits)
        assert file.stat().st_size - before < SEGMENT + loader.page, file.name
    for program in PROGRAMS:
        assert site.run(site.folder / "chain" / program) == (0, LINE, ""), program
    assert site.run(site.script) == (0, SCRIPT_LINE, "")


def test_chain_holds_after_each_file_is_edited_twice(site: Site, wheel: SampleWheel) -> None:
    writer = elf()
    for file, edits in graft(site, wheel).items():
        writer.apply(file, edits)
        once = file.stat().st_size
        writer.apply(file, edits)
        assert file.stat().st_size == once, file.name
    for program in PROGRAMS:
        assert site.run(site.folder / "chain" / program) == (0, LINE, ""), program


def repaired(wheel: SampleWheel, folder: Path) -> Path:
    api: Any = importlib.import_module("wheelfix")
    if not hasattr(api, "repair"):
        pytest.skip("needs the pipeline, wheelfix.repair")
    output: Path = api.repair(wheel.path, folder, api.Options(lib_path=(wheel.libs,))).output
    return output


def test_chain_holds_after_the_repair(
    wheel: SampleWheel, site: Site, loader: Loader, tmp_path: Path
) -> None:
    output = repaired(wheel, tmp_path / "wheelhouse")
    new = Site(folder=unpack(output, tmp_path / "new"), loader=loader)
    for program in PROGRAMS:
        assert site.run(site.folder / "chain" / program)[0] != 0, program
        assert new.run(new.folder / "chain" / program) == (0, LINE, ""), program
    for old in site.folder.rglob("chain/*"):
        grown = (new.folder / old.relative_to(site.folder)).stat().st_size - old.stat().st_size
        assert grown < SEGMENT + loader.page, old.name


def test_every_machine_with_a_loader_has_a_chain() -> None:
    have = {(wheel.arch, wheel.libc) for wheel in wheels() if wheel.path.name.startswith("chain")}
    assert {(loader.arch, loader.libc) for loader in LOADERS} <= have


def test_missing_loader_skips_with_a_sentence_or_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.delenv(loaders.REQUIRE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install qemu-user-static"):
        loaders.find("s390x")
    monkeypatch.setenv(loaders.REQUIRE, "1")
    with pytest.raises(pytest.fail.Exception, match="libc6-s390x-cross"):
        loaders.run(sample("zig-s390x-glibc-pie-hello"), "s390x")
