"""The members of a zip: central directory and local headers, which must agree."""

from __future__ import annotations

import stat
import struct
import zlib

from wheelfix.archive.bulk import read_plain
from wheelfix.archive.ending import Ending, find_ending
from wheelfix.archive.extents import check_extents, prepended
from wheelfix.archive.handle import Handle
from wheelfix.archive.inflate import can_inflate
from wheelfix.archive.listing import NONE, Columns, Listing, by_begin, in_directory
from wheelfix.archive.names import check_clashes, check_name
from wheelfix.archive.oddities import Oddities, Oddity
from wheelfix.archive.plain import can_be, plain_entry
from wheelfix.archive.zipformat import (
    AGAIN,
    BZIP2,
    CENTRAL,
    CENTRAL_SIGNATURE,
    DEFLATED,
    DESCRIPTOR_SIGNATURE,
    FLAG_DESCRIPTOR,
    FLAG_ENCRYPTED,
    FLAG_MASKED,
    FLAG_PATCH,
    FLAG_STRONG,
    FLAG_UTF8,
    LOCAL,
    LOCAL_SIGNATURE,
    LZMA,
    STORED,
    UNICODE_PATH_EXTRA,
    WIDE,
    WIDE_COUNT,
    ZIP64_EXTRA,
    ZSTD,
    Entry,
    extra_fields,
    widened,
)
from wheelfix.errors import BadWheel
from wheelfix.model import Member, WheelPath
from wheelfix.typed import TypeGuard
from wheelfix.value import Value

_LOCAL_ZIP64_SIZES = (0, 16, 24, 28)


class _Central(Value):
    """One record of the central directory, its zip64 numbers put in place."""

    raw_name: bytes
    name: str
    system: int
    flags: int
    method: int
    crc: int
    compressed_size: int
    size: int
    disk: int
    attributes: int
    offset: int


def read_directory(handle: Handle, oddities: Oddities, *, case_counts: bool) -> Listing:
    """Read and check all headers; give the files, in the order in which their data lies.

    `case_counts`: the wheel is only for systems on which `a` and `A` are two files.

    Entries for folders are checked and left out. Raises `BadWheel`.
    """
    ending = find_ending(handle, oddities)
    plain, records = _read_central(handle, ending, oddities)
    folders = [_entry_of_folder(handle, r, oddities) for _, r in records if _is_folder(r)]
    files = [
        (place, record if isinstance(record, Entry) else _entry_of_file(handle, record, oddities))
        for place, record in records
        if not _is_folder(record)
    ]
    columns = by_begin(plain, files)
    check_extents(columns, folders, ending, oddities)
    named_folders = {e.member.path.rstrip("/") for e in folders}
    check_clashes(in_directory(columns), named_folders, case_counts=case_counts)
    return Listing(columns)


def _is_folder(record: _Central | Entry) -> TypeGuard[_Central]:
    return isinstance(record, _Central) and record.name.endswith("/")


def _read_central(
    handle: Handle, ending: Ending, oddities: Oddities
) -> tuple[Columns, list[tuple[int, _Central | Entry]]]:
    """Read all records; plain members are complete, the others have yet to be looked at."""
    gap = ending.begin - (ending.offset + ending.size)
    if gap < 0:
        raise BadWheel(problem="is truncated, or its directory's place is wrong", hint=AGAIN)
    data = handle.exactly(ending.offset, ending.size)
    shifted = handle.read(ending.offset + gap, 4)
    if gap and shifted == CENTRAL_SIGNATURE != data[:4]:
        raise prepended(gap)
    if gap:
        oddities.add(Oddity.GAP)
    found = read_plain(handle, data)
    if found is None:
        plain, records = NONE, _read_records(handle, data, oddities)
    else:
        plain, places = found
        records = [(at, _read_record(data, at, oddities)[0]) for at in places]
    count = len(plain.paths) + len(records)
    if count != ending.count:
        raise BadWheel(
            problem=f"its directory has {count} members and says {ending.count}", hint=AGAIN
        )
    return plain, records


def _read_records(
    handle: Handle, data: bytes, oddities: Oddities
) -> list[tuple[int, _Central | Entry]]:
    """Read record by record where not even their number is beyond doubt."""
    records: list[tuple[int, _Central | Entry]] = []
    at = 0
    while at < len(data):
        begin = at
        plain, at = plain_entry(handle, data, at)
        if plain is not None:
            records.append((begin, plain))
            continue
        record, at = _read_record(data, at, oddities)
        records.append((begin, record))
    return records


def _read_record(data: bytes, at: int, oddities: Oddities) -> tuple[_Central, int]:
    if len(data) - at < CENTRAL.size or not data.startswith(CENTRAL_SIGNATURE, at):
        raise BadWheel(problem="its directory is damaged", hint=AGAIN)
    fields = CENTRAL.unpack_from(data, at)
    _, made_by, _, flags, method, _, _, crc, packed, size = fields[:10]
    name_size, extra_size, comment_size, disk, _, attributes, offset = fields[10:]
    at += CENTRAL.size
    end = at + name_size + extra_size + comment_size
    if end > len(data):
        raise BadWheel(problem="its directory is damaged", hint=AGAIN)
    raw_name = data[at : at + name_size]
    name = _decoded(raw_name, flags, oddities)
    if extra_size or WIDE in (size, packed, offset):
        extra = data[at + name_size : at + name_size + extra_size]
        wide = _read_extra(name, raw_name, extra, (size, packed, offset), oddities)
        size, packed, offset = wide
    if comment_size:
        oddities.add(Oddity.MEMBER_COMMENT, name)
    record = _Central(
        raw_name=raw_name,
        name=name,
        system=made_by >> 8,
        flags=flags,
        method=method,
        crc=crc,
        compressed_size=packed,
        size=size,
        disk=disk,
        attributes=attributes,
        offset=offset,
    )
    return record, end


def _read_extra(
    name: str, raw_name: bytes, extra: bytes, numbers: tuple[int, ...], oddities: Oddities
) -> tuple[int, ...]:
    """Check the extra fields of a record, and give its numbers with the wide ones in place."""
    extras, well = extra_fields(extra)
    try:
        _check_extras(name, raw_name, extras, oddities)
        numbers = widened(numbers, extras)
    except BadWheel as error:
        raise error.within(name) from None
    if not well:
        oddities.add(Oddity.EXTRAS, name)
    return numbers


def _decoded(raw: bytes, flags: int, oddities: Oddities) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "backslashreplace")
        raise BadWheel(problem=f"the name of member {text!r} is not UTF-8", hint=AGAIN) from None
    if not name.isascii() and not flags & FLAG_UTF8:
        oddities.add(Oddity.UTF8_MISSING, name)
    return name


def _check_extras(
    name: str, raw_name: bytes, extras: list[tuple[int, bytes]], oddities: Oddities
) -> None:
    if len({key for key, _ in extras}) != len(extras):
        oddities.add(Oddity.EXTRAS, name)
    for key, data in extras:
        # APPNOTE 4.6.9: version 1, CRC of the header's name, the name in UTF-8
        holds = data[:5] == b"\x01" + struct.pack("<L", zlib.crc32(raw_name))
        if key == UNICODE_PATH_EXTRA and holds and data[5:] != raw_name:
            raise BadWheel(problem="it has a second name in an extra field", hint=AGAIN)


def _entry_of_folder(handle: Handle, record: _Central, oddities: Oddities) -> Entry:
    check_name(record.name.removesuffix("/"))
    if record.size:
        raise BadWheel(problem=f"folder {record.name!r} has content", hint=AGAIN)
    return _entry(handle, record, oddities)


def _entry_of_file(handle: Handle, record: _Central, oddities: Oddities) -> Entry:
    check_name(record.name)
    kind = stat.S_IFMT(record.attributes >> 16)
    if kind == stat.S_IFLNK:
        raise BadWheel(
            problem=f"member {record.name!r} is a symbolic link",
            details=("installers would write its target's name into a file",),
            hint="have the build put the file itself into the wheel",
        )
    if kind not in (0, stat.S_IFREG):
        raise BadWheel(problem=f"member {record.name!r} is a special file", hint=AGAIN)
    return _entry(handle, record, oddities)


def _entry(handle: Handle, record: _Central, oddities: Oddities) -> Entry:
    try:
        _check_flags(record)
        if not record.name.endswith("/"):
            _check_sizes(record)
        data_offset = _check_local(handle, record, oddities)
        end = data_offset + record.compressed_size
        if record.flags & FLAG_DESCRIPTOR:
            end += _descriptor_size(handle, record, end)
            oddities.add(Oddity.DESCRIPTOR, record.name)
    except BadWheel as error:
        raise error.within(record.name) from None
    if record.method not in (STORED, DEFLATED) and not record.name.endswith("/"):
        oddities.add(Oddity.METHOD, record.name)
    member = Member(
        path=WheelPath(record.name),
        size=record.size,
        mode=record.attributes >> 16 or None,
        method=record.method,
        compressed_size=record.compressed_size,
        data_offset=data_offset,
        crc=record.crc,
    )
    return Entry(
        member=member, system=record.system, flags=record.flags, begin=record.offset, end=end
    )


def _check_flags(record: _Central) -> None:
    if record.flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED):
        raise BadWheel(problem="it is encrypted", hint="build the wheel without a password")
    if record.flags & FLAG_PATCH:
        raise BadWheel(problem="it is patched data, which no installer reads", hint=AGAIN)
    if record.disk not in (0, WIDE_COUNT):
        raise BadWheel(problem="it lies on another disk of a split archive", hint=AGAIN)


def _check_sizes(record: _Central) -> None:
    if record.method not in (STORED, DEFLATED, BZIP2, LZMA, ZSTD) or not can_inflate(record.method):
        raise BadWheel(
            problem=f"it is compressed by method {record.method}, which cannot be read here",
            hint="build the wheel with deflate, the method that all installers know",
        )
    lies = record.method == STORED and record.size != record.compressed_size
    if lies or (record.method == DEFLATED and not can_be(record.size, record.compressed_size)):
        raise BadWheel(
            problem=f"{record.compressed_size} bytes cannot inflate to {record.size}", hint=AGAIN
        )


def _check_local(handle: Handle, record: _Central, oddities: Oddities) -> int:
    """Compare the local header with `record`; give where the data begins."""
    guess = LOCAL.size + len(record.raw_name) + 64
    head = handle.read(record.offset, guess)
    if len(head) < LOCAL.size or not head.startswith(LOCAL_SIGNATURE):
        raise BadWheel(problem="its header is not where the directory says", hint=AGAIN)
    _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = LOCAL.unpack_from(head)
    length = LOCAL.size + name_size + extra_size
    if length > len(head):
        head = handle.exactly(record.offset, length)
    name = head[LOCAL.size : LOCAL.size + name_size]
    if extra_size or WIDE in (size, packed):
        extras, well = extra_fields(head[LOCAL.size + name_size : length])
        _check_extras(record.name, record.raw_name, extras, oddities)
        odd = any(k == ZIP64_EXTRA and len(d) not in _LOCAL_ZIP64_SIZES for k, d in extras)
        if odd or not well:
            oddities.add(Oddity.EXTRAS, record.name)
        size, packed = widened((size, packed), extras)
    if record.flags & FLAG_DESCRIPTOR:  # 4.4.4: zero here, the truth behind the data
        crc, packed, size = crc or record.crc, packed or record.compressed_size, size or record.size
    _check_agree(record, (name, method, flags, crc, packed, size))
    return record.offset + int(length)


def _check_agree(record: _Central, local: tuple[object, ...]) -> None:
    central = (
        record.raw_name,
        record.method,
        record.flags,
        record.crc,
        record.compressed_size,
        record.size,
    )
    if local == central:
        return
    words = ("name", "method", "flags", "CRC", "compressed size", "size")
    differ = [three for three in zip(words, local, central, strict=True) if three[1] != three[2]]
    raise BadWheel(
        problem=f"its two headers disagree about its {' and '.join(word for word, *_ in differ)}",
        details=tuple(
            f"{word}: {here!r}, in the directory {there!r}" for word, here, there in differ
        ),
        hint=AGAIN,
    )


def _descriptor_size(handle: Handle, record: _Central, at: int) -> int:
    """Give the size of the data descriptor at `at`: 4.3.9, its four forms."""
    found = handle.read(at, 24)
    crc = struct.pack("<L", record.crc)
    numbers = (record.compressed_size, record.size)
    forms = [struct.pack("<2Q", *numbers)]
    if max(numbers) <= WIDE:
        forms.insert(0, struct.pack("<2L", *numbers))
    for signature in (DESCRIPTOR_SIGNATURE, b""):
        for form in forms:
            if found.startswith(signature + crc + form):
                return len(signature + crc + form)
    raise BadWheel(problem="its data descriptor disagrees with the directory", hint=AGAIN)
