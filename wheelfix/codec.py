"""Values to JSON and back. A plan that was printed can be read again and is equal."""

from __future__ import annotations

import dataclasses
import types
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from wheelfix import model
from wheelfix.errors import UsageError

T = TypeVar("T")

_EDITS = get_args(model.Edit)


def to_data(value: Any) -> Any:
    """Turn a value of `model` into what `json` can write: dicts, lists, strings, numbers, None.

    Edits, the members of a union, carry their class name under `edit`, providers under `by`.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: to_data(getattr(value, f.name)) for f in dataclasses.fields(value)}
        tag = _TAGS.get(type(value))
        return {tag: type(value).__name__, **fields} if tag else fields
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, (list, tuple)):
        return [to_data(item) for item in value]
    return value


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
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _build_union(get_args(kind), data)
    if origin is tuple:
        _demand(data, list)
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_build(inner[0], item) for item in data)
        return tuple(_build(each, item) for each, item in zip(inner, data, strict=True))
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, data)
    if isinstance(kind, type) and issubclass(kind, (Enum, Path)):
        return kind(data)
    return _demand(data, getattr(kind, "__supertype__", kind))


def _demand(data: Any, kind: type) -> Any:
    if type(data) is not kind:
        raise TypeError(f"{data!r} where {kind.__name__} is due")
    return data


def _build_dataclass(kind: Any, data: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    return kind(**{f.name: _build(hints[f.name], data[f.name]) for f in dataclasses.fields(kind)})


def _build_union(kinds: tuple[Any, ...], data: Any) -> Any:
    if data is None and type(None) in kinds:
        return None
    if isinstance(data, dict):
        names = {kind.__name__: kind for kind in kinds if isinstance(kind, type)}
        return _build(names[data["edit"]], data)
    return _build(next(kind for kind in kinds if kind is not type(None)), data)


_TAGS = types.MappingProxyType(
    {
        **dict.fromkeys(_EDITS, "edit"),
        **dict.fromkeys(get_args(model.Provider), "by"),
    }
)
