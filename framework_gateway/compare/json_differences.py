"""Find the places in which JSON documents differ, and the type of each difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from framework_gateway.compare.findings import Kind
from framework_gateway.compare.json_values import EXACT, Number, Repeated
from framework_gateway.compare.neutral import Names
from framework_gateway.compare.pairing import (
    IDENTITIES,
    Items,
    identifies,
    pair_by_identity,
    pair_common,
    pair_others,
)
from framework_gateway.compare.patterns import Pattern
from framework_gateway.compare.pointers import State, below
from framework_gateway.compare.rules import Ignore, Rules, Tally
from framework_gateway.compare.shapes import Shapes

# Levels at which equal values are passed over at once; deeper, each level would read them again.
PRUNED = 4


@dataclass(frozen=True)
class Found:
    """A difference in JSON: place, type, the value of each target, and the rule that covers it."""

    pointer: str
    kind: Kind
    values: Mapping[str, Any]
    rule: str = ""
    reason: str = ""


class Place(NamedTuple):
    """A place in the documents.

    Attributes:
        pointer: its JSON Pointer; long names are cut.
        depth: the number of steps from the root.
        state: where the pointers of the rules stand.
        patterns: rules for values at this place.
    """

    pointer: str
    depth: int
    state: State
    patterns: Sequence[Ignore]


class JSONComparison:
    """Walks down the documents of all targets at once.

    Args:
        names: the names of each target.
        rules: what counts.
        tally: counts the uses of rules.
    """

    def __init__(self, names: Mapping[str, Names], rules: Rules, tally: Tally) -> None:
        self.names = names
        self.rules = rules
        self.tally = tally
        self.shapes = Shapes(names, rules)

    def find(self, documents: Mapping[str, Any]) -> list[Found]:
        """Return the differences; targets without a place are missing in its values."""
        found: list[Found] = []
        self._compare(Place("", 0, self.rules.pointers.start, ()), documents, found)
        return found

    # These methods append to a list. As generators, they would hand each difference through all
    # levels of a deep document.

    def _compare(self, place: Place, values: Mapping[str, Any], found: list[Found]) -> None:
        rules, unordered = self.rules.at(place.state)
        for rule in rules:
            if rule.pattern is None:
                # One difference for everything below this place.
                if not are_same(values):
                    text = f"ignore {rule.text}"
                    found.append(Found(place.pointer, kind_of(values), values, text, rule.reason))
                return
        if place.depth <= PRUNED and are_same(values):
            return
        if rules:
            place = place._replace(patterns=[*place.patterns, *rules])
        types = {type(value) for value in values.values()}
        if types == {dict}:
            self._compare_members(place, values, found)
        elif types == {list}:
            self._compare_items(place, values, unordered, found)
        elif not self._are_equal(place, values):
            found.append(self._found(place, kind_of(values), values))

    def _compare_members(
        self, place: Place, values: Mapping[str, Mapping[str | int, Any]], found: list[Found]
    ) -> None:
        # Keys in the order of the first target that has them.
        for key in dict.fromkeys(key for members in values.values() for key in members):
            having = {target: members[key] for target, members in values.items() if key in members}
            state = self.rules.pointers.step(place.state, key)
            pointer = below(place.pointer, key)
            if len(having) == len(values):
                self._compare(Place(pointer, place.depth + 1, state, place.patterns), having, found)
                continue
            covering = [rule for rule in self.rules.at(state)[0] if rule.pattern is None]
            rule = covering[0] if covering else None
            text, reason = (f"ignore {rule.text}", rule.reason) if rule else ("", "")
            found.append(Found(pointer, Kind.MISSING, having, text, reason))

    def _compare_items(
        self,
        place: Place,
        values: Mapping[str, list[Any]],
        unordered: str | None,
        found: list[Found],
    ) -> None:
        rule = "" if unordered is None else f"unordered {unordered}"
        moved = self._pair_objects(place, values)
        if moved is not None:
            found.append(Found(place.pointer, Kind.ORDER, values, rule))
            self._compare_members(place, moved, found)
            return
        items: Items = {target: dict(enumerate(value)) for target, value in values.items()}
        inside: list[Found] = []
        self._compare_members(place, items, inside)
        if not may_be_moved(place, values, inside, unordered is not None):
            found += inside
            return
        patterns = tuple(one.pattern for one in place.patterns if one.pattern is not None)
        shapes = {
            target: self.shapes.of_items(target, value, place.state, patterns)
            for target, value in values.items()
        }
        first, *others = (sorted(each) for each in shapes.values())
        is_moved = all(other == first for other in others)
        if is_moved:
            found.append(Found(place.pointer, Kind.ORDER, values, rule))
        elif unordered is None:
            found += inside
            return
        # What is ignored inside of them is shown and counted, too.
        self._compare_members(place, pair_common(values, shapes), found)
        if not is_moved:
            self._compare_members(place, pair_others(values, shapes), found)

    def _pair_objects(self, place: Place, values: Mapping[str, list[Any]]) -> Items | None:
        """Pair objects in another order by their identity; None if there are none."""
        if not all(len(items) > 1 and isinstance(items[0], dict) for items in values.values()):
            return None
        step = self.rules.pointers.step
        inside = step(place.state, 0)
        ignored = [name for name in IDENTITIES if self.rules.at(step(inside, name))[0]]
        return pair_by_identity(values, ignored)

    def _are_equal(self, place: Place, values: Mapping[str, Any]) -> bool:
        """Return whether leaves are equal; count the built-in rules that make them equal."""
        if are_same(values):
            return True
        if not all(isinstance(value, str | Number) for value in values.values()):
            return False
        types = {type(value) for value in values.values()}
        if len(types) > 1:
            return False
        # Saved ids are small numbers, and so are quantities that really differ.
        saved = {name for each in self.names.values() for name in each.saved}
        if types == {Number} and not (saved and identifies(place.pointer, saved)):
            return False
        return self._are_neutral(values)

    def _are_neutral(self, values: Mapping[str, Any]) -> bool:
        texts = {target: text_of(value) for target, value in values.items()}
        neutral = {target: self.names[target].replace(text) for target, text in texts.items()}
        if len({text for text, _ in neutral.values()}) > 1:
            return False
        for rule in {rule for _, used in neutral.values() for rule in used}:
            self.tally.use(rule)
        return True

    def _found(self, place: Place, kind: Kind, values: Mapping[str, Any]) -> Found:
        """Return a difference of leaves, with the rule that covers it."""
        if {type(value) for value in values.values()} == {Number}:
            tolerance = self.rules.tolerance
            if tolerance is not None and are_close([*values.values()], tolerance):
                return Found(place.pointer, kind, values, f"tolerance {tolerance}")
        if kind in (Kind.VALUE, Kind.SPELLING):
            for rule in place.patterns:
                assert rule.pattern is not None
                if self._match(values, rule.pattern):
                    return Found(place.pointer, kind, values, f"ignore {rule.text}", rule.reason)
        return Found(place.pointer, kind, values)

    def _match(self, values: Mapping[str, Any], pattern: Pattern) -> bool:
        texts = {target: text_of(value) for target, value in values.items()}
        replaced = {self.names[t].replace(pattern.replace(text))[0] for t, text in texts.items()}
        return len(replaced) == 1


def may_be_moved(
    place: Place, values: Mapping[str, list[Any]], inside: Sequence[Found], is_unordered: bool
) -> bool:
    """Return whether differences of items may come from another order.

    Another order changes at least two items, and no length.
    """
    lengths = {len(each) for each in values.values()}
    if len(inside) < 2 or max(lengths) < 2 or (len(lengths) > 1 and not is_unordered):
        return False
    start = len(place.pointer) + 1
    return len({one.pointer[start:].partition("/")[0] for one in inside if not one.rule}) > 1


def are_same(values: Mapping[str, Any]) -> bool:
    """Return whether values are equal without any rule. Only JSON's ``true`` is ``True``."""
    first, *others = values.values()
    return all(other == first for other in others)


def kind_of(values: Mapping[str, Any]) -> Kind:
    """Return the type of a difference between values that are not equal."""
    types = {type(value) for value in values.values()}
    if Repeated in types:
        return Kind.REPEATED
    if type(None) in types:
        return Kind.NULL
    if len(types) > 1:
        return Kind.TYPE
    if types == {Number} and len({value.value for value in values.values()}) == 1:
        return Kind.SPELLING
    return Kind.VALUE


def text_of(value: str | Number) -> str:
    """Return the text of a string, or of a number as it was spelled."""
    return value.text if isinstance(value, Number) else value


def are_close(numbers: Sequence[Number], tolerance: Decimal) -> bool:
    """Return whether numbers differ by at most ``tolerance``: absolutely, or times the largest."""
    values = [number.value for number in numbers]
    if any(value.is_nan() for value in values):
        return False
    spread = EXACT.subtract(max(values), min(values))
    largest = max(map(abs, values))
    return spread <= tolerance or spread <= EXACT.multiply(largest, tolerance)
