"""All the tables of a file that an edit may have to do with, read once."""

from __future__ import annotations

from wheelfix.formats.pe.exports import Exports, exports
from wheelfix.formats.pe.imports import Delay, Import, delays, imports
from wheelfix.formats.pe.loadconfig import LoadConfig, load_config
from wheelfix.formats.pe.raw import Raw
from wheelfix.value import Value


class Tables(Value):
    """What the data directories lead to."""

    imports: tuple[Import, ...]
    delays: tuple[Delay, ...]
    exports: Exports | None
    config: LoadConfig


def tables(raw: Raw) -> Tables:
    """Read them. Raises `errors.BadBinary`."""
    config = load_config(raw)  # stands before the others, where members are inflated to be read
    return Tables(imports=imports(raw), delays=delays(raw), exports=exports(raw), config=config)


def text(name: bytes) -> str:
    """Decode a name so that it can be encoded again, whatever bytes it holds."""
    return name.decode("utf-8", "surrogateescape")
