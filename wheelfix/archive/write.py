"""A new wheel from an open one: untouched payloads carried, all headers written anew."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from wheelfix.archive.coder import NOT_REPRODUCIBLE, Coder, reproducible
from wheelfix.archive.compress import Packed, pack
from wheelfix.archive.filename import case_counts
from wheelfix.archive.metadata import edit_wheel_file
from wheelfix.archive.names import check_clashes, check_name
from wheelfix.archive.order import Job, Ready, Tell, in_order
from wheelfix.archive.output import (
    NEW_FILE,
    Output,
    cannot_write,
    replacing,
)
from wheelfix.archive.record import Row, encoded_digest, line, write_record
from wheelfix.archive.recorded import signatures
from wheelfix.archive.run import PLAIN, Run, in_runs, kept_mode
from wheelfix.archive.wheel import OpenWheel, canonical_order
from wheelfix.archive.zipformat import DEFLATED, STORED, Entry, blamed
from wheelfix.archive.zipwriter import REAL_LIMITS, Limits, NewMember, Span, ZipWriter
from wheelfix.errors import BadWheel, CannotWrite, unreadable
from wheelfix.model import Progress, WheelPath
from wheelfix.typed import TYPE_CHECKING, TypeAlias
from wheelfix.value import Value, replace
from wheelfix.workers import Workers

if TYPE_CHECKING:
    from wheelfix.archive.unpacked import Unpacked

    Source: TypeAlias = OpenWheel | Unpacked


class NewFile(Value):
    """A file that replaces the member of its path, or is added."""

    path: WheelPath
    content: Path | bytes | Callable[[], Path | bytes | bytearray]
    """Bytes, a private file, or what makes one or the other in the thread that packs it.

    A file that is made so goes when it is packed, if nothing of it is still to be written.
    """
    mode: int
    """Permission bits, taken as they are: they must not depend on the umask."""
    size: int = 0
    """About how many bytes it will have: the largest files are begun first."""


class Written(Value):
    """What writing a wheel took."""

    carried_bytes: int
    """Compressed bytes taken over as they were."""
    compressed_bytes: int
    """Compressed bytes made anew, RECORD's and WHEEL's among them."""
    notes: tuple[str, ...]
    """What the wheel's own notes do not say."""


def write_wheel(  # noqa: PLR0913  # all but two are named, and most have one usual value
    wheel: Source,
    output: Path,
    *,
    files: tuple[NewFile, ...],
    removed: frozenset[WheelPath] = frozenset(),
    tags: tuple[str, ...],
    root_is_purelib: bool,
    level: int = 5,
    jobs: int = 1,
    verify_full: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
    limits: Limits = REAL_LIMITS,
) -> Written:
    """Write `wheel` with `files` put in and `removed` left out to `output`.

    The bytes depend on nothing else: not on `jobs`, umask, time or host. `output`'s folder must be
    there. With `verify_full` carried members are inflated and checked too. `progress` is told how
    much of what is made anew is done. `limits` is for tests.
    Of an unpacked wheel nothing is carried: all members are packed.
    Raises `BadWheel` for a member that must be inflated and is bad, `CannotWrite`, and
    `SourceChanged` when the wheel changes meanwhile; `output` is then as it was before.
    """
    _refuse_source(wheel, output)
    wheel.check_unchanged()
    new = {file.path: file for file in (*_unpacked_files(wheel), *files)}
    new |= _new_wheel_file(wheel, new, tags=tags, root_is_purelib=root_is_purelib)
    left_out = {*new, *removed, *signatures(wheel.record), wheel.record}
    carried = [path for path in wheel.entries if path not in left_out]
    order = _order(wheel, [*carried, *new])
    with (
        replacing(output, overwrite=overwrite) as temporary,
        cannot_write(output),
        _new_file(temporary) as out,
        Workers(max(jobs, 1)) as crew,
    ):
        coder = Coder(level=level, crew=crew)
        work = list(_work(wheel, order, new, coder, verify=verify_full))
        try:
            results = in_order(work, crew, progress)
            written = _write_members(wheel, ZipWriter(out, limits), results, coder)
        finally:
            wheel.check_unchanged()  # explains whatever else went wrong
    notes = () if reproducible() else (NOT_REPRODUCIBLE,)
    return replace(written, notes=notes)


def _work(
    wheel: Source,
    order: list[WheelPath],
    new: dict[WheelPath, NewFile],
    coder: Coder,
    *,
    verify: bool,
) -> Iterator[Job | Ready | Run]:
    runs = in_runs(wheel, order, new) if isinstance(wheel, OpenWheel) and not verify else order
    for item in runs:
        if isinstance(item, Run):
            yield item
        elif item in new:
            yield _new_job(new[item], coder, wheel)
        else:
            yield _carry(wheel, item, coder, verify=verify)


def _unpacked_files(wheel: Source) -> Iterator[NewFile]:
    """Give the members that have to be packed; WHEEL and RECORD are made here."""
    if isinstance(wheel, OpenWheel):
        return
    made = {_wheel_file(wheel), wheel.record, *signatures(wheel.record)}
    for member in wheel.members:
        if member.path not in made:
            read = partial(wheel.read, member.path)  # a file that is not ours may be cut meanwhile
            yield NewFile(path=member.path, content=read, mode=member.mode, size=member.size)


def _wheel_file(wheel: Source) -> WheelPath:
    return WheelPath(f"{wheel.info.dist_info}/WHEEL")


def _refuse_source(wheel: Source, output: Path) -> None:
    if not isinstance(wheel, OpenWheel):
        return
    with cannot_write(output):
        if not output.exists() or not output.samefile(wheel.path):
            return
    raise CannotWrite(
        subject=str(output),
        problem="is the wheel that is being read; it is never written over",
        hint="choose another folder with `-w DIR`",
    )


def _new_wheel_file(
    wheel: Source,
    new: dict[WheelPath, NewFile],
    *,
    tags: tuple[str, ...],
    root_is_purelib: bool,
) -> dict[WheelPath, NewFile]:
    path = _wheel_file(wheel)
    entry = wheel.entries.get(path)
    if path in new or wheel.record in new:
        raise ValueError("WHEEL and RECORD are made here")
    if (tags, root_is_purelib) != (wheel.info.tags, wheel.info.root_is_purelib):
        content = edit_wheel_file(wheel.read(path), tags=tags, root_is_purelib=root_is_purelib)
    elif entry is None:
        content = wheel.read(path)
    else:
        return {}
    return {path: NewFile(path=path, content=content, mode=_mode(entry) if entry else PLAIN)}


def _order(wheel: Source, paths: list[WheelPath]) -> list[WheelPath]:
    try:
        for path in sorted(set(paths).difference(wheel.entries)):
            check_name(path)
        every = sorted([*paths, wheel.record])
        check_clashes(every, case_counts=case_counts(wheel.info.platforms))
    except BadWheel as error:
        raise blamed(error, wheel.info.filename) from None
    return canonical_order(paths, wheel.info.dist_info)


def _span(wheel: OpenWheel, entry: Entry) -> Span:
    member = entry.member
    return Span(handle=wheel.handle, offset=member.data_offset, size=member.compressed_size)


def _new_job(file: NewFile, coder: Coder, wheel: Source) -> Job:
    mode = stat.S_IFREG | file.mode & 0o777

    def run(tell: Tell) -> Ready:
        packed = _packed_file(file, replace(coder, tell=tell), wheel)
        return _packed_member(file.path, mode, packed)

    return Job(run=run, size=file.size)


def _packed_file(file: NewFile, coder: Coder, wheel: Source) -> Packed:
    content = file.content() if callable(file.content) else file.content
    old = wheel.trails.pop(file.path, None) if isinstance(wheel, OpenWheel) else None
    try:
        packed = pack(content, coder, old=old)
    except OSError as error:
        raise unreadable(Path(error.filename or "new member"), error) from error
    if callable(file.content) and isinstance(content, Path) and packed.payload is not content:
        with suppress(OSError):  # whose folder it is in says so
            content.unlink()
    return packed


def _packed_member(path: WheelPath, mode: int, packed: Packed) -> Ready:
    member = NewMember(
        path=path,
        mode=mode,
        method=packed.method,
        crc=packed.crc,
        size=packed.size,
        compressed_size=packed.compressed_size,
        payload=packed.payload,
    )
    digest = encoded_digest(packed.sha256)
    row = Row(path=path, algorithm="sha256", encoded=digest, size=packed.size)
    return Ready(member=member, row=row, carried=False)


def _carry(wheel: Source, path: WheelPath, coder: Coder, *, verify: bool) -> Job | Ready:
    """Give the member at once when nothing needs to be inflated, else the work it takes."""
    assert isinstance(wheel, OpenWheel)
    entry, row = wheel.entries[path], wheel.rows.get(path)
    if entry.member.method not in (STORED, DEFLATED):
        return Job(
            run=lambda _: _packed_member(path, _mode(entry), pack(wheel.read(path), coder)),
            size=entry.member.size,
        )
    if row is None or not row.strong:
        return Job(
            run=lambda _: _carried(wheel, entry, _hashed(wheel, path)), size=entry.member.size
        )
    if not verify:
        return _carried(wheel, entry, row)
    return Job(run=lambda _: _carried(wheel, entry, _verified(wheel, row)), size=entry.member.size)


def _verified(wheel: OpenWheel, row: Row) -> Row:
    wheel.check_carried(row.path)
    return row


def _hashed(wheel: OpenWheel, path: WheelPath) -> Row:
    from hashlib import sha256

    digest = sha256()
    for piece in wheel.pieces(path):
        digest.update(piece)
    return Row(path=path, algorithm="sha256", encoded=encoded_digest(digest.digest()))


def _carried(wheel: OpenWheel, entry: Entry, row: Row) -> Ready:
    old = entry.member
    member = NewMember(
        path=old.path,
        mode=_mode(entry),
        method=old.method,
        crc=old.crc,
        size=old.size,
        compressed_size=old.compressed_size,
        payload=_span(wheel, entry),
    )
    told = row if row.size == old.size else replace(row, size=old.size)
    return Ready(member=member, row=told, carried=True)


def _mode(entry: Entry) -> int:
    return kept_mode(entry.system, entry.member.mode or 0)


@contextmanager
def _new_file(path: Path) -> Iterator[Output]:
    descriptor = os.open(path, NEW_FILE, 0o600)
    try:
        yield Output(descriptor)
    finally:
        os.close(descriptor)


def _write_members(
    wheel: Source,
    writer: ZipWriter,
    results: Iterator[Ready | Run],
    coder: Coder,
) -> Written:
    lines: list[str] = []
    sizes = {True: 0, False: 0}
    for ready in results:
        if isinstance(ready, Run):
            members = ready.members()
            writer.add_all(members)
            lines += ready.lines()
            sizes[True] += sum(members.packed)
            continue
        writer.add(ready.member)
        lines.append(line(ready.row))
        sizes[ready.carried] += ready.member.compressed_size
    old = wheel.entries.get(wheel.record)
    packed = pack(write_record(lines, wheel.record), replace(coder, crew=None))  # all others wait
    record = _packed_member(wheel.record, _mode(old) if old else PLAIN, packed)
    writer.add(record.member)
    writer.finish()
    made = sizes[False] + record.member.compressed_size
    return Written(carried_bytes=sizes[True], compressed_bytes=made, notes=())
