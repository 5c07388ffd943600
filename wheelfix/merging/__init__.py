"""Two thin macOS wheels of one project to one universal2 wheel.

The stages are those of a repair: look, decide, make in a scratch folder, read again, write.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from wheelfix.archive import NewFile, OpenWheel, Written, open_wheel, write_wheel
from wheelfix.clock import Clock
from wheelfix.errors import CannotMerge, CannotWrite, NotAsPlanned, WheelfixError
from wheelfix.formats import macho
from wheelfix.formats.macho import join
from wheelfix.hostfile import HostFile
from wheelfix.merging.plan import Joint, MergePlan, Piece, decide, parse_take
from wheelfix.merging.sides import Side, check_two, pair
from wheelfix.model import Artifact, Options, Patch, StagedBy, StagedFile, Verify, WheelPath
from wheelfix.pipeline import make_folder, naming
from wheelfix.value import Value
from wheelfix.verify import BUG, verify
from wheelfix.workshop import scratch_folder

__all__ = ["MergeOutcome", "MergePlan", "merge"]


class MergeOutcome(Value):
    """What a merge did."""

    inputs: tuple[Path, Path]
    """In an order that does not depend on the arguments'."""
    output: Path
    plan: MergePlan
    joined: tuple[WheelPath, ...]
    """The universal files that were made, each read again; sorted."""
    carried_bytes: int
    """Compressed bytes taken over as they were."""
    compressed_bytes: int
    """Compressed bytes made anew."""
    seconds: tuple[tuple[str, float], ...]
    """Wall time per stage, in the order of the stages."""
    notes: tuple[str, ...]
    """What the user should know though it is no failure."""


def merge(
    first: Path,
    second: Path,
    wheel_dir: Path,
    options: Options | None = None,
    *,
    take: Sequence[str] = (),
) -> MergeOutcome:
    """Write one wheel for the machines of both into `wheel_dir`; the inputs are only read.

    Their order does not matter. `take` holds `GLOB=ARCH`: for files of these paths that differ and
    cannot be joined, that of the wheel for ARCH goes in. Of `options` those about writing count.
    Raises `errors.CannotMerge`, before anything is written, with all files that cannot be joined.
    """
    options = options or Options()
    clock = Clock()
    check_two(first, second)
    with ExitStack() as stack:
        sides = pair(stack.enter_context(_opened(first)), stack.enter_context(_opened(second)))
        with clock("plan"):
            decided = decide(sides, tuple(parse_take(text, sides) for text in take))
        make_folder(wheel_dir)
        return _obey(sides, wheel_dir / decided.output, decided, options, clock)


def _opened(wheel: Path) -> OpenWheel:
    with naming(wheel):
        return open_wheel(wheel)


def _obey(
    sides: tuple[Side, Side], output: Path, decided: MergePlan, options: Options, clock: Clock
) -> MergeOutcome:
    notes = list(_notes(sides, decided))
    with scratch_folder(options.scratch or output.parent, notes) as folder, clock("write"):
        files = tuple(_files(sides, decided, folder, clock))
        written = _write(sides, output, decided, files, options)
    return MergeOutcome(
        inputs=(sides[0].wheel.path, sides[1].wheel.path),
        output=output,
        plan=decided,
        joined=tuple(joint.path for joint in decided.joints if len(joint.pieces) > 1),
        carried_bytes=written.carried_bytes,
        compressed_bytes=written.compressed_bytes,
        seconds=clock.seconds(),
        notes=(*written.notes, *notes),
    )


def _write(
    sides: tuple[Side, Side],
    output: Path,
    decided: MergePlan,
    files: tuple[NewFile, ...],
    options: Options,
) -> Written:
    sides[1].wheel.check_unchanged()
    return write_wheel(
        sides[0].wheel,
        output,
        files=files,
        removed=frozenset(decided.removed),
        tags=decided.tags,
        root_is_purelib=decided.root_is_purelib,
        level=options.level,
        jobs=options.jobs or os.cpu_count() or 1,
        verify_full=options.verify is not Verify.HEADER,
        overwrite=options.overwrite,
    )


def _files(
    sides: tuple[Side, Side], decided: MergePlan, folder: Path, clock: Clock
) -> Iterator[NewFile]:
    """Give the new members; each is made in the thread that packs it."""
    for number, joint in enumerate(decided.joints):
        members = [sides[piece.side].wheel.entries[piece.path].member for piece in joint.pieces]
        yield NewFile(
            path=joint.path,
            content=partial(_made, sides, joint, folder / f"{number:06d}", clock),
            mode=joint.mode,
            size=sum(member.size for member in members),
        )


def _made(sides: tuple[Side, Side], joint: Joint, target: Path, clock: Clock) -> Path:
    """Make one member in the scratch folder, and read it again where it was changed."""
    try:
        with clock("join"):
            return _content(sides, joint, target)
    except OSError as error:
        raise CannotWrite(
            subject=joint.path,
            problem=f"cannot be made in {target.parent}: {error.strerror or error}",
            hint="choose another scratch folder with `--scratch DIR`",
        ) from error


def _content(sides: tuple[Side, Side], joint: Joint, target: Path) -> Path:
    filename = joint.path.rpartition("/")[2]
    staged = [target.with_name(f"{target.name}-{piece.side}") for piece in joint.pieces]
    for piece, file in zip(joint.pieces, staged, strict=True):
        sides[piece.side].wheel.extract(piece.path, file)
        sides[piece.side].wheel.check_unchanged()
        with _blaming(f"{sides[piece.side].wheel.info.filename}: {piece.path}"):
            _edit(piece, file, filename)
    if len(staged) == 1:
        return staged[0]
    with _blaming(joint.path):
        _join(joint.path, staged, target)
    return target


@contextmanager
def _blaming(culprit: str) -> Iterator[None]:
    """Name the member instead of the scratch file."""
    try:
        yield
    except WheelfixError as error:
        error.subject = culprit
        raise


def _edit(piece: Piece, file: Path, filename: str) -> None:
    """Edit a private file; raises NotAsPlanned when it then reads otherwise than predicted."""
    if not piece.edits:
        return
    with HostFile(file) as source:
        before = Artifact(
            place=piece.path,
            format=macho.name,
            images=macho.read(source, watch={}),
            size=source.size,
            mode=source.mode,
        )
    macho.apply(file, piece.edits, filename=filename)
    patch = Patch(path=piece.path, format=macho.name, edits=piece.edits)
    staged = StagedFile(path=piece.path, file=file, by=StagedBy.INFLATED)
    verify(patch, before, staged, depth=Verify.HEADER)


def _join(path: WheelPath, staged: list[Path], target: Path) -> None:
    with ExitStack() as stack:
        sources = [stack.enter_context(HostFile(file)) for file in staged]
        archs = join.clashes(*sources)
        if archs:
            raise CannotMerge(
                problem=f"its code for {', '.join(archs)} asks for grafts that are now one",
                hint="build the library for one machine in each wheel",
            )
        join.join(sources, target)
        with HostFile(target) as joined:
            damage = join.damage(joined, sources)
    if damage is not None:
        raise NotAsPlanned(subject=path, problem=damage, hint=BUG)
    _check_seals(path, target)
    for file in staged:
        file.unlink()


def _check_seals(path: WheelPath, file: Path) -> None:
    with HostFile(file) as source:
        flaws = macho.flaws(source)
    if flaws:
        raise CannotMerge(
            subject=path,
            problem="a signature does not hold",
            details=flaws,
            hint="build that wheel again; something changed the file after it was signed",
        )


def _notes(sides: tuple[Side, Side], decided: MergePlan) -> Iterator[str]:
    for path, archs in decided.single:
        yield f"{path} is in the wheel for {archs} alone, and has code for nothing else"
    for take in decided.unused:
        yield f"{take} was not needed: no file that differs and cannot be joined matches"
    for joint in decided.joints:
        for piece in (piece for piece in joint.pieces if piece.edits):
            yield from _losses(sides[piece.side], piece)


def _losses(side: Side, piece: Piece) -> Iterator[str]:
    for loss in macho.losses(side.wheel.source(piece.path)):
        yield f"{piece.path} of {side.wheel.info.filename} is signed anew, ad hoc: {loss}"
