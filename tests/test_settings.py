"""One meaning for what is said on the command line, in the environment and in pyproject.toml."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from support import repairs
from support.said import Say

from wheelfix.arguments import parser
from wheelfix.config import make_options
from wheelfix.errors import UsageError
from wheelfix.findings import CATALOGUE
from wheelfix.model import Pick
from wheelfix.settings import OPTIONS, settled

LIBS = (str(repairs.SAMPLE_LIBS), str(repairs.WHEELS / "x86_64"))
ELF = Path(__file__).parents[1] / "testdata" / "elf"


@pytest.mark.parametrize("command", ["repair", "check", "tree", "merge"])
def test_the_parser_has_no_defaults_of_its_own(command: str) -> None:
    given = parser(command).parse_args([command, "x.whl"])
    assert vars(given) == {"command": command, "paths": ["x.whl"]}


def test_every_option_of_the_command_line_can_be_said_elsewhere(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ("repair", "check", "tree", "merge"):
        with pytest.raises(SystemExit):
            parser(command).parse_args([command, "--help"])
    spelled = set(re.findall(r"(?<![\w-])--(\w[\w-]*)", capsys.readouterr().out))
    options = {name.replace("-", "_") for name in spelled - {"help", "ldpaths"}}
    assert options == set(OPTIONS)


def test_nothing_said_is_the_defaults(tmp_path: Path) -> None:
    values = settled({"paths": ["a"]}, {}, tmp_path)
    assert values["paths"] == ["a"]
    assert make_options(values) == make_options({})
    assert settled({}, {}, None) | {"paths": ["a"]} == values


def _project(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "pyproject.toml"
    file.write_text(text, "utf-8")
    return file


def test_the_nearer_word_counts(tmp_path: Path) -> None:
    _project(tmp_path, '[tool.wheelfix]\nplat = "a"\njobs = 1\nlib-sdir = ".x"\njson = true\n')
    environ = {"WHEELFIX_PLAT": "b", "WHEELFIX_JOBS": "2", "WHEELFIX_JSON": "no", "WHEELFIX_X": "1"}
    values = settled({"plat": "c"}, environ, tmp_path)
    found = {key: values[key] for key in ("plat", "jobs", "lib_sdir", "json")}
    assert found == {"plat": "c", "jobs": 2, "lib_sdir": ".x", "json": False}


def test_lists_add_up_the_nearest_first(tmp_path: Path) -> None:
    _project(tmp_path, '[tool.wheelfix]\nexclude = ["c*"]\nlib-path = ["libs", "~/x"]\n')
    environ = {"WHEELFIX_EXCLUDE": "b1 b2", "WHEELFIX_LIB_PATH": f"/e1{os.pathsep}/e2"}
    values = settled({"exclude": ["a"], "lib_path": ["/a"]}, environ, tmp_path)
    assert values["exclude"] == ["a", "b1", "b2", "c*"]
    home = str(Path.home() / "x")
    assert values["lib_path"] == ["/a", "/e1", "/e2", str(tmp_path / "libs"), home]


def test_a_home_of_nobody_in_a_file_is_a_folder_like_any_other(tmp_path: Path) -> None:
    """As on the command line: whoever looks into it says that it is not there."""
    _project(tmp_path, '[tool.wheelfix]\nlib-path = ["~nobody-has-this-name/x"]\n')
    values = settled({}, {}, tmp_path)
    assert values["lib_path"] == [str(tmp_path / "~nobody-has-this-name" / "x")]
    with pytest.raises(UsageError, match="no such folder"):
        make_options(values)


@pytest.mark.parametrize("key", ["scratch", "wheel-dir", "executable-path", "sysroot"])
def test_a_path_of_a_file_that_no_system_takes_is_refused(tmp_path: Path, key: str) -> None:
    _project(tmp_path, f'[tool.wheelfix]\n{key} = "a\\u0000b"\n')
    with pytest.raises(UsageError, match=rf"{key}: must be a (path|folder)"):
        settled({}, {}, tmp_path)


def test_paths_of_a_file_begin_at_the_file(tmp_path: Path) -> None:
    """Wherever below it wheelfix is run."""
    _project(
        tmp_path, '[tool.wheelfix]\nwheel-dir = "out"\nsysroot = "root"\nld-paths = ["a", "/b"]\n'
    )
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    values = settled({}, {}, deep)
    assert values["wheel_dir"] == tmp_path / "out"
    assert values["sysroot"] == str(tmp_path / "root")
    assert values["ld_paths"] == os.pathsep.join([str(tmp_path / "a"), "/b"])


def test_only_the_nearest_file_counts(tmp_path: Path) -> None:
    _project(tmp_path, "[tool.wheelfix]\njobs = 3\n")
    _project(tmp_path / "inner", "[tool.other]\n# wheelfix is not configured here\n")
    assert settled({}, {}, tmp_path / "inner")["jobs"] == 0
    assert settled({}, {}, tmp_path / "other")["jobs"] == 3


@pytest.mark.parametrize("one", ["quiet", "verbose"])
def test_a_choice_is_made_by_the_nearest_word(tmp_path: Path, one: str) -> None:
    other = {"quiet": "verbose", "verbose": "quiet"}[one]
    _project(tmp_path, f"[tool.wheelfix]\n{other} = true\n")
    values = settled({one: True}, {f"WHEELFIX_{other.upper()}": "1"}, tmp_path)
    assert (values[one], values[other]) == (True, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lib-path = 'x'", r"\[tool.wheelfix\] lib-path: must be a list of folders"),
        ("exclude = [1]", r"\[tool.wheelfix\] exclude: must be a list of strings"),
        ("jobs = true", r"\[tool.wheelfix\] jobs: must be a number"),
        ("only-plat = 1", r"\[tool.wheelfix\] only-plat: must be true or false"),
        ("plat = ['x']", r"\[tool.wheelfix\] plat: must be a string"),
        ("lib_path = []", r"\[tool.wheelfix\] lib_path: there is no such option"),
        ("exclud = []", r"\[tool.wheelfix\] exclud: there is no such option"),
        ("zzz = []", r"\[tool.wheelfix\] zzz: there is no such option"),
        ("jobs = ", "is no TOML"),
        (r'wheel-dir = "a\u0000b"', r"\[tool.wheelfix\] wheel-dir: must be a path"),
        (r'sysroot = "a\u0000b"', r"\[tool.wheelfix\] sysroot: must be a folder"),
        pytest.param(f"jobs = {'[' * 9999}", "is no TOML", id="brackets"),
    ],
)
def test_what_makes_no_sense_names_file_and_key(tmp_path: Path, text: str, words: str) -> None:
    file = _project(tmp_path, f"[tool.wheelfix]\n{text}\n")
    with pytest.raises(UsageError, match=f"^{re.escape(str(file))}: {words}") as caught:
        settled({}, {}, tmp_path)
    assert caught.value.hint
    if text.startswith(("exclud", "lib_path")):
        assert "must be" in str(caught.value) or "did you mean `" in caught.value.hint


def test_a_table_that_is_none(tmp_path: Path) -> None:
    _project(tmp_path, "[tool]\nwheelfix = 1\n")
    with pytest.raises(UsageError, match=r"`tool\.wheelfix` must be a table"):
        settled({}, {}, tmp_path)


def test_the_home_of_nobody_is_a_folder_that_is_not_there(tmp_path: Path) -> None:
    _project(tmp_path, "[tool.wheelfix]\nsysroot = '~nobody-here/x'\n")
    with pytest.raises(UsageError, match="~nobody-here/x: no such folder"):
        make_options(settled({}, {}, tmp_path))


@pytest.mark.parametrize(("name", "text"), [("JOBS", "many"), ("JSON", "perhaps")])
def test_a_variable_that_makes_no_sense_is_named(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"WHEELFIX_{name}={text}: must be"):
        settled({}, {f"WHEELFIX_{name}": text}, None)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"compression_level": 13}, "13: no compression level"),
        ({"jobs": -1}, "-1: no number of threads"),
        ({"dlopen": "some"}, "some: no choice for `dlopen`"),
        ({"verify": "all"}, "all: no choice for `verify`"),
        ({"ignore": ["WF999"]}, "`--ignore` takes the code of a finding"),
        ({"error": ["x:y"]}, "`--error` takes the code of a finding"),
        ({"ignore": ["WF101"]}, "stops a repair, and so cannot be ignored"),
        ({"ignore": ["WF301:x.so"]}, "stops a repair"),
        ({"ignore": ["WF306"]}, "stops a repair"),
    ],
)
def test_values_that_the_parser_would_have_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        make_options(values)
    assert caught.value.hint


def test_codes_with_and_without_a_glob() -> None:
    options = make_options({"ignore": ["WF107", "WF107:tests/*"], "error": ["WF105:a:b"]})
    assert options.ignore == (Pick(code="WF107"), Pick(code="WF107", glob="tests/*"))
    assert options.errors == (Pick(code="WF105", glob="a:b"),)


def test_a_group_is_all_its_codes_that_may_be_picked() -> None:
    options = make_options({"ignore": ["WF3:tests/*"], "error": ["WF3"]})
    ignored, errors = ({pick.code for pick in picks} for picks in (options.ignore, options.errors))
    assert {pick.glob for pick in options.ignore} == {"tests/*"}
    assert errors == {code for code in CATALOGUE if code.startswith("WF3")}
    assert {"WF302", "WF312"} <= ignored
    assert not {"WF301", "WF309", "WF201"} & ignored


@pytest.mark.parametrize("where", ["command line", "environment", "table"])
def test_a_finding_is_promoted_from_everywhere(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Ignored at one path, an error at another: by the same words wherever they stand."""
    monkeypatch.chdir(tmp_path)
    binary = (repairs.ROOT / "testdata/elf/gcc-x86_64-glibc-lib-execstack.so").read_bytes()
    stem = "p-1-py3-none-manylinux_2_17_x86_64"
    wheel = repairs.make_wheel(tmp_path / "w", {"p/a.so": binary}, stem)
    for glob, expected in (("p/*", 1), ("q/*", 0)):
        words = ["--error", f"WF2:{glob}"] if where == "command line" else []
        if where == "environment":
            monkeypatch.setenv("WHEELFIX_ERROR", f"WF2:{glob}")
        if where == "table":
            (tmp_path / "pyproject.toml").write_text(f'[tool.wheelfix]\nerror = ["WF2:{glob}"]\n')
        assert say("check", "--exclude", "*", *words, wheel).code == expected


def test_a_file_decides_what_check_says(
    say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate of a project: its own exceptions stand in its own file."""
    table = f'[tool.wheelfix]\nlib-path = {json.dumps(LIBS)}\nignore = ["WF102", "WF304"]\n'
    _project(tmp_path, table)
    monkeypatch.chdir(tmp_path)
    said = say("check", repairs.SAMPLE)
    assert (said.code, said.out) == (0, f"{repairs.SAMPLE.name}: ok\n")
    said = say("check", "--format", "sarif", repairs.SAMPLE)
    results = json.loads(said.out)["runs"][0]["results"]
    assert {each["ruleId"] for each in results} == {"WF102", "WF304"}
    assert all(each["suppressions"] == [{"kind": "external"}] for each in results)
    monkeypatch.setenv("WHEELFIX_FORMAT", "yaml")
    assert say("check", repairs.SAMPLE).code == 2


EXCLUDE = ("--exclude", "libinner*")
FOREIGN = "zig-aarch64-glibc-lib-inner.so"


def _wheel(folder: Path, members: dict[str, str], tag: str = "manylinux_2_17_x86_64") -> Path:
    files = {path: (ELF / name).read_bytes() for path, name in members.items()}
    return repairs.make_wheel(folder, {"p/__init__.py": b"", **files}, f"p-1-py3-none-{tag}")


def test_a_finding_is_ignored_where_all_its_paths_are(say: Say, tmp_path: Path) -> None:
    samples = "gcc-x86_64-glibc-lib-rpath.so", "gcc-x86_64-glibc-lib-rpath.so"
    wheel = _wheel(tmp_path, dict(zip(("p/a.so", "p/b.so"), samples, strict=True)))
    assert "WF201" in say("check", *EXCLUDE, wheel).out
    assert "WF201" in say("check", *EXCLUDE, "--ignore", "WF201:p/a.so", wheel).out
    both = ("--ignore", "WF201:p/a.so", "--ignore", "WF201:*b.so")
    assert "WF201" not in say("check", *EXCLUDE, *both, wheel).out
    assert say("check", *EXCLUDE, wheel).code == 0
    for picked in ("WF201", "WF201:p/b.so"):
        said = say("check", *EXCLUDE, "--error", picked, wheel)
        assert (said.code, "error WF201" in said.out) == (1, True)
    assert say("check", *EXCLUDE, "--error", "WF201:q/*", wheel).code == 0


def test_repair_and_check_of_its_result_agree(say: Say, tmp_path: Path) -> None:
    """What a repair mends is no reason to fail; what stays in its result is, and it is said."""
    mended = _wheel(tmp_path, {"p/a.so": "gcc-x86_64-glibc-lib-rpath.so"})
    stays = _wheel(tmp_path / "b", {"p/a.so": FOREIGN})
    for wheel, extra, before, after in (
        (mended, (*EXCLUDE, "--error", "WF201"), 1, 0),
        (stays, (), 1, 1),
        (stays, ("--ignore", "WF115"), 0, 0),
        (stays, ("--ignore", "WF115", "--error", "WF107"), 1, 1),
    ):
        out = tmp_path / "out"
        assert say("check", *extra, wheel).code == before
        assert say("repair", "--dry-run", *extra, wheel).code == after
        said = say("repair", "--overwrite", *extra, "-w", out, wheel)
        assert said.code == after
        assert ("still not right" in said.err) == bool(after)
        assert say("check", *extra, out / wheel.name).code == after


def test_a_tag_is_claimed_all_the_same_for_a_newer_cpu(say: Say, tmp_path: Path) -> None:
    """Users of auditwheel know it as --disable-isa-ext-check."""
    wheel = _wheel(tmp_path, {"p/a.so": "gcc-x86_64-glibc-lib-isa-v3.so"}, "linux_x86_64")
    refused = say("repair", *EXCLUDE, "-w", tmp_path / "out", wheel)
    assert refused.code == 1
    assert "needs a CPU of level x86-64-v3" in refused.err
    assert say("repair", *EXCLUDE, "--ignore", "WF105:q/*", "-w", tmp_path / "out", wheel).code == 1
    assert say("repair", *EXCLUDE, "--ignore", "WF105:p/*", "-w", tmp_path / "out", wheel).code == 0
    (output,) = (tmp_path / "out").iterdir()
    assert "manylinux" in output.name


@pytest.mark.parametrize("plat", ["auto", "manylinux_2_34_x86_64"])
def test_what_would_stop_a_repair_is_told_as_ignored(say: Say, tmp_path: Path, plat: str) -> None:
    """Once for each file, and in a log of SARIF as suppressed."""
    isa = "gcc-x86_64-glibc-lib-isa-v3.so"
    wheel = _wheel(tmp_path, {"p/a.so": isa, "p/b.so": isa}, "linux_x86_64")
    options = (*EXCLUDE, "--plat", plat, "--ignore", "WF105")
    (checked,) = json.loads(say("check", "--json", *options, wheel).out)["wheels"]
    ignored = [(f["code"], f["path"]) for f in checked["plan"]["ignored"]]
    assert ignored == [("WF105", "p/a.so"), ("WF105", "p/b.so")]
    assert "WF105" not in [f["code"] for f in checked["plan"]["findings"]]
    log = json.loads(say("check", "--format", "sarif", *options, wheel).out)
    results = [r for r in log["runs"][0]["results"] if r["ruleId"] == "WF105"]
    assert [r["suppressions"] for r in results] == [[{"kind": "external"}]] * 2
    repaired = say("repair", *options, "-w", tmp_path / "out", wheel)
    assert repaired.code == 0
    (output,) = (tmp_path / "out").iterdir()
    (again,) = json.loads(say("check", "--json", *EXCLUDE, "--ignore", "WF105", output).out)[
        "wheels"
    ]
    assert [(f["code"], f["path"]) for f in again["plan"]["ignored"]] == ignored
