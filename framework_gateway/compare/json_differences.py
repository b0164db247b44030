"""Find the places in which JSON documents differ, and the type of each difference."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from framework_gateway.compare.findings import Kind
from framework_gateway.compare.json_values import EXACT, Number, Repeated
from framework_gateway.compare.neutral import Names
from framework_gateway.compare.pairing import (
    IDENTITIES,
    Items,
    pair_by_identity,
    pair_others,
)
from framework_gateway.compare.patterns import Pattern
from framework_gateway.compare.pointers import Path, State
from framework_gateway.compare.rules import Ignore, Rules, Tally

# Levels at which equal values are passed over at once; deeper, each level would read them again.
PRUNED = 4


@dataclass(frozen=True)
class Found:
    """A difference in JSON: place, type, the value of each target, and the rule that covers it."""

    path: Path
    kind: Kind
    values: Mapping[str, Any]
    rule: str = ""
    reason: str = ""


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
        self.shapes: dict[Any, int] = {}
        self.known: dict[int, int] = {}

    def find(self, documents: Mapping[str, Any]) -> list[Found]:
        """Return the differences; targets without a place are missing in its values."""
        return [*self._compare((), documents, self.rules.pointers.start, ())]

    def _compare(
        self, path: Path, values: Mapping[str, Any], state: State, patterns: Sequence[Ignore]
    ) -> Iterator[Found]:
        rules, is_unordered = self._rules_at(state)
        for rule in rules:
            if rule.pattern is None:
                yield from self._compare_covered(path, values, rule)
                return
        if len(path) <= PRUNED and are_same(values):
            return
        patterns = [*patterns, *rules] if rules else patterns
        types = {type(value) for value in values.values()}
        if types == {dict}:
            yield from self._compare_members(path, values, state, patterns)
        elif types == {list}:
            yield from self._compare_items(path, values, state, patterns, is_unordered)
        elif not self._are_equal(values, patterns):
            yield self._found(path, kind_of(values), values, patterns)

    def _rules_at(self, state: State) -> tuple[list[Ignore], bool]:
        """Return the rules for this place, and whether the order of an array here matters not."""
        if not state:
            return [], False
        matches = self.rules.pointers.matches(state)
        known = len(self.rules.in_bodies)
        rules = [self.rules.in_bodies[index] for index in matches if index < known]
        return rules, any(index >= known for index in matches)

    def _compare_covered(
        self, path: Path, values: Mapping[str, Any], rule: Ignore
    ) -> Iterator[Found]:
        """Yield one difference, which is ignored, for everything below this place."""
        if not are_same(values):
            yield Found(path, kind_of(values), values, f"ignore {rule.text}", rule.reason)

    def _compare_members(
        self,
        path: Path,
        values: Mapping[str, Mapping[str | int, Any]],
        state: State,
        patterns: Sequence[Ignore],
    ) -> Iterator[Found]:
        # Keys in the order of the first target that has them.
        for key in dict.fromkeys(key for members in values.values() for key in members):
            found = {target: members[key] for target, members in values.items() if key in members}
            below = self.rules.pointers.step(state, key)
            if len(found) == len(values):
                yield from self._compare((*path, key), found, below, patterns)
                continue
            covering = [rule for rule in self._rules_at(below)[0] if rule.pattern is None]
            rule = covering[0] if covering else None
            text, reason = (f"ignore {rule.text}", rule.reason) if rule else ("", "")
            yield Found((*path, key), Kind.MISSING, found, text, reason)

    def _compare_items(
        self,
        path: Path,
        values: Mapping[str, list[Any]],
        state: State,
        patterns: Sequence[Ignore],
        is_unordered: bool,
    ) -> Iterator[Found]:
        rule = f"unordered {self._unordered_at(state)}" if is_unordered else ""
        moved = pair_by_identity(values, self._ignored_in_items(state))
        if moved is not None:
            yield Found(path, Kind.ORDER, values, rule)
            yield from self._compare_members(path, moved, state, patterns)
            return
        items: Items = {target: dict(enumerate(value)) for target, value in values.items()}
        found = [*self._compare_members(path, items, state, patterns)]
        # Another order changes at least two items, and no length.
        changed = {each.path[len(path)] for each in found if not each.rule}
        lengths = {len(value) for value in values.values()}
        if len(changed) < 2 or (len(lengths) > 1 and not is_unordered):
            yield from found
            return
        shapes = {t: self._shapes_of(t, value, state) for t, value in values.items()}
        first, *others = (sorted(each) for each in shapes.values())
        if all(other == first for other in others):
            yield Found(path, Kind.ORDER, values, rule)
        elif is_unordered:
            paired = pair_others(values, shapes)
            yield from self._compare_members(path, paired, state, patterns)
        else:
            yield from found

    def _ignored_in_items(self, state: State) -> list[str]:
        """Return the members of the items that may differ."""
        step = self.rules.pointers.step
        inside = step(state, 0)
        return [name for name in IDENTITIES if any(self._rules_at(step(inside, name))[0])]

    def _unordered_at(self, state: State) -> str:
        known = len(self.rules.in_bodies)
        matches = self.rules.pointers.matches(state)
        return next(self.rules.unordered[index - known] for index in matches if index >= known)

    def _shapes_of(self, target: str, items: list[Any], state: State) -> list[int]:
        """Return a number for each item; equal items have equal numbers."""
        step = self.rules.pointers.step
        return [self._shape(target, item, step(state, index)) for index, item in enumerate(items)]

    def _shape(self, target: str, value: Any, state: State) -> int:
        """Return a number for a value, without what is ignored and without the target's names."""
        if id(value) in self.known:
            return self.known[id(value)]
        rules, is_unordered = self._rules_at(state)
        step = self.rules.pointers.step
        if any(rule.pattern is None for rule in rules):
            key: Any = "ignored"
        elif isinstance(value, dict):
            members = (
                (name, self._shape(target, one, step(state, name))) for name, one in value.items()
            )
            key = ("object", frozenset(members))
        elif isinstance(value, list):
            shapes = self._shapes_of(target, value, state)
            # With unordered, the arrays inside are compared likewise.
            key = ("array", *(sorted(shapes) if is_unordered else shapes))
        elif isinstance(value, str):
            key = ("string", self.names[target].replace(value)[0])
        elif isinstance(value, Repeated):
            key = ("repeated", *self._shapes_of(target, value.values, state))
        else:
            key = (type(value), value)
        shape = self.shapes.setdefault(key, len(self.shapes))
        if isinstance(value, dict | list):
            # Otherwise, each array around it would read it again.
            self.known[id(value)] = shape
        return shape

    def _are_equal(self, values: Mapping[str, Any], patterns: Sequence[Ignore]) -> bool:
        """Return whether leaves are equal; count the built-in rules that make them equal."""
        if are_same(values):
            return True
        if not all(isinstance(value, str | Number) for value in values.values()):
            return False
        if len({type(value) for value in values.values()}) > 1:
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

    def _found(
        self, path: Path, kind: Kind, values: Mapping[str, Any], patterns: Sequence[Ignore]
    ) -> Found:
        """Return a difference of leaves, with the rule that covers it."""
        if {type(value) for value in values.values()} == {Number}:
            tolerance = self.rules.tolerance
            if tolerance is not None and are_close([*values.values()], tolerance):
                return Found(path, kind, values, f"tolerance {tolerance}")
        if kind in (Kind.VALUE, Kind.SPELLING):
            for rule in patterns:
                assert rule.pattern is not None
                if self._match(values, rule.pattern):
                    return Found(path, kind, values, f"ignore {rule.text}", rule.reason)
        return Found(path, kind, values)

    def _match(self, values: Mapping[str, Any], pattern: Pattern) -> bool:
        texts = {target: text_of(value) for target, value in values.items()}
        replaced = {self.names[t].replace(pattern.replace(text))[0] for t, text in texts.items()}
        return len(replaced) == 1


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
