"""Obey the plan on the staged files. No decisions are made here."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor

from wheelfix.errors import WheelfixError
from wheelfix.formats import named
from wheelfix.model import Edit, Graft, Patch, Plan, Stage, StagedFile, WheelPath


def patch(plan: Plan, stage: Stage, executor: Executor) -> None:
    """Edit every staged file in place as the plan says; raises CannotEdit, naming the file."""
    orders = orders_of(plan)

    def edit(staged: StagedFile) -> None:
        format_name, edits = orders[staged.path]
        try:
            named(format_name).apply(staged.file, edits, filename=staged.path.rpartition("/")[2])
        except WheelfixError as error:
            error.subject = staged.path
            raise

    for _ in executor.map(edit, stage.files):
        pass


def orders_of(plan: Plan) -> Mapping[WheelPath, tuple[str, tuple[Edit, ...]]]:
    """Give format and edits of every touched file."""
    items: tuple[Patch | Graft, ...] = (*plan.patches, *plan.grafts)
    return {item.path: (item.format, item.edits) for item in items if item.edits}
