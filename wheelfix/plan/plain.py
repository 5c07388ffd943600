"""The rules of formats whose loader obeys the binaries alone, and tells upper from lower case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from wheelfix.model import Artifact, Finding, Insert, Link, Place, Report, Skip
from wheelfix.plan.graph import Graph
from wheelfix.plan.setting import Setting

moves_programs = True


def spelled(filename: str) -> str:
    """Give the name itself."""
    return filename


def kept_names(graph: Graph) -> frozenset[str]:
    """Keep none: a user that must not be edited is an obstacle."""
    del graph
    return frozenset()


def inserts(setting: Setting) -> Iterator[Insert]:
    """Put nothing into Python files."""
    del setting
    yield from ()


def link_inserts(
    links: Mapping[Place, tuple[Link, ...]], report: Report
) -> Iterator[Insert | Skip]:
    """Put nothing into Python files."""
    del links, report
    yield from ()


def finds_anyway(artifact: Artifact, setting: Setting) -> bool:
    """Tell that nothing but its own search path helps a binary."""
    del artifact, setting
    return False


def is_lost(graph: Graph, link: Link) -> bool:
    """Tell whether a library of the wheel is not where its user looks."""
    del graph
    return link.beyond_search


def how_to_find(users: tuple[Artifact, ...], setting: Setting) -> str:
    """Say what helps binaries to find a library that lies elsewhere in the wheel."""
    del users, setting
    return "wheelfix repair adds the search path"


def where_to_get(name: str, arch: str) -> str:
    """Know no place in particular for a missing library."""
    del name, arch
    return ""


def remarks(setting: Setting) -> Iterator[Finding]:
    """Have nothing more to say."""
    del setting
    yield from ()
