"""Who needs what as a drawing: Mermaid for web pages, DOT for Graphviz."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from wheelfix.model import (
    Beside,
    Excluded,
    FromPython,
    InWheel,
    Link,
    Missing,
    NeededKind,
    OnHost,
    OnSystem,
    Place,
)
from wheelfix.value import Value


class Node(Value):
    """A binary or a library."""

    label: str
    kind: str
    """`wheel`, `outside`, `system` or `missing`."""


class Drawing(Value):
    """Nodes by the order in which they are met, and lines between them, each once."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int, str], ...]
    """User, library, and how it is asked for: empty for the usual way."""


def drawing(links: Iterable[Link], *, system: bool) -> Drawing:
    """Draw who needs what, with the target system's libraries only if these are asked for."""
    numbers: dict[Node, int] = {}
    edges: dict[tuple[int, int, str], None] = {}
    for link in links:
        node = library(link)
        if node.kind == "system" and not system:
            continue
        user = numbers.setdefault(_binary(link.user), len(numbers))
        provider = numbers.setdefault(node, len(numbers))
        how = "" if link.kind is NeededKind.NORMAL else str(link.kind)
        edges.setdefault((user, provider, how))
    return Drawing(nodes=tuple(numbers), edges=tuple(edges))


def _binary(place: Place) -> Node:
    return Node(label=str(place), kind="wheel" if isinstance(place, str) else "outside")


def library(link: Link) -> Node:
    """Give what stands at the other end of a link."""
    match link.provider:
        case InWheel(path=path):
            return _binary(path)
        case OnHost(real=real):
            return _binary(real)
        case Beside(file=file):
            return _binary(file)
        case Missing():
            return Node(label=link.needed, kind="missing")
        case OnSystem() | Excluded() | FromPython():
            return Node(label=link.needed, kind="system")


_STYLES = (
    ("outside", "stroke-dasharray: 5 5"),
    ("system", "opacity: 0.6"),
    ("missing", "stroke: #d1242f, stroke-width: 3px"),
)
_MERMAID = MappingProxyType(
    {ord(c): f"#{ord(c)};" for c in '"#<>`&;\\'} | dict.fromkeys(range(32), "?")
)
LARGEST = 400
"""So many lines can be drawn: Mermaid refuses 500, and 50,000 characters."""
LONGEST = 45_000


def too_large(drawn: Drawing) -> bool:
    """Tell whether a web page would refuse to draw it with Mermaid."""
    return len(drawn.edges) > LARGEST or len(mermaid(drawn)) > LONGEST


def mermaid(drawn: Drawing) -> str:
    """Give a Mermaid flow chart."""
    lines = ["graph LR"]
    for number, node in enumerate(drawn.nodes):
        lines.append(f'  n{number}["{node.label.translate(_MERMAID)}"]:::{node.kind}')
    for user, provider, how in drawn.edges:
        lines.append(f"  n{user} -->{f'|{how}| ' if how else ' '}n{provider}")
    lines += [f"  classDef {kind} {style}" for kind, style in _STYLES]
    return "\n".join(lines)


_DOT = MappingProxyType({ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n"})
_SHAPES = (
    ("wheel", "shape=box"),
    ("outside", "shape=box, style=dashed"),
    ("system", "shape=box, style=rounded, color=gray"),
    ("missing", "shape=box, color=red, penwidth=2"),
)


def dot(drawn: Drawing, name: str) -> str:
    """Give a graph of Graphviz, under `name`."""
    shapes = dict(_SHAPES)
    lines = [f'digraph "{name.translate(_DOT)}" {{', "  rankdir=LR;"]
    for number, node in enumerate(drawn.nodes):
        lines.append(f'  n{number} [label="{node.label.translate(_DOT)}", {shapes[node.kind]}];')
    for user, provider, how in drawn.edges:
        lines.append(f"  n{user} -> n{provider}{f' [label={how}]' if how else ''};")
    return "\n".join([*lines, "}"])
