"""Which names fit where they are, and which must move into our section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.imports import Delay, Import
from wheelfix.formats.pe.layout import Section
from wheelfix.formats.pe.raw import Raw
from wheelfix.formats.pe.tables import Tables
from wheelfix.formats.pe.wish import Wish
from wheelfix.value import Value


class Name(Value):
    """A text in the file, and what is to stand there."""

    rva: int
    old: bytes
    new: bytes

    @property
    def changes(self) -> bool:
        """Tell whether it is to become another one."""
        return self.old != self.new


class Moves(Value):
    """What becomes of everything."""

    imports: bool
    """True when the import directory moves, all of its names included."""
    exports: bool
    """True when the export directory moves, as do all of its tables."""
    delays: tuple[bool, ...]
    """For every delay-load descriptor, which stays, whether its name moves."""
    puts: tuple[tuple[int, bytes], ...]
    """What to write over old names, where in the file."""

    @property
    def any(self) -> bool:
        """Tell whether anything moves."""
        return self.imports or self.exports or any(self.delays)


def moves(raw: Raw, found: Tables, wish: Wish) -> Moves:
    """Decide; what lies in our section already moves with it. Raises `errors.BadBinary`."""
    imports = _names(found.imports, wish.imports)
    delays = _names(found.delays, wish.delays)
    exports = list(_exported(found, wish))
    names = [*imports, *delays, *exports]
    some_move = not all(_fits(name, names) for name in names)
    own = own_section(raw) if some_move else None
    moving_imports = not all(_fits(n, names) for n in imports) or _holds(
        own, raw, c.DIRECTORY_IMPORT
    )
    moving_exports = not all(_fits(n, names) for n in exports) or _holds(
        own, raw, c.DIRECTORY_EXPORT
    )
    moving_delays = tuple(not _fits(n, names) or inside(own, n.rva) for n in delays)
    stay = [
        *(() if moving_imports else imports),
        *(() if moving_exports else exports),
        *(name for name, moved in zip(delays, moving_delays, strict=True) if not moved),
    ]
    return Moves(
        imports=moving_imports,
        exports=moving_exports,
        delays=moving_delays,
        puts=tuple(_put(raw, name) for name in stay if name.changes),
    )


def own_section(raw: Raw) -> Section | None:
    """Find the section that an earlier edit of ours added; the last one, if there are several."""
    found = [each for each in raw.sections if each.name == c.OWN_SECTION]
    return found[-1] if found else None


def inside(section: Section | None, rva: int) -> bool:
    """Tell whether an RVA lies in a section."""
    return section is not None and section.address <= rva < section.address + section.extent


def _holds(section: Section | None, raw: Raw, number: int) -> bool:
    directory = raw.directory(number)
    return directory is not None and inside(section, directory.rva)


def _names(found: Sequence[Import | Delay], wanted: tuple[bytes, ...]) -> list[Name]:
    return [
        Name(rva=each.name, old=each.text, new=new) for each, new in zip(found, wanted, strict=True)
    ]


def _exported(found: Tables, wish: Wish) -> Iterator[Name]:
    if found.exports is None:
        return
    if found.exports.own_name is not None and wish.own_name is not None:
        yield Name(rva=found.exports.head[4], old=found.exports.own_name, new=wish.own_name)
    for each, new in zip(found.exports.forwards, wish.forwards, strict=True):
        yield Name(rva=each.rva, old=each.text, new=new)


def _fits(name: Name, names: list[Name]) -> bool:
    """Tell whether a name can be written over the old one, which nobody else may read."""
    if not name.changes:
        return True
    if len(name.new) > len(name.old):
        return False
    end = name.rva + len(name.old)
    sharing = (n for n in names if n.rva <= end and name.rva <= n.rva + len(n.old))
    return all((n.rva, n.new) == (name.rva, name.new) for n in sharing)


def _put(raw: Raw, name: Name) -> tuple[int, bytes]:
    return raw.offset(name.rva, len(name.old), "name"), name.new.ljust(len(name.old), b"\0")
