"""From measured intervals to a verdict: noise is never a yes and never a no."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

State = Literal["holds", "fails", "undecided"]
Verdict = Literal["holds", "does not hold", "depends", "not measured"]

# Of fewer rounds nobody knows the spread.
MIN_ROUNDS = 3
# Of so many, one that lies this many times as far from the median as any other is left out:
# something else has disturbed the machine in that round. Noise alone seldom looks like that.
ROUNDS_TO_LEAVE_ONE_OUT = 5
FAR = 3


@dataclass(frozen=True)
class Condition:
    """One situation in which a claim is put to the test.

    Attributes:
        values: what the claim says is large, round by round; mostly ratios.
        at_least: the claim holds here when every value that counts reaches this.
        unit: what the values count; ``times`` for ratios.
        exact: counted and not timed, so that once is enough.
    """

    name: str
    values: Sequence[float]
    at_least: float
    unit: str = "times"
    exact: bool = False

    @property
    def kept(self) -> list[float]:
        """The values that count."""
        middle = median(self.values)
        *others, farthest = sorted(self.values, key=lambda value: abs(value - middle))
        disturbed = len(self.values) >= ROUNDS_TO_LEAVE_ONE_OUT and abs(
            farthest - middle
        ) > FAR * abs(others[-1] - middle)
        return others if disturbed else [*self.values]

    @property
    def state(self) -> State:
        """Hold the interval from the smallest to the largest value against the threshold."""
        if not self.exact and len(self.values) < MIN_ROUNDS:
            return "undecided"
        if min(self.kept) >= self.at_least:
            return "holds"
        if max(self.kept) < self.at_least:
            return "fails"
        return "undecided"

    def as_document(self) -> dict[str, Any]:
        """Return the condition as JSON takes it."""
        return {
            "name": self.name,
            "state": self.state,
            "at_least": self.at_least,
            "unit": self.unit,
            "exact": self.exact,
            "values": list(self.values),
            "kept": self.kept,
        }


def decide(conditions: Sequence[Condition]) -> Verdict:
    """Decide a claim: only what every condition says is a verdict without an "it depends"."""
    if not conditions:
        return "not measured"
    states = {condition.state for condition in conditions}
    if states == {"holds"}:
        return "holds"
    if states == {"fails"}:
        return "does not hold"
    return "depends"
