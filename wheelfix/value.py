"""Values: frozen, slotted, keyword-only classes that cost little to define.

They are what `dataclass(frozen=True, slots=True, kw_only=True)` makes, and type checkers see them
so, but a class takes a tenth of the time to come into being: half of a small repair used to be the
standard library writing and compiling six methods for each of ninety classes.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def value(cls: type[T]) -> type[T]:
    """Make a value class of the annotated names in `cls`; a `__hash__` of its own is kept.

    Default values are shared by all instances, so they must be immutable.
    """
    namespace = dict(cls.__dict__)
    names = tuple(namespace.get("__annotations__", ()))
    defaults = {name: namespace.pop(name) for name in names if name in namespace}
    for made_by_class in ("__dict__", "__weakref__"):
        namespace.pop(made_by_class, None)
    namespace = _COMMON | namespace | {"__slots__": names, "__match_args__": ()}
    made: type[T] = type(cls.__name__, cls.__bases__, namespace)
    setattr(made, "_values", _getter(names))  # noqa: B010 - what no type checker knows of
    setattr(made, "__init__", _first(made, names, defaults))  # noqa: B010
    return made


def replace(old: T, /, **changes: Any) -> T:
    """Give a value that differs from `old` in the named fields."""
    fields = {name: getattr(old, name) for name in fields_of(old)}
    return type(old)(**fields | changes)


def fields_of(thing: Any) -> tuple[str, ...]:
    """Give the field names of a value or of its class, in the order of definition."""
    names: tuple[str, ...] = thing.__slots__
    return names


def is_value(thing: Any) -> bool:
    """Tell whether `thing` is a value, and not one's class."""
    return is_value_class(type(thing))


def is_value_class(thing: Any) -> bool:
    """Tell whether `thing` was made by the decorator."""
    return isinstance(thing, type) and hasattr(thing, "_values")


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Make the function that gives all fields of an instance."""
    if len(names) > 1:
        return attrgetter(*names)
    return staticmethod(lambda instance: tuple(getattr(instance, name) for name in names))


def _first(cls: Any, names: tuple[str, ...], defaults: dict[str, Any]) -> Callable[..., None]:
    """Make an `__init__` that puts the real one in its place: most classes of a run have no use."""

    def init(self: Any, /, **fields: Any) -> None:
        cls.__init__ = _initializer(cls, names, defaults)
        cls.__init__(self, **fields)

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


def _frozen(self: Any, name: str, *_: Any) -> None:
    raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")


def _equal(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self._values(self) == self._values(other)


def _hash(self: Any) -> int:
    return hash((self.__class__, self._values(self)))


def _repr(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields_of(self))
    return f"{type(self).__qualname__}({fields})"


def _reduce(self: Any) -> tuple[Any, ...]:
    return _rebuilt, (type(self), {name: getattr(self, name) for name in fields_of(self)})


def _rebuilt(cls: Any, fields: dict[str, Any]) -> Any:
    return cls(**fields)


_COMMON: Final = MappingProxyType(
    {
        "__setattr__": _frozen,
        "__delattr__": _frozen,
        "__eq__": _equal,
        "__hash__": _hash,
        "__repr__": _repr,
        "__reduce__": _reduce,
        "__replace__": replace,
    }
)
