"""What our section holds: the import directory, names of delay-loaded DLLs, the export directory.

The tables of names and thunks that import descriptors point to stay where they are, and so do the
descriptors of delay-loaded DLLs: compiled code knows their address.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import pack, unpack

from wheelfix.errors import CannotEdit
from wheelfix.formats.pe import constants as c
from wheelfix.formats.pe.bound import lookup, packed, unbound
from wheelfix.formats.pe.exports import Exports
from wheelfix.formats.pe.layout import DIRECTORY, EXPORT, IMPORT, aligned
from wheelfix.formats.pe.moves import Moves
from wheelfix.formats.pe.raw import Raw
from wheelfix.formats.pe.tables import Tables
from wheelfix.formats.pe.wish import Wish
from wheelfix.value import Value


class Content(Value):
    """A section's bytes, and what leads to them."""

    data: bytes
    puts: tuple[tuple[int, bytes], ...]
    """What to write elsewhere, where in the file."""


class _Block:
    """Bytes that will lie at a known RVA."""

    def __init__(self, rva: int) -> None:
        self._rva = rva
        self._texts: dict[bytes, int] = {}
        self.data = bytearray()

    @property
    def end(self) -> int:
        """RVA of what is added next."""
        return self._rva + len(self.data)

    def add(self, data: bytes) -> int:
        """Append, and give the RVA."""
        rva = self.end
        self.data += data
        return rva

    def text(self, text: bytes) -> int:
        """Append a text once, and give its RVA."""
        if text not in self._texts:
            self._texts[text] = self.add(text + b"\0")
        return self._texts[text]

    def align(self) -> None:
        """Let what is added next begin at a multiple of 4."""
        self.data += bytes(aligned(len(self.data), 4) - len(self.data))


def composed(raw: Raw, found: Tables, wish: Wish, moves: Moves, rva: int) -> Content:
    """Make the section for this RVA. Raises `errors.CannotEdit` or `errors.BadBinary`."""
    block = _Block(rva)
    puts: list[tuple[int, bytes]] = []
    if moves.imports:
        puts += _imports(raw, found, wish, block)
    for each, new, moved in zip(found.delays, wish.delays, moves.delays, strict=True):
        if moved:
            puts.append((each.at + 4, block.text(new).to_bytes(4, "little")))
    if moves.exports and found.exports is not None:
        block.align()
        puts.append(_exports(raw, found.exports, wish, block))
    return Content(data=bytes(block.data), puts=tuple(puts))


def _directory(raw: Raw, number: int, rva: int, size: int) -> tuple[int, bytes]:
    return raw.directories_at + DIRECTORY.size * number, DIRECTORY.pack(rva, size)


def _imports(raw: Raw, found: Tables, wish: Wish, block: _Block) -> Iterator[tuple[int, bytes]]:
    """Write descriptors, the empty one at their end, and all names right behind them."""
    size = IMPORT.size * (len(found.imports) + 1)
    start = block.add(bytes(size))
    names = [block.text(name) for name in wish.imports]
    descriptors = zip(unbound(found.imports), names, strict=True)
    data = b"".join(packed(each, name) for each, name in descriptors)
    block.data[: len(data)] = data
    yield _directory(raw, c.DIRECTORY_IMPORT, start, size)
    if raw.directory(c.DIRECTORY_IAT) is None:
        yield from _unprotected(raw, found)


def _unprotected(raw: Raw, found: Tables) -> Iterator[tuple[int, bytes]]:
    """Name the thunks in directory 12 where it is empty and they lie in read-only memory.

    Without it Windows makes the section of the import directory writable, and no other one.
    """
    spans = [_thunks(raw, each.thunks, each.lookup) for each in found.imports]
    if all(_writable(raw, start) for start, _ in spans):
        return
    if len(raw.directories) <= c.DIRECTORY_IAT:
        raise CannotEdit(problem="its header has no room to say where its import addresses lie")
    start, end = min(s for s, _ in spans), max(e for _, e in spans)
    yield _directory(raw, c.DIRECTORY_IAT, start, end - start)


def _thunks(raw: Raw, thunks: int, names: int) -> tuple[int, int]:
    return thunks, thunks + len(lookup(raw, names or thunks))


def _writable(raw: Raw, rva: int) -> bool:
    return any(
        each.address <= rva < each.address + each.extent and each.characteristics & c.SECTION_WRITE
        for each in raw.sections
    )


def _exports(raw: Raw, found: Exports, wish: Wish, block: _Block) -> tuple[int, bytes]:
    """Write the directory and all of its tables anew.

    A forward is told by its address, which must lie inside the directory: so all of them must be
    here, and nothing else that is exported can be, as these addresses are new.
    """
    head = list(found.head)
    count, name_count = head[6], head[7]
    start = block.add(bytes(EXPORT.size))
    functions = list(found.functions)
    head[8] = block.add(bytes(4 * count)) if count else 0
    if name_count:
        rvas = _table(raw, head[9], name_count)
        ordinals = raw.bytes_at(head[10], 2 * name_count, "export ordinals")
        head[9] = block.add(bytes(4 * name_count))
        head[10] = block.add(ordinals)
        names = [block.text(raw.string(rva, "name of an export")) for rva in rvas]
        _fill(block, head[9], names)
    head[4] = 0 if wish.own_name is None else block.text(wish.own_name)
    for each, text in zip(found.forwards, wish.forwards, strict=True):
        functions[each.index] = block.text(text)
    if count:
        _fill(block, head[8], functions)
    at = len(block.data) - (block.end - start)
    block.data[at : at + EXPORT.size] = EXPORT.pack(*head)
    return _directory(raw, c.DIRECTORY_EXPORT, start, block.end - start)


def _table(raw: Raw, rva: int, count: int) -> tuple[int, ...]:
    return unpack(f"<{count}I", raw.bytes_at(rva, 4 * count, "export names"))


def _fill(block: _Block, rva: int, numbers: list[int]) -> None:
    at = len(block.data) - (block.end - rva)
    block.data[at : at + 4 * len(numbers)] = pack(f"<{len(numbers)}I", *numbers)
