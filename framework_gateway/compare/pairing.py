"""Pair the items of arrays: by their identity, or by leaving out those that are equal."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import reduce
from typing import Any

from framework_gateway.compare.json_values import Number

# Members that identify an object, in the order in which they are tried.
IDENTITIES = ("id", "uuid", "key", "slug", "code", "name")

# Where a word of a name ends: order_id, order-id, orderId.
WORD_END = re.compile(r"[_-]|(?<=[a-z])(?=[A-Z])")

Items = dict[str, dict[str | int, Any]]


def pair_by_identity(values: Mapping[str, list[Any]], ignored: Collection[str]) -> Items | None:
    """Pair objects that have the same identity but another place.

    The index of a pair is that of its item in the array of the first target.

    Args:
        values: the array of each target.
        ignored: members that may differ, and so identify nothing.

    Returns:
        The items of each target by index; None if the arrays do not have the same identities, or
        have them in the same order.
    """
    for name in IDENTITIES:
        if name not in ignored:
            keys = {target: identities(items, name) for target, items in values.items()}
            first, *others = keys.values()
            if first and all(sorted(other) == sorted(first) for other in others):
                if all(other == first for other in others):
                    return None
                places = {key: index for index, key in enumerate(first)}
                return {
                    target: dict(sorted(zip(map(places.__getitem__, found), items, strict=True)))
                    for (target, found), items in zip(keys.items(), values.values(), strict=True)
                }
    return None


def identifies(pointer: str, names: Collection[str]) -> bool:
    """Return whether a member's name says that its value identifies something.

    Args:
        pointer: the JSON Pointer of the member, such as ``/items/0/orderId`` or ``/order_ids/3``.
        names: further names that say so.
    """
    name = next((step for step in reversed(pointer.split("/")) if not step.isdecimal()), "")
    last = WORD_END.split(name)[-1].lower()
    return last in IDENTITIES or last.removesuffix("s") in IDENTITIES or name in names


def identities(items: Sequence[Any], name: str) -> list[str]:
    """Return the member of each item as text; nothing unless all items have different ones."""
    found = [item.get(name) if isinstance(item, dict) else None for item in items]
    if not all(isinstance(value, str | Number) for value in found):
        return []
    texts = [value.text if isinstance(value, Number) else str(value) for value in found]
    return texts if len({*texts}) == len(texts) else []


def pair_common(values: Mapping[str, list[Any]], shapes: Mapping[str, list[int]]) -> Items:
    """Pair the items that all arrays have, in any place; they may differ in what is ignored.

    The index of a pair is that of its item in the array of the first target.
    """
    places: dict[str, dict[tuple[int, int], int]] = {target: {} for target in shapes}
    for target, each in shapes.items():
        seen: Counter[int] = Counter()
        for index, shape in enumerate(each):
            places[target][shape, seen[shape]] = index
            seen[shape] += 1
    first, *others = places.values()
    common = [key for key in first if all(key in other for other in others)]
    return {
        target: {first[key]: values[target][found[key]] for key in common}
        for target, found in places.items()
    }


def pair_others(values: Mapping[str, list[Any]], shapes: Mapping[str, list[int]]) -> Items:
    """Leave out the items that all arrays have, and pair the others in their order.

    The index of a pair is that of its item in the array with the most other items.
    """
    counts = [Counter(each) for each in shapes.values()]
    common = reduce(lambda one, other: one & other, counts)
    others = {target: rest_of(each, Counter(common)) for target, each in shapes.items()}
    places = max(others.values(), key=len)
    return {
        target: {places[nth]: values[target][at] for nth, at in enumerate(rest)}
        for target, rest in others.items()
    }


def rest_of(shapes: Sequence[int], common: Counter[int]) -> list[int]:
    """Return the indexes of the items that are left when the common ones are taken away."""
    rest = []
    for index, shape in enumerate(shapes):
        if common[shape]:
            common[shape] -= 1
        else:
            rest.append(index)
    return rest
