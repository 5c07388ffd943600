"""Values: frozen, slotted, keyword-only classes that cost little to define.

They are what `dataclass(frozen=True, slots=True, kw_only=True)` makes, and type checkers see them
so, but a class takes a tenth of the time to come into being: half of a small repair used to be the
standard library writing and compiling six methods for each of ninety classes.
"""

from __future__ import annotations

from operator import attrgetter

from wheelfix.typed import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

OFTEN = 120
"""Instances after which a class is worth a compiled `__init__`."""


def replace(old: T, /, **changes: Any) -> T:
    """Give a value that differs from `old` in the named fields."""
    cls: Any = type(old)
    made: T = cls(**{**dict(zip(cls.__slots__, cls._values(old), strict=True)), **changes})
    return made


def fields_of(thing: Any) -> tuple[str, ...]:
    """Give the field names of a value or of its class, in the order of definition."""
    names: tuple[str, ...] = thing.__slots__
    return names


def is_value(thing: Any) -> bool:
    """Tell whether `thing` is a value, and not one's class."""
    return isinstance(thing, Value)


def is_value_class(thing: Any) -> bool:
    """Tell whether `thing` is a class of values."""
    return isinstance(thing, _Kind)


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Make the function that gives all fields of an instance."""
    if len(names) > 1:
        return attrgetter(*names)
    return staticmethod(lambda instance: tuple(getattr(instance, name) for name in names))


def _first(names: tuple[str, ...], defaults: dict[str, Any]) -> Callable[..., None]:
    """Make a slow `__init__`, which puts a fast one in its place when it is used often.

    Compiling the fast one takes as long as some hundred calls, and most classes have few.
    """
    expected = dict.fromkeys(names).keys()
    uses = iter(range(OFTEN))

    def init(self: Any, /, **fields: Any) -> None:
        every = defaults | fields
        cls = self.__class__
        if next(uses, None) is None or every.keys() != expected:
            cls.__init__ = _initializer(cls, names, defaults)
            cls.__init__(self, **fields)  # or it says what is wrong with the fields
            return
        for name in names:
            _put(self, name, every[name])

    return init


def _initializer(cls: Any, names: tuple[str, ...], defaults: dict[str, Any]) -> Any:
    """Compile `__init__`: the slots' own setters pass by the guard that freezes instances."""
    scope = {f"_set_{name}": cls.__dict__[name].__set__ for name in names}
    scope |= {f"_default_{name}": default for name, default in defaults.items()}
    parameters = [f"{n}=_default_{n}" if n in defaults else n for n in names]
    head = f"def __init__(self{', *, ' if names else ''}{', '.join(parameters)}):"
    body = [f"    _set_{name}(self, {name})" for name in names] or ["    pass"]
    exec("\n".join((head, *body)), scope)  # noqa: S102 - from our own source's names alone
    return scope["__init__"]


@dataclass_transform(frozen_default=True, kw_only_default=True)
class _Kind(type):
    """Makes classes with a slot for each name that they annotate."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> _Kind:
        """Make one."""
        names = tuple(namespace.get("__annotations__", ()))
        defaults = {name: namespace.pop(name) for name in names if name in namespace}
        namespace |= {"__slots__": names, "__match_args__": (), "_values": _getter(names)}
        namespace["__init__"] = _first(names, defaults)
        return type.__new__(cls, name, bases, namespace)


class Value(metaclass=_Kind):
    """The base of all values: the names that a class annotates are its fields.

    Default values are shared by all instances, so they must be immutable. A `__hash__` of its own
    is kept.
    """

    if TYPE_CHECKING:
        _values: ClassVar[Any]
    else:  # for type checkers know what is frozen, and that there is no other attribute

        def __setattr__(self, name: str, _: object) -> None:
            raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

        def __delattr__(self, name: str) -> None:
            raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(self._values(self) == other._values(other))

    def __hash__(self) -> int:
        return hash((self.__class__, self._values(self)))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields_of(self))
        return f"{type(self).__qualname__}({fields})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), {name: getattr(self, name) for name in fields_of(self)})

    def __replace__(self, /, **changes: Any) -> Self:
        return replace(self, **changes)


def _rebuilt(cls: Any, fields: dict[str, Any]) -> Any:
    return cls(**fields)


_put = object.__setattr__
