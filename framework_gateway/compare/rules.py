"""The rules of a comparison: what counts, what is ignored, and what is equal enough."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import Self

from framework_gateway.compare.findings import Use
from framework_gateway.compare.header_choice import DEFAULT, HeaderChoice, check_name
from framework_gateway.compare.patterns import Pattern
from framework_gateway.compare.pointers import Pointers, State

PARTS = ("status", "spelling", "body")


@dataclass(frozen=True)
class Ignore:
    """A rule of ``--ignore``.

    Attributes:
        text: the rule as it was written, without the reason.
        place: ``status``, ``spelling``, ``body``, the name of a header in lower case, a JSON
            Pointer, or empty for every place.
        pattern: only values that are equal without what matches it are ignored.
        reason: the reason that was given.
    """

    text: str
    place: str
    pattern: Pattern | None = None
    reason: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rule: ``PLACE``, ``{PATTERN}`` or ``PLACE={PATTERN}``, and `` # REASON``.

        Raises:
            ValueError: it is none; the message says why.
        """
        written, _, reason = f" {text}".partition(" #")
        written = written.strip()
        place, pattern = written, None
        start = written.find("{")
        if written.endswith("}") and (start == 0 or written[start - 1 : start] == "="):
            place, pattern = written[: max(0, start - 1)], Pattern(written[start:])
        if not place and pattern is None:
            raise ValueError("a rule without a place and a pattern")
        if place and not place.startswith("/"):
            place = place.lower()
            check_name(place.removeprefix("set-cookie "))
        return cls(written, place, pattern, reason.strip())

    def covers_header(self, name: str) -> bool:
        """Return whether the rule names this header; also each cookie of ``set-cookie``."""
        name = name.lower().partition(" (")[0]  # a cookie that is set again has a number
        return self.place in ("", name, name.partition(" ")[0])

    @property
    def is_pointer(self) -> bool:
        """Whether the rule names a place in the body."""
        return self.place in ("", "body") or self.place.startswith("/")


@dataclass(frozen=True)
class Rules:
    """The rules of a comparison.

    Attributes:
        headers: which headers count.
        ignore: what may differ.
        unordered: JSON Pointers of arrays whose order does not matter.
        tolerance: numbers that differ by less, absolutely or relative to the larger, are equal.
        exact: whether the same JSON in other bytes counts.
        neutral: maps targets to further names that they have for themselves.
    """

    headers: HeaderChoice = DEFAULT
    ignore: Sequence[Ignore] = ()
    unordered: Sequence[str] = ()
    tolerance: Decimal | None = None
    exact: bool = False
    neutral: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        *,
        headers: str | Iterable[str] = (),
        ignore: Iterable[str] = (),
        unordered: Iterable[str] = (),
        tolerance: str | float | None = None,
        exact: bool = False,
        neutral: Mapping[str, str | Sequence[str]] | None = None,
    ) -> Self:
        """Create rules from their texts, as on the command line.

        Raises:
            ValueError: a rule is invalid; the message says why.
        """
        names = {
            target: [texts] if isinstance(texts, str) else [*texts]
            for target, texts in (neutral or {}).items()
        }
        rules = cls(
            headers=HeaderChoice.parse([headers] if isinstance(headers, str) else headers),
            ignore=[Ignore.parse(text) for text in ignore],
            unordered=[*unordered],
            tolerance=None if tolerance is None else parse_tolerance(tolerance),
            exact=exact,
            neutral=names,
        )
        assert rules.pointers  # a wrong pointer raises ValueError here
        return rules

    @cached_property
    def in_bodies(self) -> Sequence[Ignore]:
        """The rules for places in bodies."""
        return [rule for rule in self.ignore if rule.is_pointer]

    @cached_property
    def pointers(self) -> Pointers:
        """The places of ``in_bodies``, then those of ``unordered``."""
        places = ["" if rule.place == "body" else rule.place for rule in self.in_bodies]
        return Pointers([*places, *self.unordered])

    def at(self, state: State) -> tuple[Sequence[Ignore], str | None]:
        """Return the rules for a place, and the rule that its array has no order, if there is one.

        Args:
            state: where the pointers stand at this place.
        """
        if not state:
            return (), None
        matches = self.pointers.matches(state)
        known = len(self.in_bodies)
        rules = [self.in_bodies[index] for index in matches if index < known]
        unordered = [self.unordered[index - known] for index in matches if index >= known]
        return rules, unordered[0] if unordered else None


def parse_tolerance(text: str | float) -> Decimal:
    """Read a tolerance.

    Raises:
        ValueError: it is not a number from 0.
    """
    try:
        tolerance = Decimal(str(text))
    except InvalidOperation as error:
        raise ValueError(f"the tolerance '{text}' is not a number") from error
    if not tolerance.is_finite() or tolerance < 0:
        raise ValueError(f"the tolerance '{text}' is not a number from 0")
    return tolerance


class Tally:
    """Counts the uses of rules in one comparison."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.counts: dict[str, int] = {}

    def use(self, rule: str) -> None:
        """Count one use."""
        self.counts[rule] = self.counts.get(rule, 0) + 1

    @property
    def uses(self) -> list[Use]:
        """The rules that were given, also unused ones, then the built-in ones that were used."""
        given = {f"ignore {rule.text}": rule.reason for rule in self.rules.ignore}
        given |= {f"unordered {pointer}": "" for pointer in self.rules.unordered}
        if self.rules.tolerance is not None:
            given[f"tolerance {self.rules.tolerance}"] = ""
        every = [*given, *(rule for rule in self.counts if rule not in given)]
        return [
            Use(rule, self.counts.get(rule, 0), given.get(rule, ""), rule in given)
            for rule in every
        ]
