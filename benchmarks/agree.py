"""What wheelfix and its peers say of the well-known wheels, as far as both know it.

    python benchmarks/agree.py [--write FILE] [WHEEL...]

Says a Markdown table on stdout, and exits with 1 where they differ.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pages
import peers
from published import Pin, download, unrepaired_windows
from well_known import WELL_KNOWN

from wheelfix import Options, check
from wheelfix.model import (
    Artifact,
    FromPython,
    InWheel,
    Link,
    Missing,
    OnHost,
    OnSystem,
    Place,
    Report,
)
from wheelfix.plan.graph import graph_of
from wheelfix.plan.judge import Judge
from wheelfix.policy.policies import arch_of, policies, tag_set

Facts: TypeAlias = Mapping[str, frozenset[str]]
"""What was found, by the kind of fact."""
MARK = "benchmarks/agree.py"
LOADERS = re.compile(r"ld-linux|ld64\.so|ld-musl")
"""auditwheel does not list what is needed of the loader itself."""
REPAIRED = "has already repaired this wheel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """The same facts about one wheel, told twice."""

    wheel: Path
    peer: str
    theirs: Facts
    ours: Facts

    @property
    def differences(self) -> tuple[str, ...]:
        """Name what only one of the two says."""
        return tuple(
            f"{kind}: {who} {fact}"
            for kind in self.ours
            for who, one, other in (
                ("only wheelfix", self.ours, self.theirs),
                (f"only {self.peer}", self.theirs, self.ours),
            )
            for fact in sorted(one[kind] - other[kind])
        )


def opinion(pin: Pin, tools: peers.Peers) -> Opinion:
    """Ask both; each answers with its defaults, wheelfix without this machine's libraries."""
    wheel = download(pin)
    report = check(wheel, Options(host_libs=False)).report
    if "-win" in wheel.name:
        return _of_windows(wheel, report, pin, tools)
    if "-macosx" in wheel.name:
        theirs, ours, peer = _macos(wheel, tools), _our_macos(report), "delocate"
    else:
        theirs, ours, peer = _linux(wheel, tools), _our_linux(report), "auditwheel"
    return Opinion(wheel=wheel, peer=peer, theirs=theirs, ours=ours)


def _of_windows(wheel: Path, report: Report, pin: Pin, tools: peers.Peers) -> Opinion:
    """Ask about the wheel as its build made it where delvewheel says only that it repaired it."""
    said = _said(tools.delvewheel_show(wheel))
    if REPAIRED in said:
        before = unrepaired_windows(pin)
        options = Options(host_libs=False, lib_paths=(before.libraries,))
        said = _said(tools.delvewheel_show(before.wheel, before.libraries))
        report = check(before.wheel, options).report
    return Opinion(wheel=wheel, peer="delvewheel", theirs=_windows(said), ours=_our_windows(report))


def _said(call: peers.Call) -> str:
    done = peers.run(call)
    if done.returncode:
        sys.exit(f"{' '.join(call.command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def _linux(wheel: Path, tools: peers.Peers) -> Facts:
    answer = json.loads(_said(tools.auditwheel_show(wheel, "--json")))
    versions = answer["versioned_symbols"].items()
    return {
        "tag": frozenset({answer["overall_tag"]}),
        "versions": frozenset(f"{library} {v}" for library, found in versions for v in found),
        "external": frozenset(answer["external_libs"]),
    }


def _our_linux(report: Report) -> Facts:
    family = "musllinux" if "musllinux" in report.wheel.filename else "manylinux"
    arch = arch_of(family, str(report.arch)) or ""
    graph = graph_of(report)
    strictest = policies(family, arch)[0]
    needs = (need for a in report.artifacts for i in a.images for need in i.version_needs)
    return {
        "tag": frozenset({_best(Judge(report=report, graph=graph, family=family, arch=arch))}),
        "versions": frozenset(
            f"{need.library} {v}"
            for need in needs
            if not LOADERS.match(need.library)
            for v in need.versions
        ),
        "external": frozenset(
            link.needed
            for link in report.links
            if not isinstance(link.provider, InWheel) and link.needed not in strictest.provides
        ),
    }


def _best(judge: Judge) -> str:
    """Give the tag as auditwheel spells it: without the old names."""
    return next(tag for tag in tag_set(judge.best().policy) if re.search(r"linux_\d", tag))


def _windows(said: str) -> Facts:
    lists = re.findall(r"(?m)^The following DLLs ([^\n]*)\n((?: {4}[^\n]+\n)*)", said)
    names = {head: re.findall(r"(?m)^ {4}(\S+\.\S+)", text) for head, text in lists}
    here = frozenset(name for head in names if "will not be" in head for name in names[head])
    wanted = frozenset(name for head in names if "will not be" not in head for name in names[head])
    return {"system": here, "wanted": wanted}


def _our_windows(report: Report) -> Facts:
    links = tuple(_followed(report))
    wanted = (link for link in links if isinstance(link.provider, Missing | OnHost | InWheel))
    system = (link for link in links if isinstance(link.provider, OnSystem | FromPython))
    return {
        "system": frozenset(link.needed.lower() for link in system),
        "wanted": frozenset(link.needed.lower() for link in wanted),
    }


def _followed(report: Report) -> Iterator[Link]:
    """Give the links that delvewheel follows: of extensions, and of the DLLs that it finds so.

    By default it finds none in the wheel.
    """
    pending: list[Place] = [a.place for a in report.artifacts if _is_extension(a)]
    seen = set(pending)
    while pending:
        user = pending.pop()
        for link in report.links:
            if link.user == user:
                yield link
                if isinstance(link.provider, OnHost) and link.provider.real not in seen:
                    pending.append(link.provider.real)
                    seen.add(link.provider.real)


def _is_extension(artifact: Artifact) -> bool:
    return str(artifact.place).lower().endswith(".pyd")


def _macos(wheel: Path, tools: peers.Peers) -> Facts:
    found, library = set(), ""
    for line in _said(tools.delocate_listdeps(wheel)).splitlines():
        if line.startswith("    "):
            found.add(f"{line.strip()} {library}")
        else:
            library = line.removesuffix(":")
    return {"needs": frozenset(found)}


def _our_macos(report: Report) -> Facts:
    found = set()
    for link in report.links:
        library = link.provider.path if isinstance(link.provider, InWheel) else link.needed
        found.add(f"{link.user} {library}")
    return {"needs": frozenset(found)}


def table(opinions: Iterable[Opinion]) -> Iterator[str]:
    """Give the lines as they come: one for each wheel."""
    yield "| wheel | peer | facts that both know | differences |"
    yield "|---|---|---|---|"
    for each in opinions:
        facts = ", ".join(f"{len(found)} {kind}" for kind, found in each.ours.items())
        told = "; ".join(each.differences) or "none"
        yield f"| {each.wheel.name} | {each.peer} | {facts} | {told} |"
    yield ""


def main() -> None:
    """Print the table as it comes, then write it where asked."""
    parser = argparse.ArgumentParser(description="Compare check with its peers' answers.")
    parser.add_argument("wheels", nargs="*", metavar="WHEEL", help="names in well_known.py")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put it below the page's mark")
    chosen = parser.parse_args()
    tools = peers.peers()
    found: list[Opinion] = []

    def asked() -> Iterator[Opinion]:
        for name in chosen.wheels or WELL_KNOWN:
            found.append(opinion(WELL_KNOWN[name], tools))
            yield found[-1]

    lines = []
    for line in table(asked()):
        print(line, flush=True)
        lines.append(line)
    if chosen.write:
        pages.put(chosen.write, MARK, lines)
    sys.exit(any(each.differences for each in found))


if __name__ == "__main__":
    main()
