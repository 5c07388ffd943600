"""Libraries that a binary loads by name when it runs (dlopen), as its own search path tells.

What must keep its name for that, and who must search the grafts' folder.
"""

from __future__ import annotations

from collections.abc import Iterator

from wheelfix.findings import finding
from wheelfix.model import OPENERS, Artifact, Finding, Image, InWheel, Link, NeededKind, OnHost
from wheelfix.plan.graph import Graph
from wheelfix.plan.setting import Setting


def kept_names(graph: Graph) -> frozenset[str]:
    """Give the names that stand in code, where nobody can change them.

    Those of included libraries are their own names: code asks for these, not for file names.
    """
    by_name = NeededKind.DLOPEN
    noted = (k.needed for links in graph.links.values() for k in links if k.kind is by_name)
    own = (image.own_name for real in graph.included for image in graph.artifacts[real].images)
    return frozenset((*noted, *(name for name in own if name)))


def opens_included(artifact: Artifact, setting: Setting) -> bool:
    """Tell whether a binary of the wheel may load what came along by the user's word alone.

    Nobody tells which one does, but to do so it must call dlopen.
    """
    return any(opens(image, setting) for image in artifact.images)


def opens(image: Image, setting: Setting) -> bool:
    """Tell the same of one of its images."""
    return bool(setting.graph.included and OPENERS.intersection(image.undefined))


def remarks(setting: Setting) -> Iterator[Finding]:
    """Name the binaries that are edited because of what they load by name."""
    by_name = NeededKind.DLOPEN
    for artifact in setting.graph.members:
        links = [k for k in setting.graph.links.get(artifact.place, ()) if k.kind is by_name]
        names = [link.needed for link in links if _is_elsewhere(link, setting)]
        if opens_included(artifact, setting):
            names += [setting.names.by_source[real] for real in setting.graph.included]
        for name in dict.fromkeys(names):
            yield finding(
                "WF209",
                f"`{artifact.place}` loads `{name}` by name when it runs",
                path=str(artifact.place),
                hint="wheelfix repair gives it the search path to it; `--dlopen none` does not",
            )


def _is_elsewhere(link: Link, setting: Setting) -> bool:
    match link.provider:
        case OnHost(real=real):
            return real in setting.names.by_source
        case InWheel():
            return link.beyond_search
        case _:
            return False
