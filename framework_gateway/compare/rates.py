"""Rates with intervals, and whether one is higher than another beyond chance."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

SIGNIFICANT = 0.05  # the probability of a wrong alarm
Z = 1.96  # of a 95 % interval


@dataclass(frozen=True)
class Rate:
    """How often a place differed.

    Attributes:
        differing, asked: in ``differing`` of ``asked`` comparisons.
        low, high: the 95 % interval of the rate (Wilson), from 0 to 1.
    """

    differing: int
    asked: int
    low: float
    high: float

    def as_dict(self) -> dict[str, Any]:
        """Return the rate as JSON data."""
        return {"differing": self.differing, "of": self.asked, "interval": [self.low, self.high]}

    def __str__(self) -> str:
        return f"{self.differing} of {self.asked} ({self.low:.0%} to {self.high:.0%})"


# The breaker and the evidence of a move ask it for many requests, often with the same numbers.
@lru_cache(maxsize=1024)
def exceeds(across: int, rounds: int, alone: int, pairs: int) -> bool:
    """Return whether the first rate is higher than the second (Fisher's exact test, one-sided)."""
    total, differing = rounds + pairs, across + alone
    ways = sum(
        math.comb(differing, k) * math.comb(total - differing, rounds - k)
        for k in range(across, min(rounds, differing) + 1)
    )
    return ways / math.comb(total, rounds) < SIGNIFICANT


def rate(differing: int, asked: int) -> Rate:
    """Return a rate with its interval (Wilson's score interval)."""
    if not asked:
        return Rate(0, 0, 0.0, 1.0)
    share, square = differing / asked, Z * Z / asked
    middle = (share + square / 2) / (1 + square)
    half = Z / (1 + square) * math.sqrt(share * (1 - share) / asked + square / asked / 4)
    return Rate(differing, asked, max(0.0, middle - half), min(1.0, middle + half))
