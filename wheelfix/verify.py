"""The law at run time: an edited file, read again, must equal the plan's prediction."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from pathlib import Path

from wheelfix.errors import NotAsPlanned, SealBroken, WheelfixError
from wheelfix.formats import named
from wheelfix.formats.files import Held, Opened
from wheelfix.hostfile import HostFile
from wheelfix.model import (
    Artifact,
    ByteSource,
    Graft,
    Image,
    Patch,
    Private,
    StagedFile,
    Verify,
    WheelPath,
    after,
)
from wheelfix.value import fields_of, replace

BUG = "this is a bug of wheelfix; please report it with this file"


def verify(
    item: Patch | Graft, before: Artifact, staged: StagedFile, *, depth: Verify
) -> WheelPath:
    """Read a staged file again and give its path; `before` is what it was read as at first.

    Raises NotAsPlanned when it is not what the edits were to make of it, SealBroken if only its
    signature does not hold.
    """
    predicted = tuple(_comparable(after(image, item.edits)) for image in before.images)
    with _opened(staged.file) as source:
        found = tuple(_comparable(image) for image in _read(item.format, source, staged.path))
        if found != predicted:
            raise _not_as_planned(staged.path, predicted, found)
        _check_seals(item.format, source, staged.path)
    if depth is Verify.DEEP and item.format == "elf":
        _second_opinion(staged, predicted)
    return staged.path


def _opened(file: Private) -> AbstractContextManager[ByteSource]:
    return HostFile(file) if isinstance(file, Path) else nullcontext(Opened(Held(file)))


def _check_seals(format_name: str, source: ByteSource, path: WheelPath) -> None:
    flaws = named(format_name).flaws(source)
    if flaws:
        raise SealBroken(
            subject=path,
            problem="its new signature does not hold",
            details=flaws,
            hint=BUG,
        )


def _comparable(image: Image) -> Image:
    """Leave out the watched symbols, which are looked up by the names that edits change."""
    if not image.undefined:
        return image
    return replace(image, undefined=())


def _read(format_name: str, source: ByteSource, path: WheelPath) -> tuple[Image, ...]:
    try:
        return named(format_name).read(source, watch={})
    except WheelfixError as error:
        raise NotAsPlanned(
            subject=path,
            problem="cannot be read after the edit",
            details=(str(error),),
            hint=BUG,
        ) from error


def _not_as_planned(
    path: WheelPath, predicted: tuple[Image, ...], found: tuple[Image, ...]
) -> NotAsPlanned:
    details: list[str] = []
    for wanted, got in zip(predicted, found, strict=False):
        for name in fields_of(wanted):
            if getattr(wanted, name) != getattr(got, name):
                details.append(f"{name}: planned {getattr(wanted, name)!r}")
                details.append(f"{name}: found   {getattr(got, name)!r}")
    return NotAsPlanned(
        subject=path,
        problem="reads differently from the plan after the edit",
        details=tuple(details),
        hint=BUG,
    )


def _second_opinion(staged: StagedFile, predicted: tuple[Image, ...]) -> None:
    """Let LIEF, a reader that is not ours, compare names; raises NotAsPlanned."""
    image = predicted[0]
    needed, own_name = _lief_names(staged.file)
    if list(needed) != [n.name for n in image.needed] or own_name != image.own_name:
        raise NotAsPlanned(
            subject=staged.path,
            problem="LIEF reads other names than were planned",
            details=(f"needed: {', '.join(needed)}", f"own name: {own_name}"),
            hint=BUG,
        )


def _lief_names(file: Private) -> tuple[Iterable[str], str | None]:
    try:
        import lief
    except ImportError:
        raise WheelfixError(
            problem="--verify=deep needs LIEF", hint="python -m pip install 'lief>=1.0'"
        ) from None
    binary = lief.ELF.parse(str(file) if isinstance(file, Path) else BytesIO(file))
    if binary is None:
        return (), None
    soname = binary.get(lief.ELF.DynamicEntry.TAG.SONAME)
    own_name = str(soname.name) if isinstance(soname, lief.ELF.DynamicSharedObject) else None
    return [str(name) for name in binary.libraries], own_name
