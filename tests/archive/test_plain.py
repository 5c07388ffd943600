"""What is read at one go must come out as what is read step by step, whatever bytes are there."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support import zips

from wheelfix.archive import directory, heads, names, plain, record, source
from wheelfix.archive.directory import read_directory
from wheelfix.archive.handle import Handle
from wheelfix.archive.oddities import Oddities
from wheelfix.archive.zipformat import CENTRAL_SIGNATURE, Entry
from wheelfix.errors import WheelfixError
from wheelfix.model import WheelPath

CHANGES: tuple[Callable[[int], int], ...] = (
    lambda old: old * 0,
    lambda old: old ^ 1,
    lambda old: old + 1 & 0xFF,
    lambda old: old ^ 0x80,
    lambda old: old | 0xFF,
)


def told(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except WheelfixError as error:
        return str(error)


def stepwise(handle: Handle, data: bytes, at: int) -> tuple[None, int]:
    del handle, data
    return None, at


def not_in_bulk(handle: Handle, data: bytes) -> None:
    del handle, data


def directory_of(path: Path) -> Any:
    """Read all that there is to know of an archive's headers, or the error."""
    oddities = Oddities()
    handle = Handle(path)
    try:
        entries = told(lambda: [*read_directory(handle, oddities, case_counts=True).items()])
    finally:
        handle.close()
    return entries, oddities.notes()


def test_usual_members_are_plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Entry | None] = []

    def spy(handle: Handle, data: bytes, at: int) -> tuple[Entry | None, int]:
        answer = plain.plain_entry(handle, data, at)
        seen.append(answer[0])
        return answer

    path = zips.save(tmp_path, zips.build(zips.parts()))
    in_bulk = directory_of(path)
    monkeypatch.setattr(directory, "read_plain", not_in_bulk)
    monkeypatch.setattr(directory, "plain_entry", spy)
    entries, notes = directory_of(path)
    assert len(seen) == len(entries) > 3
    assert seen == [entry for _, entry in entries]
    assert notes == ()
    assert (entries, notes) == in_bulk


def test_usual_members_are_read_in_bulk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(directory, "plain_entry", refuse)
    monkeypatch.setattr(directory, "_read_record", refuse)
    entries, notes = directory_of(zips.save(tmp_path, zips.build(zips.parts())))
    assert len(entries) > 3
    assert notes == ()


@pytest.mark.parametrize("begin", [b"", b"a", b"a/", b"a/b"])
@pytest.mark.parametrize("end", [b"", b"c", b"/c"])
def test_names_beyond_doubt_are_told_together_as_alone(begin: bytes, end: bytes) -> None:
    alone = [begin + bytes([byte]) + end for byte in range(256)] + [begin + end]
    verdicts = [names.is_plain(name.decode("latin-1")) for name in alone]
    assert [names.all_plain([b"x", name, b"y/z"]) for name in alone] == verdicts
    assert set(verdicts) == {True, False}


ODD: dict[str, list[zips.Part]] = {
    "a folder": [zips.Part(name=b"pkg/", method=0)],
    "another name": [zips.Part(name="pkg/ä b.py".encode(), data=b"1", flags=0x800)],
    "a note": [zips.Part(name=b"pkg/c.py", data=b"1", comment=b"of it")],
    "all": [
        zips.Part(name=b"pkg/", method=0),
        zips.Part(name="pkg/ä b.py".encode(), data=b"1", flags=0x800),
        zips.Part(name=b"pkg/c.py", data=b"1", comment=b"of it"),
    ],
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("size", [1, 20_000], ids=["dense", "sparse"])
def test_what_is_odd_is_found_among_what_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: list[zips.Part], size: int
) -> None:
    usual = [zips.Part(name=b"pkg/%d.py" % i, data=bytes(size), method=0) for i in range(40)]
    path = zips.save(tmp_path, zips.build([*usual[:20], *odd, *usual[20:]]))
    with monkeypatch.context() as patched:
        patched.setattr(directory, "read_plain", not_in_bulk)
        patched.setattr(directory, "plain_entry", stepwise)
        slow = directory_of(path)
    assert len(slow[0]) >= 40
    assert directory_of(path) == slow


@pytest.mark.parametrize("change", CHANGES, ids=["zero", "bit", "next", "high", "ones"])
def test_any_byte_of_the_headers_is_judged_as_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[int], int]
) -> None:
    content = zips.build(zips.parts({"pkg/a.py": b"a = 1\n", "pkg/b.so": b"\x7fELF"}))
    first_data = content.index(b"pkg/a.py") + len(b"pkg/a.py")
    headers = [*range(first_data), *range(content.index(CENTRAL_SIGNATURE), len(content) - 22)]
    path = tmp_path / "a.zip"
    outcomes = set()
    for at in headers:
        damaged = bytearray(content)
        damaged[at] = change(damaged[at])
        path.write_bytes(damaged)
        quick = directory_of(path)
        with monkeypatch.context() as patched:
            patched.setattr(directory, "read_plain", not_in_bulk)
            assert directory_of(path) == quick, at
            patched.setattr(directory, "plain_entry", stepwise)
            assert directory_of(path) == quick, at
        outcomes.add(str(quick))
    assert len(outcomes) > 20


def test_any_byte_of_a_small_member_is_judged_as_step_by_step(tmp_path: Path) -> None:
    data = b"\x7fELF and what comes behind it: " + bytes(range(200)) * 2
    content = zips.build([zips.Part(name=b"a.so", data=data)])
    packed = zips.compress(data, 8)
    begin = content.index(packed)
    path = tmp_path / "a.zip"
    outcomes = set()
    for at in range(begin, begin + len(packed)):
        for change in CHANGES:
            damaged = bytearray(content)
            damaged[at] = change(damaged[at])
            path.write_bytes(damaged)
            handle = Handle(path)
            (entry,) = read_directory(handle, Oddities(), case_counts=True).values()
            assert entry.member.compressed_size <= source.HEAD_FEED
            quick = told(partial(source.read_head, handle, entry, "a.zip", 16))
            slow = partial(source._read_head, handle, entry, "a.zip", 16)  # noqa: SLF001
            assert quick == told(slow), at
            handle.close()
            outcomes.add(quick)
    assert data[:16] in outcomes
    assert any(isinstance(outcome, str) for outcome in outcomes)


MAGICS = (b"\x7fELF", b"MZ", b"\xca\xfe")

TEXTS = (
    b"import sys\n\n\ndef answer() -> int:\n    return 42\n",
    b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    b"0123456789abcdef",
    b"0123456789abcdefg",
    b"MZ is how a program for Windows begins",
    b"Metadata-Version: 2.1\nName: x\n",
    b"x",
    b"",
    "für Größen und Maße, ä".encode(),
    b"\x7fELF",
    b"\xca\xfe and other bytes",
    bytes(range(256)),
)


def heads_of(path: Path, *, in_bulk: bool) -> Any:
    """Give what members begin like a binary, or the error of the first that cannot be read."""
    handle = Handle(path)
    try:
        listing = read_directory(handle, Oddities(), case_counts=True)
        known: dict[WheelPath, bytes | None] = dict.fromkeys(listing)
        if in_bulk:
            rows = heads.suspects(handle, listing.columns, MAGICS, 16)
            known = {listing.columns.paths[row]: head for row, head in rows}

        def head_of(path: WheelPath) -> bytes:
            head = known[path]
            return source.read_head(handle, listing[path], "w", 16) if head is None else head

        found = told(lambda: [(path, head_of(path)) for path in sorted(known)])
    finally:
        handle.close()
    return found if isinstance(found, str) else [it for it in found if it[1].startswith(MAGICS)]


@pytest.mark.parametrize("change", CHANGES, ids=["zero", "bit", "next", "high", "ones"])
def test_any_byte_of_a_text_is_looked_at_as_one_by_one(
    tmp_path: Path, change: Callable[[int], int]
) -> None:
    parts = [zips.Part(name=b"%d.py" % i, data=data) for i, data in enumerate(TEXTS)]
    parts += [zips.Part(name=b"s%d.py" % i, data=d, method=0) for i, d in enumerate(TEXTS)]
    content = zips.build(parts)
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    handle = Handle(path)
    entries = read_directory(handle, Oddities(), case_counts=True).values()
    outcomes = set()
    for member in [entry.member for entry in entries]:
        for at in range(member.data_offset, member.data_offset + min(member.compressed_size, 40)):
            damaged = bytearray(content)
            damaged[at] = change(damaged[at])
            path.write_bytes(damaged)
            quick = heads_of(path, in_bulk=True)
            assert quick == heads_of(path, in_bulk=False), (member.path, at)
            outcomes.add(str(quick))
    handle.close()
    assert len(outcomes) > 3


def test_texts_are_not_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    path = zips.save(tmp_path, zips.build([zips.Part(name=b"a.py", data=TEXTS[0])]))
    monkeypatch.setattr(heads, "_inflated", refuse)
    assert heads_of(path, in_bulk=True) == []


def rows_of(content: bytes) -> Any:
    """Read all that RECORD says, or the error."""
    oddities = Oddities()
    return told(lambda: dict(record.read_record(content, oddities))), oddities.notes()


def test_any_byte_of_record_is_judged_as_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = zips.record_of({"pkg/a.py": b"a", "pkg/b.py": b""})
    quoted = usual + b'"pkg/c,d.py","sha256=\n",3\n'
    outcomes = set()
    for content in (usual, quoted):
        for at in range(len(content)):
            for letter in b',\n"=-_+/!A0 \xff':
                damaged = content[:at] + bytes([letter]) + content[at + 1 :]
                quick = rows_of(damaged)
                with monkeypatch.context() as patched:
                    patched.setattr(record, "_at_once", lambda _: None)
                    assert rows_of(damaged) == quick, damaged
                    patched.setattr(record, "_all_match", lambda *_: False)
                    assert rows_of(damaged) == quick, damaged
                outcomes.add(str(quick))
    assert len(outcomes) > 500
    two_in_one = usual + b'x,"' + b"\n".join([b"sha256=" + b"A" * 43] * 2) + b'",1\n'
    assert "is malformed" in rows_of(two_in_one)[0]


def test_bits_that_are_none_of_the_digest_are_not_carried() -> None:
    usual = zips.record_of({"pkg/a.py": b"a"})
    last = usual.index(b",1\n") - 1
    loose = usual[:last] + bytes([usual[last] + 1]) + usual[last + 1 :]
    read = record.read_record(loose, Oddities())
    assert dict(read) == dict(record.read_record(usual, Oddities()))
    lines = map(record.line, read.values())
    assert record.write_record(lines, WheelPath("R")).startswith(usual.splitlines()[0])


def test_usual_rows_are_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(fields: list[str]) -> None:
        raise AssertionError(fields)

    content = zips.record_of({"pkg/a.py": b"a", "pkg/b.py": b""})
    monkeypatch.setattr(record, "_row", refuse)
    rows = record.read_record(content, Oddities())
    assert rows.is_plain(WheelPath("pkg/a.py"), 1)
    assert not rows.is_plain(WheelPath("pkg/a.py"), 2)
    assert not rows.is_plain(WheelPath("pkg/c.py"), 1)
