"""Every expected failure, its fields and its exit code. Anything else that is raised is a bug.

The text of an error names the culprit first, then gives one indented line per fact, then, after
an empty line, a hint that can be pasted. Fields hold plain values so that any stage may raise.
"""

from __future__ import annotations

from wheelfix.typed import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path


class WheelfixError(Exception):
    """Base of every expected failure.

    `subject` names the wheel, binary or file at fault and is empty until somebody up the stack
    knows it; `details` are lines without indentation; `hint` is what to type or do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self, *, problem: str, subject: str = "", details: tuple[str, ...] = (), hint: str = ""
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.subject = subject
        self.details = details
        self.hint = hint

    def __str__(self) -> str:
        """Give the whole message: headline, indented details, hint."""
        head = f"{self.subject}: {self.problem}" if self.subject else self.problem
        lines = [head, *(f"  {line}".rstrip() for line in self.details)]
        if self.hint:
            lines += ["", f"hint: {self.hint}"]
        return "\n".join(lines)

    def within(self, outer: str) -> WheelfixError:
        """Prepend `outer` to the subject, as the error travels up, and return self."""
        self.subject = f"{outer}: {self.subject}" if self.subject else outer
        return self


class UsageError(WheelfixError):
    """The call itself makes no sense: an unknown option value, a path that is not there."""

    exit_code: ClassVar[int] = 2


class BadWheel(WheelfixError):
    """The archive is not a wheel that may be carried on: broken zip, RECORD, WHEEL or names.

    `code` is that of the finding it amounts to.
    """

    code: ClassVar[str] = "WF311"


class BadRecord(BadWheel):
    """RECORD is damaged, or contradicts the archive."""

    code: ClassVar[str] = "WF309"


class BadName(BadWheel):
    """A member must not have the name it has, or clashes with another one."""

    code: ClassVar[str] = "WF310"


class BadBinary(WheelfixError):
    """A file with the magic of a binary format that does not keep to the format.

    `offset` is the byte at which the reader gave up, None when the whole file is meant.
    """

    def __init__(
        self,
        *,
        problem: str,
        subject: str = "",
        details: tuple[str, ...] = (),
        hint: str = "",
        offset: int | None = None,
    ) -> None:
        super().__init__(problem=problem, subject=subject, details=details, hint=hint)
        self.offset = offset

    def __str__(self) -> str:
        """Add the offset to the headline."""
        text = super().__str__()
        if self.offset is None:
            return text
        head, newline, rest = text.partition("\n")
        return f"{head} (at byte 0x{self.offset:x}){newline}{rest}"


class CannotEdit(WheelfixError):
    """A binary that would have to be edited, but must not or cannot be."""


class CannotRepair(WheelfixError):
    """The plan has obstacles: missing libraries, a tag that cannot be had, a locked binary."""


class CannotMerge(WheelfixError):
    """Two wheels that cannot become one: not a pair, or files that differ and cannot be joined."""


class NotSupported(WheelfixError):
    """A binary format or platform that wheelfix does not handle yet."""


class SourceChanged(WheelfixError):
    """A source file changed (size, mtime or inode) while it was being repaired."""


class NotAsPlanned(WheelfixError):
    """A file read again after the edit differs from the plan's prediction."""


class SealBroken(NotAsPlanned):
    """A signature made anew does not hold."""


class CannotWrite(WheelfixError):
    """The output or scratch folder cannot be written: permissions, a full disk, a name taken."""


def unreadable(path: Path, error: OSError) -> UsageError:
    """Turn the operating system's refusal to read `path` into a usage error."""
    return UsageError(subject=str(path), problem=error.strerror or str(error))
