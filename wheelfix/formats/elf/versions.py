"""Symbol versions a file needs (LSB 5.0 core, 10.7): walked by their own chain, as loaders do."""

from __future__ import annotations

from wheelfix.errors import BadBinary
from wheelfix.formats.elf import constants as c
from wheelfix.formats.elf.layout import Vernaux, Verneed, struct_of
from wheelfix.formats.elf.raw import Raw
from wheelfix.value import Value

_MOST = 1 << 16
"""Records after which a chain is called broken; the largest known files have hundreds."""


class Need(Value):
    """One Verneed with its Vernauxs, and where they stand in the file."""

    record: Verneed
    offset: int
    aux: tuple[Vernaux, ...]
    end: int
    """File offset behind its last byte."""


def needs(raw: Raw) -> tuple[Need, ...]:
    """Read the chain of DT_VERNEED in file order. Raises `errors.BadBinary`."""
    address = raw.tag(c.DT_VERNEED)
    if address is None or raw.tag(c.DT_VERNEEDNUM) == 0:
        return ()
    offset, _ = raw.extent(address, "table of needed versions")
    found: list[Need] = []
    budget = _MOST
    while True:
        need = _need(raw, offset, budget)
        found.append(need)
        budget -= 1 + len(need.aux)
        if not need.record.next:
            return tuple(found)
        offset += need.record.next


def _need(raw: Raw, offset: int, budget: int) -> Need:
    data = raw.window.read(offset, raw.codec.size(Verneed), "needed versions")
    record = raw.codec.unpack(Verneed, data)
    if record.version != 1 or record.cnt >= budget:
        raise BadBinary(problem="its table of needed versions is broken", offset=offset)
    size = raw.codec.size(Vernaux)
    aux: list[Vernaux] = []
    place, end = offset + record.aux, offset + len(data)
    for _ in range(record.cnt):
        aux.append(raw.codec.unpack(Vernaux, raw.window.read(place, size, "needed versions")))
        end = max(end, place + size)
        if not aux[-1].next:
            break
        place += aux[-1].next
    return Need(record=record, offset=offset, aux=tuple(aux), end=end)


def extent(found: tuple[Need, ...]) -> tuple[int, int]:
    """Give file offset and bytes of a table of needs; zeros for an empty one."""
    if not found:
        return 0, 0
    start = min(need.offset for need in found)
    return start, max(need.end for need in found) - start


def pack(raw: Raw, kept: tuple[Need, ...]) -> bytes:
    """Lay records out anew, each followed by its own Vernauxs, as linkers do."""
    head, step = raw.codec.size(Verneed), raw.codec.size(Vernaux)
    out = bytearray()
    for number, need in enumerate(kept):
        size = head + step * len(need.aux)
        following = 0 if number == len(kept) - 1 else size
        record = need.record.but(cnt=len(need.aux), aux=head, next=following)
        out += raw.codec.pack(record)
        for place, aux in enumerate(need.aux, start=1):
            out += raw.codec.pack(aux.but(next=0 if place == len(need.aux) else step))
    return bytes(out)


def definitions(raw: Raw) -> tuple[frozenset[int], int]:
    """Give the string offsets that DT_VERDEF uses, and its bytes (LSB 5.0 core, 10.7.2)."""
    address = raw.tag(c.DT_VERDEF)
    if address is None:
        return frozenset(), 0
    form = struct_of(raw.codec.order + "HHHHIII")  # version flags ndx cnt hash aux next
    start, _ = raw.extent(address, "table of defined versions")
    names: set[int] = set()
    offset, end, budget = start, start, _MOST
    while budget > 0:
        data = raw.window.read(offset, form.size, "defined versions")
        _, _, _, count, _, aux, following = form.unpack(data)
        budget -= 1 + count
        last = _names(raw, offset + aux, count, names)
        end = max(end, last, offset + form.size)
        if not following:
            return frozenset(names), end - start
        offset += following
    raise BadBinary(problem="its table of defined versions is broken", offset=offset)


def _names(raw: Raw, offset: int, count: int, names: set[int]) -> int:
    """Add one record's names to `names`; give where its last Verdaux ends."""
    form = struct_of(raw.codec.order + "II")  # name next
    end = offset
    for _ in range(count):
        name, following = form.unpack(raw.window.read(offset, form.size, "defined versions"))
        names.add(name)
        end = offset + form.size
        if not following:
            break
        offset += following
    return end
