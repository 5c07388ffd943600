"""Values to JSON and back. A plan that was printed can be read again and is equal."""

from __future__ import annotations

import types
from enum import Enum
from pathlib import Path

from wheelfix import model
from wheelfix.errors import UsageError
from wheelfix.typed import Any
from wheelfix.value import fields_of, is_value, is_value_class


def to_data(thing: Any) -> Any:
    """Turn a value of `model` into what `json` can write: dicts, lists, strings, numbers, None.

    Edits, the members of a union, carry their class name under `edit`, providers under `by`.
    """
    if is_value(thing):
        fields = {name: to_data(getattr(thing, name)) for name in fields_of(thing)}
        tag = _TAGS.get(type(thing))
        return {tag: type(thing).__name__, **fields} if tag else fields
    if isinstance(thing, Enum):
        return thing.value
    if isinstance(thing, Path):
        return thing.as_posix()
    if isinstance(thing, (list, tuple)):
        return [to_data(item) for item in thing]
    return thing


def plan_from_data(data: Any) -> model.Plan:
    """Read back what `to_data` made of a plan; raises UsageError for anything else."""
    try:
        found: model.Plan = _build(model.Plan, data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            problem=f"not a plan: {error!r}",
            hint="`wheelfix repair --dry-run --json` prints one",
        ) from error
    return found


def _build(kind: Any, data: Any) -> Any:
    from typing import Union, get_args, get_origin  # rarely needed, and slow to import

    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _build_union(get_args(kind), data)
    if origin is tuple:
        _demand(data, list)
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_build(inner[0], item) for item in data)
        return tuple(_build(each, item) for each, item in zip(inner, data, strict=True))
    if is_value_class(kind):
        return _build_value(kind, data)
    if isinstance(kind, type) and issubclass(kind, (Enum, Path)):
        return kind(data)
    return _demand(data, getattr(kind, "__supertype__", kind))


def _demand(data: Any, kind: type) -> Any:
    if type(data) is not kind:
        raise TypeError(f"{data!r} where {kind.__name__} is due")
    return data


def _build_value(kind: Any, data: dict[str, Any]) -> Any:
    from typing import get_type_hints

    hints = get_type_hints(kind)
    return kind(**{name: _build(hints[name], data[name]) for name in fields_of(kind)})


def _build_union(kinds: tuple[Any, ...], data: Any) -> Any:
    if data is None and type(None) in kinds:
        return None
    if isinstance(data, dict):
        names = {kind.__name__: kind for kind in kinds if isinstance(kind, type)}
        return _build(names[data["edit"]], data)
    return _build(next(kind for kind in kinds if kind is not type(None)), data)


_TAGS = types.MappingProxyType(
    {
        **dict.fromkeys(model.Edit.__args__, "edit"),
        **dict.fromkeys(model.Provider.__args__, "by"),
    }
)
