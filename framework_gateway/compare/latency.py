"""Latencies of many answers in constant memory."""

import math
from collections import Counter
from dataclasses import dataclass, field
from statistics import NormalDist

GROWTH = 1.02  # each bucket ends 2 % above its begin, so a quantile is at most 1 % off
SHORTEST = 1e-6  # seconds; shorter ones count as this
LONGEST = 1e4  # seconds
SCALE = math.log(GROWTH)
Z = NormalDist().inv_cdf(0.975)
ENOUGH = 10  # pairs; an interval of fewer would rest on chance


@dataclass
class Latencies:
    """A histogram of seconds with logarithmic buckets: at most 1,163 of them."""

    count: int = 0
    buckets: Counter[int] = field(default_factory=Counter)

    def add(self, seconds: float) -> None:
        """Count one latency."""
        self.count += 1
        seconds = min(max(seconds, SHORTEST), LONGEST)
        self.buckets[round(math.log(seconds / SHORTEST) / SCALE)] += 1

    def quantile(self, share: float) -> float | None:
        """Return the seconds that this share of all latencies does not exceed; None if empty."""
        below = 0
        for bucket, count in sorted(self.buckets.items()):
            below += count
            if below >= share * self.count:
                return float(SHORTEST * GROWTH**bucket)
        return None


@dataclass
class Gap:
    """How much longer one target takes than another for the same request (Welford's algorithm)."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0

    def add(self, seconds: float) -> None:
        """Count the difference of one pair of latencies."""
        self.count += 1
        delta = seconds - self.mean
        self.mean += delta / self.count
        self.squares += delta * (seconds - self.mean)

    def interval(self) -> tuple[float, float] | None:
        """Return the 95 % interval of the mean difference in seconds; None below 10 pairs."""
        if self.count < ENOUGH:
            return None
        error = Z * math.sqrt(self.squares / (self.count - 1) / self.count)
        return self.mean - error, self.mean + error
