"""What lies beside a host library and is about it: debug symbols, an import library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wheelfix.errors import unreadable
from wheelfix.formats import named
from wheelfix.host import Host
from wheelfix.model import Artifact, Neighbour, Options
from wheelfix.resolve.settings import may_look_at

LIBRARY_FOLDERS = ("lib", "Lib")
"""Where projects install import libraries, beside the `bin` of the DLLs."""


def neighbours(
    libraries: tuple[Artifact, ...], host: Host, options: Options
) -> tuple[Neighbour, ...]:
    """Give the files that the user wants along with Windows libraries, by library.

    They have the library's name but for its ending: `.pdb` beside it, `.lib` beside it or in `lib`
    beside its folder. Raises what reading them does: their user asked for them.
    """
    return tuple(
        _neighbour(real, place, host)
        for library in libraries
        if library.format == "pe" and isinstance(real := library.place, Path)
        for place in _places(real, host, options)
    )


def _places(library: Path, host: Host, options: Options) -> Iterator[Path]:
    """Give each file that is there, links followed."""
    folder, key = library.parent, named("pe").key
    wanted: list[tuple[Path, ...]] = (
        [(folder / f"{library.stem}.pdb",)] if options.include_symbols else []
    )
    if options.include_imports:
        folders = (folder, *(folder.parent / name for name in LIBRARY_FOLDERS))
        wanted.append(tuple(each / f"{library.stem}.lib" for each in folders))
    for candidates in wanted:
        found = (host.real(each, key) for each in candidates if may_look_at(each, options))
        place = next(filter(None, found), None)
        if place is not None:
            yield place


def _neighbour(library: Path, place: Path, host: Host) -> Neighbour:
    try:
        with host.open(place) as source:
            return Neighbour(
                library=library, source=place, size=source.size, fingerprint=source.fingerprint
            )
    except OSError as error:
        raise unreadable(place, error) from error
