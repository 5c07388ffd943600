"""Ad-hoc signing of a thin image, in place, and what an old signature loses by it."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.errors import BadBinary, CannotEdit
from wheelfix.formats.files import Opened, OpenFile, Put, put
from wheelfix.formats.macho import codesign as cs
from wheelfix.formats.macho import room as rooms
from wheelfix.formats.macho.compose import Subject, claims, draft, reserved, superblob
from wheelfix.formats.macho.signable import Signable, each_slice, signable
from wheelfix.formats.macho.signature import Signature, signature_in
from wheelfix.formats.macho.trusted import renewed, trusted
from wheelfix.model import ByteSource
from wheelfix.value import Value


class Losses(Value):
    """What an old signature says that a new ad-hoc one does not."""

    identity: bool = False
    """A certificate signed it."""
    team: str | None = None
    flags: tuple[str, ...] = ()
    """In the words of Apple's codesign: `hard`, `kill`, `library-validation`, `runtime`."""
    entitlements: tuple[str, ...] = ()
    """Those that need a provisioning profile."""
    requirements: bool = False
    """It carried requirements of its own."""
    constraints: bool = False
    """It carried launch or library constraints."""

    def lines(self) -> tuple[str, ...]:
        """Say each for people, as the end of a sentence about the image; empty for no losses."""
        signer = f" of team {self.team}" if self.team else ""
        said = (
            (self.identity, f"loses the certificate's signature{signer}"),
            (self.flags, f"loses the protections {', '.join(self.flags)}"),
            (self.entitlements, f"loses the entitlements {', '.join(self.entitlements)}"),
            (self.requirements, "loses its own code requirements"),
            (self.constraints, "loses its launch constraints"),
        )
        return tuple(line for lost, line in said if lost)


def lost(source: ByteSource) -> tuple[str, ...]:
    """Say what signing a whole file anew takes away, slice by slice, as `losses` tells it."""
    return each_slice(source, lambda image: _losses(image).lines())


def losses(source: ByteSource, start: int = 0, size: int | None = None) -> Losses:
    """Tell what signing the thin image of `size` bytes at `start` ad hoc takes away.

    Entitlements that nobody can read are not counted: what has them is not signed at all. Raises
    `errors.BadBinary`.
    """
    return _losses(signable(source, start, size))


def _losses(image: Signable) -> Losses:
    signature = signature_in(image)
    if signature is None:
        return Losses()
    flags = signature.first.flags
    slots = range(cs.CSSLOT_LAUNCH_CONSTRAINT_SELF, cs.CSSLOT_LIBRARY_CONSTRAINT + 1)
    return Losses(
        identity=signature.kind == "identity",
        team=signature.team,
        flags=tuple(sorted(name for flag, name in cs.FLAG_NAMES.items() if flags & flag)),
        entitlements=_dropped(image.raw.window.source, signature),
        requirements=signature.has_requirements,
        constraints=any(signature.blob(slot) for slot in slots),
    )


def _dropped(source: ByteSource, signature: Signature) -> tuple[str, ...]:
    try:
        return claims(source, signature).dropped
    except CannotEdit:
        return ()


def resign(
    handle: OpenFile,
    slice_offset: int,
    slice_size: int,
    filename: str,
    *,
    written: Sequence[Put] | None = None,
) -> int:
    """Sign the thin image at `slice_offset` ad hoc, in place, and give its new size in bytes.

    `handle` is open for reading and writing. The image ends the file, which is then cut or
    grown, or the caller has made room behind it. `filename` makes the identifier of an image
    that has none. `written` is what was written to it since it was signed: the old signature's
    hashes of other pages are taken over then, unproved; None to hash every page. Raises
    `errors.BadBinary`, and `errors.CannotEdit` where no signature fits, both before anything is
    written.
    """
    source = Opened(handle)
    image = signable(source, slice_offset, slice_size)
    room = rooms.find(image)
    subject = Subject(
        source=source,
        image=image,
        old=_readable(image),
        filename=filename,
        code_limit=room.start,
    )
    new = draft(subject)
    size = reserved(new)
    old = None if written is None else subject.old
    known = trusted(source, old, new.page_shift, new.hash_types)  # before they are written over
    puts = rooms.puts(image, room, size)
    for offset, data in puts:
        put(handle, slice_offset + offset, data)
    stretches = [range(at, at + len(data)) for at, data in (*(written or ()), *puts)]
    pages = renewed(known, source, slice_offset, room.start, stretches)
    put(handle, slice_offset + room.start, superblob(new, pages).ljust(size, b"\0"))
    if slice_offset + slice_size >= source.size:
        handle.truncate(slice_offset + room.start + size)
    return room.start + size


def _readable(image: Signable) -> Signature | None:
    """Give the old signature; None also for one that is none, as no system would accept it."""
    try:
        return signature_in(image)
    except BadBinary:
        return None
