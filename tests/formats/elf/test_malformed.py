"""Every malformed sample gets the verdict that its list of expectations gives it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.samples import Malformed, malformed

from wheelfix.errors import BadBinary
from wheelfix.formats import elf
from wheelfix.host import HostFile
from wheelfix.model import Image


def read(path: Path) -> tuple[Image, ...]:
    with HostFile(path) as source:
        return elf.read(source, watch={})


@pytest.mark.parametrize("sample", malformed(), ids=lambda each: each.path.name)
def test_verdict(sample: Malformed) -> None:
    match sample.verdict:
        case "refuse":
            with pytest.raises(BadBinary) as caught:
                read(sample.path)
            assert caught.value.offset is not None
        case "locked":
            assert all(image.locked for image in read(sample.path))
        case "read":
            assert not any(image.locked for image in read(sample.path))
        case _:
            try:
                read(sample.path)
            except BadBinary:
                return


def test_there_are_samples_of_each_verdict() -> None:
    assert {each.verdict for each in malformed()} == {"refuse", "read", "locked", "any"}
