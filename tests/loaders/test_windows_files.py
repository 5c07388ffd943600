"""Many Windows binaries load after an edit: a list of them, each for what makes it peculiar.

By default those that need no network; WHEELFIX_FULL=1 takes those of packages and wheels too.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support import debian, pe_checks, windows
from support.full import FULL
from support.samples import pe_samples
from support.windows_files import PYTHON, WINES, Listed, content, listed, loaded

LEAST = 50
FAR = {"debian", "wheel"}
"""Where files come from that are not here yet."""
VARYING = {"debian", "wine"}
"""Of these every distribution has its own version, and some lack a file."""


def test_the_list_has_every_feature_of_the_samples() -> None:
    names = {each.sample for each in listed()}
    libraries = [
        each
        for each in pe_samples()
        if (each.arch, each.kind) == ("amd64", "lib")
        and pe_checks.image(each.path).locked is None
        and pe_checks.image(each.path).needed
    ]
    assert sorted(each.path.name for each in libraries if each.path.name not in names) == []
    assert len([each for each in listed() if each.source not in FAR]) >= LEAST
    assert len({each.file for each in listed()}) == len(listed())


@pytest.mark.parametrize(
    "source",
    [
        "testdata",
        "cpython",
        "wine",
        *(
            pytest.param(each, marks=[pytest.mark.slow, pytest.mark.network])
            for each in sorted(FAR)
        ),
    ],
)
@pytest.mark.usefixtures("wine")
def test_it_loads_once_the_longer_name_is_there_and_not_before(
    source: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    if source in FAR and not FULL:
        pytest.skip("needs WHEELFIX_FULL=1: it downloads packages or wheels")
    if source == "debian" and not debian.READY:
        pytest.skip("needs Debian's apt-get and dpkg-deb")
    if source == "wine" and not WINES.is_dir():
        pytest.skip("needs Debian's Wine: `apt-get install libwine`")
    files = [each for each in listed() if each.source == source]
    here = [each for each in files if is_here(each)] if source in VARYING else files
    if len(here) < len(files) * 0.9:
        pytest.skip(f"needs the versions of Debian 12: has {len(here)} of {len(files)} files")
    seen = loaded(windows.find(PYTHON), here, tmp_path / "files")
    record_property("files", f"{len(here)} of {len(files)}")
    wrong = {file: said for file, said in seen.items() if not is_right(said)}
    assert wrong == {}


def is_here(each: Listed) -> bool:
    return None not in {content(each.file), content(each.provider)}


def is_right(said: tuple[str, str]) -> bool:
    """Tell whether it failed before for want of the DLL, and then no more."""
    before, after = said
    return before.startswith("not ") and before != "not reached" and after == "found"
