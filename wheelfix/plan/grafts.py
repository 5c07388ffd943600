"""Which host libraries become members, and under which names.

A graft's name carries a digest over everything that decides its patched bytes: its own bytes, the
names of the grafts it asks for, its id and search path, and this rule's version. Equal names
therefore mean equal bytes, in every wheel and run. Libraries that need each other in a circle are
named together: inside the circle each stands for itself by its own bytes and file name, with which
its new name begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from wheelfix.findings import finding
from wheelfix.model import Finding, InWheel, Link, OnHost, Options, Place, WheelPath
from wheelfix.plan.graph import Graph, in_order
from wheelfix.value import Value

RULE = "wheelfix graft name 1"
"""Goes into every digest; another rule, or another way of patching, gets another number."""

DIGEST_LENGTH = 16
"""Hex digits in a name."""

OLD_LENGTHS = (8, DIGEST_LENGTH, 32)
"""Hex digits of a digest that this or another tool put behind a name."""

PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.+-")
"""What a member's name should hold and nothing else, whatever a host's file name holds."""


class Names(Value):
    """The grafts' new names, by real path of the host library."""

    by_source: Mapping[Path, str]
    """Every host library that is grafted, copies of one another under one name."""
    sources: tuple[Path, ...]
    """The ones that are taken: one for each name, sorted."""
    aliases: Mapping[str, tuple[str, ...]]
    """Every name under which it was needed, sorted, by new name."""
    findings: tuple[Finding, ...]
    in_order: tuple[str, ...] = ()
    """The new names, each after those of all that it needs."""


def name_grafts(  # noqa: PLR0913  # what the format has to say about names is named
    graph: Graph,
    libraries: tuple[Path, ...],
    options: Options,
    *,
    folder: str,
    marks: tuple[str, ...] = (),
    spelled: Callable[[str], str] = str,
    kept: frozenset[str] = frozenset(),
) -> Names:
    """Name every library of the closure `libraries`, which go into `folder`.

    `marks` is what of the wheel goes into the bytes of all of them; `kept` are needed names that
    must stay. Copies of one library get one name, because they have one digest.
    """
    needs = {source: _needs(graph, source, frozenset(libraries)) for source in libraries}
    asked = _asked_for(graph, libraries)
    names: dict[Path, str] = {}
    by_name: dict[str, str] = {}
    findings: list[Finding] = []
    for circle in in_order(libraries, needs.__getitem__):
        for source, digest in _digests(graph, circle, names, marks).items():
            called = (*asked[source], *_own_name(graph, source))
            name = _kept_name(source, called, options, kept)
            taken = not folder or graft_path(folder, name or "") in graph.artifacts
            if name and (taken or by_name.setdefault(name, digest) != digest):
                findings.append(_taken(name, source))
                name = None
            names[source] = name or _mangled(spelled(source.name), digest)
    first: dict[str, Path] = {}
    aliases: dict[str, set[str]] = {}
    for source in libraries:
        first.setdefault(names[source], source)
        aliases.setdefault(names[source], set()).update(asked[source])
    return Names(
        by_source=MappingProxyType({source: names[source] for source in libraries}),
        sources=tuple(sorted(first.values())),
        aliases=MappingProxyType({name: tuple(sorted(found)) for name, found in aliases.items()}),
        findings=tuple(findings),
        in_order=tuple(dict.fromkeys(names.values())),
    )


def _own_name(graph: Graph, source: Path) -> tuple[str, ...]:
    """Give what a library calls itself where nobody asks for it by a name that is known."""
    own = graph.artifacts[source].images[0].own_name
    return (own,) if own and source in graph.included else ()


def _needs(graph: Graph, source: Place, libraries: frozenset[Path]) -> tuple[Path, ...]:
    found = (link.provider for link in graph.links.get(source, ()))
    return tuple(p.real for p in found if isinstance(p, OnHost) and p.real in libraries)


def _asked_for(graph: Graph, libraries: tuple[Path, ...]) -> dict[Path, tuple[str, ...]]:
    """Give the names under which each library is needed, sorted."""
    found: dict[Path, set[str]] = {source: set() for source in libraries}
    for links in graph.links.values():
        for link in links:
            real = link.provider.real if isinstance(link.provider, OnHost) else None
            if real in found:
                found[real].add(link.needed)
    return {source: tuple(sorted(names)) for source, names in found.items()}


def _digests(
    graph: Graph, circle: tuple[Path, ...], names: Mapping[Path, str], marks: tuple[str, ...]
) -> dict[Path, str]:
    """Digest each member of a circle; `names` has those of everything else that it needs."""
    own = {
        source: "\n".join(
            (
                str(graph.artifacts[source].sha256),
                *marks,
                *(
                    f"{link.needed} -> {_token(graph, link, circle, names)}"
                    for link in graph.links.get(source, ())
                ),
            )
        )
        for source in circle
    }
    together = "\n\n".join(sorted(own.values()))
    return {source: _digest(f"{RULE}\n{text}\n\n{together}") for source, text in own.items()}


def _digest(text: str) -> str:
    from hashlib import sha256

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _token(graph: Graph, link: Link, circle: tuple[Path, ...], names: Mapping[Path, str]) -> str:
    match link.provider:
        case InWheel(path=path):
            return f"in the wheel: {path}{' (renamed)' if link.beyond_search else ''}"
        case OnHost(real=real) if real in circle:
            return f"in the circle: {real.name} {graph.artifacts[real].sha256}"
        case OnHost(real=real) if real in names:
            return names[real]
        case _:
            return "left alone"


def _mangled(filename: str, digest: str) -> str:
    """Put the digest before the first dot: `libz.so.1.3` -> `libz-0123456789abcdef.so.1.3`."""
    plain = "".join(letter if letter in PLAIN else "_" for letter in filename)
    stem, dot, rest = plain.partition(".")
    return f"{without_digests(stem)}-{digest[:DIGEST_LENGTH]}{dot}{rest}"


def plain_name(filename: str) -> str:
    """Give a library's file name as it was before a tool put a digest into it."""
    stem, dot, rest = filename.partition(".")
    return f"{without_digests(stem)}{dot}{rest}"


def without_digests(stem: str) -> str:
    """Take off the digests that stand behind a name, which need a digit: `-deadbeef` is a word."""
    rest, dash, last = stem.rpartition("-")
    hexadecimal = not last.strip("0123456789abcdef") and last.strip("abcdef")
    if dash and len(last) in OLD_LENGTHS and hexadecimal:
        return without_digests(rest)
    return stem


def _kept_name(
    source: Path, aliases: tuple[str, ...], options: Options, kept: frozenset[str]
) -> str | None:
    """Give the name that `--no-mangle` or a user keeps: one it is needed by; None for a new one."""
    forced = next((alias for alias in (*aliases, source.name) if alias in kept), None)
    if forced is not None:
        return forced
    plain = [alias.rpartition("/")[2] for alias in aliases]
    wanted = (
        name
        for name in (*plain, source.name)
        if name.isprintable() and any(fnmatchcase(name, p) for p in options.no_mangle)
    )
    return next(wanted, None)


def _taken(name: str, source: Path) -> Finding:
    return finding(
        "WF305",
        f"`{source}` gets a new name: the wheel has another `{name}`",
    )


def graft_path(folder: str, name: str) -> WheelPath:
    """Give the member path of a graft."""
    return WheelPath(f"{folder}/{name}" if folder else name)
