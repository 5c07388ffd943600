"""The words of `typing`, for a program that runs without it.

Type checkers, which take every `TYPE_CHECKING` for true, see `typing` itself. At run time the words
only have to be there: importing `typing`, and classes made with its help, would be a tenth of
what a small repair takes to start.
"""

from __future__ import annotations

__all__ = [
    "TYPE_CHECKING",
    "Any",
    "BinaryIO",
    "ClassVar",
    "Final",
    "Generic",
    "Literal",
    "NewType",
    "NoReturn",
    "Protocol",
    "Self",
    "TextIO",
    "TypeAlias",
    "TypeGuard",
    "TypeVar",
    "TypedDict",
    "assert_never",
    "cast",
    "dataclass_transform",
]

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import (
        Any,
        BinaryIO,
        ClassVar,
        Final,
        Generic,
        Literal,
        NewType,
        NoReturn,
        Protocol,
        Self,
        TextIO,
        TypeAlias,
        TypedDict,
        TypeGuard,
        TypeVar,
        assert_never,
        cast,
        dataclass_transform,
    )
else:

    class _Word:
        """A base class or a part of an annotation, that does nothing."""

        def __class_getitem__(cls, _):
            return cls

    Any = BinaryIO = ClassVar = Final = Generic = Literal = NoReturn = Protocol = _Word
    Self = TextIO = TypeAlias = TypeGuard = _Word
    TypedDict = dict

    def TypeVar(name, *_, **__):  # noqa: N802
        """Give what stands for a type."""
        return name

    def NewType(_, kind):  # noqa: N802
        """Give the type that is told apart from `kind` by type checkers alone."""
        return kind

    def cast(_, thing):
        """Give `thing`, of which the type is known."""
        return thing

    def assert_never(thing):
        """Raise for what the type checker proved not to come."""
        raise AssertionError(f"not expected: {thing!r}")

    def dataclass_transform(**_):
        """Give a decorator that tells type checkers alone something."""
        return lambda decorator: decorator
