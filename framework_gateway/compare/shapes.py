"""Number JSON values so that equal ones have equal numbers, without regard to what is ignored."""

from collections.abc import Mapping
from typing import Any

from framework_gateway.compare.json_values import Number, Repeated
from framework_gateway.compare.neutral import Names
from framework_gateway.compare.patterns import Pattern
from framework_gateway.compare.pointers import State
from framework_gateway.compare.rules import Rules

Patterns = tuple[Pattern, ...]


class Shapes:
    """The numbers of the values of one comparison.

    Args:
        names: the names of each target; they do not matter.
        rules: what is ignored, and which arrays have no order.
    """

    def __init__(self, names: Mapping[str, Names], rules: Rules) -> None:
        self.names = names
        self.rules = rules
        self.numbers: dict[Any, int] = {}
        self.known: dict[int, int] = {}

    def of_items(
        self, target: str, items: list[Any], state: State, patterns: Patterns
    ) -> list[int]:
        """Return a number for each item of an array of a target."""
        step = self.rules.pointers.step
        return [
            self.of(target, item, step(state, index), patterns) for index, item in enumerate(items)
        ]

    def of(self, target: str, value: Any, state: State, patterns: Patterns) -> int:
        """Return a number for a value of a target.

        Args:
            target: its name.
            value: the value.
            state: where the pointers of the rules stand.
            patterns: those of the rules for places above.
        """
        if id(value) in self.known:
            return self.known[id(value)]
        key = self._key(target, value, state, patterns)
        number = self.numbers.setdefault(key, len(self.numbers))
        if isinstance(value, dict | list):
            # Otherwise, each array around it would read it again.
            self.known[id(value)] = number
        return number

    def _key(self, target: str, value: Any, state: State, patterns: Patterns) -> Any:
        rules, unordered = self.rules.at(state)
        step = self.rules.pointers.step
        if any(rule.pattern is None for rule in rules):
            return "ignored"
        patterns = (*patterns, *(rule.pattern for rule in rules if rule.pattern is not None))
        if isinstance(value, dict):
            members = value.items()
            return frozenset(
                (name, self.of(target, one, step(state, name), patterns)) for name, one in members
            )
        if isinstance(value, list):
            numbers = self.of_items(target, value, state, patterns)
            return ("array", *(numbers if unordered is None else sorted(numbers)))
        if isinstance(value, Repeated):
            return ("repeated", *self.of_items(target, value.values, state, patterns))
        if isinstance(value, str):
            return ("string", self.names[target].replace(replaced(value, patterns))[0])
        if isinstance(value, Number) and patterns:
            return ("number", replaced(value.text, patterns))
        return (type(value), value)


def replaced(text: str, patterns: Patterns) -> str:
    """Return a text with what matches the patterns replaced."""
    for pattern in patterns:
        text = pattern.replace(text)
    return text
