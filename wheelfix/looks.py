"""Every member looked at: which are binaries, and what their headers say, several at a time.

Inflating is most of the work, and no thread waits for another's.
"""

from __future__ import annotations

from functools import partial

from wheelfix.errors import BadBinary
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
    begun: list[tuple[MemberFacts, Work[Look]]] = []
    with Workers(jobs) as workers:
        for member, head in wheel.may_begin(MAGICS, HEAD):
            found = identify(head)
            if found is not None:
                job = partial(_look, wheel, member, found, watch, seals=seals)
                begun.append((member, workers.begin(job)))
        return [(member, work.result()) for member, work in sorted(begun, key=_folder_by_folder)]


def _folder_by_folder(begun: tuple[MemberFacts, Work[Look]]) -> list[str]:
    return begun[0].path.split("/")


def _look(
    wheel: Contents, member: MemberFacts, found: Format, watch: Watch, *, seals: bool
) -> Look:
    source = wheel.source(member.path)
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
