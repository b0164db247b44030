"""Rules: the expected bounds of a figure, or of the ratio of a figure of two cases."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from showdown.bench.samples import Sample, column, ratios

REACHED, MISSED = "reached", "missed"


@dataclass(frozen=True)
class Rule:
    """The bounds of a ratio of two cases, or of one case's own figure if there is no other.

    Cases are named by their targets. Without bounds, the ratio is only shown.
    """

    figure: str
    case: str
    other: str | None = None
    at_least: float = 0.0
    at_most: float = math.inf

    @property
    def bound(self) -> str:
        """The bound as text; empty if there is none."""
        if self.at_least:
            return f"≥ {self.at_least:g}"
        return f"≤ {self.at_most:g}" if self.at_most < math.inf else ""

    def values(self, samples: Mapping[str, Sequence[Sample]]) -> list[float]:
        """Return the value of each round.

        Args:
            samples: by the name of the target.
        """
        if self.other is None:
            return column(samples[self.case], self.figure)
        return ratios(samples[self.case], samples[self.other], self.figure)

    def verdict(self, values: Sequence[float]) -> str:
        """Compare the median with the bounds; empty if there are none."""
        if not self.bound:
            return ""
        is_reached = self.at_least <= statistics.median(values) <= self.at_most
        return REACHED if is_reached else MISSED

    def as_document(self) -> dict[str, Any]:
        """Return the rule for JSON, which has no infinity."""
        return {name: value for name, value in asdict(self).items() if value != math.inf}
