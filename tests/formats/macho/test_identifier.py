"""Identifiers are those that Apple's codesign gives."""

from __future__ import annotations

import pytest

from wheelfix.formats.macho.identifier import canonical, recommended

# The first three from the comment in Apple's DiskRep::canonicalIdentifier, the others from
# published wheels that Apple's codesign signed.
NAMES = {
    "libfrotz7.3.5.dylib": "libfrotz7",
    "mumble.77.plugin": "mumble.77",
    "rumble.rb": "rumble",
    "foo.2.3.4": "foo.2",
    "foo2.3": "foo2",
    "foo.9": "foo.9",
    "foo": "foo",
    "libpng16.16.dylib": "libpng16",
    "libhdf5_hl.320.0.0.dylib": "libhdf5_hl.320",
    "libgfortran.5.dylib": "libgfortran.5",
    "_geos.cpython-311-darwin.so": "_geos.cpython-311-darwin",
    "27.1.dylib": "27.1",
    ".hidden": "",
}


@pytest.mark.parametrize(("filename", "identifier"), NAMES.items())
def test_extension_and_all_numbers_but_the_first_go(filename: str, identifier: str) -> None:
    assert canonical(filename) == identifier


def test_what_has_no_dot_left_is_made_unique() -> None:
    unique = b"UUID" + bytes(16)
    assert recommended("libz.dylib", unique) == "libz-55554944" + "00" * 16
    assert recommended("libz.1.dylib", unique) == "libz.1"
