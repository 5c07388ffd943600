"""Repaired wheels of every layout, imported by Windows CPythons; before the repair none can be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.repairs import contents
from support.said import Say
from support.windows import WindowsPython
from support.windows_build import Import
from support.windows_wheels import (
    ANSWER,
    INIT,
    LATE_ANSWER,
    LATE_OUTER,
    LAYOUTS,
    OUTER,
    Layout,
    asks,
    gives,
    install,
    libraries,
    program,
    wheel,
)

from wheelfix import Options, Outcome, check, repair
from wheelfix.model import Severity

DIGEST = re.compile(r"-[0-9a-f]{16}(?=\.dll$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A wheel before and after its repair, installed both times."""

    layout: Layout
    libraries: Path
    wheel: Path
    outcome: Outcome
    before: Path
    after: Path

    @property
    def options(self) -> Options:
        return Options(lib_paths=(self.libraries,), host_libs=False)


@pytest.fixture(scope="module")
def dlls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return libraries(tmp_path_factory.mktemp("dlls"))


@pytest.fixture(scope="module", params=LAYOUTS, ids=lambda layout: layout.name)
def case(
    request: pytest.FixtureRequest, dlls: Path, tmp_path_factory: pytest.TempPathFactory
) -> Case:
    layout: Layout = request.param
    folder = tmp_path_factory.mktemp(layout.name)
    made = wheel(folder / "in", layout.members())
    outcome = repair(made, folder / "out", Options(lib_paths=(dlls,), host_libs=False))
    return Case(
        layout=layout,
        libraries=dlls,
        wheel=made,
        outcome=outcome,
        before=install(made, folder / "before"),
        after=install(outcome.output, folder / "after"),
    )


def test_the_import_fails_before_the_repair(windows_python: WindowsPython, case: Case) -> None:
    done = windows_python.run(case.layout.code, case.before)
    if isinstance(case.layout.fails, int):
        assert done.returncode == case.layout.fails, done.stdout + done.stderr
    else:
        assert done.returncode == 1
        assert case.layout.fails in done.stderr


def test_and_works_after_it(windows_python: WindowsPython, case: Case) -> None:
    assert windows_python.says(case.layout.code, case.after).split() == case.layout.says.split()


def test_grafts_are_where_this_layout_wants_them(case: Case) -> None:
    paths = tuple(DIGEST.sub("", graft.path) for graft in case.outcome.plan.grafts)
    assert sorted(paths) == sorted(case.layout.grafts)
    assert all(DIGEST.search(g.path) and g.path == g.path.lower() for g in case.outcome.plan.grafts)


def test_other_members_are_what_they_were(case: Case) -> None:
    before, after = contents(case.wheel), contents(case.outcome.output)
    grafts = {str(graft.path) for graft in case.outcome.plan.grafts}
    assert set(after) == set(before) | grafts
    python = {path for path in before if path.endswith(".py")}
    assert {path for path in python if after[path] != before[path]} == set(case.layout.shims)


def test_check_names_the_problem_before_and_none_after(case: Case) -> None:
    before = check(case.wheel, case.options).plan.findings
    errors = [finding.code for finding in before if finding.severity is Severity.ERROR]
    assert case.layout.problem in errors
    for options in (case.options, Options(host_libs=False)):
        assert check(case.outcome.output, options).plan.findings == ()


def test_repairing_it_again_changes_nothing(case: Case, tmp_path: Path) -> None:
    again = repair(case.outcome.output, tmp_path, case.options)
    assert again.plan.nothing_to_do
    assert again.output.read_bytes() == case.outcome.output.read_bytes()


def test_two_wheels_with_different_builds_of_one_dll_in_one_process(
    windows_python: WindowsPython, tmp_path: Path
) -> None:
    sites = []
    for name, number in (("one", 1), ("two", 2)):
        found = libraries(tmp_path / name / "dlls", number)
        members = {f"{name}/__init__.py": INIT, f"{name}/ext.pyd": asks("ext", ANSWER)}
        made = wheel(tmp_path / name, members, f"{name}-1.0-cp39-abi3-win_amd64")
        outcome = repair(made, tmp_path / name / "out", Options(lib_paths=(found,)))
        sites.append(install(outcome.output, tmp_path / "site"))
    code = "import one.ext, two.ext; print(one.ext.ask(), two.ext.ask())"
    assert windows_python.says(code, sites[0]) == "1 2"


@pytest.mark.parametrize("no_mangle", [(), ("*",)], ids=["renamed", "kept"])
def test_a_program_among_the_scripts_is_refused_with_what_to_do(
    dlls: Path, tmp_path: Path, say: Say, no_mangle: tuple[str, ...]
) -> None:
    made = wheel(tmp_path, {"demo-1.0.data/scripts/tool.exe": program(ANSWER)})
    options = Options(lib_paths=(dlls,), no_mangle=no_mangle)
    assert [finding.code for finding in check(made, options).plan.obstacles] == ["WF203"]
    said = say(
        "repair",
        "-l",
        dlls,
        "-w",
        tmp_path / "out",
        *[f"--no-mangle={glob}" for glob in no_mangle],
        made,
    )
    assert said.code == 1
    assert "tool.exe" in said.err
    assert "[project.scripts]" in said.err
    assert not (tmp_path / "out").exists()


def test_where_no_python_file_can_help_the_hint_says_what_does(dlls: Path, tmp_path: Path) -> None:
    lost = {"demo/ext.pyd": asks("ext", ANSWER), "demo/bin/answer.dll": gives(42)}
    made = wheel(tmp_path, lost)
    outcome = repair(made, tmp_path / "out", Options(lib_paths=(dlls,)))
    (found,) = outcome.plan.findings
    assert found.code == "WF204"
    assert "beside `demo/ext.pyd`" in found.hint
    assert outcome.plan.nothing_to_do


def test_a_late_import_of_what_is_in_memory_needs_no_help(
    windows_python: WindowsPython, dlls: Path, tmp_path: Path
) -> None:
    members = {
        "demo/ext.pyd": asks("ext", LATE_ANSWER, OUTER, calling="answer() + outer()"),
        "demo/outer.dll": (dlls / "outer.dll").read_bytes(),
        "demo/answer.dll": gives(42),
    }
    made = wheel(tmp_path, members)
    assert check(made, Options(host_libs=False)).plan.findings == ()
    code = "import demo.ext; print(demo.ext.ask())"
    assert windows_python.says(code, install(made, tmp_path / "site")) == "85"


def test_a_late_import_that_nobody_can_load_before_is_refused(dlls: Path, tmp_path: Path) -> None:
    made = wheel(tmp_path, {"demo/ext.pyd": asks("ext", LATE_OUTER)})
    plan = check(made, Options(lib_paths=(dlls,), host_libs=False)).plan
    assert [finding.code for finding in plan.obstacles] == ["WF208"]


def test_the_c_runtime_that_python_brings_is_no_libpython(tmp_path: Path) -> None:
    runtime = Import(dll="VCRUNTIME140.dll", functions=("memset_",))
    made = wheel(tmp_path, {"demo/__init__.py": INIT, "demo/tool.exe": program(runtime)})
    assert check(made, Options(host_libs=False)).plan.findings == ()
    python = Import(dll="python312.dll", functions=("main",))
    made = wheel(tmp_path, {"demo/__init__.py": INIT, "demo/tool.exe": program(python)})
    (found,) = check(made, Options(host_libs=False)).plan.findings
    assert found.code == "WF108"
