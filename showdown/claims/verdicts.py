"""From measured ranges to a verdict: noise never decides a claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

State = Literal["holds", "fails", "undecided"]
Verdict = Literal["holds", "does not hold", "depends", "not measured"]

# With fewer rounds, the spread is unknown.
MIN_ROUNDS = 3
# With at least this many rounds, a value that lies FAR times as far from the median as any other is
# left out: something else disturbed the machine in that round. Noise alone seldom looks like that.
ROUNDS_TO_LEAVE_ONE_OUT = 5
FAR = 3


@dataclass(frozen=True)
class Condition:
    """One situation in which a claim is tested.

    Attributes:
        values: what the claim says is large, round by round; mostly ratios.
        at_least: the claim holds here if every kept value reaches this.
        unit: of the values; ``times`` for ratios.
        exact: counted, not timed, so one round is enough.
    """

    name: str
    values: Sequence[float]
    at_least: float
    unit: str = "times"
    exact: bool = False

    @property
    def kept(self) -> list[float]:
        """The values without an outlier."""
        middle = median(self.values)
        *others, farthest = sorted(self.values, key=lambda value: abs(value - middle))
        disturbed = len(self.values) >= ROUNDS_TO_LEAVE_ONE_OUT and abs(
            farthest - middle
        ) > FAR * abs(others[-1] - middle)
        return others if disturbed else [*self.values]

    @property
    def state(self) -> State:
        """Compare the range from the smallest to the largest value with the threshold."""
        if not self.exact and len(self.values) < MIN_ROUNDS:
            return "undecided"
        if min(self.kept) >= self.at_least:
            return "holds"
        if max(self.kept) < self.at_least:
            return "fails"
        return "undecided"

    def as_document(self) -> dict[str, Any]:
        """Return the condition as a JSON document."""
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
    """Decide a claim: it depends, unless all conditions agree."""
    if not conditions:
        return "not measured"
    states = {condition.state for condition in conditions}
    if states == {"holds"}:
        return "holds"
    if states == {"fails"}:
        return "does not hold"
    return "depends"
