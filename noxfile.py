"""Every chore by name: `nox -s NAME`; without a name, what must hold before a merge."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["tests-3.11", "lint", "types", "docs", "build"]

OLDEST = "3.11"  # argparse words its help differently in later versions, so `docs` needs this one
PYTHONS = [OLDEST, "3.12", "3.13", "3.14"]
PROJECT = nox.project.load_toml("pyproject.toml")


def prepare(session: nox.Session, *groups: str) -> None:
    """Install wheelfix, editable, and its dependency groups, which older pips cannot read."""
    needs = [need for g in groups for need in nox.project.dependency_groups(PROJECT, g)]
    session.install("-e", ".", *needs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run all tests; slow ones are bounded."""
    prepare(session, "test")
    parallel = () if session.posargs else ("-n", "auto", "--dist", "loadfile")
    session.run("pytest", *parallel, *session.posargs)


@nox.session(python=OLDEST)
def slow(session: nox.Session) -> None:
    """Run the slow proofs in full: every file of the machine, not a sample."""
    prepare(session, "test")
    session.run("pytest", "-m", "slow", *session.posargs, env={"WHEELFIX_FULL": "1"})


@nox.session(python=OLDEST)
def lint(session: nox.Session) -> None:
    """Check style and format."""
    prepare(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=OLDEST)
def types(session: nox.Session) -> None:
    """Check the types of the package and of its tests."""
    prepare(session, "test", "lint")
    session.run("mypy")


@nox.session(python=OLDEST)
def docs(session: nox.Session) -> None:
    """Check that the manual shows help and JSON schema as they are; `-- --write` puts them in."""
    prepare(session)
    session.run("python", "docs/show_help.py", *session.posargs)
    session.run("python", "docs/json_schema.py", *session.posargs)
    session.run("python", "docs/show_findings.py", *session.posargs)


@nox.session(python=OLDEST)
def bench(session: nox.Session) -> None:
    """Time wheelfix beside its peers."""
    prepare(session, "test")
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session(python=OLDEST)
def build(session: nox.Session) -> None:
    """Build the project's own wheel, and let the tool inside it check it."""
    session.install("build")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    wheels = [str(wheel) for wheel in Path("dist").glob("*.whl")]
    session.install(*wheels)
    session.run("wheelfix", "check", *wheels)
