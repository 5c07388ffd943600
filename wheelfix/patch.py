"""Obey the plan on the staged files. No decisions are made here."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor

from wheelfix.errors import CannotWrite, WheelfixError
from wheelfix.formats import named
from wheelfix.model import Edit, Graft, Patch, Plan, Stage, StagedFile, WheelPath


def patch(plan: Plan, stage: Stage, executor: Executor) -> None:
    """Edit every staged file in place as the plan says.

    Raises CannotEdit or CannotWrite, naming the file.
    """
    orders = orders_of(plan)

    def edit(staged: StagedFile) -> None:
        format_name, edits = orders[staged.path]
        if not edits:
            return
        try:
            named(format_name).apply(staged.file, edits, filename=staged.path.rpartition("/")[2])
        except WheelfixError as error:
            error.subject = staged.path
            raise
        except OSError as error:
            raise CannotWrite(
                subject=staged.path,
                problem=f"cannot be edited in {stage.folder}: {error.strerror or error}",
                hint="choose another scratch folder with `--scratch DIR`",
            ) from error

    for _ in executor.map(edit, stage.files):
        pass


def orders_of(plan: Plan) -> Mapping[WheelPath, tuple[str, tuple[Edit, ...]]]:
    """Give format and edits of every staged file; a graft may have no edits."""
    items: tuple[Patch | Graft, ...] = (*plan.patches, *plan.grafts)
    return {item.path: (item.format, item.edits) for item in items}
