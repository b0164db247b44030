"""From measured values to a verdict: noise seldom decides a claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import comb
from statistics import median
from typing import Any, Literal

State = Literal["holds", "fails", "undecided"]
Verdict = Literal["holds", "does not hold", "depends", "not measured"]

CONFIDENCE = 0.95


def coverage(rounds: int, rank: int) -> float:
    """Return how often an interval of order statistics contains the true median.

    The interval is from the ``rank``-th smallest to the ``rank``-th largest of independent values.
    It misses the median of a continuous distribution if fewer than ``rank`` values are on one side
    of it, and each value is on either side with the probability 1/2 (David and Nagaraja, Order
    Statistics, 3rd edition, section 7.1). For discrete distributions, it misses less often.
    """
    return 1 - 2 * sum(comb(rounds, below) for below in range(rank)) / 2**rounds


@cache
def narrowest(rounds: int) -> int | None:
    """Return the largest rank that reaches the confidence; None if there are too few rounds."""
    ranks = range(rounds // 2, 0, -1)
    return next((rank for rank in ranks if coverage(rounds, rank) >= CONFIDENCE), None)


def confidence_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return an interval for the true median; None if there are fewer than six values."""
    rank = narrowest(len(values))
    if rank is None:
        return None
    ordered = sorted(values)
    return ordered[rank - 1], ordered[-rank]


@dataclass(frozen=True)
class Condition:
    """One situation in which a claim is tested.

    Attributes:
        values: what the claim says is large, round by round; mostly ratios.
        at_least: the claim holds here if the median reaches this.
        unit: of the values; ``times`` for ratios.
        exact: counted, not timed, so one round is enough.
        database: ``SQLite`` or ``PostgreSQL``; None if the requests do not use a database.
    """

    name: str
    values: Sequence[float]
    at_least: float
    unit: str = "times"
    exact: bool = False
    database: str | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The confidence interval of the median; of exact values, their range."""
        if self.exact:
            return min(self.values), max(self.values)
        return confidence_interval(self.values)

    @property
    def state(self) -> State:
        """Compare the interval with the threshold."""
        if self.interval is None:
            return "undecided"
        low, high = self.interval
        if low >= self.at_least:
            return "holds"
        return "fails" if high < self.at_least else "undecided"

    def as_document(self) -> dict[str, Any]:
        """Return the condition as a JSON document."""
        return {
            "name": self.name,
            "database": self.database,
            "state": self.state,
            "at_least": self.at_least,
            "unit": self.unit,
            "exact": self.exact,
            "values": list(self.values),
            "median": median(self.values),
            "interval": list(self.interval) if self.interval else None,
        }


def decide(conditions: Sequence[Condition]) -> Verdict:
    """Decide a claim: it depends, unless all conditions agree."""
    if not conditions:
        return "not measured"
    states = {condition.state for condition in conditions}
    if states == {"holds"}:
        return "holds"
    if states == {"fails"}:
        return "does not hold"
    return "depends"


def decide_by_database(conditions: Sequence[Condition]) -> dict[str, Verdict]:
    """Decide a claim for each database, by the conditions that use it."""
    names = dict.fromkeys(one.database for one in conditions if one.database)
    return {name: decide([one for one in conditions if one.database == name]) for name in names}
