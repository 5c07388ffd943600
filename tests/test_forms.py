"""The forms of `check`: each keeps to the syntax of what reads it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html import escape, unescape
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support import npm, repairs
from support.facts import library, link, member, report
from support.said import Say

from wheelfix import render
from wheelfix.errors import BadWheel
from wheelfix.findings import CATALOGUE, finding
from wheelfix.model import Checked, FromPython, Options
from wheelfix.plan import plan
from wheelfix.render import github, graph, markdown
from wheelfix.render.wrap import wrapped
from wheelfix.value import replace

DOCS = Path(__file__).parents[1] / "docs"
LIBS = ("-l", repairs.SAMPLE_LIBS, "-l", repairs.WHEELS / "x86_64")
NASTY = "lib%|:,<b>*_`#x\n::error::\r\"'&nbsp;@me"


def looked(*findings: Any, links: Any = (), **fields: Any) -> Checked:
    """Make a checked wheel with just these findings."""
    artifacts = (member("pkg/a.so", "libx.so.1"), library("/opt/l/libx.so.1"))
    facts = report(artifacts, links, **fields)
    return Checked(report=facts, plan=replace(plan(facts, Options()), findings=findings))


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Give a wheel to repair, a pure one, and what is no wheel."""
    folder = tmp_path / "dist"
    folder.mkdir()
    shutil.copy(repairs.SAMPLE, folder)
    repairs.make_wheel(folder, {"pure/__init__.py": b""}, "pure-1.0-py3-none-any", purelib=True)
    (folder / "bad-1.0-py3-none-any.whl").write_bytes(b"no zip")
    return folder


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("wheel: " + "a " * 60 + "b", ["wheel: " + "a " * 60 + "b"]),
        ("  looked in   a    b", ["  looked in   a    b"]),
        (
            f"    hint: {'word ' * 6}`--exclude 'a b c d e f'` x",
            ["    hint: word word word word word word", "      `--exclude 'a b c d e f'` x"],
        ),
        (f"  at {'x' * 60} there", [f"  at {'x' * 60}", "    there"]),
        (f"  odd ` {'word ' * 8}", ["  odd ` word word word word word word", "    word word"]),
    ],
    ids=["not indented", "fits", "code is one word", "longer than a line", "odd backquote"],
)
def test_lines_are_broken_between_words(line: str, lines: list[str]) -> None:
    assert wrapped([line], 10).splitlines() == wrapped([line], 40).splitlines() == lines


def test_a_log_has_80_columns(say: Say, dist: Path) -> None:
    """All but the lines that begin with the wheel's name, and paths, which stay whole."""
    said = say("check", *LIBS, dist / repairs.SAMPLE.name)
    long = [line for line in said.out.splitlines() if line.startswith(" ") and len(line) > 80]
    assert [line for line in long if max(map(len, line.split())) < 80 - 6] == []
    assert said.out.startswith(repairs.SAMPLE.name)


FORMS = ("text", "json", "github", "markdown", "sarif")


@pytest.mark.parametrize("form", FORMS)
def test_check_tells_what_repair_would_do_and_then_that_all_is_well(
    say: Say, either: repairs.Job, form: str
) -> None:
    """In every form, for every system."""
    libs = ("-l", either.libs)
    before = say("check", "--format", form, *libs, either.wheel)
    assert before.code == 1
    graft = min(file.name for file in either.libs.iterdir()).partition(".")[0]
    assert graft in before.out
    planned = {
        "json": '"grafts": [\n',
        "text": f"{either.wheel.name}: would become\n  ",
        "markdown": "<summary>What a repair would do</summary>",
        "github": f"{either.wheel.name}: would become ",
        "sarif": f"{either.wheel.name}: would become ",
    }
    assert planned[form] in before.out
    output = either.repair().output
    after = say("check", "--format", form, output)
    assert after.code == 0
    assert "would become" not in after.out
    assert "What a repair would do" not in after.out
    if form == "text":
        assert after.out == f"{output.name}: ok\n"


def test_a_long_plan_is_cut_short_in_a_check_and_not_in_a_dry_run(say: Say, tmp_path: Path) -> None:
    binary = (repairs.ROOT / "testdata" / "elf" / "zig-x86_64-glibc-ext-chain.so").read_bytes()
    files = {f"pkg/a{n:02}.so": binary for n in range(13)}
    wheel = repairs.make_wheel(tmp_path, files)
    libs = ("-l", repairs.WHEELS / "x86_64")
    brief = say("check", *libs, wheel).out
    assert brief.count("\n  patch ") == 11
    assert "\n  patch 3 more; `-v` names them\n" in brief
    for words in (("check", "-v"), ("repair", "--dry-run")):
        assert say(*words, *libs, wheel).out.count("\n  patch ") == 13


def test_an_annotation_is_one_command_on_one_line() -> None:
    found = finding("WF101", NASTY, details=(NASTY,), hint=NASTY)
    verdict, line = github.check_text(looked(found), verbose=False).splitlines()
    assert verdict.startswith("pkg-1.0")
    match = re.fullmatch(r"::error title=([^,:\r\n]*)::([^\r\n]*)", line)
    assert match is not None
    assert match[1] == "WF101 pkg-1.0-cp311-cp311-linux_x86_64.whl"
    assert _unescaped(match[2]) == f"{NASTY}\n{NASTY}\nhint: {NASTY}"


def _unescaped(text: str) -> str:
    """Undo the escapes in the order in which the runner does."""
    for escaped, meant in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(escaped, meant)
    return text


def test_severities_have_their_commands() -> None:
    found = [finding(code, "x") for code in ("WF114", "WF107", "WF102")]
    _, would, *lines = github.check_text(looked(*found), verbose=True).splitlines()
    assert would.startswith("pkg-1.0-cp311-cp311-linux_x86_64.whl: would become pkg-1.0-cp311")
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::warning", "::notice"]
    assert len(github.check_text(looked(*found), verbose=False).splitlines()) == 4


def test_a_failure_is_an_annotation_with_its_own_escapes() -> None:
    error = BadWheel(subject="a,b:c.whl", problem="is no zip", hint="try again")
    text = github.failure_text("a,b:c.whl", error)
    assert text == "::error title=WF311 a%2Cb%3Ac.whl::a,b:c.whl: is no zip%0A%0Ahint: try again"


def test_github_gets_all_on_stdout(say: Say, dist: Path) -> None:
    said = say("check", "--format", "github", *LIBS, dist)
    assert said.code == 1
    assert said.err == ""
    assert said.out.splitlines()[0].startswith("::error title=WF311 bad-1.0-py3-none-any.whl::")
    assert "pure-1.0-py3-none-any.whl: ok" in said.out.splitlines()


def test_a_markdown_table_row_shows_what_was_meant() -> None:
    found = finding("WF101", "cannot `find|this`", details=("   deep", NASTY), hint="a * b")
    text = markdown.check_text(looked(found), verbose=False)
    (row,) = [line for line in text.splitlines() if line.startswith("| error")]
    cells = row.strip("|").split("|")
    assert len(cells) == 3
    lines = cells[2].strip().split("<br>")
    assert lines[0] == "cannot <code>find&#124;this</code>"
    assert unescape(lines[1]).replace("\xa0", " ") == "   deep"
    assert unescape(re.sub("</?code>", "`", lines[2])) == NASTY
    assert not set(re.sub(r"&#?\w+;|</?code>", "", lines[2])) & set("|*_<>`[]#@")


def test_markdown_of_a_run(say: Say, dist: Path) -> None:
    said = say("check", "--format", "markdown", *LIBS, dist)
    assert said.code == 1
    assert [line for line in said.out.splitlines() if line.startswith("### ")] == [
        "### bad-1.0-py3-none-any.whl",
        "### pure-1.0-py3-none-any.whl",
        f"### {repairs.SAMPLE.name.replace('_', '&#95;')}",
    ]
    assert said.out.count("```mermaid\n") == 1
    assert "\n**ok**\n" in said.out


def test_the_drawing_leaves_the_system_out() -> None:
    links = (
        link("pkg/a.so", "libx.so.1", "/opt/l/libx.so.1"),
        link("pkg/a.so", "libpython3.11.so.1.0", FromPython()),
        link("/opt/l/libx.so.1", "gone.so"),
        link("pkg/a.so", "libx.so.1", "/opt/l/libx.so.1", arch="i686"),
    )
    drawn = graph.drawing(looked(links=links).report.links, system=False)
    assert [(node.label, node.kind) for node in drawn.nodes] == [
        ("pkg/a.so", "wheel"),
        ("/opt/l/libx.so.1", "outside"),
        ("gone.so", "missing"),
    ]
    assert drawn.edges == ((0, 1, ""), (1, 2, ""))
    assert graph.mermaid(drawn) == (
        "graph LR\n"
        '  n0["pkg/a.so"]:::wheel\n'
        '  n1["/opt/l/libx.so.1"]:::outside\n'
        '  n2["gone.so"]:::missing\n'
        "  n0 --> n1\n"
        "  n1 --> n2\n"
        "  classDef outside stroke-dasharray: 5 5\n"
        "  classDef system opacity: 0.6\n"
        "  classDef missing stroke: #d1242f, stroke-width: 3px"
    )
    every = graph.drawing(looked(links=links).report.links, system=True)
    assert ("libpython3.11.so.1.0", "system") in [(n.label, n.kind) for n in every.nodes]


def test_a_name_cannot_leave_its_node() -> None:
    drawn = graph.drawing(
        looked(links=(link("pkg/a.so", f'"]{NASTY}'),)).report.links, system=False
    )
    text = graph.mermaid(drawn)
    assert len(text.splitlines()) == 7
    assert all(line.count('"') in (0, 2) for line in text.splitlines())
    assert "`" not in text
    assert graph.dot(drawn, "w").count('"') - graph.dot(drawn, "w").count('\\"') == 6


@pytest.mark.network
def test_mermaid_draws_what_we_write(tmp_path: Path) -> None:
    """In a real browser: every node has its label, whatever the names are."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("needs Chromium to draw with Mermaid")
    script = npm.fetched(*npm.MERMAID, tmp_path)
    (tmp_path / "mermaid.js").write_bytes(script)
    links = (link("pkg/a.so", f'"]{NASTY}'), link("pkg/a.so", "libx.so.1", "/opt/l/libx.so.1"))
    chart = graph.mermaid(graph.drawing(looked(links=links).report.links, system=False))
    page = tmp_path / "page.html"
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><pre class="mermaid">{escape(chart)}</pre>'
        '<script src="mermaid.js"></script>'
        "<script>mermaid.initialize({startOnLoad: true})</script>",
        "utf-8",
    )
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=8000"]
    command = [browser, *quiet, f"--user-data-dir={tmp_path / 'user'}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    labels = re.findall(r'class="nodeLabel[^>]*>(?:<p>)?(.*?)</', done.stdout, re.DOTALL)
    drawn = {unescape(label) for label in labels}
    assert drawn == {"pkg/a.so", "/opt/l/libx.so.1", '"]' + re.sub(r"[\r\n]", "?", NASTY)}


def test_what_mermaid_would_refuse_is_not_drawn() -> None:
    links = tuple(link("pkg/a.so", f"gone{n}.so") for n in range(graph.LARGEST + 1))
    checked = looked(links=links)
    assert graph.too_large(graph.drawing(checked.report.links, system=False))
    assert "too many libraries to draw" in markdown.check_text(checked, verbose=False)


REQUIRED = {
    "log": {"version", "runs"},  # 3.13
    "run": {"tool"},  # 3.14
    "driver": {"name"},  # 3.19
    "invocation": {"executionSuccessful"},  # 3.20
    "result": {"message"},  # 3.27
    "rule": {"id"},  # 3.49
    "notification": {"message"},  # 3.58
}
"""What the standard demands of each object that we write."""


def _log(say: Say, dist: Path) -> Any:
    said = say("check", "--format", "sarif", *LIBS, dist)
    assert said.code == 1
    assert said.err.startswith("error WF311: bad-1.0-py3-none-any.whl: is not a zip archive")
    return json.loads(said.out)


def test_a_sarif_log_has_what_the_standard_demands(
    say: Say, dist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dist.parent)
    log = _log(say, Path("dist"))
    (run,) = log["runs"]
    (invocation,) = run["invocations"]
    objects = {
        "log": [log],
        "run": [run],
        "driver": [run["tool"]["driver"]],
        "invocation": [invocation],
        "result": run["results"],
        "rule": run["tool"]["driver"]["rules"],
        "notification": invocation["toolExecutionNotifications"],
    }
    for kind, found in objects.items():
        assert found
        assert all(each.keys() >= REQUIRED[kind] for each in found)
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in objects["rule"]] == list(CATALOGUE)
    assert not invocation["executionSuccessful"]
    for result in run["results"]:
        assert objects["rule"][result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert uri == f"dist/{repairs.SAMPLE.name}"
        assert result["level"] in {"error", "warning", "note"}
    assert any("logicalLocations" in each["locations"][0] for each in run["results"])


@pytest.mark.network
def test_a_sarif_log_keeps_to_the_official_schema(say: Say, dist: Path, tmp_path: Path) -> None:
    official = jsonschema.Draft4Validator(npm.schema(tmp_path))
    log = _log(say, dist)
    official.validate(log)
    log["runs"][0]["results"][0]["level"] = "info"
    assert not official.is_valid(log)


def _schema() -> Any:
    file = DOCS / f"wheelfix-json-{render.SCHEMA_VERSION}.schema.json"
    return json.loads(file.read_text("utf-8"))


def test_all_json_keeps_to_the_documented_schema(say: Say, dist: Path, tmp_path: Path) -> None:
    ours = jsonschema.Draft202012Validator(_schema())
    for words in (["check"], ["repair", "--dry-run"], ["repair", "-w", tmp_path / "out"]):
        document = json.loads(say(*words, "--json", *LIBS, dist).out)
        ours.validate(document)
        assert len(document["wheels"]) == 3
    del document["wheels"][0]["wheel"]
    assert not ours.is_valid(document)


def test_json_is_a_form_too(say: Say, dist: Path) -> None:
    assert say("check", "--format", "json", dist).out == say("check", "--json", dist).out


def test_the_documented_schema_is_that_of_the_values() -> None:
    done = subprocess.run(
        [sys.executable, DOCS / "json_schema.py"],
        env=repairs.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
