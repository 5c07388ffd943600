"""An open wheel: its members, what it says about itself, and their checked contents."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from functools import partial
from pathlib import Path
from types import TracebackType

from wheelfix.archive.directory import read_directory
from wheelfix.archive.filename import (
    FileName,
    case_counts,
    parse_filename,
    same_project,
    wheel_info,
)
from wheelfix.archive.handle import Handle
from wheelfix.archive.heads import suspects
from wheelfix.archive.inflate import Decoder, inflated, whole
from wheelfix.archive.listing import Listing, Members
from wheelfix.archive.metadata import read_wheel_file
from wheelfix.archive.oddities import OF_RECORD, Oddities, Oddity
from wheelfix.archive.output import NEW_FILE, cannot_write, write_all
from wheelfix.archive.record import Row, Rows
from wheelfix.archive.recorded import rows_of, signatures
from wheelfix.archive.source import open_source, read_head
from wheelfix.archive.sums import crc32
from wheelfix.archive.zipformat import AGAIN, DEFLATED, Entry, blamed
from wheelfix.errors import BadWheel
from wheelfix.model import ByteSource, Fingerprint, Member, OnDisk, StagedBy, WheelInfo, WheelPath
from wheelfix.typed import TYPE_CHECKING, Self
from wheelfix.value import Value
from wheelfix.workers import Work, Workers

if TYPE_CHECKING:
    from wheelfix.archive.trail import Trail

SPLICED = 6 << 20
"""Bytes of a deflated member from which on an edit costs less than to deflate it anew."""

BESIDE = 4 << 20
"""Bytes of a member from which on it is summed in a thread beside the one that inflates."""

LARGEST_METADATA = 64 << 20
"""Most bytes that WHEEL or RECORD may have; the longest known RECORD has about 3 MB."""


class OpenWheel(Value):
    """A wheel whose headers, names, WHEEL and RECORD were found in order; a context manager.

    May be used from several threads. All methods raise `BadWheel` naming wheel and member.
    """

    path: Path
    info: WheelInfo
    members: Members
    """Sorted by path, the dist-info folder behind the rest, RECORD very last; no folders."""
    fingerprint: Fingerprint
    notes: tuple[str, ...]
    """What writing will mend, one sentence each: with any, the archive must be written anew."""
    record_notes: tuple[str, ...]
    """Those of them that are about RECORD."""
    entries: Listing
    """For the writer: all headers' fields."""
    rows: Rows
    """For the writer: RECORD by path; empty when it is missing."""
    handle: Handle
    trails: MutableMapping[WheelPath, Trail]
    """For the writer: what extracting large members left behind; whoever takes one removes it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; sources stop working. A second time does nothing."""
        self.handle.close()

    @property
    def on_disk(self) -> OnDisk:
        """Give nothing: no member is a file of this machine."""
        return OnDisk()

    @property
    def record(self) -> WheelPath:
        """Where RECORD is, or will be when it is missing."""
        return WheelPath(f"{self.info.dist_info}/RECORD")

    def source(self, path: WheelPath) -> ByteSource:
        """Give random access to a member's bytes; inflates no more than up to the last one read.

        Keeps at most 10 MiB for a deflated member of any size. Checks neither CRC nor hash.
        """
        return open_source(self.handle, self.entries[path], self.info.filename)

    @property
    def paths(self) -> list[WheelPath]:
        """Give the members' paths."""
        return self.members.paths

    def may_begin(self, magics: tuple[bytes, ...], size: int) -> Iterator[tuple[Member, bytes]]:
        """Give the members that may begin with one of `magics`, and how they do.

        The large ones come first, and each as soon as it is known: there is work to be done on it.
        """
        for row, head in suspects(self.handle, self.entries.columns, magics, size):
            member = self.entries.member_in(row)
            if head is None:
                entry = self.entries[member.path]
                yield member, read_head(self.handle, entry, self.info.filename, size)
            else:
                yield member, head

    def read(self, path: WheelPath) -> bytes:
        """Give a member's bytes: size, CRC and RECORD's hash are checked."""
        return b"".join(self.pieces(path))

    def held(self, path: WheelPath) -> bytearray:
        """Give a member's bytes, for the caller to change; checked as by `read`."""
        row = self.rows.get(path)
        content = whole(self.handle, self.entries[path])
        if content is not None and (row is None or row.is_of(content)):
            return content
        return bytearray(self.read(path))  # or it says what is wrong

    def extract(self, path: WheelPath, target: Path) -> StagedBy:
        """Write a member's bytes to `target`, which must not exist; checked as by `read`.

        The file is for its owner only, and removed again when the member turns out bad. A large
        deflated member leaves a trail. Raises `CannotWrite` besides.
        """
        with cannot_write(target):
            descriptor = os.open(target, NEW_FILE, 0o600)
        try:
            with cannot_write(target), os.fdopen(descriptor, "wb", buffering=0):
                for piece in self._traced(path):
                    write_all(descriptor, piece)
        except BaseException:
            with contextlib.suppress(OSError):
                target.unlink()
            raise
        return StagedBy.INFLATED

    def _traced(self, path: WheelPath) -> Iterator[bytes]:
        member = self.entries[path].member
        if member.method != DEFLATED or member.size < SPLICED:
            yield from self.pieces(path)
            return
        from wheelfix.archive.trail import Tracker
        from wheelfix.archive.zipwriter import Span

        tracker = Tracker(member.size)
        yield from self.pieces(path, tracker)
        self.trails[path] = tracker.trail(
            Span(handle=self.handle, offset=member.data_offset, size=member.compressed_size)
        )

    def check_carried(self, path: WheelPath) -> None:
        """Inflate a member to nowhere; checked as by `read`, in bounded memory."""
        for _ in self.pieces(path):
            pass

    def pieces(self, path: WheelPath, decoder: Decoder | None = None) -> Iterator[bytes]:
        """Give a member's bytes in pieces of at most 1 MiB; the last follows after all checks.

        They are decoded by `decoder` where it is given.
        """
        try:
            yield from _checked(self.handle, self.entries[path], self.rows.get(path), decoder)
        except BadWheel as error:
            raise blamed(error, path, self.info.filename) from None

    def check_unchanged(self) -> None:
        """Raise `SourceChanged` when the wheel file is not the one that was opened."""
        self.handle.check_unchanged()


def open_wheel(path: Path) -> OpenWheel:
    """Open a wheel and check all that can be checked without inflating its members.

    Raises `BadWheel`, or `UsageError` when there is no file to be read.
    """
    handle = Handle(path)
    try:
        return _opened(handle, path)
    except BadWheel as error:
        handle.close()
        raise blamed(error, path.name) from None
    except BaseException:
        handle.close()
        raise


def _opened(handle: Handle, path: Path) -> OpenWheel:
    filename = parse_filename(path.name)
    oddities = Oddities()
    entries = read_directory(handle, oddities, case_counts=case_counts(filename.platforms))
    dist_info = _dist_info(entries, filename)
    record = WheelPath(f"{dist_info}/RECORD")
    for signature in signatures(record) & entries.keys():
        oddities.add(Oddity.SIGNATURE, signature)
    about = read_wheel_file(_small(handle, entries, WheelPath(f"{dist_info}/WHEEL")))
    rows = Rows()
    if record in entries:
        content = _small(handle, entries, record)
        columns = entries.columns
        rows = rows_of(content, columns.paths, columns.sizes, record=record, oddities=oddities)
    else:
        oddities.add(Oddity.NO_RECORD)
    return OpenWheel(
        path=path,
        info=wheel_info(path.name, filename, tuple(entries), dist_info, about),
        members=Members(entries, partial(canonical_order, dist_info=dist_info)),
        fingerprint=handle.fingerprint,
        notes=oddities.notes(),
        record_notes=oddities.notes(OF_RECORD),
        entries=entries,
        rows=rows,
        handle=handle,
        trails={},
    )


def canonical_order(paths: Iterable[WheelPath], dist_info: str) -> list[WheelPath]:
    """Sort folder by folder; the dist-info folder comes behind the rest, and RECORD very last.

    So a package stands before the libraries beside it, and its files are carried over while those
    are being deflated.
    """
    ordered = _folder_by_folder(paths)
    own = [path for path in ordered if path.startswith(f"{dist_info}/")]
    if not own:
        return ordered
    first = ordered.index(own[0])
    record = [path for path in own if path == f"{dist_info}/RECORD"]
    metadata = [path for path in own if path not in record]
    return [*ordered[:first], *ordered[first + len(own) :], *metadata, *record]


def _folder_by_folder(paths: Iterable[WheelPath]) -> list[WheelPath]:
    """Sort paths as their parts sort: no name has a control character."""
    text = "\n".join(paths).replace("/", "\0")
    ordered = "\n".join(sorted(text.split("\n"))).replace("\0", "/")
    return list(map(WheelPath, ordered.split("\n"))) if ordered else []


def _dist_info(entries: Mapping[WheelPath, Entry], filename: FileName) -> str:
    inside = {path.partition("/")[0] for path in entries if ".dist-info/" in path}
    folders = sorted(top for top in inside if top.endswith(".dist-info"))
    hint = "build the wheel again with a current build backend"
    if not folders:
        raise BadWheel(problem="is a zip archive without a .dist-info folder", hint=hint)
    if len(folders) > 1:
        raise BadWheel(problem="has several .dist-info folders", details=tuple(folders), hint=hint)
    if not same_project(folders[0].removesuffix(".dist-info"), filename):
        raise BadWheel(
            problem=f"its folder {folders[0]!r} is for another project or version",
            details=(f"the file name says {filename.name} {filename.version}",),
            hint="give the file back the name it was built with",
        )
    return folders[0]


def _small(handle: Handle, entries: Mapping[WheelPath, Entry], path: WheelPath) -> bytes:
    if path not in entries:
        raise BadWheel(problem=f"has no {path!r}", hint=AGAIN)
    if entries[path].member.size > LARGEST_METADATA:
        raise BadWheel(problem=f"{path!r} is absurdly large", hint=AGAIN)
    try:
        return b"".join(_checked(handle, entries[path], None))
    except BadWheel as error:
        raise error.within(path) from None


def _checked(
    handle: Handle, entry: Entry, row: Row | None, decoder: Decoder | None = None
) -> Iterator[bytes]:
    sums = _Sums(row)
    last = b""
    with Workers(1) as workers:
        beside = workers if entry.member.size >= BESIDE else None
        for piece in inflated(handle, entry, decoder):
            yield last
            last = piece
            sums.take(piece, beside)
        sums.check(entry, row)
    yield last


class _Sums:
    """What is compared when a member was inflated."""

    def __init__(self, row: Row | None) -> None:
        self._crc = 0
        self._hasher = row.hasher() if row else None
        self._work: Work[None] | None = None

    def take(self, piece: bytes, workers: Workers | None) -> None:
        """Take the next piece, beside the caller's own work where there are `workers`."""
        self._wait()
        if workers is None:
            self._add(piece)
        else:
            self._work = workers.begin(partial(self._add, piece))

    def check(self, entry: Entry, row: Row | None) -> None:
        """Raise `BadWheel` where the whole is not what the archive and RECORD say."""
        self._wait()
        if self._crc != entry.member.crc:
            raise BadWheel(problem="its CRC is wrong: its bytes were changed")
        if row and self._hasher and self._hasher.digest() != row.digest:
            raise BadWheel(problem="its bytes do not have the hash that RECORD tells")

    def _wait(self) -> None:
        if self._work is not None:
            self._work.result()

    def _add(self, piece: bytes) -> None:
        self._crc = crc32(piece, self._crc)
        if self._hasher:
            self._hasher.update(piece)
