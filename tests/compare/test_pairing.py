"""Objects in another order are one difference, and are compared with their counterparts."""

import json
from typing import Any

import pytest

from framework_gateway.compare.comparer import comparing
from framework_gateway.compare.findings import Comparison
from tests.compare.pairs import JSON, answers

TEA, CAKE, MILK = ({"id": name, "price": price} for name, price in [("t", 1), ("c", 2), ("m", 3)])


def compare(old: Any, new: Any, **options: Any) -> Comparison:
    with comparing(
        {"old": answers(json.dumps(old), JSON), "new": answers(json.dumps(new), JSON)}, **options
    ) as ask:
        return ask("GET", "/")


def found(comparison: Comparison) -> list[tuple[str, str, bool]]:
    return [(one.name, str(one.kind), one.counts) for one in comparison.differences]


def test_moved_objects_are_compared_with_their_counterparts() -> None:
    new = [MILK, {**TEA, "price": 9}, {"id": "c"}]
    comparison = compare({"items": [TEA, CAKE, MILK]}, {"items": new})
    assert [one for one in found(comparison) if one[0].startswith("/")] == [
        ("/items", "order", True),
        ("/items/0/price", "value", True),
        ("/items/1/price", "missing", True),
    ]


@pytest.mark.parametrize("name", ["uuid", "slug", "code", "name"])
def test_the_identity_may_have_another_name(name: str) -> None:
    old = [{name: 1, "x": 1}, {name: 2, "x": 1}]
    new = [{name: 2, "x": 1}, {name: 1, "x": 2}]
    assert ("/0/x", "value", True) in found(compare(old, new))


def test_an_order_that_does_not_matter_is_a_note() -> None:
    comparison = compare([TEA, CAKE], [CAKE, {**TEA, "price": 9}], unordered=[""])
    assert ("", "order", False) in found(comparison)
    assert ("/0/price", "value", True) in found(comparison)
    assert compare([TEA, CAKE], [CAKE, TEA], unordered=[""]).identical


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([TEA, CAKE], [CAKE, MILK]),  # other objects
        ([TEA, TEA, CAKE], [CAKE, TEA, TEA, MILK]),  # the same identity twice
        ([{"id": None}, {"id": 1}], [{"id": 1}, {"id": None}, {"id": 2}]),
        ([TEA, 1], [2, TEA]),
    ],
)
def test_other_arrays_are_compared_by_index(old: Any, new: Any) -> None:
    assert any(name.startswith("/0") for name, _, _ in found(compare(old, new)))


def test_an_ignored_member_identifies_nothing() -> None:
    old = [{"id": 1, "name": "a", "x": 1}, {"id": 2, "name": "b", "x": 2}]
    new = [{"id": 2, "name": "a", "x": 1}, {"id": 1, "name": "b", "x": 3}]
    counting = [name for name, _, counts in found(compare(old, new, ignore=["/*/id"])) if counts]
    assert counting == ["/1/x"]


@pytest.mark.parametrize("rule", ["/*/at={time}", "/*/at", "{time}"])
def test_what_is_ignored_in_moved_items_is_counted(rule: str) -> None:
    def items(*names: str) -> list[dict[str, str]]:
        return [{"n": name, "at": f"2026-11-27T10:00:0{i}Z"} for i, name in enumerate(names)]

    one, two = items("x", "y", "z"), items("z", "x", "y")
    comparison = compare(one, two, unordered=[""], ignore=[rule])
    assert comparison.identical, str(comparison)
    uses = {use.rule: use.uses for use in comparison.uses}
    assert uses == {f"ignore {rule}": 3, "unordered ": 1}
    assert compare(one, items("z", "x", "w"), unordered=[""], ignore=[rule]).counting
