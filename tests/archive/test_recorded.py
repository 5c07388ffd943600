"""RECORD compared at once says nothing that RECORD read row by row would not say too."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.archive import recorded
from wheelfix.archive.oddities import Oddities
from wheelfix.archive.record import Row, Rows, encoded_digest
from wheelfix.errors import BadWheel
from wheelfix.model import WheelPath

OWN = WheelPath("a-1.dist-info/RECORD")
PATHS = [WheelPath(path) for path in ("pkg/b.py", "pkg/a.py", "top.py", "a-1.dist-info/WHEEL")]
SIZES = [7, 0, 123456, 19]
ONE_ROW = 100
"""Bytes that one of the rows takes, and two do not."""


def record(paths: list[WheelPath] = PATHS, sizes: list[int] = SIZES) -> bytes:
    rows = [
        f"{path},sha256={encoded_digest(sha256(path.encode()).digest())},{size}\n"
        for path, size in zip(paths, sizes, strict=True)
    ]
    return "".join([*rows, f"{OWN},,\n"]).encode()


def told(content: bytes) -> tuple[Any, ...]:
    """Give rows and oddities, or what is wrong."""
    oddities = Oddities()
    try:
        rows = recorded.rows_of(content, [*PATHS, OWN], [*SIZES, 99], record=OWN, oddities=oddities)
        return dict(rows), oddities.notes()
    except BadWheel as error:
        return (str(error),)


def test_a_record_as_build_backends_write_it_is_not_read_row_by_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(recorded, "read_record", refuse)
    rows, notes = told(record())
    assert notes == ()
    assert list(rows) == PATHS
    assert rows[PATHS[2]] == Row(
        path=PATHS[2],
        algorithm="sha256",
        encoded=encoded_digest(sha256(b"top.py").digest()),
        size=123456,
    )
    with pytest.raises(AssertionError):
        told(record(PATHS[::-1], SIZES[::-1]))


@given(data=st.data())
def test_whatever_is_in_it_both_ways_say_the_same(data: st.DataObject) -> None:
    content = bytearray(record())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        end = data.draw(st.sampled_from([at, at + 1, at + 2]))
        content[at:end] = data.draw(
            st.sampled_from([b"", b",", b"\n", b'"', b"0", b"=", b"A", b"\xff"])
        )
    quick = told(bytes(content))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recorded, "_BLOCK", ONE_ROW)
        assert told(bytes(content)) == quick
        patch.setattr(recorded, "_is_perfect", lambda *_: False)
        assert told(bytes(content)) == quick


@pytest.mark.parametrize("block", [ONE_ROW, 1 << 16])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b",7\n", b",8\n"),
        (b",7\n", b",07\n"),
        (b"pkg/b.py,", b"pkg/c.py,"),
        (b"sha256=", b"sha512="),
        (b"top.py,sha256=", b"top.py,,\ntop.py,sha256="),
        (b",7\npkg/a.py,", b"\n7,pkg/a.py,"),
        (b"RECORD,,\n", b"RECORD,,"),
        (b"RECORD,,\n", b"RECORD,,\nRECORD,,\n"),
        (b"top.py,", b"top.py" + bytes(ONE_ROW) + b","),
    ],
)
def test_what_differs_in_the_least_is_read_row_by_row(
    old: bytes, new: bytes, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "_BLOCK", block)
    content = record()
    assert content.count(old) >= 1
    read: list[bytes] = []

    def reading(text: bytes, _: Oddities) -> Rows:
        read.append(text)
        return Rows()

    monkeypatch.setattr(recorded, "read_record", reading)
    monkeypatch.setattr(recorded, "check_rows", lambda *_, **__: None)
    told(content)
    assert read == []
    told(content.replace(old, new, 1))
    assert read


def test_so_is_a_digest_whose_last_letter_has_bits_that_stand_for_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = record()
    at = content.index(b",7\n") - 1
    odd = content[:at] + bytes([content[at] + 1]) + content[at + 1 :]
    test_what_differs_in_the_least_is_read_row_by_row(content, odd, ONE_ROW, monkeypatch)
