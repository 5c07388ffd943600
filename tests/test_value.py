"""Values behave as frozen, slotted, keyword-only dataclasses do."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from typing import Any

import pytest

from wheelfix.value import OFTEN, Value, fields_of, is_value, is_value_class, replace


class Point(Value):
    """Two numbers."""

    x: int
    y: int = 2


class Single(Value):
    """One of anything."""

    only: Any


class Nothing(Value):
    """No field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What the standard library makes."""

    x: int
    y: int = 2


def test_it_is_made_as_a_dataclass_is() -> None:
    for kind in (Point, Reference):
        made = kind(x=1)
        assert (made.x, made.y) == (1, 2)
        assert repr(made) == f"{kind.__name__}(x=1, y=2)"
        with pytest.raises(TypeError):
            kind()  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            kind(1)  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            kind(x=1, z=3)  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            kind(z=1)  # type: ignore[call-arg]


def test_the_thousandth_is_made_as_the_first_was() -> None:
    every = [Point(x=number) for number in range(OFTEN + 3)]
    assert [(each.x, each.y) for each in every] == [(number, 2) for number in range(OFTEN + 3)]
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]


def test_it_cannot_be_changed() -> None:
    made = Point(x=1)
    with pytest.raises(AttributeError, match=r"Point\.x cannot be changed"):
        made.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"Point\.x cannot be changed"):
        del made.x
    with pytest.raises(AttributeError):
        made.z = 3  # type: ignore[attr-defined]
    assert made == Point(x=1)


def test_equality_and_hash_follow_the_fields_and_the_class() -> None:
    assert Point(x=1) == Point(x=1, y=2)
    assert Point(x=1) != Point(x=2)
    others: tuple[object, ...] = (Reference(x=1), Single(only=(1, 2)), (1, 2))
    assert all(Point(x=1) != other for other in others)
    assert len({Point(x=1), Point(x=1), Single(only=1), Nothing(), Nothing()}) == 3


def test_a_value_with_one_or_no_field() -> None:
    assert Single(only=3) == Single(only=3)
    assert Single(only=3) != Single(only=4)
    assert repr(Nothing()) == "Nothing()"
    assert Nothing() == Nothing()


def test_replacing_and_copying() -> None:
    made = Point(x=1)
    assert replace(made, y=5) == Point(x=1, y=5)
    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)) == made
    with pytest.raises(TypeError):
        replace(made, z=1)


def test_what_is_a_value() -> None:
    assert is_value(Point(x=1))
    assert not is_value(Point)
    assert is_value_class(Point)
    assert not is_value_class(Reference)
    assert fields_of(Point) == fields_of(Point(x=1)) == ("x", "y")


def test_patterns_match_by_name() -> None:
    match Point(x=1):
        case Point(x=x, y=2):
            assert x == 1
        case _:
            pytest.fail("no match")
