"""Make wheels with compiled code run where their tag says.

`check` looks at a wheel, packed, unpacked or installed, and tells what `repair` would do; `repair`
does it. `merge` makes one macOS wheel out of two. `repair_artifacts` does what `repair` does for a
build backend, with the files that it is about to put into a wheel. Whatever can go wrong by the
user's doing is an `errors.WheelfixError`.
"""

from __future__ import annotations

from wheelfix.errors import WheelfixError
from wheelfix.typed import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wheelfix.archive.installed import find_installed
    from wheelfix.artifacts import detect_artifacts, plan_artifacts, repair_artifacts
    from wheelfix.merging import MergeOutcome, merge
    from wheelfix.model import (
        Checked,
        Dlopen,
        Finding,
        Options,
        Outcome,
        Pick,
        Plan,
        Report,
        Severity,
        StagedBy,
        Verify,
        WheelPath,
    )
    from wheelfix.model.handover import Kind, ReadyFile, Repaired, Treatment
    from wheelfix.pipeline import check, plan_repair, repair, survey

__version__ = "0.1.0.dev0"

__all__ = [
    "Checked",
    "Dlopen",
    "Finding",
    "Kind",
    "MergeOutcome",
    "Options",
    "Outcome",
    "Pick",
    "Plan",
    "ReadyFile",
    "Repaired",
    "Report",
    "Severity",
    "StagedBy",
    "Treatment",
    "Verify",
    "WheelPath",
    "WheelfixError",
    "check",
    "detect_artifacts",
    "find_installed",
    "merge",
    "plan_artifacts",
    "plan_repair",
    "repair",
    "repair_artifacts",
    "survey",
]


def __getattr__(name: str) -> Any:
    """Import the pipeline when it is first asked for: `wheelfix --version` does without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in {"MergeOutcome", "merge"}:
        from wheelfix import merging

        return getattr(merging, name)
    if name == "find_installed":
        from wheelfix.archive import installed

        return installed.find_installed
    if name.endswith("_artifacts"):
        from wheelfix import artifacts

        return getattr(artifacts, name)
    if name in {"Kind", "ReadyFile", "Repaired", "Treatment"}:
        from wheelfix.model import handover

        return getattr(handover, name)
    from wheelfix import model, pipeline

    home = pipeline if hasattr(pipeline, name) and not hasattr(model, name) else model
    return getattr(home, name)
