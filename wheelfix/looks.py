"""Every member looked at: which are binaries, and what their headers say, several at a time.

Inflating is most of the work, and no thread waits for another's. Those of usual size are inflated
before the first of them asks for the code that reads its format, which others import meanwhile.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from wheelfix.archive.source import BEGINNING, WHOLE
from wheelfix.errors import BadBinary, WheelfixError
from wheelfix.formats import HEAD, MAGICS, identify, losses
from wheelfix.model import Artifact, ByteSource, Contents, MemberFacts, Watch
from wheelfix.typed import TYPE_CHECKING
from wheelfix.value import Value
from wheelfix.workers import Work, Workers

if TYPE_CHECKING:
    from wheelfix.formats.interface import Format


class Look(Value):
    """What came of looking at one member that begins like a binary."""

    artifact: Artifact | None = None
    """None for a damaged one, and for what no loader loads."""
    error: BadBinary | None = None
    """What is damaged in it."""
    flaws: tuple[str, ...] = ()
    """What is wrong with its signature; also empty when that was not looked at."""


def look_at_all(
    wheel: Contents, watch: Watch, *, seals: bool, jobs: int
) -> list[tuple[MemberFacts, Look]]:
    """Look at every member, in `jobs` threads, and give the binaries folder by folder.

    With `seals` every page of every signed one is hashed. The largest are begun first, lest
    one thread be left alone with them at the end.
    """
    begun: list[tuple[MemberFacts, Work[Look | None]]] = []
    with Workers(jobs - 1) as workers:  # this thread is one too, when all members are found
        for member, head in wheel.may_begin(MAGICS, HEAD):
            job = partial(_look, wheel, member, head, watch, seals=seals)
            begun.append((member, workers.begin(job)))
        workers.help()
        begun.sort(key=_folder_by_folder)
        looks = [(member, work.result()) for member, work in begun]
    return [(member, look) for member, look in looks if look is not None]


def _folder_by_folder(begun: tuple[MemberFacts, Work[Look | None]]) -> list[str]:
    return begun[0].path.split("/")


def _look(
    wheel: Contents, member: MemberFacts, head: bytes, watch: Watch, *, seals: bool
) -> Look | None:
    """Look at one member; None for one that is no binary after all."""
    source = wheel.source(member.path)
    if BEGINNING < member.size <= WHOLE:  # to read the last byte is to inflate all
        with suppress(WheelfixError):  # who reads what is damaged will say so
            source.read(member.size - 1, 1)
    found = identify(head)
    if found is None:
        return None
    try:
        images = found.read(source, watch=watch)
        if not images:
            return Look()
        artifact = Artifact(
            place=member.path,
            format=found.name,
            images=images,
            size=member.size,
            mode=(member.mode or 0o644) & 0o777,
            losses=losses(found, source, images),
            ballast=min(found.ballast(source), member.size),
        )
    except BadBinary as error:
        return Look(error=error)
    return Look(artifact=artifact, flaws=_flaws(found, source) if seals else ())


def _flaws(found: Format, source: ByteSource) -> tuple[str, ...]:
    try:
        return found.flaws(source)
    except BadBinary as error:
        return (str(error),)
